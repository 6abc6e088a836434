import numpy as np
import pytest

from jaxgan import images
from jaxgan.data.toons import sketches
from jaxgan.evaluation import pose, translation
from jaxgan.evaluation.measures import Embedded

SHAPE = (32, 32, 3)


def embedded(image, told):
    """Images whose probe takes each for one of three."""
    return Embedded(image, np.eye(3, dtype=np.float32)[told], np.eye(3, dtype=np.float32)[told])


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)


def reader(image):
    """A pose that is the mean of an image's channels."""
    return image.mean((1, 2)) / 255


def task(source, label, partner, truth):
    return translation.Task(source, label, partner, truth, reader)


def test_what_is_right_by_hand(pictures):
    label = np.array([0, 1, 2])
    partner, pose_of_partner = embedded(pictures, label), reader(pictures) + np.float32(0.25)
    moved = np.clip(pictures.astype(int) + 10, 0, 255).astype(np.uint8)
    given = task(embedded(pictures[::-1], label), label, partner, pose_of_partner)
    translated = embedded(moved, np.array([0, 1, 1]))
    found = translation.right(given, translated)
    assert found["character_kept"].tolist() == [1, 1, 0]
    error = np.abs(moved.astype(float) - pictures).mean((1, 2, 3)) / 127.5
    np.testing.assert_allclose(found["pixel_error"], error, rtol=1e-5)
    assert ((found["similarity"] > 0.95) & (found["similarity"] < 1)).all()
    np.testing.assert_allclose(found["pose_error"], np.abs(reader(moved) - pose_of_partner).mean(1), rtol=1e-5)
    assert translation.confusion(label, translated.probabilities).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    measured = translation.measure(given, translated, translation.ideal(given))
    assert measured["character_kept"].value == pytest.approx(2 / 3)
    floors = {name: measure.floor for name, measure in measured.items()}
    wanted = {"character_kept": 1, "pixel_error": 0, "similarity": 1, "pose_error": 0.25}
    assert floors == pytest.approx(wanted, abs=1e-5)
    alone = given._replace(partner=None, pose=None)
    assert set(translation.measure(alone, translated, translation.ideal(alone))) == {"character_kept"}
    assert translation.right(alone._replace(label=None), translated) == {}


def test_what_takes_no_learning(pictures):
    label = np.array([0, 1, 2])
    given = task(embedded(pictures, label), label, embedded(pictures, label), reader(pictures))
    train = embedded(np.concatenate([255 - pictures, pictures]), np.array([0, 0, 0, 1, 1, 1]))
    found = translation.baselines(given, train, train)
    assert found["identity"]["pixel_error"] == found["nearest"]["pixel_error"] == 0
    assert (found["identity"]["character_kept"], found["nearest"]["character_kept"]) == (1, pytest.approx(1 / 3))


def test_cycle_errors_by_hand(pictures):
    """G hides in its last bit what F reads there: altered, it is gone."""
    source = embedded(pictures, np.arange(3))
    hidden = 0.5 / 127.5 * np.sign(images.to_float(pictures[::-1]))
    there = np.asarray(images.to_float(pictures) + hidden)
    return_to = lambda image: np.where(np.abs(image - there).max() < 1e-4, image - hidden, image + 0.25)
    given = task(source, None, None, None)
    found = translation.cycle_errors(given, there, return_to(there), return_to)
    assert found["cycle"].value == pytest.approx(0, abs=1e-6)
    lost = return_to(translation.altered(there)) - images.to_float(pictures)
    assert found["cycle_altered"].value == pytest.approx(float(np.abs(lost).mean()), rel=1e-5)
    assert found["cycle_altered"].value > 0.2
    assert found["cycle"].floor == found["cycle_altered"].floor == 0
    partnered = given._replace(partner=embedded(pictures[::-1], np.arange(3)))
    floor = translation.cycle_errors(partnered, there, return_to(there), return_to)["cycle"].floor
    there_from_partner = return_to(np.asarray(images.to_float(pictures[::-1])))
    assert floor == pytest.approx(float(np.abs(there_from_partner - images.to_float(pictures)).mean()), rel=1e-5)


def test_nothing_can_be_hidden_in_what_is_altered():
    rng = np.random.default_rng(0)
    smooth = np.broadcast_to(np.linspace(-1, 1, 32)[:, None, None], (2, *SHAPE)).astype(np.float32)
    hidden = smooth + 0.02 * np.sign(rng.normal(size=smooth.shape))
    kept = translation.altered(hidden) - translation.altered(smooth)
    assert np.abs(kept).mean() < 0.4 * 0.02


def test_the_confusion_is_drawn():
    matrix = np.array([[5, 0], [2, 3]])
    drawn = translation.draw_confusion(matrix, ["pip", "olga"])
    cells = drawn[-80:, -80:].reshape(2, 40, 2, 40, 3)[:, 5, :, 5]
    assert cells[..., 0].tolist() == [[0, 255], [153, 102]]


def test_poses_are_read(monkeypatch):
    """From drawings that the regressor has not seen, in deviations: 0.82 where all are told as their means."""
    monkeypatch.setattr(pose, "RECIPE", pose.Recipe(scenes=640, width=8, epochs=12))
    scenes = sketches.held_out_scenes(np.arange(40))
    truth = pose.truth(scenes)
    assert truth.shape == (40, 4)
    assert 0.7 < truth.std() < 1.3
    found = pose.read(SHAPE, sketches.draw("colourings", scenes, SHAPE))
    assert np.abs(found - truth).mean() < 0.5
