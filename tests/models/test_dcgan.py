import jax
import jax.numpy as jnp
import pytest

from jaxgan.models.dcgan import Discriminator, Generator


def count(variables):
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def conv(a, b, kernel=3):
    return kernel * kernel * a * b + b


def initial(module, *shape):
    return jax.eval_shape(lambda key: module.init(key, jnp.zeros(shape), train=False), jax.random.key(0))


@pytest.mark.parametrize("kernel", [3, 5, 9])
def test_parameter_counts_at_32(kernel):
    generator = initial(Generator(64, 32, 3, kernel=kernel), 1, 100)
    dense, norms = 100 * 64 * 128 + 64 * 128, 2 * (128 + 128 + 64)
    assert count(generator) == dense + norms + conv(128, 128, kernel) + conv(128, 64, kernel) + conv(64, 3, kernel)
    discriminator = initial(Discriminator(64, kernel=kernel), 1, 32, 32, 3)
    convs = conv(3, 16, kernel) + conv(16, 32, kernel) + conv(32, 64, kernel) + conv(64, 128, kernel)
    assert count(discriminator) == convs + 2 * (32 + 64 + 128) + 2 * 2 * 128 + 1


def test_transposed_convolutions():
    generator = Generator(64, 32, 3, upsampling="transposed")
    variables = initial(generator, 1, 100)
    dense, norms = 100 * 64 * 128 + 64 * 128, 2 * (128 + 128 + 64)
    assert count(variables) == dense + norms + conv(128, 128, 4) + conv(128, 64, 4) + conv(64, 3)
    image = jax.eval_shape(lambda v: generator.apply(v, jnp.zeros((2, 100)), train=False), variables)
    assert image.shape == (2, 32, 32, 3)


def test_dropout_drops_whole_channels():
    discriminator = Discriminator(64, dropout=0.75)
    image = jax.random.normal(jax.random.key(0), (4, 32, 32, 3))

    @jax.jit
    def record(key_init, key_dropout):
        return discriminator.apply(
            discriminator.init(key_init, image, train=False),
            image,
            train=True,
            rngs={"dropout": key_dropout},
            capture_intermediates=lambda module, _: module.name == "Dropout_0",
            mutable=["intermediates", "batch_stats"],
        )[1]

    recorded = record(jax.random.key(1), jax.random.key(2))
    dropped = recorded["intermediates"]["Dropout_0"]["__call__"][0]
    share = jnp.mean(jnp.all(dropped == 0, axis=(1, 2)))
    assert share == jnp.mean(dropped == 0)
    assert share == pytest.approx(0.75, abs=0.2)
