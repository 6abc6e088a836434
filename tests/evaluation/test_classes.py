import numpy as np
import pytest

from jaxgan.evaluation import classes
from jaxgan.evaluation.classes import Labelled
from jaxgan.evaluation.measures import Embedded, take

CENTRES = np.array([[0.0, 0, 0], [5, 0, 0], [0, 5, 0]])


def labelled(rng, label, shown=None, spread=1.0):
    """Images of classes that lie apart in the features, and say so; `shown` are others than those asked for."""
    shown = label if shown is None else shown
    features = CENTRES[shown] + spread * rng.normal(size=(len(label), 3))
    image = np.clip(127 + 40 * spread * rng.normal(size=(len(label), 4, 4, 3)), 0, 255).astype(np.uint8)
    return Labelled(Embedded(image, features.astype(np.float32), 0.1 + 0.7 * np.eye(3)[shown]), label)


def test_classes_that_are_kept_and_one_that_is_not():
    rng = np.random.default_rng(0)
    train, held_out = (labelled(rng, rng.integers(0, 3, count)) for count in (900, 600))
    label = rng.integers(0, 3, 900)
    good, wrong = (labelled(rng, label, shown) for shown in (label, np.where(label == 2, 1, label)))
    good, wrong = (classes.measure(samples, train, held_out) for samples in (good, wrong))
    assert good["agreement"].value == good["agreement"].floor == 1
    assert wrong["agreement"].value == pytest.approx(np.mean(label != 2))
    assert good["intra_fd_probe"].value < 0.2
    assert good["intra_fd_probe"].floor < 0.2
    # One class of three is 5 away in two of the features: |(5, -5)|^2 / 3.
    assert wrong["intra_fd_probe"].value == pytest.approx(50 / 3, rel=0.1)
    assert wrong["intra_fd_probe"].low < 50 / 3 < wrong["intra_fd_probe"].high


def test_images_of_a_class_that_are_alike():
    """Half as far from one another; their spread in features halves its distance to |1 - 1/2|^2 in each of three."""
    rng = np.random.default_rng(0)
    train, held_out = (labelled(rng, rng.integers(0, 3, count)) for count in (900, 600))
    found = classes.measure(labelled(rng, rng.integers(0, 3, 900), spread=0.5), train, held_out)
    assert found["intra_diversity"].value == pytest.approx(0.5, rel=0.02)
    assert found["intra_diversity"].floor == pytest.approx(1, rel=0.02)
    assert found["intra_fd_probe"].value == pytest.approx(0.75, rel=0.2)


def test_classes_with_few_images_tell_nothing():
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1, 2], [300, 300, 9])
    train, held_out, samples = (labelled(rng, label) for _ in range(3))
    of_two = classes.measure(samples, train, held_out)
    without = [Labelled(one.of(0), one.label[one.label == 0]) for one in (samples, train, held_out)]
    assert of_two["intra_fd_probe"].value < 0.2
    assert set(classes.measure(*without)) == set(of_two)
    unseen = Labelled(take(held_out.embedded, np.arange(600)), held_out.label[:600])  # whose last class is not there
    assert set(classes.measure(samples, train, unseen)) == set(of_two)
    unlearnt = Labelled(take(train.embedded, np.arange(301)), train.label[:301])  # one image of the second class
    assert classes.measure(samples, unlearnt, held_out)["intra_fd_probe"].value < 0.2
    few = [Labelled(one.of(2), one.label[one.label == 2]) for one in (samples, train, held_out)]
    assert set(classes.measure(*few)) == {"agreement"}
