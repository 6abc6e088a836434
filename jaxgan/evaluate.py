"""Measures a run's samples: how far from real images, which characters, whether copied.

python -m jaxgan.evaluate --workdir=DIR [--num=2000] [--step=N|best] [--all] [--inception[=WEIGHTS.pth]]

It prints a table, writes DIR/evaluation.json, and draws the nearest training images into DIR/samples.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxgan import algorithms, cli, images, restoring
from jaxgan import config as config_lib
from jaxgan.data.dataset import DataSet, find_prepared, limit
from jaxgan.errors import UserError
from jaxgan.evaluation import LESS_IS_BETTER, inception, measures, probe
from jaxgan.evaluation.measures import Embedded, Evaluation
from jaxgan.rundir import RunDirectory
from jaxgan.sample import sample
from jaxgan.writing import write_whole

NUM = 2000  # samples
BATCH = 64  # images reconstructed at a time
WIDTH = 512  # pixels below which the picture of nearest images is enlarged
ENOUGH = 0.8  # of held-out images told right by a probe whose opinion of samples counts
LEARNT = 3.0  # times what guessing reaches, for one without characters


class Real(NamedTuple):
    """A run's real images, as its data set's probe sees them."""

    dataset: DataSet
    probe: probe.Probe
    train: Embedded
    held_out: Embedded


def real_images(workdir: str | Path) -> Real:
    """Finds the prepared images of a run and their probe, which is trained where there is none yet.

    Raises:
      UserError: there is no such run, or its images are not prepared here.
    """
    stored = RunDirectory(workdir).stored()
    data = config_lib.from_dict(stored["config"]).data
    whole = find_prepared(stored["data"]["name"], stored["data"]["fingerprint"])
    judge = probe.load(whole)
    dataset = limit(whole, data.limit)
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
        errors = tuple(reconstruction_errors(algorithm, state, part.image) for part in (real.held_out, train))
    found = measures.measure(samples, real.train, real.held_out, real.probe.names, errors, seed)
    if see:
        seen = [see(embedded.image) for embedded in (samples, train, real.held_out)]
        found.measures.update(inception.measure(*seen, seed))
    return found


def reconstruction_errors(algorithm: algorithms.Algorithm, state: algorithms.State, image: np.ndarray) -> np.ndarray:
    """Mean |AE(v) - v| of each of the uint8 images (N, H, W, C), float32 (N,), where pixels span [-1, 1]."""
    compiled = jax.jit(algorithm.reconstruct)
    errors = []
    for first in range(0, len(image), BATCH):
        part = np.asarray(images.to_float(np.asarray(image[first : first + BATCH])))
        padded = np.pad(part, ((0, BATCH - len(part)), *[(0, 0)] * 3))
        errors.append(np.abs(np.asarray(compiled(state, padded))[: len(part)] - part).mean((1, 2, 3)))
    return np.concatenate(errors)


def record(real: Real, found: Evaluation, step: int, num: int) -> dict:
    """What `evaluation.json` holds of one checkpoint."""
    judge = real.probe
    return {
        "step": step,
        "num": num,
        "data": {"name": real.dataset.name, "fingerprint": real.dataset.fingerprint},
        "probe": {"kind": judge.kind, "accuracy": judge.accuracy, "classes": judge.classes},
        "measures": {name: measure._asdict() for name, measure in found.measures.items()},
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
    lines = [f"{'':24}{'samples':>9}  {'95 % interval':^22}{'real images':>13}"]
    for name, measure in content["measures"].items():
        better = f"{name} ({'low' if LESS_IS_BETTER[name] else 'high'})"
        interval = f"[{measure['low']:.4g}, {measure['high']:.4g}]"
        lines.append(f"{better:24}{measure['value']:9.4g}  {interval:^22}{measure['floor']:13.4g}")
    return "\n".join([*lines, content["summary"], *(f"mind: {warning}" for warning in content["warnings"])])


def history_table(history: Sequence[dict]) -> str:
    """A line a checkpoint, a column a measure."""
    names = list(history[-1]["measures"])
    lines = ["".join(f"{name[:12]:>13}" for name in ["step", *names])]
    for content in history:
        values = [f"{content['measures'][name]['value']:.4g}" for name in names]
        lines.append("".join(f"{value:>13}" for value in [f"{content['step']:,}", *values]))
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    options = _parse(arguments)
    run = RunDirectory(options.workdir)
    checkpoints = _checkpoints(options)
    first = next(checkpoints)  # before anything is fetched or trained
    if not first[0].generate:
        raise UserError(f"{options.workdir}: its algorithm draws no samples to be measured")
    see = None
    if options.inception is not None:
        see = inception.load(Path(options.inception) if options.inception else None)
    real = real_images(options.workdir)
    print(f"probe of {real.dataset.name}: {probe.describe(real.probe)}", flush=True)
    history = []
    for algorithm, state, step in itertools.chain([first], checkpoints):
        found = evaluate(real, algorithm, state, options.num, see=see)
        history.append(record(real, found, step, options.num))
        print(f"step {step:,}: {found.summary}", flush=True)
    print("\n".join(["", *([history_table(history), ""] if options.all else []), table(history[-1])]))
    images.save_png(run.nearest(step), images.enlarge(found.picture, WIDTH))
    content = history[-1] | ({"history": history} if options.all else {})
    write_whole(run.evaluation, json.dumps(content, indent=2).encode())
    print(f"wrote {run.nearest(step)}\nwrote {run.evaluation}")


def _checkpoints(options: argparse.Namespace) -> Iterator[tuple[algorithms.Algorithm, algorithms.State, int]]:
    if options.all:
        return restoring.load_all(options.workdir)
    return iter([restoring.load(options.workdir, options.step)])


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workdir", required=True, help="the run directory")
    parser.add_argument("--num", type=int, default=NUM, help="samples, by default 2000")
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
