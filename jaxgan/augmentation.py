"""What a discriminator sees of images, real and drawn, so that a small set lasts longer."""

import jax
import jax.numpy as jnp

SHIFT = 8  # an image moves by up to its side over this, and ...
HOLE = 2  # ... loses a square of its side over this


def diffaugment(key: jax.Array, images: jax.Array) -> jax.Array:
    """Alters the colours of images (B, H, W, C) in [-1, 1], moves them and cuts a square out, each in its own way.

    It is differentiable, so that a generator learns through it (DiffAugment, Zhao et al. 2020, arXiv 2006.10738,
    section 3.2, with all three of its policies).
    """
    colours, places, hole = jax.random.split(key, 3)
    return cut_out(hole, shift(places, recolour(colours, images)))


def recolour(key: jax.Array, images: jax.Array) -> jax.Array:
    """Adds to all of an image's values up to 0.5, scales its saturation by 0 to 2 and its contrast by 0.5 to 1.5."""
    brightness, saturation, contrast = jax.random.uniform(key, (3, len(images), 1, 1, 1))
    images = images + brightness - 0.5
    grey = images.mean(3, keepdims=True)
    images = grey + 2 * saturation * (images - grey)
    mean = images.mean((1, 2, 3), keepdims=True)
    return mean + (0.5 + contrast) * (images - mean)


def shift(key: jax.Array, images: jax.Array) -> jax.Array:
    """Moves each image by whole pixels, up to an eighth of its sides; what comes in is 0."""
    count, height, width, channels = images.shape
    reach = (round(height / SHIFT), round(width / SHIFT))
    down, across = (
        jax.random.randint(key, (count,), 0, 2 * most + 1)
        for key, most in zip(jax.random.split(key), reach, strict=True)
    )
    padded = jnp.pad(images, [(0, 0), *((most, most) for most in reach), (0, 0)])
    place = lambda image, row, column: jax.lax.dynamic_slice(image, (row, column, 0), (height, width, channels))
    return jax.vmap(place)(padded, down, across)


def cut_out(key: jax.Array, images: jax.Array) -> jax.Array:
    """Sets a square of half of each image's sides to 0; it may stick out."""
    count, height, width, _ = images.shape
    holes = []
    for own, side in zip(jax.random.split(key), (height, width), strict=True):
        size = side // HOLE
        first = jax.random.randint(own, (count, 1), -(size // 2), side - size // 2 + 1)
        holes.append((first <= jnp.arange(side)) & (jnp.arange(side) < first + size))
    rows, columns = holes
    return jnp.where(rows[:, :, None, None] & columns[:, None, :, None], 0, images)
