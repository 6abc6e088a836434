import itertools

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel

from jaxgan.evaluation.distances import frechet_distance, kernel_distance


def with_moments(count, mean, covariance, seed=0):
    """Points whose sample mean and sample covariance are exactly these."""
    points = np.random.default_rng(seed).normal(size=(count, len(mean)))
    points -= points.mean(axis=0)
    whitened = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T
    return whitened @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_known_gaussians():
    a = with_moments(50, [0, 0], np.diag([1.0, 4.0]))
    b = with_moments(70, [3, 4], np.diag([9.0, 1.0]), seed=1)
    assert frechet_distance(a, b) == pytest.approx((9 + 16) + (1 - 3) ** 2 + (2 - 1) ** 2)


def test_frechet_distance_of_covariances_that_do_not_commute():
    first, second = np.array([[2.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
    by_hand = np.trace(first + second - 2 * sqrtm(first @ second).real)
    a, b = with_moments(50, [1, 1], first), with_moments(50, [1, 1], second, seed=1)
    assert frechet_distance(a, b) == pytest.approx(by_hand)
    assert frechet_distance(b, a) == pytest.approx(by_hand)


def test_frechet_distance_is_0_on_itself_and_the_means_distance_where_covariances_are_singular():
    few = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)  # rank 4 of 40
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(few, few + np.float32(0.5)) == pytest.approx(40 * 0.25, rel=1e-5)
    constant = np.full((5, 40), 2.0)
    assert frechet_distance(constant, constant + 1) == 40
    assert frechet_distance(few[:, :1], few[:, :1] + 3) == pytest.approx(9)  # one feature: a scalar variance


def test_kernel_distance_by_explicit_loops():
    a, b = np.array([[0.0, 1], [2, -1], [1, 1]]), np.array([[1.0, 0], [0.5, 3], [-1, 2], [2, 2]])
    kernel = lambda x, y: ((x[0] * y[0] + x[1] * y[1]) / 2 + 1) ** 3
    among_a = sum(kernel(x, y) for x, y in itertools.permutations(a, 2)) / (3 * 2)
    among_b = sum(kernel(x, y) for x, y in itertools.permutations(b, 2)) / (4 * 3)
    across = sum(kernel(x, y) for x in a for y in b) / (3 * 4)
    assert kernel_distance(a, b) == pytest.approx(among_a + among_b - 2 * across)


def test_kernel_distance_is_scikit_learns_kernel():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 7)).astype(np.float32), rng.normal(0.3, 1.5, size=(20, 7)).astype(np.float32)
    off_diagonal = lambda kernel: kernel[~np.eye(len(kernel), dtype=bool)].mean()
    kernel = lambda x, y: polynomial_kernel(x.astype(np.float64), y.astype(np.float64), degree=3, gamma=1 / 7, coef0=1)
    expected = off_diagonal(kernel(a, a)) + off_diagonal(kernel(b, b)) - 2 * kernel(a, b).mean()
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_is_unbiased_and_frechet_distance_is_not():
    rng = np.random.default_rng(0)
    pairs = [rng.normal(size=(2, 10, 4)) for _ in range(1000)]
    kernels = np.array([kernel_distance(a, b) for a, b in pairs])
    error = kernels.std() / np.sqrt(1000)
    assert abs(kernels.mean()) < 3 * error < 0.15  # counting a point with itself would add about 1.3
    assert kernels.min() < 0
    frechet = [frechet_distance(a, b) for a, b in pairs[:50]]
    assert min(frechet) > 0
    assert np.mean(frechet) > 0.5
