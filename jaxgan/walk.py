"""Walks between latents: linear, or along great circles."""

from collections.abc import Sequence

import numpy as np

PARALLEL = 1e-6  # sine of the angle below which two vectors span no plane to turn in


def linear(start: np.ndarray, end: np.ndarray, t: float) -> np.ndarray:
    """The straight line (1 - t) start + t end, for latents (N, dim) and t in [0, 1]."""
    return ((1 - t) * start + t * end).astype(start.dtype)


def slerp(start: np.ndarray, end: np.ndarray, t: float) -> np.ndarray:
    """Turns the direction along a great circle at a constant rate, and changes the norm linearly.

        |z| (sin((1 - t) a) start / |start| + sin(t a) end / |end|) / sin a,   |z| = (1 - t) |start| + t |end|,

    a the angle between the two (Shoemake 1985, for unit vectors; White 2016, arXiv 1609.04468, for
    latents). Normal latents lie near a sphere, which the straight line leaves on its way.

    Args:
      start: latents (N, dim).
      end: latents (N, dim).
      t: in [0, 1].

    Returns:
      Latents (N, dim), as `start` and `end` have them where t is 0 and 1. Where two are parallel or
      opposite, or one is zero, they are on the straight line: there is no circle, or more than one.
    """
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    norm_a, norm_b = (np.linalg.norm(z, axis=-1, keepdims=True) for z in (a, b))
    size_a, size_b = (np.where(norm > 0, norm, 1) for norm in (norm_a, norm_b))
    unit_a, unit_b = a / size_a, b / size_b
    # twice the arctangent, as the arccosine loses half of its digits at small angles (Kahan)
    gap, span = (np.linalg.norm(z, axis=-1, keepdims=True) for z in (unit_a - unit_b, unit_a + unit_b))
    angle = 2 * np.arctan2(gap, span)
    turns = (np.sin(angle) > PARALLEL) & (norm_a > 0) & (norm_b > 0)
    angle = np.where(turns, angle, np.pi / 2)
    norm = (1 - t) * norm_a + t * norm_b
    weight_a = np.sin((1 - t) * angle) / np.sin(angle) * (norm / size_a)
    weight_b = np.sin(t * angle) / np.sin(angle) * (norm / size_b)
    return np.where(turns, weight_a * a + weight_b * b, linear(a, b, t)).astype(start.dtype)


INTERPOLATIONS = {"slerp": slerp, "linear": linear}


def loop(points: Sequence[np.ndarray], frames: int, interpolate: str) -> np.ndarray:
    """Walks through all the points and back to the first, at as many frames between any two.

    Args:
      points: latents (N, dim) each.
      frames: of the whole loop; the last is one step before the first.
      interpolate: "slerp" or "linear".

    Returns:
      Latents (frames, N, dim).
    """
    between = INTERPOLATIONS[interpolate]
    walked = []
    for frame in range(frames):
        point, part = divmod(frame * len(points), frames)
        walked.append(between(points[point], points[(point + 1) % len(points)], part / frames))
    return np.stack(walked)
