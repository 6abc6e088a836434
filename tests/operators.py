"""Convolutional dictionaries as plain matrices, and noise."""

import jax.numpy as jnp
import numpy as np

from jaxgan.models import atoms


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def matrix(dictionary, stride, shape):
    """D^T of images (H, W), written out: (H W channels, h w atoms)."""
    height, width, channels, count = dictionary.shape
    rows, columns, _ = atoms.code_shape(dictionary.shape, stride, shape)
    found = np.zeros((*shape, channels, rows, columns, count))
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            found[top : top + height, left : left + width, :, row, column] = dictionary
    return found.reshape(np.prod(shape) * channels, -1)
