"""Trains and measures a system over seeds by the protocol of RESULTS.md, and prints its row of the table.

python -m jaxgan.benchmark --config=FILE[:preset] --workdir=DIR [--seeds=0,1,2] [--config.field=value ...]
python -m jaxgan.benchmark --config=FILE[:preset] --samples=FILE.npz --name=NAME [--config.data.field=value ...]

The seeds are members of a sweep in DIR. Of each the best checkpoint, by the monitor's readings, and the last one are
measured by 2,000 samples, and their first 64 are drawn: DIR/members/seed=0/best.png. DIR/rows.jsonl has a line a seed.

With --samples it measures uint8 `images` (N, H, W, C) that any other program has drawn, against the config's data set.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy import stats

import jaxgan
from jaxgan import algorithms, cli, evaluate, fields, sample, sweep
from jaxgan import config as config_lib
from jaxgan import experiment as experiments
from jaxgan.algorithms.network import parameters
from jaxgan.data import dataset as datasets
from jaxgan.errors import UserError
from jaxgan.evaluation import LESS_IS_BETTER, measures
from jaxgan.examining import record
from jaxgan.examining.real import embed, real_images_of
from jaxgan.metrics import JsonLines
from jaxgan.reporting.runs import judge
from jaxgan.rundir import RunDirectory

CHECKPOINTS = {"best": ["--step=best"], "last": []}  # of a run: the one that its readings find best, and the end
COURSE = ("step", "seconds", "fd_probe", "effective_characters")  # of the readings
OF_SAMPLES = ("fd_probe", "kid_probe", "precision", "recall", "coverage", "effective_characters", "recognised")
SHOWN = (*OF_SAMPLES, "memorisation")
DIGITS = 4  # of the figures in rows


def benchmark(arguments: Sequence[str], workdir: str | Path, seeds: Sequence[int]) -> list[dict]:
    """Trains, measures and draws what is not yet, and returns the rows.

    Args:
      arguments: `--config=FILE[:preset] --config.field=value ...`.
      workdir: where the sweep over the seeds lies, and rows.jsonl.
      seeds: of the runs; all see the same batches.

    Raises:
      UserError: something that the user can mend.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    workdir = Path(workdir).expanduser()
    config, name = config_lib.load(arguments)
    experiment = experiments.prepare(config)
    if not experiment.algorithm.generate or not config.monitor.every:
        raise UserError(f"{name}: what is compared draws samples and takes readings (monitor.every)")
    measures.check_counts(*(len(split.label) for split in (experiment.dataset.train, experiment.dataset.held_out)))
    sweep.sweep(arguments, f"seed={','.join(map(str, seeds))}", workdir)
    rows, runs = JsonLines(workdir / "rows.jsonl"), {seed: workdir / "members" / f"seed={seed}" for seed in seeds}
    done = {(row["seed"], row["steps"]): row for row in rows.read()}
    found = []
    for seed, run in runs.items():
        row = done.get((seed, RunDirectory(run).metrics.last()["step"]))
        if row is None:
            row = {"system": _called(name, arguments)} | _row(run)
            rows.append(row)
        found.append(row)
    return found


def _called(name: str, arguments: Sequence[str]) -> str:
    """A config's name with the fields behind it that are not of the data."""
    given = [argument.removeprefix("--config.") for argument in arguments if argument.startswith("--config.")]
    return "+".join([name, *(field for field in given if not field.startswith("data."))])


def _row(member: Path) -> dict:
    """Of one run: what it is and took, and what its checkpoints are measured to be."""
    run = RunDirectory(member)
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
        "device": f"{jax.devices()[0].device_kind} x {jax.device_count()}, {len(os.sched_getaffinity(0))} cores",
    } | {name: _judged(run, name) for name in CHECKPOINTS}


def _judged(run: RunDirectory, checkpoint: str) -> dict:
    """What a checkpoint's evaluation measures; its first 64 samples are drawn beside."""
    which = [f"--workdir={run.path}", *CHECKPOINTS[checkpoint]]
    evaluate.main(which)
    sample.main([*which, f"--out={run.path / checkpoint}.png"])
    return _figures(json.loads(run.evaluation.read_text()))


def _figures(content: Mapping[str, Any]) -> dict:
    """What a row keeps of an evaluation's content."""
    of = lambda key: {name: float(f"{found[key]:.{DIGITS}g}") for name, found in content["measures"].items()}
    return {"step": content["step"], "drawn": len(content["drawn"]), **of("value"), "real": of("floor")}


def of_samples(arguments: Sequence[str], path: Path, name: str) -> dict:
    """Measures images of another program against a config's data set. Returns a row; raises UserError."""
    config, _ = config_lib.load(arguments)
    learnt, *_ = fields.sets(config.data)
    whole = datasets.prepare(learnt, limited=False)
    real = real_images_of(whole, datasets.limit(whole, learnt.limit))
    image = _images(path, real.dataset.train.image.shape[1:])
    found = measures.measure(embed(real.probe, image), real.train, real.held_out, real.probe.names)
    content = record.of_samples(real, found, 0, len(image))
    print(record.table(content))
    row = {"system": name, "data": whole.name, "fingerprint": whole.fingerprint, "seed": 0}
    return row | {"last": _figures(content)}


def _images(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            image = arrays["images"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: no .npz with uint8 `images` ({error})") from None
    if image.dtype != np.uint8 or image.ndim != 4 or image.shape[1:] != shape:
        raise UserError(
            f"{path}: `images` are {image.dtype} {image.shape}, not uint8 (N, {', '.join(map(str, shape))})"
        )
    if len(image) < measures.FEWEST:
        raise UserError(f"{path}: {len(image)} images; measuring takes {measures.FEWEST}, and 2,000 to be compared")
    return image


def interval(values: Sequence[float]) -> str:
    """Their mean and, of two or more, its 95 % interval by Student's t."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3g}"
    reach = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.3g} [{mean - reach:.3g}, {mean + reach:.3g}]"


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
        rows = [of_samples(rest, options.samples, options.name)]
        print("", *table(rows), sep="\n")
        return
    rows = benchmark(rest, options.workdir, options.seeds)
    print("", *table(rows), "", _cost(rows), f"wrote {options.workdir}/rows.jsonl", sep="\n")


def _cost(rows: Sequence[dict]) -> str:
    minutes = [row["minutes"] for row in rows]
    rate = statistics.fmean(row["steps"] / row["minutes"] / 60 for row in rows if row["minutes"])
    return (
        f"{rows[0]['parameters']:,} parameters, {rows[0]['steps']:,} steps in {statistics.fmean(minutes):.1f} minutes, "
        f"{rate:.3g} a second, on {rows[0]['device']}; {sum(row['collapses'] for row in rows)} collapses"
    )


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workdir", help="where the runs go")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--samples", type=Path, metavar="FILE.npz", help="measure these, and train nothing")
    parser.add_argument("--name", help="of what drew them")
    options, rest = parser.parse_known_args(arguments)
    if options.samples and not options.name:
        raise UserError("--samples wants a --name for its row")
    if not options.samples and not options.workdir:
        raise UserError("where to? Give a --workdir")
    return options, rest


if __name__ == "__main__":
    cli.with_kept_memory()
    cli.run(lambda: main(sys.argv[1:]))
