"""Measures a run's samples: how far from real images, which characters, whether copied.

Of SDPC it measures the codes, of a translator how right its translations are of held-out images.

python -m jaxgan.evaluate --workdir=DIR [--num=2000] [--step=N|best] [--all] [--truncation] [--inception[=FILE]]

It prints a table, writes DIR/evaluation.json, and draws the training images nearest to samples into DIR/samples.
"""

import argparse
import functools
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import algorithms, cli, images, restoring
from jaxgan.data.dataset import Split
from jaxgan.drawing import ask, generate
from jaxgan.errors import UserError
from jaxgan.evaluation import classes, coding, inception, measures, probe
from jaxgan.evaluation.classes import Labelled
from jaxgan.evaluation.coding import Coded
from jaxgan.evaluation.measures import Evaluation, evenly
from jaxgan.examining import record, translations
from jaxgan.examining.real import Real, embed, prepared_images, real_images
from jaxgan.rundir import RunDirectory
from jaxgan.writing import write_whole

NUM = 2000  # samples
BATCH = 64  # images reconstructed at a time
ENCODED = 20  # images encoded at a time; all of them take as long as the slowest
NOISE = 0.25  # deviation of that from which images are rebuilt
NUMBERS = 25_000_000  # in the images that are encoded beside samples, at most: 2,000 of 64x64 in colour
CURVE = 200  # held-out images encoded with each of ...
SPARSITIES = (0.25, 0.5, 1.0, 2.0, 4.0)  # ... these factors on lambda
TRUNCATIONS = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0)  # distances from 0 within which latents are drawn
WIDTH = 512  # pixels below which the picture of nearest images is enlarged


def evaluate(
    real: Real,
    algorithm: algorithms.Algorithm,
    state: algorithms.State,
    num: int = NUM,
    seed: int = 0,
    see: inception.Embed | None = None,
) -> Evaluation:
    """Measures `num` samples of one state; with `see`, Inception's eyes, by Inception's measures as well."""
    asked = ask(algorithm, state, num, seed)
    samples = embed(real.probe, generate(algorithm, state, asked))
    train = measures.chosen(real.train, num, seed)
    errors = None
    if algorithm.reconstruct:
        errors = reconstruction_errors(algorithm, state, real.held_out.image, train.image)
    found = measures.measure(samples, real.train, real.held_out, real.probe.names, errors, seed)
    if asked.label is not None and real.probe.names:
        splits = real.dataset.train, real.dataset.held_out
        known = [Labelled(*pair) for pair in zip((real.train, real.held_out), (s.label for s in splits), strict=True)]
        found.measures.update(classes.measure(Labelled(samples, asked.label), *known, seed))
    if algorithm.encode:
        most = min(num, NUMBERS // real.dataset.train.image[0].size)
        splits = (evenly(split, most) for split in (real.dataset.held_out, real.dataset.train))
        coded = [encode(algorithm, state, split) for split in splits]
        found.measures.update(coding.measure(*coded, seed))
        found.warnings.extend(coding.warnings(coded[0]))
    if see:
        seen = [see(embedded.image) for embedded in (samples, train, real.held_out)]
        found.measures.update(inception.measure(*seen, seed))
    return found


def reconstruction_errors(
    algorithm: algorithms.Algorithm, state: algorithms.State, held_out: np.ndarray, train: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean |AE(v) - v| of each of some uint8 images (N, H, W, C), float32 (N,), where pixels span [-1, 1].

    `reconstruction` is that of held-out images, beside that of training images. `denoising` and `inpainting` are those
    of held-out images from what the auto-encoder makes of them with noise or without a quarter; beside them what it is
    given has errors of that size.
    """

    @functools.partial(jax.jit, static_argnums=2)
    def errors(state, image, damage):
        given = damage(image)
        error = lambda found: jnp.abs(found - image).mean((1, 2, 3))
        return error(algorithm.reconstruct(state, given)), error(given)

    of = lambda image, damage: _in_batches(lambda part: errors(state, part, damage), image, BATCH)
    whole = lambda image: image
    found = {"reconstruction": (of(held_out, whole)[0], of(train, whole)[0])}
    return found | {"denoising": of(held_out, with_noise), "inpainting": of(held_out, without_a_quarter)}


def with_noise(image: jax.Array) -> jax.Array:
    """Float images with Gaussian noise, the same for all batches."""
    return image + NOISE * jax.random.normal(jax.random.key(0), image.shape)


def without_a_quarter(image: jax.Array) -> jax.Array:
    """Float images (N, H, W, C) of which one quarter, drawn for each, is grey."""
    down, across = jax.random.bernoulli(jax.random.key(0), shape=(2, len(image), 1, 1, 1))
    _, height, width, _ = image.shape
    low, right = jnp.arange(height)[:, None, None] >= height // 2, jnp.arange(width)[:, None] >= width // 2
    return jnp.where((low == down) & (right == across), 0, image)


def truncation_curve(
    real: Real, algorithm: algorithms.Algorithm, state: algorithms.State, num: int, seed: int = 0
) -> list[dict]:
    """Quality against coverage: samples of latents within each of TRUNCATIONS from 0, measured, without error bars."""
    rows = []
    for truncation in TRUNCATIONS:
        asked = ask(algorithm, state, num, seed, truncation=truncation)
        samples = embed(real.probe, generate(algorithm, state, asked))
        rows.append({"truncation": truncation} | measures.values(samples, real.held_out))
    return rows


def encode(algorithm: algorithms.Algorithm, state: algorithms.State, split: Split) -> Coded:
    """The codes of images, and what they tell of each."""
    compiled = jax.jit(algorithm.encode)
    return Coded(*_in_batches(lambda part: compiled(state, part), split.image, ENCODED), split.label)


def sparsity_curve(algorithm: algorithms.Algorithm, state: algorithms.State, image: np.ndarray) -> list[dict]:
    """The mean figures of uint8 images (N, H, W, C) that are encoded anew with each of SPARSITIES times lambda."""
    figures = jax.jit(lambda state, image, sparsity: algorithm.encode(state, image, sparsity).figures)
    rows = []
    for sparsity in SPARSITIES:
        found = _in_batches(lambda part, sparsity=sparsity: figures(state, part, sparsity), image, ENCODED)
        rows.append({"sparsity": sparsity} | {name: float(values.mean()) for name, values in found.items()})
    return rows


def _in_batches(function: Callable, image: np.ndarray, size: int) -> Any:
    """What a function of `size` float images gives for uint8 images (N, H, W, C), its arrays joined."""
    return images.in_batches(lambda part: function(images.to_float(part)), image, size)


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    options = _parse(arguments)
    run = RunDirectory(options.workdir)
    checkpoints = _checkpoints(options)
    first = next(checkpoints)  # before anything is fetched or trained
    kind = _of_samples if first[0].generate else _of_translations if first[0].translate else _of_codes
    if kind is not _of_samples:
        _check_that_none_is_for_samples(options)
    examine, history = kind(options), []
    for algorithm, state, step in itertools.chain([first], checkpoints):
        content, pictures = examine(algorithm, state, step)
        history.append(content)
        print(f"step {step:,}: {content['summary']}", flush=True)
    print("\n".join(["", *([record.history_table(history), ""] if options.all else []), record.table(history[-1])]))
    for name, picture in pictures.items():
        images.save_png(run.picture(step, name), images.enlarge(picture, WIDTH))
        print(f"wrote {run.picture(step, name)}")
    content = history[-1] | ({"history": history} if options.all else {})
    write_whole(run.evaluation, json.dumps(content, indent=2).encode())
    print(f"wrote {run.evaluation}")


def _of_samples(options: argparse.Namespace) -> record.Examine:
    see = None
    if options.inception is not None:
        see = inception.load(Path(options.inception) if options.inception else None)
    real = real_images(options.workdir)
    print(f"probe of {real.dataset.name}: {probe.describe(real.probe)}", flush=True)

    def examine(algorithm: algorithms.Algorithm, state: algorithms.State, step: int) -> tuple[dict, dict]:
        found = evaluate(real, algorithm, state, options.num, see=see)
        content = record.of_samples(real, found, step, options.num)
        if options.truncation:
            content["truncation"] = truncation_curve(real, algorithm, state, options.num)
        return content, {"nearest": found.picture}

    return examine


def _of_translations(options: argparse.Namespace) -> record.Examine:
    return translations.examiner(options.workdir, options.num)


def _of_codes(options: argparse.Namespace) -> record.Examine:
    _, dataset = prepared_images(options.workdir)
    held_out, train = (evenly(split, options.num) for split in (dataset.held_out, dataset.train))
    measures.check_counts(len(train.label), len(held_out.label))
    few, num = evenly(held_out, CURVE).image, max(len(held_out.label), len(train.label))

    def examine(algorithm: algorithms.Algorithm, state: algorithms.State, step: int) -> tuple[dict, dict]:
        coded = encode(algorithm, state, held_out)
        found = coding.measure(coded, encode(algorithm, state, train))
        curve = {"sparsity": sparsity_curve(algorithm, state, few)}
        content = record.of_any(dataset, step, num, found) | record.of_codes(found, coding.warnings(coded))
        return content | curve, {}

    return examine


def _check_that_none_is_for_samples(options: argparse.Namespace) -> None:
    for name, absent in (("inception", None), ("truncation", False)):
        if getattr(options, name) is not absent:
            raise UserError(f"{options.workdir}: its algorithm draws no samples: leave out --{name}")


def _checkpoints(options: argparse.Namespace) -> Iterator[tuple[algorithms.Algorithm, algorithms.State, int]]:
    if options.all:
        return restoring.load_all(options.workdir)
    return iter([restoring.load(options.workdir, options.step)])


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workdir", required=True, help="the run directory")
    parser.add_argument("--num", type=int, default=NUM, help="samples, or images to be encoded, by default 2000")
    parser.add_argument("--step", type=cli.step, help="which checkpoint: its step, or best; by default the newest")
    parser.add_argument("--all", action="store_true", help="measure every checkpoint that is left (see keep_every)")
    parser.add_argument("--truncation", action="store_true", help="measure samples of truncated latents, too")
    parser.add_argument(
        "--inception",
        nargs="?",
        const="",
        metavar="WEIGHTS.pth",
        help="also Inception's FID, KID, IS, precision and recall (pip install -e '.[eval]'), which take minutes on a "
        "CPU; its weights are fetched once, or given",
    )
    options = parser.parse_args(arguments)
    if options.num < measures.FEWEST:
        raise UserError(f"--num={options.num}: measuring takes at least {measures.FEWEST} samples")
    if options.all and options.step is not None:
        raise UserError("--all measures every checkpoint: leave out --step")
    return options


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
