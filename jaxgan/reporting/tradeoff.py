"""The chart of quality against coverage: precision and recall of the samples of truncated latents."""

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from jaxgan.reporting.charts import LETTER, RUN_COLORS, blank
from jaxgan.reporting.evaluation import Truncated
from jaxgan.reporting.language import Language
from jaxgan.reporting.svg import INK, RUN, finish

MARK, LINE = 6, 13  # sizes of a point and of a word's line
SIDES = np.array([(1, 1), (-1, -1), (1, -1), (-1, 1), (1, 0), (-1, 0), (0, 1), (0, -1)])  # of a point, the usual first
CLOSE = 12  # points that share a word
MOST_WORDS = 12
SHORTEST = 0.05  # an axis, so that noise near 0 does not look like much
MARGINS = (-0.04, 1.1)  # where an axis starts and ends, in the greatest of its values; words need room


def tradeoff(
    drawn: Sequence[Truncated], number: int, labels: tuple[str, str], description: str, language: Language
) -> str:
    """Draws recall over precision, both from 0 on: a point for each truncation, and a line through them.

    Args:
      drawn: by truncation, ascending.
      number: gives the colour, as a run's does.
      labels: of the horizontal and of the vertical axis.
      description: for those who cannot see the chart.
      language: of the numbers.

    Returns:
      An `<svg>` element.
    """
    figure, axes = blank(labels[1], language)
    points = np.asarray([(one.precision, one.recall) for one in drawn])
    color = RUN.format(number % RUN_COLORS)
    axes.plot(*points.T, color=color, linewidth=1.8, marker="o", markersize=MARK, markeredgewidth=0)
    axes.set_xlabel(labels[0], color=INK, fontsize=12, parse_math=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: language.number(value)))
    across, up = np.outer(np.maximum(points.max(0), SHORTEST), MARGINS)
    axes.set(xlim=across, ylim=up)
    _name(axes, points, [language.number(one.truncation) for one in drawn])
    return finish(figure, description)


def _name(axes: Axes, points: np.ndarray, words: Sequence[str]) -> None:
    """Writes words beside points (N, 2), one for those in a row that lie close together; of very many only some."""
    places = axes.transData.transform(points) * 72 / axes.figure.dpi
    line = np.concatenate([np.linspace(*ends, 20) for ends in itertools.pairwise(places)])
    groups = _close(places)
    groups = groups[:: -(-len(groups) // MOST_WORDS)]
    taken = [(places[first], np.full(2, MARK / 2)) for first, _ in groups]
    for first, last in groups:
        word = words[first] if first == last else f"{words[first]}\N{EN DASH}{words[last]}"
        half = np.array([LETTER * len(word), LINE]) / 2
        centre = _freest(places[first], half, taken, line)
        taken.append((centre, half))
        style = {"ha": "center", "va": "center", "color": INK, "fontsize": 11}
        axes.annotate(word, points[first], centre - places[first], textcoords="offset points", **style)


def _close(places: np.ndarray) -> list[tuple[int, int]]:
    """Returns the first and the last of each row of places that lie so close that one word is for all of them."""
    groups = []
    for number, place in enumerate(places):
        if groups and abs(place - places[groups[-1][0]]).max() < CLOSE:
            groups[-1] = (groups[-1][0], number)
        else:
            groups.append((number, number))
    return groups


def _freest(place: np.ndarray, half: np.ndarray, taken: Sequence[tuple], line: np.ndarray) -> np.ndarray:
    """Returns the centre beside a place where a word of that half size covers least.

    Points and other words, centres with half sizes, count more than the line (N, 2).
    """

    def covered(centre: np.ndarray) -> tuple[int, int]:
        covers = lambda other, size: (abs(other - centre) < half + size).all(-1).sum()
        return sum(covers(*one) for one in taken), covers(line, 0)

    return min(place + SIDES * (half + MARK / 2 + 1), key=covered)
