import jax
import jax.numpy as jnp
import numpy as np
import pytest
from derivatives import check_rewritten
from flax import linen as nn

from jaxgan.models import arithmetic

SHAPE = (2, 5, 6, 3)


@pytest.mark.parametrize(
    ("rewritten", "plain", "shapes"),
    [
        (arithmetic.elu, nn.elu, [SHAPE]),
        (arithmetic.image_sum, lambda x: x.sum((1, 2)), [SHAPE]),
        (arithmetic.channel_sum, lambda x: x.sum((0, 1, 2)), [SHAPE]),
        (lambda v: arithmetic.over_pixels(v, SHAPE), lambda v: jnp.broadcast_to(v, SHAPE), [(3,)]),
        (lambda v: arithmetic.over_pixels(v, SHAPE), lambda v: jnp.broadcast_to(v[:, None, None], SHAPE), [(2, 3)]),
        (lambda x, v: x * arithmetic.over_pixels(v, SHAPE), jnp.multiply, [SHAPE, (3,)]),
    ],
)
def test_rewritten_arithmetic_is_the_plain_one_in_value_and_derivatives(rewritten, plain, shapes):
    check_rewritten(rewritten, plain, shapes)


def test_elu_near_and_far_from_0():
    x = jnp.array([-200.0, -1e-7, 0.0, 1e-7, 200.0])
    np.testing.assert_allclose(arithmetic.elu(x), [-1, -1e-7, 0, 1e-7, 200], atol=6e-8)
    np.testing.assert_allclose(jax.vmap(jax.grad(arithmetic.elu))(x), [0, 1, 1, 1, 1], atol=1e-6)


def test_sums_over_pixels_are_products_on_a_cpu():
    """Plain sums would be merged with the layers before them, and computed slowly."""
    x = jnp.ones(SHAPE)
    bias_gradient = jax.grad(lambda bias: jnp.sum((x + arithmetic.over_pixels(bias, SHAPE)) ** 2))
    for program in (jax.make_jaxpr(arithmetic.channel_sum)(x), jax.make_jaxpr(bias_gradient)(jnp.ones(3))):
        assert str(program).count("dot_general") == 1
