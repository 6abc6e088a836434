"""Distances between two sets of features, each a cloud of N points in F dimensions."""

import numpy as np
from scipy.linalg import eigh


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The Frechet distance between the Gaussians fitted to `a` (N, F) and `b` (M, F), in float64.

    |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), Heusel et al. 2017 (arXiv 1706.08500).
    (C_a C_b)^(1/2) has the trace of the symmetric (C_a^(1/2) C_b C_a^(1/2))^(1/2), whose eigenvalues
    stay real where a covariance is singular. At least 0; biased upwards, the more the smaller N and M.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    covariance_a, covariance_b = _covariance(a), _covariance(b)
    root = _square_root(covariance_a)
    products = np.linalg.eigvalsh(root @ covariance_b @ root).clip(0)
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return max(0.0, float(means + np.trace(covariance_a + covariance_b) - 2 * np.sqrt(products).sum()))


def _covariance(points: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.cov(points, rowvar=False))


def _square_root(covariance: np.ndarray) -> np.ndarray:
    eigenvalues, eigenvectors = eigh(covariance, driver="evd")
    return (eigenvectors * np.sqrt(eigenvalues.clip(0))) @ eigenvectors.T


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased squared maximum mean discrepancy of `a` (N, F) and `b` (M, F), in float64.

    The kernel is (x.y / F + 1)^3: Binkowski et al. 2018 (arXiv 1801.01401). Its expectation is 0 for
    two draws from one distribution, so a single value can be negative.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(_mean_of_pairs(_kernel(a, a)) + _mean_of_pairs(_kernel(b, b)) - 2 * _kernel(a, b).mean())


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    base = a @ b.T / a.shape[1] + 1
    return base * base * base  # `** 3` is 20 times slower


def _mean_of_pairs(kernel: np.ndarray) -> float:
    """The mean over pairs of different points: a point with itself is what biases the plain mean."""
    count = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
