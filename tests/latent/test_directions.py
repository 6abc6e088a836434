import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from support import Compiled, load

from jaxgan import algorithms, drawing
from jaxgan.errors import UserError
from jaxgan.latent import directions

SCALES = np.array([1.0, 5.0, 0.1, 3.0])  # of what a toy's features make of a latent's numbers


class Toy(nn.Module):
    """Latents (n, 4) to images (n, 2, 2, 4), by way of features of one pixel."""

    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, latent, label):
        shift = 0 if label is None else 100 * jax.nn.one_hot(label, 4)
        start = {"kernel_init": lambda *_: jnp.eye(4)[None, None], "bias_init": nn.initializers.constant(0.3)}
        features = nn.Conv(4, (1, 1), dtype=self.dtype, **start)
        x = features((latent * SCALES + shift)[:, None, None])
        return nn.Conv(4, (1, 1))(x.repeat(2, 1).repeat(2, 2))


def toy(told=False, dtype=None):
    network = Toy(dtype)
    state = network.init(jax.random.key(0), jnp.zeros((1, 4)), None)
    return algorithms.Algorithm(
        init=None,
        train_step=None,
        sample_latent=lambda key, count: jax.random.normal(key, (count, 4)),
        generate=lambda state, latent, label=None: network.apply(state, latent, label),
        sample_label=(lambda state, key, count: jax.random.randint(key, (count,), 0, 4)) if told else None,
    ), state


@pytest.mark.parametrize(("told", "dtype"), [(False, None), (True, None), (True, jnp.bfloat16)])
def test_principal_directions_are_the_numbers_of_most_weight(told, dtype):
    """Where G is told classes, what these change does not count."""
    found = directions.principal(*toy(told, dtype), count=3)
    np.testing.assert_allclose(np.abs(found.step), np.eye(4)[[1, 3, 0]], atol=0.15)
    np.testing.assert_allclose(np.linalg.norm(found.step, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.share, SCALES[[1, 3, 0]] ** 2 / np.sum(SCALES**2), atol=0.03)


def test_there_are_as_many_as_dimensions():
    assert len(directions.principal(*toy(), count=4).step) == 4
    for count in (0, 5):
        with pytest.raises(UserError, match=f"--directions={count}: latents of 4 dimensions have 1 to 4"):
            directions.principal(*toy(), count=count)


@pytest.mark.parametrize(("name", "shape"), [("began", (8, 8, 8)), ("dcgan", (8, 8, 16)), ("biggan", (8, 8, 8))])
def test_features_are_the_last_of_the_smallest_side(name, shape):
    compiled = Compiled(load(name))
    state = drawing.settled(compiled.algorithm, compiled.init(jax.random.key(0)))
    asked = drawing.ask(compiled.algorithm, state, 3, seed=0)
    found = directions.features(compiled.algorithm, state, asked)
    assert found.shape == (3, np.prod(shape))
    assert np.ptp(found, axis=0).max() > 0


def test_towards_an_attribute_is_the_normal_of_what_divides_them():
    latent = np.random.default_rng(0).normal(size=(2000, 6)).astype(np.float32)
    normal = np.array([0.6, 0, -0.8, 0, 0, 0])
    for present in (latent @ normal > 1, latent @ normal):
        found = directions.towards(latent, present)
        assert np.linalg.norm(found) == pytest.approx(1)
        assert found @ normal > 0.97
    with pytest.raises(UserError, match="3 of 2000 samples are like that: too few"):
        directions.towards(latent, np.arange(2000) < 3)
    for alike in (np.ones(2000), np.full(2000, 0.31234)):
        with pytest.raises(UserError, match="all samples are alike in that"):
            directions.towards(latent, alike)


def test_a_collapsed_generator_has_no_directions():
    algorithm, state = toy()
    still = algorithm._replace(generate=lambda state, latent, label=None: algorithm.generate(state, 0 * latent, label))
    with pytest.raises(UserError, match="all samples are alike: there is no direction"):
        directions.principal(still, state, count=2)


def test_along_moves_each_latent_by_each_step():
    moved = directions.along(np.array([[1.0, 2.0]]), np.eye(2), np.array([-1.0, 0.0, 3.0]))
    assert moved.tolist() == [[[[0, 2], [1, 2], [4, 2]]], [[[1, 1], [1, 2], [1, 5]]]]
