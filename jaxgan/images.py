"""Images on their way in and out: uint8 in files and batches, float in [-1, 1] inside the networks."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.writing import write_whole

PANELS = 16  # columns of what an algorithm that draws no samples shows, and the images that it shows it of
MARGIN = 6  # pixels on both sides of a label


def to_float(images: jax.Array) -> jax.Array:
    """uint8 (...) in [0, 255] to float32 in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1.0


def to_uint8(images: np.ndarray) -> np.ndarray:
    """float (...) in [-1, 1] to uint8; values outside are clipped, halves round to even."""
    return np.clip(np.rint((np.asarray(images, np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)


def in_batches(function: Callable, images: np.ndarray, size: int) -> Any:
    """Calls a function of `size` images (size, ...), so that it compiles once, on one part after the other of (N, ...).

    Returns:
      What it returns, a tree of arrays (size, ...), as NumPy arrays (N, ...).
    """
    parts = []
    for first in range(0, len(images), size):
        part = np.asarray(images[first : first + size])
        padded = np.pad(part, ((0, size - len(part)), *[(0, 0)] * (part.ndim - 1)))
        count = len(part)
        parts.append(jax.tree.map(lambda array, count=count: np.asarray(array)[:count], function(padded)))
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def augment(key: jax.Array, images: jax.Array, flip: bool) -> jax.Array:
    """Where `flip`, mirrors each of the images (B, H, W, C) left to right with probability 1/2."""
    if not flip:
        return images
    mirrored = jax.random.bernoulli(key, shape=(images.shape[0], 1, 1, 1))
    return jnp.where(mirrored, images[:, :, ::-1], images)


def crop_enlarged(key: jax.Array, images: jax.Array, side: int) -> jax.Array:
    """Enlarges images (B, S, S, C) to `side` and cuts of each a part of the old size out; 0 leaves them as they are."""
    if not side:
        return images
    count, height, width, channels = images.shape
    enlarged = jax.image.resize(images, (count, side, side, channels), "linear")
    corner = jax.random.randint(key, (count, 2), 0, side - jnp.asarray([height, width]) + 1)
    cut = lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], 0), (height, width, channels))
    return jax.vmap(cut)(enlarged, corner)


def input_noise(key: jax.Array, shape: tuple[int, ...], largest: jax.Array) -> jax.Array:
    """Gaussian noise (`shape`) for a discriminator's input, the same for its real and its fake batch.

    The deviation is one uniform draw a batch from [0, `largest`], so that noiseless images stay
    among the inputs.
    """
    key_deviation, key_noise = jax.random.split(key)
    return largest * jax.random.uniform(key_deviation) * jax.random.normal(key_noise, shape)


def grid(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Arranges uint8 (N, H, W, C) in rows of `columns`, `gap` white pixels apart; C is 1 or 3."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), 255, np.uint8)
    cells[:count, :height, :width] = images
    cells = cells.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    return cells.reshape(rows * (height + gap), columns * (width + gap), channels)[:-gap, :-gap]


def beside(left: np.ndarray, right: np.ndarray, gap: int = 16) -> np.ndarray:
    """Joins two pictures uint8 (H, W, C) at their tops, `gap` white pixels apart."""
    height = max(left.shape[0], right.shape[0])
    joined = np.full((height, left.shape[1] + gap + right.shape[1], left.shape[2]), 255, np.uint8)
    joined[: left.shape[0], : left.shape[1]] = left
    joined[: right.shape[0], left.shape[1] + gap :] = right
    return joined


def enlarge(picture: np.ndarray, width: int) -> np.ndarray:
    """Repeats the pixels of uint8 (..., H, W, C) the fewest times that make it at least `width` wide."""
    times = math.ceil(width / picture.shape[-2])
    return picture.repeat(times, axis=-3).repeat(times, axis=-2)


def label_rows(picture: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Writes a label at the left of each of the equally high rows of uint8 (H, W, C)."""
    pitch = picture.shape[0] / len(labels)
    font = ImageFont.load_default(min(max(pitch / 3, 12), 24))
    width = math.ceil(max(font.getlength(label) for label in labels)) + 2 * MARGIN
    paper = Image.new("L", (width, picture.shape[0]), 255)
    for row, label in enumerate(labels):
        ImageDraw.Draw(paper).text((width - MARGIN, (row + 0.5) * pitch), label, 0, font, "rm")
    return np.concatenate([_as_picture(paper, picture.shape[-1]), picture], axis=1)


def title(picture: np.ndarray, text: str, height: int = 24) -> np.ndarray:
    """Writes a line of text above uint8 (H, W, C)."""
    paper = Image.new("L", (picture.shape[1], height), 255)
    ImageDraw.Draw(paper).text((MARGIN, height / 2), text, 0, ImageFont.load_default(height / 2), "lm")
    return np.concatenate([_as_picture(paper, picture.shape[-1]), picture])


def panels(pictures: Mapping[str, np.ndarray], columns: int = PANELS, width: int = 1024) -> np.ndarray:
    """Stacks grids of float (N, h, w, C) in [-1, 1], each under its title and enlarged up to `width` pixels: uint8."""
    grids = []
    for text, picture in pictures.items():
        cells = grid(to_uint8(picture), min(columns, len(picture)))
        times = max(1, width // cells.shape[1])
        grids.append(title(cells.repeat(times, 0).repeat(times, 1), text))
    widest = max(drawn.shape[1] for drawn in grids)
    pad = lambda drawn: np.pad(drawn, ((0, 0), (0, widest - drawn.shape[1]), (0, 0)), constant_values=255)
    return np.concatenate([pad(drawn) for drawn in grids])


def _as_picture(grey: Image.Image, channels: int) -> np.ndarray:
    return np.repeat(np.asarray(grey)[..., None], channels, axis=-1)


def save_png(path: Path, image: np.ndarray) -> None:
    """Writes uint8 (H, W, C) so that the file is either whole or as it was before."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    write_whole(path, buffer.getvalue())


def save_npz(path: Path, **arrays: np.ndarray) -> None:
    """Writes a compressed `.npz` so that the file is either whole or as it was before."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def kept_npz(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Reads a `.npz` that is made, and kept, where it is not there or is damaged."""
    if path.exists():
        try:
            return read_npz(path)
        except Exception as error:  # a disk's fault, on which zipfile and NumPy raise nearly anything
            print(f"{path} is damaged ({error}) and made anew", flush=True)
    save_npz(path, **make())
    return read_npz(path)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a `.npz` that the project has written. Raises nearly anything where it is damaged."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
