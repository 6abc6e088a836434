"""DCGAN's networks (Radford et al. 2016, arXiv 1511.06434) as the seed had them."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.layers import BASE_SIZE, Conv, Dense, UpsampleConv, at_least_float32, fan_avg_normal, octaves

MOMENTUM = 0.9  # of BatchNorm's running statistics
FIRST_EPS = 1e-5  # of the generator's BatchNorm before the first upsampling


class Generator(nn.Module):
    """Latents (B, latent_dim) to images (B, S, S, channels) in [-1, 1], up from 8x8.

    The channels halve from octave to octave, down to `width` at full size: 2 * width, width at 32 px.
    """

    width: int
    image_size: int
    channels: int
    kernel: int = 3
    upsampling: str = "nearest"  # nearest (then a convolution) or transposed
    transposed_kernel: int = 4
    leak: float = 0.2
    batch_norm_eps: float = 0.5
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, train: bool) -> jax.Array:
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=MOMENTUM, dtype=self.dtype)
        widths = [self.width * 2**octave for octave in reversed(range(octaves(self.image_size)))]
        x = Dense(BASE_SIZE * BASE_SIZE * widths[0], dtype=self.dtype)(latent.astype(self.dtype))
        x = norm(epsilon=FIRST_EPS)(x.reshape(-1, BASE_SIZE, BASE_SIZE, widths[0]))
        for width in widths:
            x = norm(epsilon=self.batch_norm_eps)(self.enlarge(width)(x))
            x = nn.leaky_relu(x, self.leak)
        return jnp.tanh(at_least_float32(Conv(self.channels, self.kernel, dtype=self.dtype)(x)))

    def enlarge(self, features: int) -> nn.Module:
        if self.upsampling == "nearest":
            return UpsampleConv(features, self.kernel, dtype=self.dtype)
        size = (self.transposed_kernel, self.transposed_kernel)
        return nn.ConvTranspose(features, size, (2, 2), "SAME", kernel_init=fan_avg_normal, dtype=self.dtype)


class Discriminator(nn.Module):
    """Images (B, S, S, C) to logits (B,) that they are real, down to 2x2 by convolutions of stride 2.

    The channels double from width / 4: 16, 32, 64, 128 at 32 px and width 64.
    """

    width: int
    kernel: int = 3
    dropout: float = 0.25  # of whole channels
    leak: float = 0.2
    batch_norm_eps: float = 0.5
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> jax.Array:
        x = images.astype(self.dtype)
        for layer in range(octaves(images.shape[1]) + 2):
            x = Conv(self.width * 2**layer // 4, self.kernel, stride=2, dtype=self.dtype)(x)
            x = nn.leaky_relu(x, self.leak)
            x = nn.Dropout(self.dropout, broadcast_dims=(1, 2), deterministic=not train)(x)
            if layer > 0:
                norm = nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=self.batch_norm_eps, dtype=self.dtype)
                x = norm(x)
        logits = Dense(1, dtype=self.dtype)(x.reshape(x.shape[0], -1))
        return at_least_float32(logits[:, 0])
