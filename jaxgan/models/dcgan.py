"""DCGAN's networks (Radford et al. 2016, arXiv 1511.06434) as the seed had them."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.arithmetic import at_least_float32
from jaxgan.models.layers import BASE_SIZE, Conv, Dense, TransposedConv, UpsampleConv, octaves
from jaxgan.models.normalisation import BatchNorm

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
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, train: bool) -> jax.Array:
        start = {"initialization": self.initialization, "dtype": self.dtype}
        norm = partial(BatchNorm, use_running_average=not train, momentum=MOMENTUM, dtype=self.dtype)
        enlarge = {
            "nearest": partial(UpsampleConv, kernel=self.kernel, **start),
            "transposed": partial(TransposedConv, kernel=self.transposed_kernel, **start),
        }[self.upsampling]
        widths = [self.width * 2**octave for octave in reversed(range(octaves(self.image_size)))]
        x = Dense(BASE_SIZE * BASE_SIZE * widths[0], **start)(latent.astype(self.dtype))
        x = norm(epsilon=FIRST_EPS)(x.reshape(-1, BASE_SIZE, BASE_SIZE, widths[0]))
        for width in widths:
            x = norm(epsilon=self.batch_norm_eps)(enlarge(width)(x))
            x = nn.leaky_relu(x, self.leak)
        return jnp.tanh(at_least_float32(Conv(self.channels, self.kernel, **start)(x)))


class Discriminator(nn.Module):
    """Images (B, S, S, C) to (B, outputs), down to 2x2 by convolutions of stride 2.

    One output is the logit that an image is real; ADCGAN's analysis network has as many as codes have numbers.
    The channels double from width / 4: 16, 32, 64, 128 at 32 px and width 64.
    """

    width: int
    outputs: int = 1
    kernel: int = 3
    dropout: float = 0.25  # of whole channels
    leak: float = 0.2
    batch_norm_eps: float = 0.5
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> jax.Array:
        start = {"initialization": self.initialization, "dtype": self.dtype}
        x = images.astype(self.dtype)
        for layer in range(octaves(images.shape[1]) + 2):
            x = Conv(self.width * 2**layer // 4, self.kernel, stride=2, **start)(x)
            x = nn.leaky_relu(x, self.leak)
            x = nn.Dropout(self.dropout, broadcast_dims=(1, 2), deterministic=not train)(x)
            if layer > 0:
                norm = BatchNorm(not train, momentum=MOMENTUM, epsilon=self.batch_norm_eps, dtype=self.dtype)
                x = norm(x)
        return at_least_float32(Dense(self.outputs, **start)(x.reshape(x.shape[0], -1)))
