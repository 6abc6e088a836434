"""R3GAN's residual networks (Huang et al. 2024, arXiv 2501.05441, section 4), without normalisation of any kind.

Blocks are inverted bottlenecks with grouped convolutions. They start as the identity (Fix-up, Zhang et al. 2019, arXiv
1901.09321): their last weights are 0, the others smaller the more blocks there are.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.arithmetic import at_least_float32, over_pixels
from jaxgan.models.convolutions import grouped_conv

BASE_SIZE = 4  # side of the smallest feature map
WIDE_TO = 32  # side up to which feature maps have `width` channels; from there they halve with each doubling
SLOPE = 0.2  # of LeakyReLU below 0
KEEPS_SIZE = math.sqrt(2 / (1 + SLOPE**2))  # what LeakyReLU takes of its input's deviation, given back to the weights


class Generator(nn.Module):
    """Latents (B, latent_dim), and labels int (B,) where there are classes, to images (B, S, S, channels).

    They are meant to lie in [-1, 1], which nothing forces them to.
    """

    image_size: int
    channels: int
    width: int
    blocks: int  # of each size
    group: int  # channels of a group
    classes: int = 0
    remat: bool = False  # computes each block anew in the backward pass, in the place of keeping what is inside
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        if self.classes:
            named = Linear(latent.shape[-1], name="embedding")(jax.nn.one_hot(label, self.classes))
            latent = jnp.concatenate([latent, named], 1)
        sides, block = feature_sides(self.image_size), nn.remat(Block) if self.remat else Block
        wide = feature_channels(self.width, BASE_SIZE)
        basis = self.param("basis", nn.initializers.normal(1.0), (BASE_SIZE, BASE_SIZE, wide)).astype(self.dtype)
        x = Linear(wide, dtype=self.dtype)(latent)[:, None, None] * basis
        for side in sides:
            x = resize(Linear.between(x, feature_channels(self.width, side), self.dtype), side)
            for number in range(self.blocks):
                x = block(self.group, self.blocks * len(sides), self.dtype, name=f"Block_{side}_{number}")(x)
        return at_least_float32(Linear(self.channels, dtype=self.dtype)(x))


class Discriminator(nn.Module):
    """Images (B, S, S, C), and labels int (B,) where there are classes, to how real they are (B,)."""

    width: int
    blocks: int
    group: int
    classes: int = 0
    remat: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, label: jax.Array | None = None) -> jax.Array:
        sides, block = feature_sides(images.shape[1])[::-1], nn.remat(Block) if self.remat else Block
        x = Linear(feature_channels(self.width, sides[0]), dtype=self.dtype)(images.astype(self.dtype))
        for side in sides:
            x = Linear.between(resize(x, side), feature_channels(self.width, side), self.dtype)
            for number in range(self.blocks):
                x = block(self.group, self.blocks * len(sides), self.dtype, name=f"Block_{side}_{number}")(x)
        wide = x.shape[-1]
        start = nn.initializers.normal(1 / BASE_SIZE)
        basis = self.param("basis", start, (BASE_SIZE, BASE_SIZE, wide)).astype(self.dtype)
        features = at_least_float32(jnp.einsum("bhwc,hwc->bc", x, basis))
        exact = {"dtype": features.dtype}
        if not self.classes:
            return Linear(1, **exact)(features)[:, 0]
        named = Linear(wide, wide**-0.5, name="embedding", **exact)(jax.nn.one_hot(label, self.classes))
        return jnp.sum(Linear(wide, **exact)(features) * named, 1)


class Block(nn.Module):
    """Adds to (B, H, W, C) what twice as many channels, in groups, make of it."""

    group: int
    blocks: int  # in the whole network
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        inner, gain = 2 * channels, KEEPS_SIZE * self.blocks**-0.25  # L^(-1 / (2 m - 2)) of m = 3 layers
        h = Linear(inner, gain, dtype=self.dtype)(x)
        kernel = self.param(
            "kernel", nn.initializers.normal(gain / math.sqrt(9 * self.group)), (3, 3, self.group, inner)
        )
        h = grouped_conv(self.activate(h, "inner"), kernel.astype(self.dtype), inner // self.group)
        return x + Linear(channels, 0.0, dtype=self.dtype)(self.activate(h, "outer"))

    def activate(self, x: jax.Array, name: str) -> jax.Array:
        bias = self.param(f"{name}_bias", nn.initializers.zeros, x.shape[-1:]).astype(self.dtype)
        return nn.leaky_relu(x + over_pixels(bias, x.shape), SLOPE)


class Linear(nn.Module):
    """(..., N) to (..., features), without a bias, by weights N(0, gain^2 / N)."""

    features: int
    gain: float = 1.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = x.shape[-1], self.features
        kernel = self.param("kernel", nn.initializers.normal(self.gain / math.sqrt(shape[0])), shape)
        return x.astype(self.dtype) @ kernel.astype(self.dtype)

    @staticmethod
    def between(x: jax.Array, features: int, dtype: jnp.dtype) -> jax.Array:
        """To so many features, or x itself where it has them."""
        return x if x.shape[-1] == features else Linear(features, dtype=dtype)(x)


def resize(x: jax.Array, side: int) -> jax.Array:
    """Enlarges or shrinks (B, H, W, C) by bilinear interpolation, of larger windows where it shrinks."""
    batch, height, _, channels = x.shape
    return x if height == side else jax.image.resize(x, (batch, side, side, channels), "bilinear")


def feature_sides(image_size: int) -> list[int]:
    """From BASE_SIZE on, each the double of the one before."""
    return [BASE_SIZE << number for number in range(round(math.log2(image_size / BASE_SIZE)) + 1)]


def feature_channels(width: int, side: int) -> int:
    """Of a feature map with such a side."""
    return min(width, width * WIDE_TO // side)
