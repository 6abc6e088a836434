"""Directions among latents: those along which most changes, and those towards an attribute."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge

from jaxgan import drawing
from jaxgan.algorithms import Algorithm, State
from jaxgan.drawing import Asked
from jaxgan.errors import UserError

SAMPLES = 2000  # from which directions are found
LEAST = 10  # of them that have an attribute, or lack it
ALIKE = 1e-5  # of the largest value, within which all are the same but for rounding


class Directions(NamedTuple):
    """Steps that change what is drawn."""

    step: np.ndarray  # float32 (k, latent_dim), each of length 1
    share: np.ndarray  # float32 (k,), of the variance of G's features


def principal(algorithm: Algorithm, state: State, count: int, seed: int = 0) -> Directions:
    """Finds the directions that move G's early features most (GANSpace, Härkönen et al. 2020, arXiv 2004.02546).

    Features of SAMPLES latents have principal components; along each, a direction is what latents change by, as a
    linear map tells it of their coordinates there. Where G is told classes it is what changes within a class.

    Args:
      algorithm: a run's that generates.
      state: of one checkpoint.
      count: of directions, the first first; at most as many as latents have dimensions.
      seed: of the latents.

    Raises:
      UserError: there are not so many.
    """
    asked = drawing.ask(algorithm, state, SAMPLES, seed)
    dim = asked.latent.shape[1]
    if not 1 <= count <= dim:
        raise UserError(f"--directions={count}: latents of {dim} dimensions have 1 to {dim}")
    seen = features(algorithm, drawing.settled(algorithm, state), asked)
    largest = np.abs(seen).max()
    for label in [] if asked.label is None else np.unique(asked.label):
        seen[asked.label == label] -= seen[asked.label == label].mean(0)
    if np.ptp(seen, axis=0).max() <= ALIKE * largest:
        raise UserError("all samples are alike: there is no direction in which they change")
    found = PCA(count, svd_solver="randomized", random_state=seed)
    steps = found.fit_transform(seen).T @ asked.latent
    steps /= np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-12)
    return Directions(steps.astype(np.float32), found.explained_variance_ratio_.astype(np.float32))


def towards(latent: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Finds the direction from latents without an attribute to those with it: the normal of a plane between them.

    Args:
      latent: float (N, d).
      present: bool (N,), by a logistic regression; or float (N,), how much of it there is, by a linear one.

    Returns:
      float32 (d,), of length 1.

    Raises:
      UserError: too few latents have it, or lack it.
    """
    if present.dtype != bool:
        if np.ptp(present) <= ALIKE * np.abs(present).max():
            raise UserError("all samples are alike in that: there is no direction towards it")
        normal = Ridge().fit(latent, present).coef_
    elif min(present.sum(), (~present).sum()) < LEAST:
        raise UserError(f"{present.sum()} of {len(present)} samples are like that: too few to tell from the others")
    else:
        normal = LogisticRegression(C=0.1, max_iter=1000).fit(latent, present).coef_[0]
    return (normal / np.linalg.norm(normal)).astype(np.float32)


def features(algorithm: Algorithm, state: State, asked: Asked) -> np.ndarray:
    """What G makes of latents first: its last features of the smallest side, float32 (n, h * w * channels)."""
    early = jax.jit(functools.partial(_early, algorithm))
    parts = drawing.in_parts(lambda part: early(state, *part), asked)
    return parts.reshape(len(parts), -1)


def _early(algorithm: Algorithm, state: State, latent: jax.Array, label: jax.Array | None) -> jax.Array:
    seen = []

    def keep(function, arguments, named, context):
        found = function(*arguments, **named)
        if len(context.module.path) == 1 and context.method_name == "__call__" and jnp.ndim(found) == 4:
            seen.append(found)
        return found

    with nn.intercept_methods(keep):
        algorithm.generate(state, latent, label)
    least = min(found.shape[1] for found in seen)
    return [found for found in seen if found.shape[1] == least][-1].astype(jnp.float32)


def along(latent: np.ndarray, steps: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Moves latents (n, d) along each of (k, d) by each of (m,) steps: (k, n, m, d)."""
    moves = steps[:, None, None] * reach[:, None]
    return (latent[:, None] + moves).astype(latent.dtype)
