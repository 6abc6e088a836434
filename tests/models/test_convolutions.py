import jax
import jax.numpy as jnp
import numpy as np
import pytest
from derivatives import check_rewritten

from jaxgan.models import convolutions

SHAPE = (2, 4, 6, 3)


def plain_conv(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def conv_to_few(x, kernel):
    return convolutions.conv_to_few(x, kernel, len(kernel) // 2)


def conv_from_few(x, kernel):
    return convolutions.conv_from_few(x, kernel, len(kernel) // 2)


@pytest.mark.parametrize(
    ("rewritten", "plain", "shapes"),
    [
        (conv_to_few, plain_conv, [SHAPE, (3, 3, 3, 2)]),
        (conv_to_few, plain_conv, [SHAPE, (5, 5, 3, 1)]),
        (conv_from_few, plain_conv, [SHAPE, (3, 3, 3, 7)]),
        (conv_from_few, plain_conv, [SHAPE, (5, 5, 3, 4)]),
    ],
)
def test_rewritten_convolutions_are_the_plain_ones_in_value_and_derivatives(rewritten, plain, shapes):
    check_rewritten(rewritten, plain, shapes)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_groups_of_features_see_their_own_channels(groups):
    x = jax.random.normal(jax.random.key(0), (2, 5, 4, 6))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 6 // groups, 12))
    found = convolutions.grouped_conv(x, kernel, groups)
    parts = zip(np.split(np.asarray(x), groups, -1), np.split(np.asarray(kernel), groups, -1), strict=True)
    np.testing.assert_allclose(found, np.concatenate([plain_conv(*part) for part in parts], -1), atol=1e-4)


def test_pooling_and_upsampling_by_hand():
    x = jnp.arange(4.0).reshape(1, 2, 2, 1)
    assert convolutions.average_pool(x).ravel().tolist() == [1.5]
    assert convolutions.upsample(x)[0, :, :, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
