import jax
import numpy as np
import pytest

from jaxgan import drawing
from jaxgan.evaluation.probe import Probe
from jaxgan.latent import inversion
from jaxgan.models.classifier import Classifier


@pytest.fixture(scope="module")
def judge():
    """A probe that has learnt nothing: its features are random ones."""
    network = Classifier(3, 4)
    variables = network.init(jax.random.key(0), np.zeros((1, 32, 32, 3)), train=False)
    return Probe("labels", ["a", "b", "c"], 3, 0.0, 4, variables)


def test_the_latents_of_samples_are_found(began, judge, monkeypatch):
    """Of other samples than those from which the search starts."""
    monkeypatch.setattr(inversion, "CANDIDATES", 64)
    monkeypatch.setattr(inversion, "STEPS", 60)
    monkeypatch.setattr(inversion, "BATCH", 2)
    state = began.init(jax.random.key(0))
    given = drawing.sample(began.algorithm, state, 3, seed=5)
    found = inversion.invert(began.algorithm, state, judge, given)
    errors = np.abs(found.path.astype(float) - given[:, None]).mean((2, 3, 4)) / 127.5
    assert errors.shape == (3, inversion.FRAMES)
    assert np.all(errors[:, -1] < errors[:, 0] / 3)
    np.testing.assert_allclose(found.pixels, errors[:, -1], atol=0.01)
    again = drawing.generate(began.algorithm, state, drawing.Asked(found.latent, found.label))
    np.testing.assert_allclose(again.astype(float), found.path[:, -1], atol=1)
    usual = drawing.latents(began.algorithm, 64, seed=0)
    assert np.abs(found.latent).max() <= np.abs(usual).max() + 1e-5
    assert np.linalg.norm(found.latent, axis=1).max() <= np.linalg.norm(usual, axis=1).max() + 1e-4


def test_unlikeness_by_hand():
    one, other = np.array([[1.0, 0], [1, 0], [0, 0]]), np.array([[2.0, 0], [0, 3], [1, 1]])
    np.testing.assert_allclose(inversion.unlikeness(one, other), [0, 1, 1])
