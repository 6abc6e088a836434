import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxgan.evaluation import neighbours
from jaxgan.evaluation.distances import frechet_distance, kernel_distance
from jaxgan.evaluation.intervals import interval, standard_error


def recall(a, b):
    return neighbours.recall(cdist(a, b), cdist(a, a))


def draws(count=60):
    """Samples that are shifted and narrow, and real points, drawn anew each time."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        yield 0.5 + 0.8 * rng.normal(size=(120, 3)), rng.normal(size=(100, 3))


@pytest.mark.parametrize("statistic", [frechet_distance, kernel_distance, recall, lambda a, b: a.mean() - b.mean()])
def test_the_error_is_the_spread_over_independent_draws(statistic):
    spread = np.std([statistic(a, b) for a, b in draws(200)], ddof=1)  # known to 5 %
    errors = [standard_error(lambda i, j, a=a, b=b: statistic(a[i], b[j]), (120, 100), rounds=30) for a, b in draws(20)]
    assert np.mean(errors) == pytest.approx(spread, rel=0.3)


def test_the_interval_holds_the_truth_19_times_in_20():
    held = 0
    for seed in range(300):
        points = np.random.default_rng(seed).exponential(size=80)  # its mean is 1
        low, high = interval(points.mean(), standard_error(lambda i, p=points: p[i].mean(), (80,), seed=seed))
        held += low < 1 < high
    assert held / 300 == pytest.approx(0.95, abs=0.04)


def test_the_error_of_a_mean_is_the_textbooks():
    points = np.random.default_rng(0).normal(size=200)
    error = standard_error(lambda i: points[i].mean(), (200,), rounds=2000)
    assert error == pytest.approx(points.std() / np.sqrt(200), rel=0.05)


def test_several_statistics_at_once_and_the_seed():
    points = np.random.default_rng(0).normal(size=50)
    statistic = lambda i: [points[i].mean(), 2 * points[i].mean(), 7.0]
    errors = standard_error(statistic, (50,))
    np.testing.assert_allclose(errors, [errors[0], 2 * errors[0], 0])
    np.testing.assert_array_equal(errors, standard_error(statistic, (50,)))
    assert errors[0] != standard_error(statistic, (50,), seed=1)[0]


def test_halves_are_without_repetition():
    halves = []
    standard_error(lambda i, j: halves.append((i, j)) or 0.0, (9, 4), rounds=20)
    assert {(len(set(i)), len(i), len(set(j)), len(j)) for i, j in halves} == {(4, 4, 2, 2)}
    assert set(np.concatenate([i for i, _ in halves])) == set(range(9))


def test_the_interval_is_clipped_to_the_range():
    assert interval(0.5, 0.1) == pytest.approx((0.5 - 0.196, 0.5 + 0.196))
    assert interval(0.1, 0.1, lowest=0, highest=1) == pytest.approx((0, 0.296))
    assert interval(0.95, 0.1, lowest=0, highest=1) == pytest.approx((0.754, 1))
