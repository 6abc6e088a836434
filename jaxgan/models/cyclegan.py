"""CycleGAN's networks (Zhu et al. 2017, arXiv 1703.10593, sections 4 and 7.2): from images to images, and critics of
patches."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.arithmetic import at_least_float32
from jaxgan.models.layers import Conv, TransposedConv, UpsampleConv
from jaxgan.models.normalisation import InstanceNorm

HALVINGS = 2  # of the image's sides, before the blocks
SLOPE = 0.2  # of the critic's leaky ReLU, below 0
MOST = 8  # times `width`, of the critic's channels


class Generator(nn.Module):
    """Images (B, H, W, C) in [-1, 1] to images of another domain, H and W multiples of 4.

    A 7x7 convolution, two of stride 2, residual blocks, two upsamplings, a 7x7 convolution and tanh.
    """

    width: int  # channels at full size
    blocks: int
    channels: int
    upsampling: str = "transposed"  # or nearest, then a convolution
    initialization: str = "normal_002"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        start = {"bias": False, "initialization": self.initialization, "dtype": self.dtype}
        conv = partial(Conv, **start)
        enlarge = partial({"transposed": TransposedConv, "nearest": UpsampleConv}[self.upsampling], kernel=3, **start)
        norm = InstanceNorm(dtype=self.dtype)
        widths = [self.width * 2**octave for octave in range(HALVINGS + 1)]
        x = nn.relu(norm(conv(self.width, kernel=7, reflect=True)(images)))
        for width in widths[1:]:
            x = nn.relu(norm(conv(width, stride=2)(x)))
        for _ in range(self.blocks):
            y = nn.relu(norm(conv(x.shape[-1], reflect=True)(x)))
            x = x + norm(conv(x.shape[-1], reflect=True)(y))
        for width in reversed(widths[:-1]):
            x = nn.relu(norm(enlarge(width)(x)))
        last = Conv(self.channels, 7, reflect=True, initialization=self.initialization, dtype=self.dtype)
        return jnp.tanh(at_least_float32(last(x)))


class Critic(nn.Module):
    """Images (B, H, W, C) to a score for each of their overlapping patches (B, h, w, 1): PatchGAN.

    A patch has 16, 34 or 70 pixels a side with 1, 2 or 3 `halvings`.
    """

    width: int  # channels after the first convolution
    halvings: int
    initialization: str = "normal_002"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        conv = partial(Conv, kernel=4, padding=1, initialization=self.initialization, dtype=self.dtype)
        x = nn.leaky_relu(conv(self.width, stride=2)(images), SLOPE)
        for layer in range(1, self.halvings + 1):
            x = conv(self.width * min(2**layer, MOST), stride=1 + (layer < self.halvings), bias=False)(x)
            x = nn.leaky_relu(InstanceNorm(dtype=self.dtype)(x), SLOPE)
        return at_least_float32(conv(1)(x))
