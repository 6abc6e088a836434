"""Convolutional dictionaries: images from coefficients and back, each by the way that costs least.

`render` is D^T: each coefficient draws its atom, (B, h, w, atoms) to (B, H, W, channels). `correlate` is D, its
adjoint: how much of each atom is in each place. Convolutions are valid: atoms lie within the image. Rows and columns at
the far edges that the last atoms do not reach, fewer than the stride, are zero in what is rendered.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

DIMENSIONS = ("NHWC", "HWIO", "NHWC")
FEW_BLOCKS = 4  # as large as the stride in an atom, up to which a product is faster on a CPU than a convolution
OVERHEAD = 4  # products that one in the spectrum must save: there, memory is the limit


class Atoms(NamedTuple):
    """A dictionary at work on images of one size."""

    render: Callable[[jax.Array], jax.Array]  # (B, h, w, atoms) -> (B, H, W, channels)
    correlate: Callable[[jax.Array], jax.Array]  # (B, H, W, channels) -> (B, h, w, atoms)


def atoms(dictionary: jax.Array, stride: int, shape: tuple[int, int]) -> Atoms:
    """Prepares a dictionary (height, width, channels, atoms) for images (H, W)."""
    few = FEW_BLOCKS if jax.default_backend() == "cpu" else 1
    if math.prod(_blocks(dictionary.shape, stride, shape)[1:]) <= few:
        return by_products(dictionary, stride, shape)
    way = in_the_spectrum if _spectrum_pays(dictionary.shape, stride, shape) else by_convolution
    return way(dictionary, stride, shape)


def code_shape(size: tuple[int, ...], stride: int, shape: tuple[int, int]) -> tuple[int, int, int]:
    """The shape (h, w, atoms) of the coefficients of images (H, W) in a dictionary of shape `size`."""
    height, width = ((side - length) // stride + 1 for side, length in zip(shape, size[:2], strict=True))
    return height, width, size[3]


def by_convolution(dictionary: jax.Array, stride: int, shape: tuple[int, int]) -> Atoms:
    """Both ways as forward convolutions: unlike autodiff's transpose those are fast in a loop on a CPU."""
    size = dictionary.shape[:2]
    counts = code_shape(dictionary.shape, stride, shape)[:2]
    padding = [
        (length - 1, side - (count - 1) * stride - 1) for length, side, count in zip(size, shape, counts, strict=True)
    ]
    turned = dictionary[::-1, ::-1].swapaxes(2, 3)
    return Atoms(
        lambda codes: jax.lax.conv_general_dilated(
            codes, turned, (1, 1), padding, (stride, stride), dimension_numbers=DIMENSIONS
        ),
        lambda images: jax.lax.conv_general_dilated(
            images, dictionary, (stride, stride), "VALID", dimension_numbers=DIMENSIONS
        ),
    )


def in_the_spectrum(dictionary: jax.Array, stride: int, shape: tuple[int, int]) -> Atoms:
    """Both ways as a product at each frequency, of an image's size, between Fourier transforms that are products too.

    For atoms of stride 1 within the image, the circular convolution of its size is the plain one.
    """
    counts = code_shape(dictionary.shape, stride, shape)[:2]
    for_images, for_codes = Fourier.of(shape, shape), Fourier.of(counts, shape)
    spectrum = jnp.fft.rfft2(dictionary, shape, (0, 1)).transpose(1, 0, 3, 2)  # (v, u, atoms, channels)
    pair = lambda kernel: jnp.concatenate([kernel.real, kernel.imag], -1)
    rendering, correlating = pair(spectrum), pair(spectrum.conj().swapaxes(2, 3))
    return Atoms(
        lambda codes: for_images.inverse(_multiply(for_codes.forward(codes), rendering)),
        lambda images: for_codes.inverse(_multiply(for_images.forward(images), correlating)),
    )


def by_products(dictionary: jax.Array, stride: int, shape: tuple[int, int]) -> Atoms:
    """Both ways as one matrix product between blocks of `stride` pixels a side: on a CPU its gradients are fast.

    An atom covers some blocks down and across, its size over the stride, padded with zeros to a whole number. Where
    there is room for one atom only, one block is as large as that.
    """
    (height, width, channels, count), (rows, columns, _) = dictionary.shape, code_shape(dictionary.shape, stride, shape)
    stride, down, across = _blocks(dictionary.shape, stride, shape)
    grid = rows + down - 1, columns + across - 1  # blocks that atoms reach
    covered = grid[0] * stride, grid[1] * stride
    padding = (0, down * stride - height), (0, across * stride - width), (0, 0), (0, 0)
    blocks = jnp.pad(dictionary, padding).reshape(down, stride, across, stride, channels, count)
    matrix = blocks.transpose(0, 2, 1, 3, 4, 5).reshape(-1, count)
    places = [(row, column) for row in range(down) for column in range(across)]

    def correlate(images: jax.Array) -> jax.Array:
        images = _fit(images, covered).reshape(len(images), grid[0], stride, grid[1], stride, channels)
        tiles = images.transpose(0, 1, 3, 2, 4, 5).reshape(len(images), *grid, -1)
        seen = [tiles[:, row : row + rows, column : column + columns] for row, column in places]
        patches = jnp.concatenate(seen, -1).reshape(len(images) * rows * columns, -1)
        return (patches @ matrix).reshape(len(images), rows, columns, count)

    def render(codes: jax.Array) -> jax.Array:
        drawn = (codes.reshape(-1, count) @ matrix.T).reshape(codes.shape[0], rows, columns, len(places), -1)
        tiles = sum(
            jnp.pad(drawn[:, :, :, place], ((0, 0), (row, down - 1 - row), (column, across - 1 - column), (0, 0)))
            for place, (row, column) in enumerate(places)
        )
        tiles = tiles.reshape(codes.shape[0], *grid, stride, stride, channels).transpose(0, 1, 3, 2, 4, 5)
        return _fit(tiles.reshape(codes.shape[0], *covered, channels), shape)

    return Atoms(render, correlate)


def _blocks(size: tuple[int, ...], stride: int, shape: tuple[int, int]) -> tuple[int, int, int]:
    """The side of the blocks of `by_products`, and how many an atom covers down and across."""
    if code_shape(size, stride, shape)[:2] == (1, 1):
        stride = max(size[:2])
    return stride, -(-size[0] // stride), -(-size[1] // stride)


def _fit(images: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Images (B, h, w, C) with zeros put to the far edges or pixels taken from there, (B, H, W, C)."""
    images = images[:, : shape[0], : shape[1]]
    missing = [(0, side - had) for side, had in zip(shape, images.shape[1:3], strict=True)]
    return jnp.pad(images, ((0, 0), *missing, (0, 0)))


class Fourier(NamedTuple):
    """The real Fourier transform of (B, h, w, K), padded with zeros to (H, W), as two products.

    Spectra are (v, u, 2, B, K): the frequencies across, 0 to W/2, and down, 0 to H-1, then real and imaginary parts.
    """

    across: np.ndarray  # (w, 2, v)
    down: np.ndarray  # (2, h, u, 2)
    weights: np.ndarray  # (v,): how often each frequency across counts on the way back, over H W

    @classmethod
    def of(cls, size: tuple[int, int], shape: tuple[int, int]) -> "Fourier":
        """For arrays of `size` (h, w), padded to `shape` (H, W)."""
        (height, width), half = shape, shape[1] // 2 + 1
        across = np.exp(-2j * np.pi * np.outer(np.arange(size[1]), np.arange(half)) / width)
        turn = np.exp(-2j * np.pi * np.outer(np.arange(size[0]), np.arange(height)) / height)
        down = np.stack([np.stack([turn.real, turn.imag], -1), np.stack([-turn.imag, turn.real], -1)])
        weights = np.where(np.arange(half) % (width / 2), 2, 1) / (height * width)  # 0 and the highest have no twin
        return cls(np.stack([across.real, across.imag], 1), down, weights)

    def forward(self, x: jax.Array) -> jax.Array:
        rows = jnp.einsum("bhwk,wcv->vbchk", x, self.across.astype(x.dtype))
        return jnp.einsum("vbchk,chud->vudbk", rows, self.down.astype(x.dtype))

    def inverse(self, spectrum: jax.Array) -> jax.Array:
        rows = jnp.einsum("vudbk,chud->vbchk", spectrum, self.down.astype(spectrum.dtype))
        return jnp.einsum("vbchk,wcv->bhwk", rows, (self.across * self.weights).astype(spectrum.dtype))


def _multiply(spectrum: jax.Array, kernel: jax.Array) -> jax.Array:
    """Complex products (v, u, 2, B, K) with (v, u, K, 2 M), whose halves are its real and imaginary parts."""
    across, down, _, batch, channels = spectrum.shape
    found = spectrum.reshape(across, down, 2 * batch, channels) @ kernel
    (rr, ri), (ir, ii) = (jnp.split(half, 2, -1) for half in jnp.split(found, 2, 2))
    return jnp.stack([rr - ii, ri + ir], 2)


def _spectrum_pays(size: tuple[int, ...], stride: int, shape: tuple[int, int]) -> bool:
    """Compares the products of both ways."""
    if stride > 1:
        return False
    height, width, channels, count = size
    (rows, columns, _), half = code_shape(size, stride, shape), shape[1] // 2 + 1
    transforms = sum(
        channels * 2 * half * high * (wide + 2 * shape[0])
        for high, wide, channels in ((rows, columns, count), (*shape, channels))
    )
    spectral = transforms + 4 * half * shape[0] * channels * count
    return rows * columns * height * width * channels * count > OVERHEAD * spectral


def curvature(working: Atoms, guess: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
    """Searches the largest eigenvalue of D D^T by power iteration, from below.

    Args:
      working: the dictionary.
      guess: where to start, an image (1, H, W, channels).
      steps: of the iteration.

    Returns:
      The eigenvalue, and the image from which the next search goes on.
    """

    def body(_, found):
        image = working.render(working.correlate(found[1] / jnp.linalg.norm(found[1])))
        return jnp.linalg.norm(image), image

    return jax.lax.fori_loop(0, steps, body, (jnp.zeros((), guess.dtype), guess))


def normalised(dictionary: jax.Array) -> jax.Array:
    """The dictionary with atoms of norm 1; one that is zero stays so."""
    return dictionary / jnp.maximum(jnp.sqrt(jnp.sum(dictionary**2, axis=(0, 1, 2))), 1e-12)
