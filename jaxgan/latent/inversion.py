"""The latents of given images: those from which G draws what is most like them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import drawing, images, parallel
from jaxgan.algorithms import Algorithm, State
from jaxgan.drawing import Asked
from jaxgan.evaluation.probe import Probe
from jaxgan.progress import Progress

CANDIDATES = 1000  # random latents, from the best of which ...
RESTARTS = 4  # ... the search starts for each image
STEPS, RATE = 200, 0.05  # of Adam, whose rate falls to 0 along a cosine
FRAMES = 6  # of the search, its start and its end included


class Inversion(NamedTuple):
    """What was found for each image."""

    latent: np.ndarray  # float32 (n, latent_dim)
    label: np.ndarray | None  # int (n,), where G generates by classes
    path: np.ndarray  # uint8 (FRAMES, n, H, W, C), from the start of the search to what was found
    pixels: np.ndarray  # (n,), mean absolute error in [-1, 1]
    features: np.ndarray  # (n,), 1 - cosine of the angle between the probe's features, from 0


def invert(algorithm: Algorithm, state: State, judge: Probe, image: np.ndarray, seed: int = 0) -> Inversion:
    """Searches the latents for uint8 (n, H, W, C), by the gradient of the error in pixels and in the probe's features.

    Latents stay no farther from 0 than CANDIDATES random ones. Where G generates by classes, it is told the one that
    the best candidates have.
    """
    state = drawing.settled(algorithm, state)
    asked = drawing.ask(algorithm, state, CANDIDATES, seed)
    starts = _starts(algorithm, state, judge, asked, image).ravel()
    latent, label = (None if array is None else jnp.asarray(array[starts]) for array in asked)
    target = images.to_float(image.repeat(RESTARTS, 0))

    def errors(latent: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        drawn = algorithm.generate(state, latent, label)
        return drawn, jnp.abs(drawn - target).mean((1, 2, 3)), unlikeness(judge.see(drawn), judge.see(target))

    path = list(_descend(errors, latent, asked.latent))
    latent, (_, pixels, features) = path[-1]
    best = np.argmin((pixels + features).reshape(-1, RESTARTS), 1) + RESTARTS * np.arange(len(image))
    drawn = np.stack([images.to_uint8(drawn[best]) for _, (drawn, *_) in path])
    chosen = (None if array is None else np.asarray(array)[best] for array in (latent, label))
    return Inversion(*chosen, drawn, np.asarray(pixels)[best], np.asarray(features)[best])


def _descend(errors: Callable, latent: jax.Array, usual: np.ndarray) -> Iterator[tuple[jax.Array, tuple]]:
    """Steps down the errors and gives, FRAMES times, the latents and their errors."""
    farthest, longest = np.abs(usual).max(), np.linalg.norm(usual, axis=1).max()
    optimizer = optax.adam(optax.cosine_decay_schedule(RATE, STEPS))

    @parallel.jit_alone
    def step(latent, moments):
        gradient = jax.grad(lambda latent: sum(map(jnp.sum, errors(latent)[1:])))(latent)
        updates, moments = optimizer.update(gradient, moments)
        latent = jnp.clip(latent + updates, -farthest, farthest)
        return latent * jnp.minimum(1, longest / jnp.linalg.norm(latent, axis=1, keepdims=True)), moments

    measure = parallel.jit_alone(errors)
    shown, moments = np.linspace(0, STEPS, FRAMES).astype(int), optimizer.init(latent)
    with Progress("searching the latents", STEPS, "steps") as progress:
        for number in range(STEPS + 1):
            if number in shown:
                yield latent, measure(latent)
            if number < STEPS:
                latent, moments = step(latent, moments)
                progress.advance()


def unlikeness(one: jax.Array, other: jax.Array) -> jax.Array:
    """1 - cosine of the angle between rows (n, F): from 0, for the same direction, to 2."""
    length = lambda rows: jnp.linalg.norm(rows, axis=-1)
    return 1 - jnp.sum(one * other, -1) / jnp.maximum(length(one) * length(other), 1e-12)


def _starts(algorithm: Algorithm, state: State, judge: Probe, asked: Asked, image: np.ndarray) -> np.ndarray:
    """The RESTARTS best candidates for each image, int (n, RESTARTS)."""
    drawn = drawing.generate(algorithm, state, asked)
    of_drawn, of_image = (judge.embed(array)[0] for array in (drawn, image))
    flat = images.to_float(drawn).reshape(len(drawn), -1)
    errors = [
        np.abs(flat - images.to_float(one).ravel()).mean(1) + unlikeness(of_drawn, seen)
        for one, seen in zip(image, of_image, strict=True)
    ]
    return np.argsort(np.stack(errors), 1)[:, :RESTARTS]
