import numpy as np
import pytest
from prdc import compute_prdc
from scipy.spatial.distance import cdist

from jaxgan.evaluation import neighbours


def measures(samples, real, **k):
    across, among_samples, among_real = cdist(samples, real), cdist(samples, samples), cdist(real, real)
    return {
        "precision": neighbours.precision(across, among_real, **k),
        "recall": neighbours.recall(across, among_samples, **k),
        "density": neighbours.density(across, among_real, **k),
        "coverage": neighbours.coverage(across, among_real, **k),
    }


def test_by_hand_on_a_line():
    real, samples = np.array([[0.0], [1], [3], [10]]), np.array([[0.5], [0.6], [4.5], [30]])
    # k = 1: real balls reach 1, 1, 2, 7 and hold samples {0.5, 0.6}, {0.5, 0.6}, {4.5}, {4.5};
    # samples' balls reach 0.1, 0.1, 3.9, 25.5 and hold {}, {}, {1, 3}, {10}.
    assert measures(samples, real, k=1) == {
        "precision": 3 / 4,
        "recall": 3 / 4,
        "density": (2 + 2 + 2 + 0) / 4,
        "coverage": 4 / 4,
    }


def test_balls_are_open_and_leave_out_their_own_centre():
    line = np.arange(4.0)[:, None]
    np.testing.assert_array_equal(neighbours.radii(cdist(line, line), 2), [2, 1, 1, 2])
    assert measures(np.array([[4.0]] * 2), line, k=1)["precision"] == 0  # on the rim of the ball around 3


@pytest.mark.parametrize(("count", "shift", "scale"), [(60, 0.0, 1.0), (90, 0.5, 0.7), (40, 0.0, 2.0)])
def test_against_prdc(count, shift, scale):
    rng = np.random.default_rng(count)
    real, samples = rng.normal(size=(70, 6)), shift + scale * rng.normal(size=(count, 6))
    at_3, at_5 = (compute_prdc(real, samples, nearest_k=k) for k in (3, 5))
    expected = {name: at_3[name] for name in ("precision", "recall")}
    expected |= {name: at_5[name] for name in ("density", "coverage")}
    assert measures(samples, real) == pytest.approx(expected)


def test_directions_have_length_1_and_zeros_stay():
    found = neighbours.directions(np.array([[3.0, 4], [0, 0], [0, -2]]))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [0, -1]])


def test_collapse_keeps_precision_and_loses_recall_and_coverage():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 4))
    collapsed = measures(0.05 * rng.normal(size=(200, 4)), real)
    healthy = measures(rng.normal(size=(200, 4)), real)
    assert collapsed["precision"] == 1
    assert collapsed["recall"] < 0.05 < 0.6 < healthy["recall"]
    assert collapsed["coverage"] < 0.3 < 0.9 < healthy["coverage"]
    assert healthy["density"] == pytest.approx(1, abs=0.2)
