"""Resampling and convolution of (B, H, W, C), with kernels (K, K, C, F), plain and rewritten for speed."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

TOGETHER = 32  # channels of several groups that a CPU convolves at once


def conv(
    x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]], stride: int = 1, groups: int = 1
) -> jax.Array:
    """The convolution, with so many zeros before and after rows and columns."""
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=layout, feature_group_count=groups
    )


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
        return conv(x, small, (pad_rows, pad_columns))

    rows = [jnp.stack([phase(row, column) for column in (0, 1)], axis=3) for row in (0, 1)]
    interleaved = jnp.stack(rows, axis=2)  # (B, H, 2, W, 2, F)
    return interleaved.reshape(batch, 2 * height, 2 * width, kernel.shape[-1])


def folded_conv_pool(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """average_pool(conv(x, kernel)) as one convolution of stride 2, whose kernel is the mean of four, each moved.

    A 3x3 kernel becomes one of 4x4 at a quarter of the places: 16 products where there were 36.

    Args:
      x: (B, H, W, C), H and W even.
      kernel: (K, K, C, F), K odd.

    Returns:
      (B, H/2, W/2, F).
    """
    radius = len(kernel) // 2
    for axis in (0, 1):
        widths = [[(0, 0)] * axis + [side] + [(0, 0)] * (3 - axis) for side in ((0, 1), (1, 0))]
        kernel = sum(jnp.pad(kernel, width) for width in widths) / 2
    return conv(x, kernel, [(radius, radius)] * 2, 2)


def grouped_conv(x: jax.Array, kernel: jax.Array, groups: int) -> jax.Array:
    """A convolution, padded by zeros to keep the size, in which each group of features sees its own group of channels.

    A CPU convolves groups together, with a kernel that is 0 between them: XLA's own way takes ten times as long.

    Args:
      x: (B, H, W, C).
      kernel: (K, K, C / groups, F), K odd.

    Returns:
      (B, H, W, F).
    """
    pads = [(len(kernel) // 2, len(kernel) // 2)] * 2
    if jax.default_backend() != "cpu":
        return conv(x, kernel, pads, groups=groups)
    fitting = max(TOGETHER // kernel.shape[2], 1)
    together = max(number for number in range(1, groups + 1) if groups % number == 0 and number <= fitting)
    parts = zip(*(jnp.split(array, groups // together, -1) for array in (x, kernel)), strict=True)
    return jnp.concatenate([conv(own, _whole_kernel(kernel, together), pads) for own, kernel in parts], -1)


def _whole_kernel(kernel: jax.Array, groups: int) -> jax.Array:
    """(K, K, C, F) that is 0 where a channel and a feature are of different groups."""
    size, _, channels, features = kernel.shape
    parts = kernel.reshape(size, size, 1, channels, groups, features // groups)
    own = jnp.eye(groups, dtype=kernel.dtype)[:, None, :, None]
    return (parts * own).reshape(size, size, groups * channels, features)


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
