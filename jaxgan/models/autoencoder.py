"""BEGAN's encoder and decoder (Berthelot et al. 2017, arXiv 1703.10717, section 3.5), and ABEGAN's halved decoder."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.arithmetic import at_least_float32
from jaxgan.models.convolutions import average_pool, upsample
from jaxgan.models.layers import ACTIVATIONS, BASE_SIZE, Conv, Dense, UpsampleConv, octaves


def vanish(carry: jax.Array, shortcut: jax.Array, x: jax.Array) -> jax.Array:
    """Vanishing residual (section 3.5.1): carry * input + (1 - carry) * output, for layers that keep the shape.

    Without a carry, or where the shape changes, the layer's output alone.
    """
    if carry is None or shortcut.shape != x.shape:
        return x
    carry = carry.astype(x.dtype)
    return carry * shortcut + (1 - carry) * x


class Encoder(nn.Module):
    """Images (B, S, S, C) in [-1, 1] to codes (B, latent_dim), down to 8x8.

    Octave i has two 3x3 convolutions of max(i, 1) * width channels, a 1x1 convolution to
    (i + 1) * width and 2x2 average pooling (done before the 1x1 convolution, with which it commutes).
    """

    width: int
    latent_dim: int
    activation: str = "elu"
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, carry: jax.Array | None = None) -> jax.Array:
        activate = ACTIVATIONS[self.activation]
        start = {"initialization": self.initialization, "dtype": self.dtype}
        conv, dense = (partial(layer, **start) for layer in (Conv, Dense))

        def layer(x):
            return vanish(carry, x, activate(conv(x.shape[-1])(x)))

        x = activate(conv(self.width)(images.astype(self.dtype)))
        for octave in range(octaves(images.shape[1])):
            x = layer(layer(x))
            x = conv((octave + 1) * self.width, kernel=1)(average_pool(x))
        x = layer(layer(x))
        return dense(self.latent_dim)(x.reshape(x.shape[0], -1))


class Decoder(nn.Module):
    """Codes (B, latent_dim) to images (B, S, S, C), up from 8x8: BEGAN's generator, and its decoder.

    Two 3x3 convolutions at each size and a last one to C channels; `halved` (ABEGAN) has one at each
    size below S and at S the last one alone.
    """

    width: int
    image_size: int
    channels: int
    activation: str = "elu"
    output: str = "linear"  # linear, tanh or elu
    halved: bool = False
    skip_connections: bool = False
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, codes: jax.Array, carry: jax.Array | None = None) -> jax.Array:
        activate = ACTIVATIONS[self.activation]
        start = {"initialization": self.initialization, "dtype": self.dtype}
        conv, upsample_conv, dense = (partial(layer, **start) for layer in (Conv, UpsampleConv, Dense))

        def layer(x):
            return vanish(carry, x, activate(conv(self.width)(x)))

        x = dense(BASE_SIZE * BASE_SIZE * self.width)(codes.astype(self.dtype))
        x = skip = x.reshape(-1, BASE_SIZE, BASE_SIZE, self.width)
        x = layer(x) if self.halved else layer(layer(x))
        last = octaves(self.image_size) - 1
        for octave in range(last + 1):
            shortcut = upsample(x) if carry is not None and not self.skip_connections else x
            if self.skip_connections:
                x = jnp.concatenate([x, skip], axis=-1)
                skip = upsample(skip)
            if self.halved and octave == last:
                return self.finish(upsample_conv(self.channels)(x))
            x = vanish(carry, shortcut, activate(upsample_conv(self.width)(x)))
            x = x if self.halved else layer(x)
        return self.finish(conv(self.channels)(x))

    def finish(self, x: jax.Array) -> jax.Array:
        output = {"linear": lambda x: x, "tanh": jnp.tanh, "elu": nn.elu}[self.output]
        return output(at_least_float32(x))


class AutoEncoder(nn.Module):
    """BEGAN's discriminator: reconstructs images (B, S, S, C)."""

    encoder: Encoder
    decoder: Decoder

    def __call__(self, images: jax.Array, carry: jax.Array | None = None) -> jax.Array:
        return self.decoder(self.encode(images, carry), carry)

    def encode(self, images: jax.Array, carry: jax.Array | None = None) -> jax.Array:
        return self.encoder(images, carry)
