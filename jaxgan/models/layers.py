"""Layers that several networks share, each with the plain layout of parameters whatever computes it."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.arithmetic import elu, over_pixels
from jaxgan.models.convolutions import (
    average_pool,
    conv,
    conv_from_few,
    conv_to_few,
    folded_conv_pool,
    folded_transposed_conv,
    folded_upsample_conv,
    reflect,
    upsample,
)

BASE_SIZE = 8  # side of the smallest feature map, at every image size
FEW = 4  # channels of images, at most, to and from which a CPU convolves by matrix products

Initializer = Callable[..., jax.Array]  # (key, shape, dtype) -> array


class Initialization(NamedTuple):
    """How the weights of convolutions and linear layers start."""

    kernel: Initializer
    bias: Callable[[int], Initializer]  # by the layer's fan-in


def _zeros(fan_in: int) -> Initializer:
    return nn.initializers.zeros


def _fan_in_uniform(fan_in: int) -> Initializer:
    bound = 1 / math.sqrt(fan_in)
    return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -bound, bound)


INITIALIZATIONS = {
    # N(0, sqrt(2 / (fan_in + fan_out))), biases 0: the seed's (Glorot & Bengio 2010, equation 12, drawn from a normal).
    "fan_avg_normal": Initialization(nn.initializers.variance_scaling(1.0, "fan_avg", "normal"), _zeros),
    # U[-1 / sqrt(fan_in), 1 / sqrt(fan_in)], biases as well: PyTorch's default, which the seed had before.
    "fan_in_uniform": Initialization(nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"), _fan_in_uniform),
    # N(0, 0.02), biases 0: DCGAN's (Radford et al. 2016, section 4).
    "normal_002": Initialization(nn.initializers.normal(0.02), _zeros),
    # Orthonormal columns, or rows where those are fewer, of the matrix from all inputs to the features, biases 0:
    # BigGAN's (Saxe et al. 2014, arXiv 1312.6120).
    "orthogonal": Initialization(nn.initializers.orthogonal(), _zeros),
}


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "elu": elu,
    "relu": nn.relu,
    "leaky_relu": nn.leaky_relu,
    "silu": nn.silu,
    "gelu": nn.gelu,
}


def octaves(image_size: int) -> int:
    """The number of halvings from `image_size` to BASE_SIZE."""
    return round(math.log2(image_size / BASE_SIZE))


def initializers(name: str, fan_in: int) -> dict[str, Initializer]:
    """A Linen layer's `kernel_init` and `bias_init`."""
    initialization = INITIALIZATIONS[name]
    return {"kernel_init": initialization.kernel, "bias_init": initialization.bias(fan_in)}


class Conv(nn.Module):
    """Convolution (B, H, W, C) to (B, H/stride, W/stride, features), padded by kernel // 2 where not told otherwise."""

    features: int
    kernel: int = 3
    stride: int = 1
    padding: int | None = None
    reflect: bool = False  # pads with the image's mirror image, else with zeros
    bias: bool = True
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        start = initializers(self.initialization, math.prod(shape[:-1]))
        kernel = self.param("kernel", start["kernel_init"], shape).astype(self.dtype)
        pad = self.kernel // 2 if self.padding is None else self.padding
        x = x.astype(self.dtype)
        if self.reflect:
            x, pad = reflect(x, pad), 0
        by_products = self.stride == 1 and jax.default_backend() == "cpu"
        if by_products and self.features <= FEW:
            x = conv_to_few(x, kernel, pad)
        elif by_products and x.shape[-1] <= FEW:
            x = conv_from_few(x, kernel, pad)
        else:
            x = conv(x, kernel, [(pad, pad)] * 2, self.stride)
        return _add_bias(self, x, start["bias_init"])


class Dense(nn.Module):
    """Linear layer (B, N) to (B, features)."""

    features: int
    bias: bool = True
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        start = initializers(self.initialization, x.shape[-1])
        return nn.Dense(self.features, self.bias, dtype=self.dtype, **start)(x)


class TransposedConv(nn.Module):
    """Transposed convolution of stride 2: (B, H, W, C) to (B, 2H, 2W, features).

    Its fan-in counts the features, as in the convolution that it transposes and as PyTorch counts.
    Where `folded` (by default on a CPU) it is computed on the small grid, see `folded_transposed_conv`.
    """

    features: int
    kernel: int = 4
    bias: bool = True
    folded: bool | None = None
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        size = (self.kernel, self.kernel)
        start = initializers(self.initialization, self.kernel**2 * self.features)
        draw = start.pop("kernel_init")

        def kernel_init(key, shape, dtype=jnp.float32):
            return draw(key, (*size, self.features, x.shape[-1]), dtype).swapaxes(2, 3)

        kernel = self.param("kernel", kernel_init, (*size, x.shape[-1], self.features))
        x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
        if _folds(self.folded):
            x = folded_transposed_conv(x, kernel)
        else:
            x = jax.lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return _add_bias(self, x, start["bias_init"])


class ResamplingConv(nn.Module):
    """A convolution of an odd kernel and a change of size, in one where `folded` (by default on a CPU)."""

    features: int
    kernel: int = 3
    bias: bool = True
    folded: bool | None = None
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        start = initializers(self.initialization, math.prod(shape[:-1]))
        x, kernel = (value.astype(self.dtype) for value in (x, self.param("kernel", start["kernel_init"], shape)))
        x = self.at_once(x, kernel) if _folds(self.folded) else self.in_turn(x, kernel)
        return _add_bias(self, x, start["bias_init"])

    def at_once(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        raise NotImplementedError

    def in_turn(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        raise NotImplementedError


class UpsampleConv(ResamplingConv):
    """Nearest upsampling, then a convolution: (B, H, W, C) to (B, 2H, 2W, features); see `folded_upsample_conv`."""

    def at_once(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return folded_upsample_conv(x, kernel)

    def in_turn(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return conv(upsample(x), kernel, [(self.kernel // 2, self.kernel // 2)] * 2)


class ConvPool(ResamplingConv):
    """Convolution, then means of 2x2 squares: (B, H, W, C) to (B, H/2, W/2, features); see `folded_conv_pool`."""

    def at_once(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return folded_conv_pool(x, kernel)

    def in_turn(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return average_pool(conv(x, kernel, [(self.kernel // 2, self.kernel // 2)] * 2))


def _folds(folded: bool | None) -> bool:
    return jax.default_backend() == "cpu" if folded is None else folded


def _add_bias(layer: nn.Module, x: jax.Array, initializer: Initializer) -> jax.Array:
    """Adds the layer's bias where it has one."""
    if not layer.bias:
        return x
    bias = layer.param("bias", initializer, (layer.features,)).astype(layer.dtype)
    return x + over_pixels(bias, x.shape)
