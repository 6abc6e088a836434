"""Layers that several networks share, each with the plain layout of parameters whatever computes it."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

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
}


@jax.custom_jvp
def elu(x: jax.Array) -> jax.Array:
    """ELU (Clevert et al. 2016, arXiv 1511.07289, equation 15), whose derivative is told from its value.

    So no more than the value is kept for the backward pass. exp(x) - 1 is exact to a rounding error of 1, which
    is enough here, and takes two thirds of expm1's time.
    """
    return jnp.where(x > 0, x, jnp.exp(jnp.minimum(x, 0)) - 1)


@elu.defjvp
def _elu_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    y = elu(*primals)
    return y, tangents[0] * jnp.where(y > 0, 1, y + 1)


@jax.custom_jvp
def channel_sum(x: jax.Array) -> jax.Array:
    """Sums (B, H, W, C) to (C,).

    A CPU does it by a matrix product with ones, as XLA merges a plain sum with the layers before it and then
    computes all of them ten times as slowly. The gradient is a plain broadcast, which merges well.
    """
    if jax.default_backend() != "cpu":
        return x.sum((0, 1, 2))
    rows = x.reshape(len(x), -1, x.shape[-1])
    return (_ones(rows, 1, rows.shape[1]) @ rows).sum((0, 1))


@channel_sum.defjvp
def _channel_sum_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    return channel_sum(*primals), tangents[0].sum((0, 1, 2))


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def per_channel(values: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Repeats (C,) over (B, H, W, C). Its gradient is a `channel_sum`."""
    return jnp.broadcast_to(values, shape)


@per_channel.defjvp
def _per_channel_jvp(shape: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    (tangent,) = tangents
    if jax.default_backend() == "cpu":  # a product, whose transpose is the product of `channel_sum`
        columns = jnp.broadcast_to(tangent, (shape[0], 1, shape[-1]))
        tangent = (_ones(columns, math.prod(shape[1:-1]), 1) @ columns).reshape(shape)
    return per_channel(*primals, shape), jnp.broadcast_to(tangent, shape)


def _ones(like: jax.Array, *shape: int) -> jax.Array:
    return jnp.ones((len(like), *shape), like.dtype)


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015, arXiv 1502.03167) of (..., C) over all but the channels.

    Variables and arithmetic are those of `nn.BatchNorm`, with sums that are fast on a CPU: statistics in
    float32 at least, running averages `mean` and `var` in "batch_stats".
    """

    use_running_average: bool
    momentum: float = 0.9
    epsilon: float = 1e-5
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        running_var = self.variable("batch_stats", "var", jnp.ones, channels)
        if self.use_running_average:
            mean, var = running_mean.value, running_var.value
        else:
            exact, count = at_least_float32(x), x.size / channels
            mean = channel_sum(exact) / count
            var = jnp.maximum(channel_sum(exact**2) / count - mean**2, 0)
            if not self.is_initializing():
                for running, batch in ((running_mean, mean), (running_var, var)):
                    running.value = self.momentum * running.value + (1 - self.momentum) * batch
        mean, factor, bias = (per_channel(v, x.shape) for v in (mean, jax.lax.rsqrt(var + self.epsilon) * scale, bias))
        return ((x - mean) * factor + bias).astype(self.dtype)


class InstanceNorm(nn.Module):
    """Instance normalisation (Ulyanov et al. 2016, arXiv 1607.08022) of each image's channels, (B, H, W, C)."""

    epsilon: float = 1e-5
    dtype: jnp.dtype = jnp.float32

    def __call__(self, x: jax.Array) -> jax.Array:
        exact = at_least_float32(x)
        mean = exact.mean((1, 2), keepdims=True)
        var = jnp.square(exact - mean).mean((1, 2), keepdims=True)
        return ((exact - mean) * jax.lax.rsqrt(var + self.epsilon)).astype(self.dtype)


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


def upsample(x: jax.Array) -> jax.Array:
    """Nearest neighbour, (B, H, W, C) to (B, 2H, 2W, C)."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


def reflect(x: jax.Array, pad: int) -> jax.Array:
    """Pads (B, H, W, C) by its mirror image, in which the edge itself is not repeated."""
    return jnp.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)], "reflect")


def average_pool(x: jax.Array) -> jax.Array:
    """Mean of each 2x2 square, (B, H, W, C) to (B, H/2, W/2, C)."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).mean((2, 4))


def at_least_float32(x: jax.Array) -> jax.Array:
    """bfloat16 to float32: the dtype in which losses are computed."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


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
            x = _conv(x, kernel, [(pad, pad)] * 2, self.stride)
        return _add_bias(self, x, start["bias_init"])


class Dense(nn.Module):
    """Linear layer (B, N) to (B, features)."""

    features: int
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Dense(self.features, dtype=self.dtype, **initializers(self.initialization, x.shape[-1]))(x)


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


class UpsampleConv(nn.Module):
    """Nearest upsampling, then a convolution of an odd kernel: (B, H, W, C) to (B, 2H, 2W, features).

    Where `folded` (by default on a CPU) it is computed on the small grid, see `folded_upsample_conv`.
    """

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
        if _folds(self.folded):
            x = folded_upsample_conv(x, kernel)
        else:
            x = _conv(upsample(x), kernel, [(self.kernel // 2, self.kernel // 2)] * 2)
        return _add_bias(self, x, start["bias_init"])


def folded_upsample_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """conv(upsample(x), kernel) as one small convolution for each of the four output phases.

    Output row 2i + a reads the upsampled rows 2i + a + d, |d| <= r, which are the rows
    floor((a + d) / 2) + i of x: kernel rows that meet the same row of x are summed beforehand.
    A 3x3 kernel becomes four of 2x2: 16 products where there were 36.

    Args:
      x: (B, H, W, C).
      kernel: (K, K, C, F), K odd.

    Returns:
      (B, 2H, 2W, F).
    """
    return _by_phases(x, kernel, _fold)


def folded_transposed_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A transposed convolution of stride 2 as one small convolution for each of the four output phases.

    Half of a kernel's rows, and half of its columns, meet what is not zero in x once it is spread out.

    Args:
      x: (B, H, W, C).
      kernel: (K, K, C, F), K > 1.

    Returns:
      (B, 2H, 2W, F), as `jax.lax.conv_transpose` with padding SAME.
    """
    return _by_phases(x, kernel, _every_other)


def _by_phases(x: jax.Array, kernel: jax.Array, part: Callable) -> jax.Array:
    """Puts together four convolutions of x, by what `part` takes of the kernel's rows and columns for each phase."""
    batch, height, width, _ = x.shape

    def phase(row: int, column: int) -> jax.Array:
        small, pad_rows = part(kernel, 0, row)
        small, pad_columns = part(small, 1, column)
        return _conv(x, small, (pad_rows, pad_columns))

    rows = [jnp.stack([phase(row, column) for column in (0, 1)], axis=3) for row in (0, 1)]
    interleaved = jnp.stack(rows, axis=2)  # (B, H, 2, W, 2, F)
    return interleaved.reshape(batch, 2 * height, 2 * width, kernel.shape[-1])


def conv_from_few(x: jax.Array, kernel: jax.Array, pad: int) -> jax.Array:
    """A convolution from few channels as one matrix product with what the kernel sees at each place.

    Args:
      x: (B, H, W, C).
      kernel: (K, K, C, F).
      pad: zeros on each side.

    Returns:
      (B, H + 2 pad - K + 1, W + 2 pad - K + 1, F).
    """
    size, height, width = len(kernel), *(side + 2 * pad - len(kernel) + 1 for side in x.shape[1:3])
    padded = _pad(x, pad)
    columns = jnp.concatenate([padded[:, :, j : j + width] for j in range(size)], -1)
    seen = jnp.concatenate([columns[:, i : i + height] for i in range(size)], -1)
    return seen @ kernel.reshape(-1, kernel.shape[-1])


def conv_to_few(x: jax.Array, kernel: jax.Array, pad: int) -> jax.Array:
    """The same to few channels: one matrix product for all the kernel's places, whose parts are moved there and summed.

    First by columns, then by rows: so neither the sums nor their gradients are of many large arrays.
    """
    size, _, channels, _ = kernel.shape
    height, width = (side + 2 * pad - size + 1 for side in x.shape[1:3])
    products = _pad(x, pad) @ kernel.transpose(2, 1, 0, 3).reshape(channels, -1)
    columns = sum(part[:, :, j : j + width] for j, part in enumerate(jnp.split(products, size, -1)))
    return sum(part[:, i : i + height] for i, part in enumerate(jnp.split(columns, size, -1)))


def _pad(x: jax.Array, pad: int) -> jax.Array:
    return jnp.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])


def _fold(kernel: jax.Array, axis: int, phase: int) -> tuple[jax.Array, tuple[int, int]]:
    """Sums what meets the same row (or column) of x at a phase of the output; returns that and x's padding."""
    radius = kernel.shape[axis] // 2
    source = np.floor_divide(phase + np.arange(-radius, radius + 1), 2)
    starts = np.searchsorted(source, np.arange(source[0], source[-1] + 1))
    parts = jnp.split(kernel, starts[1:], axis)
    return jnp.concatenate([part.sum(axis, keepdims=True) for part in parts], axis), (-source[0], source[-1])


def _every_other(kernel: jax.Array, axis: int, phase: int) -> tuple[jax.Array, tuple[int, int]]:
    """Takes what of a kernel meets x at a phase of a transposed convolution's output; returns that and x's padding."""
    size = kernel.shape[axis]
    before = min(size - 1, (size + 1) // 2)  # zeros that SAME puts before x
    taps = np.arange((before - phase) % 2, size, 2)
    first, last = (phase + taps[0] - before) // 2, (phase + taps[-1] - before) // 2
    return jnp.take(kernel, taps, axis), (-first, last)


def _folds(folded: bool | None) -> bool:
    return jax.default_backend() == "cpu" if folded is None else folded


def _add_bias(layer: nn.Module, x: jax.Array, initializer: Initializer) -> jax.Array:
    """Adds the layer's bias where it has one."""
    if not layer.bias:
        return x
    bias = layer.param("bias", initializer, (layer.features,)).astype(layer.dtype)
    return x + per_channel(bias, x.shape)


def _conv(x: jax.Array, kernel: jax.Array, padding, stride: int = 1) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
