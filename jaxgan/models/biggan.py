"""BigGAN's residual networks (Brock et al. 2019, arXiv 1809.11096, appendix B), with or without classes.

Without classes, attention and latents in chunks they are SNGAN's (Miyato et al. 2018, arXiv 1802.05957). Their kernels
are normalised outside, see `spectral`.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.arithmetic import at_least_float32, image_sum
from jaxgan.models.convolutions import average_pool, upsample
from jaxgan.models.layers import INITIALIZATIONS, Conv, ConvPool, Dense, UpsampleConv
from jaxgan.models.normalisation import BatchNorm

BASE_SIZE = 4  # side of the generator's smallest feature map
VARIANCE_FLOOR = 1e-8  # at 0 the square root has no slope
LARGEST = 128  # side of the feature maps of `width` channels; they double with each halving of it


class Generator(nn.Module):
    """Latents (B, latent_dim), and labels int (B,) where there are classes, to images (B, S, S, channels) in [-1, 1].

    Where `skip`, the latent is cut in as many equal chunks as there are blocks and one more: the first is what they
    start from, each of the others scales and shifts a block's features, together with the label's embedding.
    """

    image_size: int
    channels: int
    width: int
    widest: int  # the most channels, in widths
    skip: bool = True
    classes: int = 0
    embedding: int = 128  # length of a label's
    attention: int = 0  # side of the feature map with self-attention; 0 has none
    remat: bool = False  # computes each block anew in the backward pass, in the place of keeping what is inside
    initialization: str = "orthogonal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, label: jax.Array | None, train: bool) -> jax.Array:
        start = {"initialization": self.initialization, "dtype": self.dtype}
        # One batch's statistics are kept as they are: it is over many batches that they are averaged, at the end.
        norm = partial(BatchNorm, use_running_average=not train, momentum=0.0, **start)
        sides = halvings(self.image_size)[::-1]
        first, *rest = [latent, *[None] * len(sides)]
        if self.skip:
            first, *rest = jnp.split(latent, len(sides) + 1, 1)
        embed = partial(nn.Embed, embedding_init=INITIALIZATIONS[self.initialization].kernel, dtype=self.dtype)
        named = embed(self.classes, self.embedding)(label) if self.classes else None
        square = BASE_SIZE, BASE_SIZE, feature_channels(self.width, self.widest, BASE_SIZE)
        x = Dense(math.prod(square), **start)(first.astype(self.dtype)).reshape(-1, *square)
        block = nn.remat(UpBlock) if self.remat else UpBlock
        for number, (side, chunk) in enumerate(zip(sides, rest, strict=True)):
            known = [part for part in (named, chunk) if part is not None]
            condition = jnp.concatenate(known, 1) if known else None
            features = feature_channels(self.width, self.widest, side)
            x = block(features, norm, start, name=f"UpBlock_{number}")(x, condition)
            if side == self.attention:
                x = SelfAttention(**start)(x)
        x = nn.relu(BatchNorm(not train, momentum=0.0, dtype=self.dtype)(x))
        return jnp.tanh(at_least_float32(Conv(self.channels, **start)(x)))


class Discriminator(nn.Module):
    """Images (B, S, S, C), and labels int (B,) where there are classes, to how real they are (B,).

    Features are summed over the image. A label's share is their product with its own weights (projection
    discriminator, Miyato & Koyama 2018, arXiv 1802.05637). With `minibatch_std` each image's features come with the
    mean of their standard deviations over the batch, by which images that are too much alike are told (Karras et al.
    2018, arXiv 1710.10196, section 3, who take it before the sum over the image).
    """

    width: int
    widest: int
    end: int  # side of the last feature map, and ...
    blocks: int  # ... blocks on it
    minibatch_std: bool = False
    classes: int = 0
    attention: int = 0
    remat: bool = False
    initialization: str = "orthogonal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, label: jax.Array | None) -> jax.Array:
        start = {"initialization": self.initialization, "dtype": self.dtype}
        block = nn.remat(DownBlock) if self.remat else DownBlock
        x, size = images.astype(self.dtype), images.shape[1]
        halved = [side for side in halvings(size) if side > self.end]
        for number, side in enumerate(halved + [self.end] * self.blocks):
            features, halve = feature_channels(self.width, self.widest, side), number < len(halved)
            x = block(features, halve, number > 0, start, name=f"DownBlock_{number}")(x)
            if halve and side // 2 == self.attention:
                x = SelfAttention(**start)(x)
        features = known = image_sum(at_least_float32(nn.relu(x)))
        if self.minibatch_std:
            deviation = jnp.sqrt(jnp.var(features, 0) + VARIANCE_FLOOR).mean()
            known = jnp.concatenate([features, jnp.broadcast_to(deviation, (len(features), 1))], 1)
        score = Dense(1, **start)(known)
        if self.classes:
            chosen = jax.nn.one_hot(label, self.classes, dtype=features.dtype)
            weights = Dense(features.shape[-1], bias=False, name="projection", **start)(chosen)
            score = score + jnp.sum(weights * features, 1, keepdims=True)
        return at_least_float32(score)[:, 0]


class UpBlock(nn.Module):
    """(B, H, W, C) to (B, 2H, 2W, features)."""

    features: int
    norm: partial
    start: dict

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array | None) -> jax.Array:
        h = nn.relu(self.norm()(x, condition))
        h = UpsampleConv(self.features, **self.start)(h)
        h = nn.relu(self.norm()(h, condition))
        h = Conv(self.features, **self.start)(h)
        return h + upsample(Conv(self.features, 1, **self.start)(x))  # which commute


class DownBlock(nn.Module):
    """(B, H, W, C) to (B, H/2, W/2, features), or without halving to (B, H, W, features)."""

    features: int
    halve: bool
    activate: bool  # what comes in; the image itself is taken as it is
    start: dict

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h = Conv(self.features, **self.start)(nn.relu(x) if self.activate else x)
        h = (ConvPool if self.halve else Conv)(self.features, **self.start)(nn.relu(h))
        if self.halve:
            x = average_pool(x)
        if self.halve or x.shape[-1] != self.features:
            x = Conv(self.features, 1, **self.start)(x)
        return h + x


class SelfAttention(nn.Module):
    """Adds to (B, H, W, C) what each place takes from all others (Zhang et al. 2019, arXiv 1805.08318, section 3).

    Keys and values are the largest of each 2x2 square, as BigGAN has it.
    """

    initialization: str = "orthogonal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, height, width, channels = x.shape
        linear = partial(Conv, kernel=1, bias=False, initialization=self.initialization, dtype=self.dtype)
        rows = lambda part: part.reshape(batch, -1, part.shape[-1])
        largest = lambda part: nn.max_pool(part, (2, 2), (2, 2))
        query = rows(linear(channels // 8)(x))
        key, value = (rows(largest(linear(features)(x))) for features in (channels // 8, channels // 2))
        taken = jax.nn.softmax(at_least_float32(query @ key.swapaxes(1, 2))).astype(self.dtype) @ value
        gain = self.param("gain", nn.initializers.zeros, ()).astype(self.dtype)
        return x + gain * linear(channels)(taken.reshape(batch, height, width, -1))


def halvings(image_size: int) -> list[int]:
    """The sides of an image that is halved, its own first, down to twice BASE_SIZE."""
    return [image_size >> number for number in range(round(math.log2(image_size / BASE_SIZE)))]


def feature_channels(width: int, widest: int, side: int) -> int:
    """Of a feature map with such a side."""
    return width * min(widest, LARGEST // side)
