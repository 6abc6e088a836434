import jax
import jax.numpy as jnp
import pytest

from jaxgan.models.autoencoder import AutoEncoder, Decoder, Encoder, vanish


def count(module, *shape):
    variables = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros(shape))
    return sum(leaf.size for leaf in jax.tree.leaves(variables))


def conv(a, b, kernel=3):
    return kernel * kernel * a * b + b


def encoder_size(n, latent, size, channels=3):
    """Counted from the paper's figure: the convolutions at each size, then one linear layer."""
    total, width = conv(channels, n), n
    for octave in range({32: 2, 64: 3, 128: 4}[size]):
        total += 2 * conv(width, width) + conv(width, (octave + 1) * n, 1)
        width = (octave + 1) * n
    return total + 2 * conv(width, width) + 64 * width * latent + latent


def decoder_size(n, latent, size, halved=False, skip=False, channels=3):
    octaves = {32: 2, 64: 3, 128: 4}[size]
    total = latent * 64 * n + 64 * n
    if halved:
        return total + octaves * conv(n, n) + conv(n, channels)
    total += 2 * (octaves + 1) * conv(n, n) + conv(n, channels)
    return total + (octaves * 9 * n * n if skip else 0)


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("width", [64, 128])
def test_parameter_counts(size, width):
    assert count(Encoder(width, 64), 1, size, size, 3) == encoder_size(width, 64, size)
    assert count(Decoder(width, size, 3), 1, 64) == decoder_size(width, 64, size)
    assert count(Decoder(width, size, 3, halved=True), 1, 64) == decoder_size(width, 64, size, halved=True)
    skip = Decoder(width, size, 3, skip_connections=True)
    assert count(skip, 1, 64) == decoder_size(width, 64, size, skip=True)


def test_seeds_networks():
    """BEGAN at 32 px, width 64, latent 64."""
    assert decoder_size(64, 64, 32) == 489_539
    assert encoder_size(64, 64, 32) + decoder_size(64, 64, 32) == 1_471_043
    networks = AutoEncoder(Encoder(64, 64), Decoder(64, 32, 3))
    assert count(networks, 1, 32, 32, 3) == 1_471_043


@pytest.mark.parametrize(("output", "low", "high"), [("tanh", -1, 1), ("elu", -1, 50), ("linear", -50, 50)])
def test_output(output, low, high):
    decoder = Decoder(4, 32, 3, output=output)
    codes = 20 * jax.random.normal(jax.random.key(0), (8, 5))
    image, _ = decoder.init_with_output(jax.random.key(1), codes)
    assert image.shape == (8, 32, 32, 3)
    assert low <= image.min() < image.max() <= high
    assert (image.min() < -1.001) == (output == "linear")


def test_residuals_vanish():
    x, y = jnp.ones((1, 2, 2, 3)), jnp.zeros((1, 2, 2, 3))
    assert vanish(jnp.float32(0.25), x, y).ravel().tolist() == [0.25] * 12
    assert vanish(None, x, y) is y
    assert vanish(jnp.float32(1), jnp.ones((1, 2, 2, 4)), y) is y  # another shape has no shortcut


def test_with_carry_1_a_decoder_is_its_ends_and_with_0_it_is_the_plain_one():
    decoder, codes = Decoder(4, 32, 3), jax.random.normal(jax.random.key(0), (2, 5))
    variables = decoder.init(jax.random.key(1), codes)
    plain, gone, full = (decoder.apply(variables, codes, carry) for carry in (None, jnp.float32(0), jnp.float32(1)))
    assert jnp.array_equal(plain, gone)
    assert not jnp.allclose(plain, full)
    # Of all that lies between the linear layer and the last convolution only the upsampling is left.
    inner = {
        k: jax.tree.map(jnp.zeros_like, v) for k, v in variables["params"].items() if k not in ("Dense_0", "Conv_4")
    }
    assert jnp.allclose(decoder.apply({"params": variables["params"] | inner}, codes, jnp.float32(1)), full, atol=1e-6)
