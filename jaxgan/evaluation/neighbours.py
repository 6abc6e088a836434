"""Fidelity and variety by nearest neighbours, from distances that are computed once and can be sub-sampled.

Everywhere, `across` (N, M) holds the distances from N samples to M real images, `among_samples` (N, N)
and `among_real` (M, M) those inside a set. A ball around an image reaches to its k-th nearest neighbour
in its own set and is open. All values depend on N and M: compare them at equal sizes.

Measure distances between `directions` of a probe's features. What it takes for nobody has features near
zero; so have a few odd real images, whose balls are wide, and without the direction they would hold
any mess.
"""

import numpy as np

K_RECALL = 3  # Kynkaanniemi et al. 2019
K_COVERAGE = 5  # Naeem et al. 2020


def directions(features):
    """Scales features (N, F), of NumPy or JAX, to length 1; zeros stay."""
    return features / ((features**2).sum(axis=1, keepdims=True) ** 0.5 + 1e-12)


def radii(among: np.ndarray, k: int) -> np.ndarray:
    """The distance (N,) of each image to its k-th nearest neighbour, without itself, from (N, N), N > k."""
    return np.partition(among, k, axis=1)[:, k]


def precision(across: np.ndarray, among_real: np.ndarray, k: int = K_RECALL) -> float:
    """The share of samples inside the ball of some real image: Kynkaanniemi et al. 2019 (arXiv 1904.06991)."""
    return float((across < radii(among_real, k)).any(axis=1).mean())


def recall(across: np.ndarray, among_samples: np.ndarray, k: int = K_RECALL) -> float:
    """The share of real images inside the ball of some sample: Kynkaanniemi et al. 2019 (arXiv 1904.06991)."""
    return float((across < radii(among_samples, k)[:, None]).any(axis=0).mean())


def density(across: np.ndarray, among_real: np.ndarray, k: int = K_COVERAGE) -> float:
    """How many real images' balls hold a sample, over k: Naeem et al. 2020 (arXiv 2002.09797).

    In expectation 1 for samples from the real distribution; above 1 where they crowd into its dense regions.
    """
    return float((across < radii(among_real, k)).sum(axis=1).mean() / k)


def coverage(across: np.ndarray, among_real: np.ndarray, k: int = K_COVERAGE) -> float:
    """The share of real images whose ball holds a sample: Naeem et al. 2020 (arXiv 2002.09797)."""
    return float((across.min(axis=0) < radii(among_real, k)).mean())
