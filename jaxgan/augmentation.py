"""What a discriminator sees of images, real and drawn, so that a small set lasts longer."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

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


def adaptive(key: jax.Array, images: jax.Array, probability: jax.Array) -> jax.Array:
    """Moves images (B, H, W, C) in [-1, 1] and alters their colours, each in ways that come with a probability each.

    The ways and their ranges are those that serve best in Karras et al. 2020 (arXiv 2006.06676, appendix B): mirror,
    quarter turns, moves, scales, turns; brightness, contrast, negative, hue, saturation. Where theirs filters, this
    interpolates between four pixels. What comes in at the edges is a mirror image. With probability 0, a scalar,
    images stay as they are.
    """
    key_plane, key_colours = jax.random.split(key)
    count, *_, channels = images.shape
    moved = warp(images, _planes(Chances(key_plane, count, probability), images.shape[1:3]))
    matrix, offset = _colours(Chances(key_colours, count, probability), channels)
    return jnp.einsum("bhwc,bcd->bhwd", moved, matrix) + offset[:, None, None, None]


class Chances:
    """Draws numbers for so many images, which with the opposite probability are `usual` instead."""

    def __init__(self, key: jax.Array, count: int, probability: jax.Array):
        self._key, self._drawn = key, 0
        self.count, self.probability = count, probability

    def __call__(self, draw: Callable[..., jax.Array], usual: float, probability: jax.Array | None = None) -> jax.Array:
        """Numbers (count,) of draw(key, shape)."""
        return self.together(1, draw, usual, probability)[0]

    def together(
        self, numbers: int, draw: Callable[..., jax.Array], usual: float, probability: jax.Array | None = None
    ) -> jax.Array:
        """So many of them for an image, (numbers, count), which are all drawn or all usual."""
        self._drawn += 1
        key_draw, key_chance = jax.random.split(jax.random.fold_in(self._key, self._drawn))
        chance = self.probability if probability is None else probability
        drawn = draw(key_draw, (numbers, self.count))
        return jnp.where(jax.random.bernoulli(key_chance, chance, (self.count,)), drawn, usual)


def _uniform(least: float, most: float) -> Callable[..., jax.Array]:
    return lambda key, shape: jax.random.uniform(key, shape, minval=least, maxval=most)


def _normal(deviation: float) -> Callable[..., jax.Array]:
    return lambda key, shape: deviation * jax.random.normal(key, shape)


def _planes(chances: Chances, sides: tuple[int, int]) -> jax.Array:
    """Maps (B, 3, 3) from places in what is drawn to those in the image, in halves of its sides from its centre."""
    turned = 1 - jnp.sqrt(1 - chances.probability)  # of each of two turns, so that one comes with the probability
    mirrored = chances(lambda *drawn: jax.random.rademacher(*drawn, jnp.float32), 1)
    quarters = jnp.floor(chances(_uniform(0, 4), 0))
    larger, longer = (2 ** chances(_normal(0.2), 0) for _ in range(2))
    whole, part = (chances.together(2, draw, 0) for draw in (_uniform(-0.25, 0.25), _normal(0.25)))
    halves = jnp.array(sides[::-1])[:, None] / 2
    whole = jnp.round(whole * halves) / halves  # by whole pixels
    turns = [chances(_uniform(-math.pi, math.pi), 0, turned) for _ in range(2)]
    planes = [
        _plane(across=mirrored),
        _turn(math.pi / 2 * quarters),
        _plane(x=whole[0], y=whole[1]),
        _plane(across=larger, down=larger),
        _turn(turns[0]),
        _plane(across=longer, down=1 / longer),
        _turn(turns[1]),
        _plane(x=part[0], y=part[1]),
    ]
    return functools.reduce(jnp.matmul, planes)


def _plane(across=1.0, slant=0.0, down=1.0, x=0.0, y=0.0) -> jax.Array:
    """[[across, slant, x], [-slant, down, y], [0, 0, 1]] of each image, (B, 3, 3)."""
    entries = jnp.broadcast_arrays(across, slant, x, -slant, down, y, 0.0, 0.0, 1.0)
    return jnp.stack(entries, -1).reshape(-1, 3, 3)


def _turn(angle: jax.Array) -> jax.Array:
    return _plane(across=jnp.cos(angle), slant=-jnp.sin(angle), down=jnp.cos(angle))


def warp(images: jax.Array, planes: jax.Array) -> jax.Array:
    """Looks up in each image (B, H, W, C) what is at the places to which a plane (B, 3, 3) maps the pixels."""
    _, height, width, _ = images.shape
    rows, columns = jnp.arange(height) - (height - 1) / 2, jnp.arange(width) - (width - 1) / 2
    pixels = jnp.stack(jnp.meshgrid(columns, rows), -1)
    turned = jnp.einsum("bij,hwj->bihw", planes[:, :2, :2], pixels)
    places = turned + planes[:, :2, 2, None, None] * jnp.array([width, height])[:, None, None] / 2
    across, down = places[:, 0] + (width - 1) / 2, places[:, 1] + (height - 1) / 2
    look_up = lambda channel, *place: map_coordinates(channel, place, order=1, mode="mirror")
    return jax.vmap(jax.vmap(look_up, (2, None, None), 2))(images, down, across)


def _colours(chances: Chances, channels: int) -> tuple[jax.Array, jax.Array]:
    """Matrices (B, C, C) that colours are multiplied by, and what is then added to all of their channels, (B,)."""
    grey = jnp.full((channels, channels), 1 / channels)  # projects on the axis of greys
    brightness, contrast = chances(_normal(0.2), 0), 2 ** chances(_normal(0.5), 0)
    negative = jnp.round(chances(_uniform(0, 1), 0))
    hue, saturation = chances(_uniform(-math.pi, math.pi), 0), 2 ** chances(_normal(1.0), 0)
    of_grey, of_colour, cosine, sine = (
        number[:, None, None]
        for number in (contrast * (1 - 2 * negative), contrast * saturation, jnp.cos(hue), jnp.sin(hue))
    )
    matrix = of_grey * grey + of_colour * cosine * (jnp.eye(channels) - grey)
    if channels == 3:  # a turn about the axis of greys has this besides
        cross = jnp.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        matrix += of_colour * sine * cross
    return matrix, brightness * contrast * (1 - 2 * negative)
