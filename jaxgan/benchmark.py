"""Trains a system over seeds, measures its best and last checkpoints, and prints them as rows of a Markdown table.

python -m jaxgan.benchmark --config=FILE[:preset] --workdir=DIR [--seeds=0,1,2] [--config.field=value ...]
python -m jaxgan.benchmark --config=FILE[:preset] --samples=FILE.npz --name=NAME [--workdir=DIR] [--config.data....]

The seeds are members of a sweep in DIR. Of each the best checkpoint, by the monitor's readings, and the last one are
measured by 2,000 samples, and their first 64 are drawn: DIR/members/seed=0/best.png. DIR/rows.jsonl has a line a seed.

With --samples it measures uint8 `images` (N, H, W, C) that any other program has drawn, against the config's data set.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import joblib
import numpy as np
from scipy import stats

import jaxgan
from jaxgan import algorithms, cli, evaluate, fields, parallel, sample, sweep
from jaxgan import config as config_lib
from jaxgan import experiment as experiments
from jaxgan.algorithms.network import parameters
from jaxgan.checkpoint import saved_steps
from jaxgan.data import dataset as datasets
from jaxgan.data.arrays import load_npz
from jaxgan.errors import UserError
from jaxgan.evaluation import LESS_IS_BETTER, measures
from jaxgan.examining import record
from jaxgan.examining.real import embed, real_images_of
from jaxgan.lock import held
from jaxgan.metrics import JsonLines
from jaxgan.paths import expanded
from jaxgan.reporting.language import Language
from jaxgan.reporting.runs import judge
from jaxgan.rundir import RunDirectory

CHECKPOINTS = {"best": ["--step=best"], "last": []}  # of a run: the one that its readings find best, and the end
COURSE = ("step", "seconds", "fd_probe", "diversity", "effective_characters", "recognised", "shows")  # of the readings
OF_SAMPLES = ("fd_probe", "kid_probe", "precision", "recall", "coverage", "effective_characters", "recognised")
SHOWN = (*OF_SAMPLES, "memorisation")
DIGITS = 4  # of the figures in rows
ENGLISH = Language("en")


def benchmark(arguments: Sequence[str], workdir: str | Path, seeds: Sequence[int]) -> tuple[list[dict], str | None]:
    """Trains, measures and draws what is not yet.

    Args:
      arguments: `--config=FILE[:preset] --config.field=value ...`.
      workdir: where the sweep over the seeds lies, and rows.jsonl.
      seeds: of the runs; all see the same batches.

    Returns:
      The rows of the runs that came to their ends, and what the others failed by.

    Raises:
      UserError: something that the user can mend, before anything is trained.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    workdir = expanded(workdir)
    config, name = config_lib.load(arguments)
    experiment = experiments.prepare(config)
    if not experiment.algorithm.generate or not 0 < config.monitor.every <= experiment.steps:
        raise UserError(
            f"monitor.every={config.monitor.every}: what is compared draws samples and takes readings, of which one "
            f"falls into its {experiment.steps:,} steps"
        )
    measures.check_counts(*(len(split.label) for split in (experiment.dataset.train, experiment.dataset.held_out)))
    runs = {seed: RunDirectory(workdir / "members" / f"seed={seed}") for seed in seeds}
    for run in runs.values():
        if max(saved_steps(run.checkpoints), default=0) > experiment.steps:
            raise UserError(f"{run.path} has more than {experiment.steps:,} steps: give another --workdir")
    failed = None
    try:
        sweep.sweep(arguments, f"seed={','.join(map(str, seeds))}", workdir)
    except sweep.Unfinished as error:
        failed = str(error)
    with held(workdir):
        rows = JsonLines(workdir / "rows.jsonl", "seed")
        rows.keep(lambda row: True)  # but for one that a crash has torn
        done = {row["seed"]: row for row in rows.read() if row.get("steps") == experiment.steps}
        for seed, run in runs.items():
            if seed not in done and max(saved_steps(run.checkpoints), default=0) == experiment.steps:
                at_once = len(seeds) if parallel.members_together() else 1
                done[seed] = {"system": _called(name, arguments), "at_once": at_once} | _row(run)
                rows.append(done[seed])
    return [done[seed] for seed in seeds if seed in done], failed


def _called(name: str, arguments: Sequence[str]) -> str:
    """A config's name with the fields behind it that do not say which images."""
    given = [argument.removeprefix("--config.") for argument in arguments if argument.startswith("--config.")]
    return "+".join([name, *(field for field in given if not field.startswith(("data.name=", "data.dir=")))])


def _row(run: RunDirectory) -> dict:
    """Of one run: what it is and took, and what its checkpoints are measured to be."""
    stored, last = run.stored(), run.metrics.last()
    config = config_lib.from_dict(stored["config"])
    readings = run.monitor.read()
    collapses = judge(run.events.read(), last["step"], last["step"]).collapses
    return {
        "data": stored["data"]["name"],
        "fingerprint": stored["data"]["fingerprint"],
        "seed": config.seed,
        "parameters": sum(parameters(jax.eval_shape(algorithms.make(config).init, jax.random.key(0))).values()),
        "steps": last["step"],
        "minutes": round(last["seconds"] / 60, 2),
        "collapses": len(collapses),
        "collapsed_at": min((collapse.step for collapse in collapses), default=None),
        "course": {name: [reading[name] for reading in readings] for name in COURSE},
        "versions": {"jaxgan": jaxgan.__version__, "jax": version("jax"), "python": sys.version.split()[0]},
        "device": f"{jax.devices()[0].device_kind} x {jax.device_count()}, {joblib.cpu_count()} cores",
    } | {name: _judged(run, name) for name in CHECKPOINTS}


def _judged(run: RunDirectory, checkpoint: str) -> dict:
    """What a checkpoint's evaluation measures; its first 64 samples are drawn beside."""
    which = [f"--workdir={run.path}", *CHECKPOINTS[checkpoint]]
    evaluate.main(which)
    found = _figures(json.loads(run.evaluation.read_text()))
    sample.main([*which, f"--out={run.path / checkpoint}.png"])
    return found


def _figures(content: Mapping[str, Any]) -> dict:
    """What a row keeps of an evaluation's content. Rows of different probes are not to be compared."""
    of = lambda key: {name: float(f"{found[key]:.{DIGITS}g}") for name, found in content["measures"].items()}
    return {
        "step": content["step"],
        "probe": content["probe"]["digest"],
        "drawn": len(content["drawn"]),
        **of("value"),
        "real": of("floor"),
    }


def of_samples(arguments: Sequence[str], path: Path, name: str) -> dict:
    """Measures images of another program against a config's data set. Returns a row; raises UserError."""
    config, _ = config_lib.load(arguments)
    learnt, *_ = fields.sets(config.data)
    whole = datasets.prepare(learnt, limited=False)
    real = real_images_of(whole, datasets.limit(whole, learnt.limit))
    image = _images(path, real.dataset.train.image.shape[1:])[: evaluate.NUM]
    found = measures.measure(embed(real.probe, image), real.train, real.held_out, real.probe.names)
    content = record.of_samples(real, found, 0, len(image))
    print(record.table(content))
    row = {"system": name, "data": whole.name, "fingerprint": whole.fingerprint, "seed": 0}
    return row | {"last": _figures(content)}


def _images(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    image = load_npz(path, ["images"]).get("images")
    if image is None or image.dtype != np.uint8 or image.ndim != 4 or image.shape[1:] != shape:
        found, wanted = "nothing" if image is None else f"{image.dtype} {image.shape}", ", ".join(map(str, shape))
        raise UserError(f"{path}: `images` should be uint8 (N, {wanted}), found {found}")
    if len(image) < measures.FEWEST:
        raise UserError(f"{path}: {len(image)} images; measuring takes {measures.FEWEST}, and 2,000 to be compared")
    return image


def interval(values: Sequence[float], language: Language = ENGLISH) -> str:
    """Their mean and, where they differ, its 95 % interval."""
    mean, reach = spread(values)
    shown = language.number(mean)
    return f"{shown} {language.interval(mean - reach, mean + reach)}" if reach else shown


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Their mean, and how far its 95 % interval by Student's t reaches to both sides: 0 for one value."""
    mean = statistics.fmean(values)
    if len(set(values)) < 2:
        return mean, 0.0
    return mean, float(stats.t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5


def table(rows: Sequence[dict]) -> Iterator[str]:
    """A system's rows in Markdown: a line a checkpoint, means and intervals over the seeds, and one of real images."""
    known = [name for name in SHOWN if all(name in row["last"] for row in rows)]
    heads = [f"{name} {'↓' if LESS_IS_BETTER[name] else '↑'}" for name in known]
    first = rows[0]
    yield f"| {first['data']} | seeds | step | drawn | {' | '.join(heads)} |"
    yield "|---" * (4 + len(known)) + "|"
    for checkpoint in [name for name in CHECKPOINTS if name in first]:
        of = lambda name, checkpoint=checkpoint: interval([row[checkpoint][name] for row in rows])
        yield f"| {first['system']}, {checkpoint} | {len(rows)} | {' | '.join(map(of, ('step', 'drawn', *known)))} |"
    real = [f"{first['last']['real'][name]:.3g}" for name in known]
    yield f"| real images | | | | {' | '.join(real)} |"


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    options, rest = _parse(arguments)
    if options.samples:
        row = of_samples(rest, options.samples, options.name)
        print("", *table([row]), sep="\n")
        if options.workdir:
            rows = JsonLines(expanded(options.workdir) / "rows.jsonl")
            rows.path.parent.mkdir(parents=True, exist_ok=True)
            rows.append(row)
        return
    rows, failed = benchmark(rest, options.workdir, options.seeds)
    if rows:
        print("", *table(rows), "", _cost(rows), f"wrote {options.workdir}/rows.jsonl", sep="\n")
    if failed:
        raise UserError(failed)


def _cost(rows: Sequence[dict]) -> str:
    """What training took; seeds that trained at once took that together."""
    first, minutes = rows[0], statistics.fmean(row["minutes"] for row in rows)
    together = f", {first['at_once']} runs at once" if first["at_once"] > 1 else ""
    return (
        f"{first['parameters']:,} parameters, {first['steps']:,} steps in {minutes:.1f} minutes{together}, on "
        f"{first['device']}; {sum(row['collapses'] for row in rows)} collapses"
    )


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workdir", help="where the runs and rows go")
    parser.add_argument("--seeds", type=_seeds, default=[0, 1, 2], help="of the runs, by default 0,1,2")
    parser.add_argument("--samples", type=cli.path, metavar="FILE.npz", help="measure these, and train nothing")
    parser.add_argument("--name", help="of what drew them")
    options, rest = parser.parse_known_args(arguments)
    if options.samples and not options.name:
        raise UserError("--samples wants a --name for its row")
    if not options.samples and not options.workdir:
        raise UserError("where to? Give a --workdir")
    if any(argument.startswith("--config.seed") for argument in rest):
        raise UserError("--config.seed: it is --seeds that says which; leave it out")
    return options, rest


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers, as 0,1,2") from None


if __name__ == "__main__":
    cli.with_kept_memory()
    cli.run(lambda: main(sys.argv[1:]))
