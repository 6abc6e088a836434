"""Error bars by random halves.

A half drawn without replacement from n images differs from the whole with the variance
(1/(n/2) - 1/n) s^2 = s^2 / n, which is that with which the whole differs from the truth. So the
spread of a statistic over halves is its standard error at full size, as it is, with no factor: the
delete-d jackknife's (n - d) / d is 1 at d = n/2 (Shao & Wu 1989, "A general theory for jackknife
variance estimation"; Politis & Romano 1994 for statistics that are no smooth function of means).

Why not the bootstrap: drawn with replacement, an image is its own nearest neighbour at distance 0 and
its own pair in a kernel, which shrinks radii, inflates Frechet and kernel distances and biases recall.

A statistic that is quadratic near its minimum (a Frechet or kernel distance of two equal distributions)
gets an error up to 1.7 times too large; an error of 0 says that all halves agree, as where no sample is
a copy.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

NORMAL_95 = 1.96  # standard errors on both sides that hold 95 % of a Gaussian


@threadpool_limits.wrap(limits=1, user_api="blas")  # small matrices: threads that wait for one another cost 5 times
def standard_error(
    statistic: Callable[..., ArrayLike], sizes: Sequence[int], rounds: int = 100, seed: int = 0
) -> np.ndarray:
    """The standard error of a statistic of one or more independent image sets, whatever its shape.

    `statistic` takes one array of indices a set, and returns a number or an array; `sizes` are the sets'
    numbers of images, at least 2 each. All sets are halved at once, `rounds` times.
    """
    rng = np.random.default_rng(seed)
    values = [statistic(*(_half(rng, size) for size in sizes)) for _ in range(rounds)]
    return np.std(values, axis=0, ddof=1)


def _half(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.sort(rng.permutation(size)[: size // 2])


def interval(value: float, error: float, lowest: float = -np.inf, highest: float = np.inf) -> tuple[float, float]:
    """The 95 % interval around a value, clipped to the statistic's range."""
    return max(lowest, value - NORMAL_95 * error), min(highest, value + NORMAL_95 * error)
