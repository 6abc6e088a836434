import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import r3gan

NETWORKS = r3gan.Generator(64, 3, 16, 2, 4), r3gan.Discriminator(16, 2, 4)


def kernels(module, *inputs):
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs))["params"]
    return {name: shapes[name]["kernel"].shape for name in shapes if name.startswith("Block")}


def test_channels_halve_above_32_pixels_and_are_convolved_in_groups():
    generator, discriminator = NETWORKS
    found = kernels(generator, jnp.zeros((1, 6))), kernels(discriminator, jnp.zeros((1, 64, 64, 3)))
    for blocks in found:
        sides = {name.split("_")[1]: shape for name, shape in blocks.items()}
        assert sides == dict.fromkeys(("4", "8", "16", "32"), (3, 3, 4, 32)) | {"64": (3, 3, 4, 16)}
        assert len(blocks) == 10


def test_blocks_start_as_the_identity_and_the_rest_keeps_the_deviation():
    block = r3gan.Block(4, 8, jnp.float32)
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 16))
    variables = block.init(jax.random.key(1), x)
    np.testing.assert_array_equal(block.apply(variables, x), x)
    # He's gain for LeakyReLU, less by the fourth root of the 8 blocks (Fix-up with 3 layers in each).
    gain = (2 / (1 + 0.2**2)) ** 0.5 * 8**-0.25
    assert variables["params"]["Linear_0"]["kernel"].std() == pytest.approx(gain / 16**0.5, rel=0.1)
    assert variables["params"]["kernel"].std() == pytest.approx(gain / (9 * 4) ** 0.5, rel=0.1)
    generator = r3gan.Generator(32, 3, 64, 2, 16)
    latent = jax.random.normal(jax.random.key(2), (64, 64))
    assert generator.apply(generator.init(jax.random.key(3), latent), latent).std() == pytest.approx(0.9, abs=0.25)


def test_a_block_by_hand():
    """Of one channel and group, whose inner features are two groups of one."""
    block = r3gan.Block(1, 8, jnp.float32)
    x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    params = block.init(jax.random.key(0), x)["params"]
    params |= {"Linear_0": {"kernel": jnp.array([[1.0, -1.0]])}, "Linear_1": {"kernel": jnp.array([[2.0], [3.0]])}}
    params |= {"kernel": jnp.ones((3, 3, 1, 2)), "inner_bias": jnp.array([0.0, 2.0]), "outer_bias": jnp.array([1.0, 0])}
    y = block.apply({"params": params}, x)
    first, second = x[0, :, :, 0], -x[0, :, :, 0] + 2
    second = jnp.where(second > 0, second, 0.2 * second)
    of_first, of_second = first.sum() + 1, second.sum()  # at the centre, which sees all
    of_second = jnp.where(of_second > 0, of_second, 0.2 * of_second)
    assert y[0, 1, 1, 0] == pytest.approx(float(4 + 2 * of_first + 3 * of_second))


def test_classes_scale_ds_features():
    """The output is the product of the features and the label's embedding."""
    discriminator = r3gan.Discriminator(16, 1, 4, classes=3)
    image, label = jax.random.normal(jax.random.key(0), (3, 32, 32, 3)), jnp.array([0, 1, 2])
    variables = discriminator.init(jax.random.key(1), image, label)
    by_label = [discriminator.apply(variables, image[:1], jnp.array([number])) for number in range(3)]
    params = variables["params"]
    sums = params | {"embedding": {"kernel": params["embedding"]["kernel"].sum(0, keepdims=True).repeat(3, 0)}}
    together = discriminator.apply({"params": sums}, image[:1], jnp.array([0]))
    np.testing.assert_allclose(together, sum(by_label), rtol=1e-3, atol=1e-4)
    assert len({float(output) for output in np.ravel(by_label)}) == 3


def test_resizing_is_bilinear():
    x = jnp.arange(4.0).reshape(1, 4, 1, 1) * jnp.ones((1, 4, 4, 1))
    assert r3gan.resize(x, 8)[0, :, 0, 0].tolist() == pytest.approx([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    small = r3gan.resize(x, 2)[0, :, 0, 0]  # weights 1, 3, 3, 1 of eight, of which the edges lack one
    assert small.tolist() == pytest.approx([(0 * 3 + 1 * 3 + 2) / 7, (1 + 2 * 3 + 3 * 3) / 7])
