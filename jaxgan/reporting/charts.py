"""Charts over the steps: curves of runs, and shares of characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from jaxgan.reporting.language import Language
from jaxgan.reporting.svg import CHARACTER, INK, PAPER, RUN, finish

RUN_COLORS = 8  # in page.css; further runs repeat them with other dashes
DASHES = ("", "6 3", "2 2.5")
CHARACTER_COLORS = 10  # in page.css; further characters are drawn as one

WIDTH, HEIGHT = 420, 270  # of the view box; a phone shows about one pixel for each unit
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 10, 44
TICK_DIGITS = 6  # enough for ticks that lie close together; they are round
TICK_LETTERS = 5  # of a tick's number for which LEFT has room
MARK_HEIGHT, LETTER = 15, 6.4  # of a collapse's label, and the width of one of its letters

BUCKETS = 150  # of the steps, in each of which the raw curve keeps its least and its greatest value
POINTS, CROWDED_POINTS = 200, 100  # of a smoothed curve
LONG = 4_000  # values of a curve, beyond which it is smoothed by medians of groups of them
WINDOWS = 20  # of the running median, in the length of a curve
CROWD = 8  # curves beyond which they are faint behind those of their settings, and marks beyond which none has a word
LOG_FROM = 20.0  # ratio of the greatest to the least value from which a logarithmic scale helps


class Curve(NamedTuple):
    """A figure over the steps; both arrays are (N,)."""

    steps: np.ndarray
    values: np.ndarray


def curve(rows: Sequence[dict], name: str) -> Curve:
    """Returns the column of that name, without the rows that lack it."""
    having = [row for row in rows if name in row]
    return Curve(*(np.fromiter((row[column] for row in having), float, len(having)) for column in ("step", name)))


def smooth(raw: Curve) -> Curve:
    """Returns the running median, over a twentieth of the curve and at the ends over what there is of it.

    Of a very long curve it is that of medians, of so many values each that there are not more than LONG.
    """
    if (size := -(-len(raw.steps) // LONG)) > 1:
        whole = len(raw.steps) // size * size
        steps, values = (array[:whole].reshape(-1, size) for array in raw)
        raw = Curve(steps[:, size // 2], np.median(values, 1))
    half = _half(raw)
    if not half:
        return raw
    padded = np.pad(raw.values, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return Curve(raw.steps, np.nanmedian(windows, axis=1))


def end(raw: Curve) -> float:
    """Returns where the running median ends: of all values, of a very long curve too."""
    return float(np.median(raw.values[-_half(raw) - 1 :]))


def _half(raw: Curve) -> int:
    return len(raw.values) // WINDOWS // 2


def thin(dense: Curve, points: int = POINTS) -> Curve:
    """Returns at most `points` of the values, the first and the last among them."""
    kept = np.unique(np.linspace(0, len(dense.steps) - 1, min(points, len(dense.steps))).round().astype(int))
    return Curve(dense.steps[kept], dense.values[kept])


def envelope(dense: Curve) -> Curve:
    """Returns the least and the greatest value of each of the curve's buckets, so that no spike is lost."""
    if len(dense.steps) <= 2 * BUCKETS:
        return dense
    buckets = np.array_split(np.arange(len(dense.steps)), BUCKETS)
    ends = [(bucket[dense.values[bucket].argmin()], bucket[dense.values[bucket].argmax()]) for bucket in buckets]
    kept = np.unique(ends)
    return Curve(dense.steps[kept], dense.values[kept])


def pooled(curves: Sequence[Curve]) -> Curve:
    """Returns the median over the curves at each of their steps, of those that reach so far."""
    steps = np.unique(np.concatenate([one.steps for one in curves]))
    ordered = [Curve(*(array[np.argsort(one.steps)] for array in one)) for one in curves]
    values = [np.interp(steps, *one, left=np.nan, right=np.nan) for one in ordered]
    return Curve(steps, np.nanmedian(values, axis=0))


def needs_log(values: np.ndarray) -> bool:
    """Whether positive values span so much that a linear scale would flatten the small ones."""
    return bool(values.min() > 0 and values.max() > LOG_FROM * values.min())


@dataclass(frozen=True)
class Line:
    """One run's curve. `number` gives its colour and its dashes."""

    number: int
    raw: Curve
    noisy: bool = False  # whether it is smoothed, and the values themselves drawn faintly behind

    @cached_property
    def strong(self) -> Curve:
        return smooth(self.raw) if self.noisy else self.raw


@dataclass(frozen=True)
class Mark:
    """A vertical line in a run's colour, with a word above it."""

    number: int
    step: int
    text: str


def dash(number: int) -> str:
    """Returns a run's SVG dash pattern; empty is a solid line."""
    return DASHES[number // RUN_COLORS % len(DASHES)]


def lines(
    drawn: Sequence[Line],
    label: str,
    description: str,
    language: Language,
    marks: Sequence[Mark] = (),
    reference: float | None = None,
    unit_range: bool = False,
) -> str:
    """Draws curves over each other, many faintly behind the medians of those that share a number.

    Args:
      drawn: one a run.
      label: of the vertical axis, with its unit.
      description: for those who cannot see the chart.
      language: of the numbers and of the horizontal axis.
      marks: collapses.
      reference: a value with a faint line of its own.
      unit_range: whether the axis shows 0 to 1.

    Returns:
      An `<svg>` element.
    """
    last_step = _last_step(drawn, marks)
    rows = _rows(marks, last_step) if len(marks) <= CROWD else [None] * len(marks)
    with matplotlib.rc_context({"path.simplify": False}):
        figure, axes = blank(label, language, len(set(rows) - {None}))
        (_curves if len(drawn) <= CROWD else _crowd)(axes, drawn)
        for mark, row in zip(marks, rows, strict=True):
            _mark(axes, mark, row, last_step)
        if reference is not None:
            axes.axhline(reference, color=INK, alpha=0.45, linewidth=1, linestyle=(0, (4, 3)))
        scale(axes, np.concatenate([line.strong.values for line in drawn]), language, unit_range)
        axes.set_xlim(0, last_step)
        return finish(figure, description)


def areas(
    steps: np.ndarray,
    drawn: Sequence[np.ndarray],
    real: Sequence[float],
    label: str,
    description: str,
    language: Language,
) -> str:
    """Draws shares (N,) stacked, one a character, and beside them those of the real images where they are known."""
    figure, axes = blank(label, language, 1)
    colors = [CHARACTER.format(number) for number in range(len(drawn))]
    style = {"edgecolor": PAPER, "linewidth": 0.8}
    axes.stackplot(steps, *drawn, colors=colors, **style)
    axes.set_xlim(steps[0], steps[-1])
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: language.percent(value)))
    if real:
        _real_bar(figure, axes, real, colors, style, language)
    return finish(figure, description)


def _real_bar(figure: Figure, axes: Axes, shares: Sequence[float], colors, style, language: Language) -> None:
    box = axes.get_position()
    bar = 26 / WIDTH
    axes.set_position([box.x0, box.y0, box.width - bar - 12 / WIDTH, box.height])
    beside = figure.add_axes([box.x1 - bar, box.y0, bar, box.height])
    for share, bottom, color in zip(shares, np.cumsum([0.0, *shares[:-1]]), colors, strict=True):
        beside.bar(0, share, 1, bottom, color=color, **style)
    beside.set_ylim(0, 1)
    beside.set_xlim(-0.5, 0.5)
    beside.set_axis_off()
    beside.text(0, 1.03, language.text("real"), ha="center", color=INK, fontsize=12)


def blank(label: str, language: Language, mark_rows: int = 0) -> tuple[Figure, Axes]:
    """Returns an empty chart over the steps, with room above for rows of marks."""
    top = TOP + mark_rows * MARK_HEIGHT
    height = HEIGHT + top - TOP
    figure = Figure((WIDTH / 72, height / 72), facecolor="none")
    box = (LEFT / WIDTH, BOTTOM / height, 1 - (LEFT + RIGHT) / WIDTH, 1 - (BOTTOM + top) / height)
    axes = figure.add_axes(box, facecolor="none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.spines[["left", "bottom"]].set_alpha(0.5)
    axes.tick_params(colors=INK, labelsize=12, length=3)
    axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(language.text("steps"), color=INK, fontsize=12)
    axes.set_ylabel(label, color=INK, fontsize=12, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: language.count(value)))
    return figure, axes


def _curves(axes: Axes, drawn: Sequence[Line]) -> None:
    for line in drawn:
        if line.noisy:
            axes.plot(*envelope(line.raw), color=RUN.format(line.number % RUN_COLORS), alpha=0.3, linewidth=0.8)
        _plot(axes, line.number, thin(line.strong), linewidth=1.8)


def _crowd(axes: Axes, drawn: Sequence[Line]) -> None:
    """Draws smoothed curves: faint where they share a number, which then has a strong one."""
    curves: dict[int, list[Curve]] = {}
    for line in drawn:
        curves.setdefault(line.number, []).append(line.strong)
    for number, own in curves.items():
        for one in own:
            weight = {"linewidth": 0.8, "alpha": 0.35} if len(own) > 1 else {"linewidth": 1.2}
            _plot(axes, number, thin(one, CROWDED_POINTS), **weight)
    for number, own in curves.items():
        if len(own) > 1:
            _plot(axes, number, thin(pooled(own), CROWDED_POINTS), linewidth=1.8)


def _plot(axes: Axes, number: int, drawn: Curve, **weight: float) -> None:
    pattern = [float(length) for length in dash(number).split()]
    style = {"linestyle": (0, pattern) if pattern else "solid", "marker": "o" if len(drawn.steps) == 1 else ""}
    axes.plot(*drawn, color=RUN.format(number % RUN_COLORS), **style, **weight)


def _mark(axes: Axes, mark: Mark, row: int | None, last_step: float) -> None:
    """The line ends at the word, which stands in its row above the chart."""
    color = RUN.format(mark.number % RUN_COLORS)
    top = 1 if row is None else 1 + (row * MARK_HEIGHT + 3) / (HEIGHT - TOP - BOTTOM)
    place = axes.get_xaxis_transform()
    style = {"color": color, "linewidth": 1.2, "linestyle": (0, (4, 3)), "clip_on": False}
    axes.plot([mark.step] * 2, [0, top], transform=place, **style)
    if row is None:
        return
    left = _on_the_left(mark, last_step)
    word = {"s": f"{mark.text} " if left else f" {mark.text}", "ha": "right" if left else "left", "va": "center"}
    axes.text(mark.step, top, **word, transform=place, color=color, fontsize=11, parse_math=False)


def _rows(marks: Sequence[Mark], last_step: float) -> list[int]:
    """Returns a row for each mark's word, the lowest that is free.

    A word stands on the side of its line where the chart is wider. Those nearest the middle come first, so that
    the lines that go up to higher rows do not cross them.
    """
    scale = (WIDTH - LEFT - RIGHT) / max(last_step, 1)
    rows: dict[int, int] = {}
    taken: list[list[tuple[float, float]]] = []
    for place in sorted(range(len(marks)), key=lambda place: abs(marks[place].step - last_step / 2)):
        at, width = marks[place].step * scale, LETTER * (len(marks[place].text) + 1)
        span = (at - width, at) if _on_the_left(marks[place], last_step) else (at, at + width)
        free = (row for row, spans in enumerate(taken) if all(span[1] < low or high < span[0] for low, high in spans))
        rows[place] = next(free, len(taken))
        taken += [[]] * (rows[place] == len(taken))
        taken[rows[place]] = [*taken[rows[place]], span]
    return [rows[place] for place in range(len(marks))]


def _on_the_left(mark: Mark, last_step: float) -> bool:
    return mark.step > last_step / 2


def scale(axes: Axes, values: np.ndarray, language: Language, unit_range: bool = False) -> None:
    """Chooses the vertical axis by the values that are drawn, and writes its numbers."""
    if unit_range:
        axes.set_ylim(-0.02, 1.02)
    elif needs_log(values):
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 100 * low else (1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if values.min() >= 0:
            axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: language.number(value, TICK_DIGITS)))
    _make_room(axes)


def _make_room(axes: Axes) -> None:
    """Narrows the chart where the numbers of its vertical axis are long."""
    numbers = axes.yaxis.get_major_formatter().format_ticks(axes.get_yticks())
    box, more = axes.get_position(), max(0, max(map(len, numbers)) - TICK_LETTERS) * LETTER / WIDTH
    axes.set_position([box.x0 + more, box.y0, box.width - more, box.height])


def _last_step(drawn: Sequence[Line], marks: Sequence[Mark]) -> float:
    ends = [line.raw.steps[-1] for line in drawn if len(line.raw.steps)]
    return max([1.0, *ends, *(mark.step for mark in marks)])
