"""Curves made ready to draw: smoothed, and thinned so that a long run's page stays small."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BUCKETS = 150  # of the steps, in each of which the raw curve keeps its least and its greatest value
POINTS = 200  # of a smoothed curve
WINDOWS = 20  # of the running median, in the length of a curve
LOG_FROM = 20.0  # ratio of the greatest to the least value from which a logarithmic scale helps


class Curve(NamedTuple):
    """A figure over the steps; both arrays are (N,)."""

    steps: np.ndarray
    values: np.ndarray


def curve(rows: Sequence[dict], name: str) -> Curve:
    """Returns the column of that name, without the rows that lack it."""
    pairs = [(row["step"], row[name]) for row in rows if name in row]
    steps, values = zip(*pairs, strict=True) if pairs else ((), ())
    return Curve(np.asarray(steps, float), np.asarray(values, float))


def smooth(raw: Curve) -> Curve:
    """Returns the running median, over a twentieth of the curve and at the ends over what there is of it."""
    half = len(raw.values) // WINDOWS // 2
    if not half:
        return raw
    padded = np.pad(raw.values, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return Curve(raw.steps, np.nanmedian(windows, axis=1))


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


def needs_log(curves: Sequence[Curve]) -> bool:
    """Whether positive values span so much that a linear scale would flatten the small ones."""
    values = np.concatenate([one.values for one in curves]) if curves else np.empty(0)
    return bool(values.size and values.min() > 0 and values.max() > LOG_FROM * values.min())
