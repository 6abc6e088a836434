"""Draws images with a trained generator: samples, walks between them, one coefficient moved, a training's history."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxgan import images, restoring
from jaxgan.algorithms import Algorithm, State
from jaxgan.errors import UserError
from jaxgan.walk import loop

BATCH = 64  # images generated at a time
# Keys folded from here on are for a walk's further points and for labels; below are the batches'.
POINTS = 2**31
LABELS = 2**30


class Asked(NamedTuple):
    """What G is to draw."""

    latent: np.ndarray  # (n, latent_dim)
    label: np.ndarray | None  # int (n,), where it generates by classes


def sample(
    algorithm: Algorithm,
    state: State,
    num: int,
    seed: int,
    label: int | None = None,
    truncation: float | None = None,
) -> np.ndarray:
    """Returns uint8 (num, H, W, C). Image i depends on the seed and i alone, not on `num`; see `ask`."""
    return generate(algorithm, state, ask(algorithm, state, num, seed, label, truncation))


def ask(
    algorithm: Algorithm,
    state: State,
    num: int,
    seed: int,
    label: int | None = None,
    truncation: float | None = None,
) -> Asked:
    """Draws latents, and labels where G generates by classes, as frequent as in training if no `label` is given.

    Raises:
      UserError: the algorithm generates nothing, or not by classes.
    """
    latent = latents(algorithm, num, seed, truncation=truncation)
    if label is not None and not algorithm.sample_label:
        raise UserError("the run's algorithm was not told the classes: it draws none of them when asked")
    if label is not None or not algorithm.sample_label:
        return Asked(latent, None if label is None else np.full(num, label))
    key = jax.random.fold_in(jax.random.key(seed), LABELS)
    return Asked(latent, np.asarray(_batchwise(lambda key: algorithm.sample_label(state, key, BATCH), key, num)))


def walk(
    algorithm: Algorithm,
    state: State,
    num: int,
    seed: int,
    points: int = 4,
    frames: int = 60,
    interpolate: str = "slerp",
    label: int | None = None,
) -> np.ndarray:
    """Walks from each of the images of `sample` through others, and back.

    Args:
      algorithm: the run's, as `load` returns it.
      state: of one checkpoint.
      num: images that walk side by side.
      seed: of the latents.
      points: latents that each image passes, its first included.
      frames: of the whole loop; the last is one step before the first.
      interpolate: "slerp" or "linear".
      label: of all images, where G generates by classes; by default each keeps its own.

    Returns:
      uint8 (frames, num, H, W, C).
    """
    passed = [latents(algorithm, num, seed, point) for point in range(points)]
    walked = loop(passed, frames, interpolate)
    label = ask(algorithm, state, num, seed, label).label
    asked = Asked(walked.reshape(frames * num, -1), None if label is None else np.tile(label, frames))
    drawn = generate(algorithm, state, asked)
    return drawn.reshape(frames, num, *drawn.shape[1:])


def move_atom(algorithm: Algorithm, state: State, atom: int, num: int, seed: int, rise: np.ndarray) -> np.ndarray:
    """Moves one coefficient in the codes of each of the images of `sample`, and renders them.

    Where G draws pixels the codes are those that its critic finds in them, and what is rendered are reconstructions.

    Args:
      algorithm: the run's, as `load` returns it; it draws by way of codes.
      state: of one checkpoint.
      atom: whose coefficient moves, from 0 on: that in the place where the image has most of it, or in the centre.
      num: images.
      seed: of the latents.
      rise: (frames,), the coefficient in each frame, in parts of the largest of any atom in these images.

    Returns:
      uint8 (frames, num, H, W, C).

    Raises:
      UserError: the algorithm draws by no codes, or has no such atom.
    """
    if not algorithm.codes:
        raise UserError("--atom: the run's algorithm does not draw by way of sparse codes")
    codes = np.array(jax.jit(algorithm.codes)(state, latents(algorithm, num, seed)))
    _, height, width, count = codes.shape
    if not 0 <= atom < count:
        raise UserError(f"--atom={atom}: there are atoms 0 to {count - 1}")
    of_atom = codes[..., atom].reshape(num, -1)
    places = np.where(of_atom.any(1), of_atom.argmax(1), height // 2 * width + width // 2)
    most = codes.max()
    render, frames = jax.jit(algorithm.render), []
    for amount in rise:
        codes.reshape(num, -1, count)[np.arange(num), places, atom] = amount * most
        frames.append(images.to_uint8(render(state, codes)))
    return np.stack(frames)


def history(workdir: str | Path, num: int, seed: int) -> tuple[list[int], np.ndarray]:
    """Draws the same latents, and labels, with each checkpoint that is left, the oldest first.

    Returns:
      The checkpoints' steps, and uint8 (len(steps), num, H, W, C).

    Raises:
      UserError: there is no such run, or no checkpoint in it.
    """
    steps, drawn, asked = [], [], None
    for algorithm, state, step in restoring.load_all(workdir):
        asked = asked or ask(algorithm, state, num, seed)
        steps.append(step)
        drawn.append(generate(algorithm, state, asked))
    return steps, np.stack(drawn)


def latents(algorithm: Algorithm, num: int, seed: int, point: int = 0, truncation: float | None = None) -> np.ndarray:
    """Draws (num, latent_dim). Latent i depends on the seed, a walk's point and i alone, not on `num`.

    Where `truncation` is given, values that are farther from 0 are drawn anew: images are then more alike and more
    typical (Brock et al. 2019, arXiv 1809.11096, section 3.1).

    Raises:
      UserError: the algorithm generates nothing.
    """
    if not algorithm.sample_latent:
        raise UserError("the run's algorithm draws no samples")
    key = jax.random.key(seed)
    if point:
        key = jax.random.fold_in(key, POINTS + point)

    def draw(key: jax.Array) -> np.ndarray:
        latent, tries = np.asarray(algorithm.sample_latent(key, BATCH)), 0
        while truncation and (outside := np.abs(latent) > truncation).any():
            tries += 1
            latent = np.where(outside, algorithm.sample_latent(jax.random.fold_in(key, tries), BATCH), latent)
        return latent

    return _batchwise(draw, key, num)


def _batchwise(draw: Callable[[jax.Array], np.ndarray], key: jax.Array, num: int) -> np.ndarray:
    """The first `num` of what is drawn BATCH at a time, each time with a key of its own."""
    batches = range(math.ceil(num / BATCH))
    return np.concatenate([draw(jax.random.fold_in(key, batch)) for batch in batches])[:num]


def generate(algorithm: Algorithm, state: State, asked: Asked) -> np.ndarray:
    """Draws uint8 (n, H, W, C)."""
    state, compiled = settled(algorithm, state), jax.jit(algorithm.generate)
    return in_parts(lambda part: images.to_uint8(compiled(state, *part)), asked)


def settled(algorithm: Algorithm, state: State) -> State:
    """The state in which many images are drawn."""
    return jax.jit(algorithm.settle)(state) if algorithm.settle else state


def in_parts(function: Callable[[Asked], np.ndarray], asked: Asked) -> np.ndarray:
    """What a function of latents and labels gives, in batches of one size so that it compiles once."""
    count, parts = len(asked.latent), []
    for start in range(0, count, BATCH):
        part = Asked(*(None if array is None else _filled(array[start : start + BATCH]) for array in asked))
        parts.append(np.asarray(function(part)))
    return np.concatenate(parts)[:count]


def _filled(part: np.ndarray) -> np.ndarray:
    """A whole batch, with zeros behind what there is."""
    return np.pad(part, [(0, BATCH - len(part)), *[(0, 0)] * (part.ndim - 1)])
