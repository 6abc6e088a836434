import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import layers
from jaxgan.models.arithmetic import elu, image_sum
from jaxgan.regularisation import adapted, lazily, squared_slopes, weights_of_best


def test_squared_slopes_by_hand():
    """Of sum over pixels of a x^2 / 2 they are the sum of (a x)^2."""
    x = jnp.arange(24.0).reshape(2, 2, 3, 2)
    slopes = jax.jit(lambda x: squared_slopes(lambda x: 3 * (x**2).sum((1, 2, 3)) / 2, x))(x)
    np.testing.assert_allclose(slopes, 9 * (x**2).sum((1, 2, 3)))


@pytest.mark.parametrize("activation", [elu, jax.nn.relu, jax.nn.leaky_relu])
def test_a_penaltys_gradient_is_a_difference_quotient(activation):
    """Second derivatives through the layers of a CPU's own, and their activations."""
    with jax.enable_x64():
        modules = layers.Conv(4, dtype=jnp.float64), layers.ConvPool(5, dtype=jnp.float64)
        image = jax.random.normal(jax.random.key(0), (2, 4, 4, 3))
        first = modules[0].init(jax.random.key(1), image)
        second = modules[1].init(jax.random.key(2), jnp.zeros((1, 4, 4, 4)))
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), (first, second))

        def penalty(params):
            hidden = lambda image: activation(modules[0].apply(params[0], image))
            judge = lambda image: image_sum(activation(modules[1].apply(params[1], hidden(image)))).sum(1)
            return squared_slopes(judge, image).mean()

        grads = jax.jit(jax.grad(penalty))(params)
        direction = jax.tree.map(lambda leaf: jax.random.normal(jax.random.key(leaf.size), leaf.shape), params)
        at = lambda amount: penalty(jax.tree.map(lambda leaf, way: leaf + amount * way, params, direction))
        quotient = (at(1e-6) - at(-1e-6)) / 2e-6
        product = sum(jnp.sum(a * b) for a, b in zip(*map(jax.tree.leaves, (grads, direction)), strict=True))
        assert product == pytest.approx(float(quotient), rel=1e-6)


def test_a_lazy_penalty_has_the_same_mean():
    values = [float(lazily(lambda: jnp.float32(3), jnp.int32(step), 4)) for step in range(8)]
    assert values == [12, 0, 0, 0, 12, 0, 0, 0]
    assert lazily(lambda: jnp.float32(3), jnp.int32(1), 1) == 3


def test_the_probability_follows_the_mean_sign():
    for target, before, after in ((0.6, 0.2, 0.25), (0.8, 0.2, 0.15), (0.8, 0.0, 0), (0.6, 1.0, 1)):
        found, logged = adapted(jnp.float32(before), jnp.float32(0.75), jnp.float32(target), 0.05)
        assert found == logged["altered"] == pytest.approx(after)
    assert adapted(None, jnp.float32(0.75), jnp.float32(0.6), 0.05) == (None, {})


def test_weights_are_those_of_the_best():
    scores = jnp.array([0.1, 3.0, -2.0, 5.0, 1.0])
    for share, expected in ((1.0, [0.2] * 5), (0.4, [0, 0.5, 0, 0.5, 0]), (0.5, [0, 1 / 3, 0, 1 / 3, 1 / 3])):
        np.testing.assert_allclose(weights_of_best(scores, share), expected)
    assert jnp.sum(weights_of_best(jnp.arange(50.0), jnp.float32(0.6)) > 0) == 30
