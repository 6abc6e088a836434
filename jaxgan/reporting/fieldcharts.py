"""Charts of a measure over one field of the config, and over two."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from jaxgan.reporting.charts import BOTTOM, LEFT, LETTER, RIGHT, TOP, WIDTH, blank, needs_log, scale
from jaxgan.reporting.language import Language
from jaxgan.reporting.svg import HEAT, INK, RUN, finish

CELL_WIDTH, CELL_HEIGHT = 56, 54  # of a heat map's cell; it grows wider where there is room
LINE = 15  # height of one of its lines
FAINTEST, STRONGEST = 0.12, 0.85  # of a cell's colour, on which letters in the page's ink can still be read


class Dot(NamedTuple):
    """One run's figure in its column."""

    column: int
    value: float
    collapsed: bool


def dots(
    drawn: Sequence[Dot],
    means: Mapping[int, float],
    columns: Sequence[str],
    labels: tuple[str, str],
    description: str,
    language: Language,
) -> str:
    """Draws runs' figures as dots, as crosses where they have collapsed, and the columns' means as bars.

    Args:
      drawn: one a run.
      means: by column.
      columns: their names, from left to right.
      labels: of the horizontal and of the vertical axis.
      description: for those who cannot see the chart.
      language: of the numbers.

    Returns:
      An `<svg>` element.
    """
    figure, axes = blank(labels[1], language)
    for column, mean in means.items():
        axes.plot([column - 0.28, column + 0.28], [mean, mean], color=INK, linewidth=2)
        _column(axes, [dot for dot in drawn if dot.column == column])
    every = math.ceil(len(columns) * (_width(columns) + LETTER) / (WIDTH - LEFT - RIGHT))  # names that have room
    axes.set_xticks(range(0, len(columns), every), columns[::every], parse_math=False)
    axes.set_xlabel(labels[0], color=INK, fontsize=12, parse_math=False)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    scale(axes, np.asarray([dot.value for dot in drawn]), language)
    return finish(figure, description)


def _column(axes: Axes, drawn: Sequence[Dot]) -> None:
    """Draws a column's dots side by side, so that none hides another."""
    places = drawn[0].column + np.linspace(-0.18, 0.18, len(drawn) + 2)[1:-1]
    for place, dot in zip(places, drawn, strict=True):
        style = {"marker": "x", "markeredgewidth": 1.8} if dot.collapsed else {"marker": "o", "markeredgewidth": 0}
        axes.plot(place, dot.value, color=RUN.format(0), alpha=0.85, markersize=7, **style)


class Point(NamedTuple):
    """One run's figure over a number, the larger the longer it trained: `share` is in (0, 1]."""

    x: float
    value: float
    share: float
    collapsed: bool


def points(drawn: Sequence[Point], labels: tuple[str, str], description: str, language: Language) -> str:
    """Draws runs' figures over a field's numbers; arguments as for `dots`. Returns an `<svg>` element."""
    figure, axes = blank(labels[1], language)
    for point in drawn:
        style = {"marker": "x", "markeredgewidth": 1.8} if point.collapsed else {"marker": "o", "markeredgewidth": 0}
        axes.plot(point.x, point.value, color=RUN.format(0), alpha=0.7, markersize=4 + 7 * point.share**0.5, **style)
    numbers = np.asarray([point.x for point in drawn])
    if needs_log(numbers):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: language.number(number, 2)))
    axes.set_xlabel(labels[0], color=INK, fontsize=12, parse_math=False)
    scale(axes, np.asarray([point.value for point in drawn]), language)
    return finish(figure, description)


class Cell(NamedTuple):
    """A heat map's cell: its lines of text, and how strong its colour is in [0, 1]."""

    lines: list[str]
    strength: float
    best: bool


def heat(
    cells: Mapping[tuple[int, int], Cell],
    columns: Sequence[str],
    rows: Sequence[str],
    labels: tuple[str, str],
    description: str,
) -> str:
    """Draws cells over two fields; where there is none the outline stays empty.

    Args:
      cells: by the places of their column and of their row.
      columns: their names, from left to right.
      rows: their names, from above.
      labels: of the horizontal and of the vertical axis.
      description: for those who cannot see the chart.

    Returns:
      An `<svg>` element.
    """
    figure, axes = _table(columns, rows)
    axes.set_xlabel(labels[0], color=INK, fontsize=12, parse_math=False)
    axes.set_ylabel(labels[1], color=INK, fontsize=12, parse_math=False)
    for place in np.ndindex(len(columns), len(rows)):
        _cell(axes, *place, cells.get(place))
    return finish(figure, description)


def _table(columns: Sequence[str], rows: Sequence[str]) -> tuple[Figure, Axes]:
    """Returns a figure that is as large as its names and cells need, without lines."""
    left = 34 + _width(rows)
    cell = max(CELL_WIDTH, _width(columns) + LETTER, (WIDTH - left - RIGHT) / len(columns))
    width, height = left + cell * len(columns) + RIGHT, TOP + CELL_HEIGHT * len(rows) + BOTTOM
    figure = Figure((width / 72, height / 72), facecolor="none")
    box = (left / width, BOTTOM / height, 1 - (left + RIGHT) / width, 1 - (TOP + BOTTOM) / height)
    axes = figure.add_axes(box, facecolor="none")
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=INK, labelsize=12, length=0)
    axes.set_xticks(range(len(columns)), columns, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return figure, axes


def _cell(axes: Axes, column: int, row: int, cell: Cell | None) -> None:
    corner = (column - 0.48, row - 0.47)
    if cell is None:
        axes.add_patch(Rectangle(corner, 0.96, 0.94, fill=False, edgecolor=INK, alpha=0.25, linewidth=0.8))
        return
    alpha = FAINTEST + (STRONGEST - FAINTEST) * cell.strength
    axes.add_patch(Rectangle(corner, 0.96, 0.94, facecolor=HEAT, alpha=alpha))
    first, *more = cell.lines
    head = (f"{first} ★", {"fontsize": 13, "fontweight": "bold"}) if cell.best else (first, {"fontsize": 13})
    for place, (line, style) in enumerate([head, *((line, {"fontsize": 11}) for line in more)]):
        y = row + (place - len(more) / 2) * LINE / CELL_HEIGHT
        axes.text(column, y, line, ha="center", va="center", color=INK, parse_math=False, **style)


def _width(names: Sequence[str]) -> float:
    return LETTER * max(map(len, names))
