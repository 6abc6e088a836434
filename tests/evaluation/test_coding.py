import numpy as np
import pytest

from jaxgan.evaluation.coding import Coded, linear_classification, measure, warnings


def clusters(seed, label, apart):
    """Noise (N, 4, 5) around a mean for each label, the same whatever the seed."""
    means = np.random.default_rng(9).normal(size=(5, 4, 5))
    return (apart * means[label] + np.random.default_rng(seed).normal(size=(len(label), 4, 5))).astype(np.float32)


def labels(seed, count, kinds=5):
    return np.random.default_rng(seed).integers(0, kinds, count).astype(np.int32)


def test_what_is_told_apart_by_a_line_is_told_right():
    train, held_out = labels(0, 200), labels(1, 100)
    right, learnt = linear_classification(clusters(2, train, 1.5), train, clusters(3, held_out, 1.5), held_out)
    assert right.mean() > 0.95
    assert learnt.mean() > 0.95
    assert (right.shape, learnt.shape) == ((100,), (200,))


def test_noise_tells_nothing_however_many_numbers_there_are():
    train, held_out = labels(0, 60, 2), labels(1, 400, 2)
    noise = lambda seed, count: np.random.default_rng(seed).normal(size=(count, 500)).astype(np.float32)
    right, _ = linear_classification(noise(2, 60), train, noise(3, 400), held_out)
    assert 0.4 < right.mean() < 0.6


def test_a_character_that_was_never_learnt_counts_as_wrong():
    train, held_out = labels(0, 100, 4), labels(1, 100)
    right, _ = linear_classification(clusters(2, train, 2), train, clusters(3, held_out, 2), held_out)
    assert not right[held_out == 4].any()
    assert right[held_out != 4].mean() > 0.9


def test_units_do_not_matter():
    train, held_out = labels(0, 60), labels(1, 60)
    codes = clusters(2, train, 0.5), clusters(3, held_out, 0.5)
    ours = linear_classification(codes[0], train, codes[1], held_out)
    scaled = linear_classification(1000 * codes[0], train, 1000 * codes[1], held_out)
    np.testing.assert_array_equal(ours[0], scaled[0])
    silent = linear_classification(0 * codes[0], train, 0 * codes[1], held_out)
    assert silent[0].mean() < 0.5


def coded(seed, label, lost):
    layers = [clusters(seed, label, 2), clusters(seed + 1, label, 0)]
    rows = np.random.default_rng(seed).normal(lost, 0.01, len(label)).astype(np.float32)
    figures = {"active_1": rows / 10, "distortion_1": rows, "converged": np.ones_like(rows)}
    return Coded(layers, figures, label)


def test_means_stand_beside_those_of_training_images():
    found = measure(coded(0, labels(0, 100), 0.5), coded(5, labels(1, 100), 0.4))
    assert list(found) == ["distortion_1", "active_1", "accuracy_0", "accuracy_1"]
    assert found["distortion_1"].value == pytest.approx(0.5, abs=0.01)
    assert found["distortion_1"].floor == pytest.approx(0.4, abs=0.01)
    assert found["distortion_1"].error == pytest.approx(0.01 / 10, rel=0.3)
    assert found["accuracy_0"].value > 0.9
    assert found["accuracy_1"].value < 0.4


def test_without_labels_there_is_nothing_to_tell():
    found = measure(coded(0, np.zeros(10, np.int32), 0.5), coded(5, np.zeros(10, np.int32), 0.4))
    assert list(found) == ["distortion_1", "active_1"]


def test_images_that_did_not_come_to_rest_are_told():
    one = coded(0, labels(0, 10), 0.5)
    assert warnings(one) == []
    one.figures["converged"][:4] = 0
    assert warnings(one) == [("not_converged", {"share": pytest.approx(0.6)})]
