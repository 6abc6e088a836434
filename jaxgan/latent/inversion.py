"""The latents of given images: those from which G draws what is most like them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import drawing, images, parallel
from jaxgan.algorithms import Algorithm, State
from jaxgan.evaluation.probe import Probe
from jaxgan.progress import Progress

CANDIDATES = 1000  # random latents, from the best of which ...
RESTARTS = 4  # ... the search starts for each image
STEPS, RATE = 200, 0.05  # of Adam, whose rate falls to 0 along a cosine
FRAMES = 6  # of the search, its start and its end included
BATCH = 16  # images searched for at a time


class Inversion(NamedTuple):
    """What was found for each image."""

    latent: np.ndarray  # float32 (n, latent_dim)
    label: np.ndarray | None  # int (n,), where G generates by classes
    path: np.ndarray  # uint8 (n, FRAMES, H, W, C), from the start of the search to what was found
    pixels: np.ndarray  # (n,), mean absolute error in [-1, 1]
    features: np.ndarray  # (n,), 1 - cosine of the angle between the probe's features, from 0


class _Target(NamedTuple):
    """What the images drawn from so many latents are to be like."""

    label: jax.Array | None  # that G is told
    image: jax.Array
    features: jax.Array


def invert(algorithm: Algorithm, state: State, judge: Probe, image: np.ndarray, seed: int = 0) -> Inversion:
    """Searches the latents for uint8 (n, H, W, C), by the gradient of the error in pixels and in the probe's features.

    Latents stay no farther from 0 than CANDIDATES random ones. Where G generates by classes, it is told the one that
    the best candidates have.
    """
    state = drawing.settled(algorithm, state)
    asked = drawing.ask(algorithm, state, CANDIDATES, seed)
    drawn = drawing.generate(algorithm, state, asked)
    seen = judge.embed(drawn)[0]

    def errors(state: State, latent: jax.Array, target: _Target) -> tuple[jax.Array, jax.Array, jax.Array]:
        drawn = algorithm.generate(state, latent, target.label)
        pixels = jnp.abs(drawn - target.image).mean((1, 2, 3))
        return drawn, pixels, unlikeness(judge.see(drawn), target.features)

    search = _Search(errors, state, asked.latent)

    def find(image: np.ndarray) -> Inversion:
        of_image = judge.embed(image)[0]
        starts = _starts(drawn, seen, image, of_image).ravel()
        latent, label = (None if array is None else jnp.asarray(array[starts]) for array in asked)
        target = _Target(label, images.to_float(image.repeat(RESTARTS, 0)), of_image.repeat(RESTARTS, 0))
        path = list(search(latent, target))
        latent, (_, pixels, features) = path[-1]
        best = np.argmin((pixels + features).reshape(-1, RESTARTS), 1) + RESTARTS * np.arange(len(image))
        frames = np.stack([images.to_uint8(drawn[best]) for _, (drawn, *_) in path], 1)
        chosen = [None if array is None else np.asarray(array)[best] for array in (latent, label, pixels, features)]
        return Inversion(*chosen[:2], frames, *chosen[2:])

    return images.in_batches(find, image, min(BATCH, len(image)))


class _Search:
    """Steps down the errors and gives, FRAMES times, the latents and their errors."""

    def __init__(self, errors: Callable, state: State, usual: np.ndarray):
        self.state, self.measure = state, parallel.jit_alone(errors)
        self.optimizer = optax.adam(optax.cosine_decay_schedule(RATE, STEPS))
        farthest, longest = np.abs(usual).max(), np.linalg.norm(usual, axis=1).max()

        def step(state, latent, moments, target):
            gradient = jax.grad(lambda latent: sum(map(jnp.sum, errors(state, latent, target)[1:])))(latent)
            updates, moments = self.optimizer.update(gradient, moments)
            latent = jnp.clip(latent + updates, -farthest, farthest)
            return latent * jnp.minimum(1, longest / jnp.linalg.norm(latent, axis=1, keepdims=True)), moments

        self.step = parallel.jit_alone(step)

    def __call__(self, latent: jax.Array, target: _Target) -> Iterator[tuple[jax.Array, tuple]]:
        shown, moments = np.linspace(0, STEPS, FRAMES).astype(int), self.optimizer.init(latent)
        with Progress("searching the latents", STEPS, "steps") as progress:
            for number in range(STEPS + 1):
                if number in shown:
                    yield latent, self.measure(self.state, latent, target)
                if number < STEPS:
                    latent, moments = self.step(self.state, latent, moments, target)
                    progress.advance()


def unlikeness(one: jax.Array, other: jax.Array) -> jax.Array:
    """1 - cosine of the angle between rows (n, F): from 0, for the same direction, to 2."""
    length = lambda rows: jnp.linalg.norm(rows, axis=-1)
    return 1 - jnp.sum(one * other, -1) / jnp.maximum(length(one) * length(other), 1e-12)


def _starts(drawn: np.ndarray, seen: np.ndarray, image: np.ndarray, of_image: np.ndarray) -> np.ndarray:
    """The RESTARTS best candidates, by images and features, for each image: int (n, RESTARTS)."""
    flat = images.to_float(drawn).reshape(len(drawn), -1)
    errors = [
        np.abs(flat - images.to_float(one).ravel()).mean(1) + unlikeness(seen, features)
        for one, features in zip(image, of_image, strict=True)
    ]
    return np.argsort(np.stack(errors), 1)[:, :RESTARTS]
