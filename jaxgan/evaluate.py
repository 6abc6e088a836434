"""Measures a run's samples: how far from real images, which characters, whether copied.

Of SDPC it measures the codes, of a translator how right its translations are of held-out images.

python -m jaxgan.evaluate --workdir=DIR [--num=2000] [--step=N|best] [--all] [--inception[=WEIGHTS.pth]]

It prints a table, writes DIR/evaluation.json, and draws the training images nearest to samples into DIR/samples.
"""

import argparse
import functools
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import algorithms, cli, fields, images, restoring
from jaxgan import config as config_lib
from jaxgan.data.dataset import DataSet, Split, find_prepared, limit
from jaxgan.data.toons import sketches
from jaxgan.errors import UserError
from jaxgan.evaluation import (
    LESS_IS_BETTER,
    OF_HELD_OUT,
    OF_TRANSLATIONS,
    coding,
    inception,
    measures,
    pose,
    probe,
    translation,
)
from jaxgan.evaluation.coding import Coded
from jaxgan.evaluation.measures import Embedded, Evaluation, Measure, evenly
from jaxgan.rundir import RunDirectory
from jaxgan.sample import sample
from jaxgan.translation import translate
from jaxgan.writing import write_whole

NUM = 2000  # samples
BATCH = 64  # images reconstructed at a time
ENCODED = 20  # images encoded at a time; all of them take as long as the slowest
NOISE = 0.25  # deviation of that from which images are rebuilt
NUMBERS = 25_000_000  # in the images that are encoded beside samples, at most: 2,000 of 64x64 in colour
CURVE = 200  # held-out images encoded with each of ...
SPARSITIES = (0.25, 0.5, 1.0, 2.0, 4.0)  # ... these factors on lambda
WIDTH = 512  # pixels below which the picture of nearest images is enlarged
ENOUGH = 0.8  # of held-out images told right by a probe whose opinion of samples counts
LEARNT = 3.0  # times what guessing reaches, for one without characters


class Real(NamedTuple):
    """A run's real images, as its data set's probe sees them."""

    dataset: DataSet
    probe: probe.Probe
    train: Embedded
    held_out: Embedded


def prepared_images(workdir: str | Path) -> tuple[DataSet, DataSet]:
    """All that was prepared of a run's data set, and what of it the run learns from.

    Raises:
      UserError: there is no such run, or its images are not prepared here.
    """
    stored = RunDirectory(workdir).stored()
    whole = find_prepared(stored["data"]["name"], stored["data"]["fingerprint"])
    learnt, *_ = fields.sets(config_lib.from_dict(stored["config"]).data)
    return whole, limit(whole, learnt.limit)


def real_images(workdir: str | Path) -> Real:
    """The prepared images of a run as their probe sees them, which is trained where there is none yet.

    Raises:
      UserError: there is no such run, or its images are not prepared here.
    """
    whole, dataset = prepared_images(workdir)
    judge = probe.load(whole)
    return Real(dataset, judge, embed(judge, dataset.train.image), embed(judge, dataset.held_out.image))


def embed(judge: probe.Probe, image: np.ndarray) -> Embedded:
    """What the probe says of uint8 (N, H, W, C)."""
    features, probabilities = judge.embed(np.asarray(image))
    return Embedded(np.asarray(image), features, probabilities if judge.names else None)


def evaluate(
    real: Real,
    algorithm: algorithms.Algorithm,
    state: algorithms.State,
    num: int = NUM,
    seed: int = 0,
    see: inception.Embed | None = None,
) -> Evaluation:
    """Measures `num` samples of one state; with `see`, Inception's eyes, by Inception's measures as well."""
    samples = embed(real.probe, sample(algorithm, state, num, seed))
    train = measures.chosen(real.train, num, seed)
    errors = None
    if algorithm.reconstruct:
        errors = reconstruction_errors(algorithm, state, real.held_out.image, train.image)
    found = measures.measure(samples, real.train, real.held_out, real.probe.names, errors, seed)
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
    parts = []
    for first in range(0, len(image), size):
        part = np.asarray(images.to_float(np.asarray(image[first : first + size])))
        padded = np.pad(part, ((0, size - len(part)), *[(0, 0)] * 3))
        count = len(part)
        parts.append(jax.tree.map(lambda array, count=count: np.asarray(array)[:count], function(padded)))
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def record(dataset: DataSet, step: int, num: int, found: Mapping[str, Measure]) -> dict:
    """What `evaluation.json` holds of any checkpoint."""
    return {
        "step": step,
        "num": num,
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "measures": {name: measure._asdict() for name, measure in found.items()},
    }


def record_of_samples(real: Real, found: Evaluation, step: int, num: int) -> dict:
    """What it holds of one that draws samples."""
    judge = real.probe
    return record(real.dataset, step, num, found.measures) | {
        "of": "samples",
        "probe": {"kind": judge.kind, "accuracy": judge.accuracy, "classes": judge.classes},
        "characters": found.characters,
        "real_characters": found.real_characters,
        "drawn": found.drawn,
        "lost": found.lost,
        "summary": found.summary,
        "warnings": [*probe_warnings(judge), *found.warnings],
    }


def probe_warnings(judge: probe.Probe) -> list[str]:
    """When not to trust a probe."""
    warnings = []
    if not judge.names:
        warnings.append(
            "the set has no labels: features are those of a probe that tells turns and channel orders apart, "
            "which compare runs on this set but know no characters"
        )
        if judge.accuracy < LEARNT / judge.classes:
            warnings.append("that probe has learnt next to nothing: do not trust what is measured in its features")
    elif judge.accuracy < ENOUGH:
        warnings.append(
            f"the probe names only {judge.accuracy:.0%} of held-out images right: do not trust its characters"
        )
    return warnings


def table(content: dict) -> str:
    """Lays the measures out beside their floors, and says the rest in words."""
    heads = {"samples": ("samples", "real images"), "held out": ("held out", "beside")}
    heads["translations"] = ("translations", "true partners" if content.get("partners") else "at best")
    lines, head = [], None
    for name, measure in content["measures"].items():
        of = "held out" if name in OF_HELD_OUT else "translations" if name in OF_TRANSLATIONS else "samples"
        if of != head:
            lines.append("{:24}{:>9}  {:^22}{:>13}".format("", heads[of][0], "95 % interval", heads[of][1]))
            head = of
        better = f"{name} ({'low' if LESS_IS_BETTER[name] else 'high'})"
        interval = f"[{measure['low']:.4g}, {measure['high']:.4g}]"
        lines.append(f"{better:24}{measure['value']:9.4g}  {interval:^22}{measure['floor']:13.4g}")
    lines += [content["summary"], *(f"mind: {warning}" for warning in content["warnings"])]
    if content["of"] == "translations":
        lines += ["", "what takes no learning:", baselines_table(content["baselines"])]
    if content["of"] == "codes":
        lines += ["", "with so many times the usual sparsity:", sparsity_table(content["sparsity"])]
    return "\n".join(lines)


def history_table(history: Sequence[dict]) -> str:
    """A line a checkpoint, a column a measure."""
    values = lambda content: {name: f"{measure['value']:.4g}" for name, measure in content["measures"].items()}
    return _columns([{"step": f"{content['step']:,}"} | values(content) for content in history])


def sparsity_table(curve: Sequence[dict]) -> str:
    """A line a factor on lambda, and of each layer how active it is and what its drawings lose of the images."""
    shown = [name for name in curve[0] if name.startswith(("sparsity", "active", "distortion"))]
    return _columns([{name: f"{row[name]:.4g}" for name in shown} for row in curve])


def baselines_table(baselines: Mapping[str, Mapping[str, float]]) -> str:
    """A line for each, a column a measure."""
    rows = [{"": name} | {key: f"{value:.4g}" for key, value in found.items()} for name, found in baselines.items()]
    return _columns(rows)


def _columns(rows: Sequence[Mapping[str, str]]) -> str:
    lines = [list(rows[0]), *(row.values() for row in rows)]
    return "\n".join("".join(f"{value[:12]:>13}" for value in line) for line in lines)


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    options = _parse(arguments)
    run = RunDirectory(options.workdir)
    checkpoints = _checkpoints(options)
    first = next(checkpoints)  # before anything is fetched or trained
    kind = _of_samples if first[0].generate else _of_translations if first[0].translate else _of_codes
    examine, history = kind(options), []
    for algorithm, state, step in itertools.chain([first], checkpoints):
        content, pictures = examine(algorithm, state, step)
        history.append(content)
        print(f"step {step:,}: {content['summary']}", flush=True)
    print("\n".join(["", *([history_table(history), ""] if options.all else []), table(history[-1])]))
    for name, picture in pictures.items():
        images.save_png(run.picture(step, name), images.enlarge(picture, WIDTH))
        print(f"wrote {run.picture(step, name)}")
    content = history[-1] | ({"history": history} if options.all else {})
    write_whole(run.evaluation, json.dumps(content, indent=2).encode())
    print(f"wrote {run.evaluation}")


# What evaluation.json is to hold of a checkpoint, and pictures by name.
Examine = Callable[[algorithms.Algorithm, algorithms.State, int], tuple[dict, dict[str, np.ndarray]]]


def _of_samples(options: argparse.Namespace) -> Examine:
    see = None
    if options.inception is not None:
        see = inception.load(Path(options.inception) if options.inception else None)
    real = real_images(options.workdir)
    print(f"probe of {real.dataset.name}: {probe.describe(real.probe)}", flush=True)

    def examine(algorithm: algorithms.Algorithm, state: algorithms.State, step: int) -> tuple[dict, dict]:
        found = evaluate(real, algorithm, state, options.num, see=see)
        return record_of_samples(real, found, step, options.num), {"nearest": found.picture}

    return examine


def _of_translations(options: argparse.Namespace) -> Examine:
    """Of held-out images of a, translated to b, and back."""
    if options.inception is not None:
        raise UserError(f"{options.workdir}: Inception measures samples and no translations: leave out --inception")
    real, origin = real_images(options.workdir), restoring.origin(options.workdir)
    count = len(origin.held_out.label)
    if count < measures.FEWEST:
        raise UserError(
            f"{origin.name}, data.a, has {count} held-out images: measuring takes {measures.FEWEST} or more"
        )
    held_out = measures.spread(count, options.num)
    source = measures.take(origin.held_out, held_out)
    print(f"probe of {real.dataset.name}: {probe.describe(real.probe)}", flush=True)
    shape, names = source.image.shape[1:], real.probe.names
    label = source.label if names and origin.names == names else None
    truth, read_pose = None, functools.partial(pose.read, shape)
    if origin.name == "sketches" and real.dataset.name in ("toons", "colourings"):
        scenes = sketches.held_out_scenes(held_out)
        partner = embed(real.probe, sketches.draw("colourings", scenes, shape))
        truth = translation.Truth(partner, pose.truth(scenes))
    embedded = embed(real.probe, source.image)

    def examine(algorithm: algorithms.Algorithm, state: algorithms.State, step: int) -> tuple[dict, dict]:
        translated = translate(algorithm, state, source.image, "ab")
        back = translate(algorithm, state, translated, "ba")
        given = translation.Given(embedded, label, embed(real.probe, images.to_uint8(translated)))
        found = measures.measure(given.translated, real.train, real.held_out, names)
        found.measures.update(translation.measure(given, truth, read_pose))
        found.measures.update(cycle_errors(algorithm, state, source.image, translated, back, truth))
        content = record_of_samples(real, found, step, len(source.image)) | {
            "of": "translations",
            "partners": bool(truth),
        }
        content["baselines"] = translation.baselines(given, real.train, real.held_out, truth, read_pose)
        pictures = {"nearest": found.picture, "translations": _draw_translations(source.image, translated, back, truth)}
        if label is not None:
            content["confusion"] = translation.confusion(given, len(names)).tolist()
            pictures["confusion"] = translation.draw_confusion(np.asarray(content["confusion"]), names)
        return content, pictures

    return examine


def cycle_errors(
    algorithm: algorithms.Algorithm,
    state: algorithms.State,
    source: np.ndarray,
    translated: np.ndarray,
    back: np.ndarray,
    truth: translation.Truth | None,
) -> dict[str, Measure]:
    """Mean |F(G(a)) - a|, and that where G(a) has been altered so that nothing is hidden in it (Chu et al. 2017).

    Floors are what becomes of the true partners; of an image without one they are 0.
    """
    image = np.asarray(images.to_float(source))
    error = lambda found: np.abs(found - image).mean((1, 2, 3))
    return_to = lambda there: error(translate(algorithm, state, there, "ba"))
    floors = np.zeros((2, 1))
    if truth:
        partner = np.asarray(images.to_float(truth.partner.image))
        floors = return_to(partner), return_to(translation.altered(partner))
    return {
        "cycle": measures.mean("cycle", error(back), floors[0], 0),
        "cycle_altered": measures.mean("cycle_altered", return_to(translation.altered(translated)), floors[1], 0),
    }


def _draw_translations(
    source: np.ndarray, translated: np.ndarray, back: np.ndarray, truth: translation.Truth | None
) -> np.ndarray:
    first = slice(images.PANELS)
    shown = {"a": images.to_float(source[first]), "a to b": translated[first], "back to a": back[first]}
    if truth:
        shown["true partners"] = images.to_float(truth.partner.image[first])
    return images.panels(shown)


def _of_codes(options: argparse.Namespace) -> Examine:
    if options.inception is not None:
        raise UserError(f"{options.workdir}: its algorithm draws no samples: leave out --inception")
    _, dataset = prepared_images(options.workdir)
    held_out, train = (evenly(split, options.num) for split in (dataset.held_out, dataset.train))
    measures.check_counts(len(train.label), len(held_out.label))
    few, num = evenly(held_out, CURVE).image, max(len(held_out.label), len(train.label))

    def examine(algorithm: algorithms.Algorithm, state: algorithms.State, step: int) -> tuple[dict, dict]:
        coded = encode(algorithm, state, held_out)
        found = coding.measure(coded, encode(algorithm, state, train))
        described = {"of": "codes", "summary": coding.sentence(found), "warnings": coding.warnings(coded)}
        curve = {"sparsity": sparsity_curve(algorithm, state, few)}
        return record(dataset, step, num, found) | described | curve, {}

    return examine


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
