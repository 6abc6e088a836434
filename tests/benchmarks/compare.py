"""Systems compared in equal time or steps, over seeds: python tests/benchmarks/compare.py time|run|table|picture ...

  time [--costs=FILE.json]
                      what a step of each system takes, on one core, in turn with the others
  run [--seeds=0,1,2] [--jobs=2] [--costs=FILE.json] [--rows=FILE.jsonl] [--workdir=DIR] [--config.data.dir=...]
                      trains each, evaluates its best and its last checkpoint, draws 64 samples of both, adds a row
  table [--seeds=0,1,2] [--rows=FILE.jsonl]
                      means over seeds, and differences from the first system between runs of one seed and probe
  picture --out=FILE [--checkpoint=best|last] [--seeds=0,1,2] [--workdir=DIR]
                      those samples: a column for each system, a row for each seed

All take --data=toons|simpsons_mnist, --minutes=20 on one core or --steps=N, and --systems=began,... in the place of
those by which a fusion of GANs and SDPC is judged. A system is a config's quick preset with other fields behind it:
sdpc_began+pull_away=0+feedback=0; torch_began is BEGAN as PyTorch's users have it, at the notes' size where no fields
say otherwise, which keeps no best checkpoint; --peer=PYTHON is one that has PyTorch. A run has a core of its own,
`--jobs` of them at a time; 20 minutes on one core are 10 on two. Minutes stand for as many steps as fit them by what
`time` found, so that a run can be repeated and other work on the machine costs it nothing. Runs that have a row are
passed over.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from subprocess import DEVNULL
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import images
from jaxgan.benchmark import CHECKPOINTS, OF_SAMPLES, interval
from jaxgan.data.dataset import prepare
from jaxgan.errors import UserError
from jaxgan.metrics import JsonLines
from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[2]
PEER = "torch_began"
# Those that are compared: of each config what was best in a small sweep, or nearly so, see RESULTS.md.
SYSTEMS = {
    "toons": [
        "began+gamma=1+lambda_k=0.01+pull_away=0.1",
        "abegan+gamma=1+lambda_k=0.01+pull_away=0.1",
        "dcgan",
        "sdpc_began",
        "sdpc_shared",
        "sdpc_codes",
    ],
    "simpsons_mnist": [
        "began+gamma=0.7+lambda_k=0.01+pull_away=0.25",
        "abegan+gamma=0.7+lambda_k=0.01+pull_away=0.1",
        "dcgan",
        "sdpc_began+gamma=0.7+pull_away=0.1",
        "sdpc_shared+gamma=0.7+pull_away=0.1",
        "sdpc_codes+r1=1",
    ],
}
# Fields whose values do not change what a step takes.
SAME_COST = ("gamma", "lambda_k", "lr_g", "lr_d", "lr_hold_steps", "lr_fall_steps")
SAME_COST += ("plateau_every", "schedule_steps", "init_from")
ROUNDS, STEPS = 3, 60  # of timing: a step's time is the median over the rounds, of the last third of the steps
READINGS = 20  # of a run's monitor
DRAWN = 64  # samples that are looked at
INFERRED = 600  # steps where codes are inferred until they rest, which takes longer as dictionaries learn
KEY = ("system", "data", "seed", "budget")  # of a row


class Run(NamedTuple):
    """What has a row: a system, a seed, and for how long, in minutes or as a number of steps."""

    system: str
    seed: int
    budget: float | str
    steps: int


def command(module: str, system: str, workdir: Path, *fields: str) -> list[str]:
    name, *others = system.split("+")
    own = [f"--config.{field}" for field in others]
    start = [sys.executable, "-m", f"jaxgan.{module}", f"--config={ROOT}/configs/{name}.py:quick"]
    return [*start, f"--workdir={workdir}", "--config.tensorboard=False", *fields, *own]


def peer(system: str, options: argparse.Namespace, core: int, **flags: object) -> dict:
    """What PyTorch prints of itself, with the fields behind the system's name as flags."""
    _, *others = system.split("+")
    fields = [*others, *(f"{name}={value}" for name, value in flags.items())]
    told = [
        f"--{name.replace('_', '-')}{equals}{value}" for name, equals, value in (each.partition("=") for each in fields)
    ]
    script = str(ROOT / "tests" / "benchmarks" / "peers" / f"{PEER}.py")
    return json.loads(on_one_core([options.peer, script, *told], core).splitlines()[-1])


def program(system: str) -> str:
    """The system without what its steps' time does not depend on."""
    return "+".join(part for part in system.split("+") if part.partition("=")[0] not in SAME_COST)


def on_one_core(arguments: Sequence[str], core: int) -> str:
    """Runs a command; raises CalledProcessError."""
    environment = os.environ | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"}
    pin = lambda: os.sched_setaffinity(0, {core})
    done = subprocess.run(arguments, check=True, text=True, stdout=subprocess.PIPE, env=environment, preexec_fn=pin)
    return done.stdout


def step_seconds(system: str, options: argparse.Namespace, core: int) -> float:
    """A step's time by the run's own rows."""
    if config_of(system) == PEER:
        return peer(system, options, core, steps=STEPS)["ms_per_step"] / 1e3
    steps = INFERRED if system.startswith("sdpc_codes") else STEPS
    with tempfile.TemporaryDirectory() as folder:
        often = [f"--config.log_every={steps // 3}", f"--config.steps={steps}", "--config.monitor.every=0"]
        on_one_core(command("main", system, Path(folder) / "run", *often), core)
        *_, before, last = RunDirectory(Path(folder) / "run").metrics.read()
        return (last["seconds"] - before["seconds"]) / (last["step"] - before["step"])


def time_steps(options: argparse.Namespace) -> None:
    core, systems = min(os.sched_getaffinity(0)), dict.fromkeys(map(program, options.systems))
    rounds = [{system: step_seconds(system, options, core) for system in systems} for _ in range(ROUNDS)]
    known = json.loads(options.costs.read_text()) if options.costs.exists() else {}
    for system in systems:
        cost = known[system] = statistics.median(found[system] for found in rounds)
        print(f"{system:40}{cost * 1e3:8.1f} ms a step, {60 / cost:8,.0f} steps a minute")
    options.costs.parent.mkdir(exist_ok=True)
    options.costs.write_text(json.dumps(known, indent=2) + "\n")


def commit() -> str | None:
    """Of the code that runs, with a plus where it is changed; None outside a repository."""
    git = lambda *arguments: subprocess.check_output(["git", *arguments], cwd=ROOT, text=True, stderr=DEVNULL).strip()
    try:
        return git("rev-parse", "--short", "HEAD") + "+" * bool(git("status", "--porcelain", "--", "jaxgan", "configs"))
    except (OSError, subprocess.CalledProcessError):
        return None


def place(options: argparse.Namespace, run: Run) -> Path:
    """Of one run's benchmark."""
    return options.workdir / options.data / str(run.budget) / f"{run.system}-{run.seed}"


def sample_grid(options: argparse.Namespace, run: Run, checkpoint: str) -> Path:
    return place(options, run) / f"members/seed={run.seed}/{checkpoint}.png"


def steps_of(options: argparse.Namespace) -> dict[str, int]:
    """How many each system makes."""
    if options.steps:
        return dict.fromkeys(options.systems, options.steps)
    costs = json.loads(options.costs.read_text())
    if unknown := {program(system) for system in options.systems}.difference(costs):
        sys.exit(f"no step of {', '.join(sorted(unknown))} has been timed: run `time` with --systems first")
    return {system: int(options.minutes * 60 / costs[program(system)]) for system in options.systems}


def run_ours(run: Run, options: argparse.Namespace, core: int) -> dict:
    """Trains a config and measures its best and last checkpoints."""
    pace = [f"--config.{field}={run.steps // 10}" for field in ("sample_every", "checkpoint_every")]
    pace += [f"--config.monitor.every={run.steps // READINGS}", f"--config.steps={run.steps}"]
    data, workdir = [f"--config.data.name={options.data}", *options.fields], place(options, run)
    on_one_core(command("benchmark", run.system, workdir, f"--seeds={run.seed}", *pace, *data), core)
    return JsonLines(workdir / "rows.jsonl").last()


def run_peer(run: Run, options: argparse.Namespace, core: int) -> dict:
    """Trains PyTorch on the images that the others learn from, and measures what it draws at the end."""
    learnt = [f"--config.data.name={options.data}", *options.fields]
    grid = sample_grid(options, run, "last")
    grid.parent.mkdir(parents=True, exist_ok=True)
    files = {name: grid.with_name(f"{name}.npz") for name in ("images", "samples")}
    config, _ = config_lib.load([f"--config={ROOT}/configs/began.py:quick", *learnt])
    np.savez(files["images"], image=prepare(config.data).train.image)
    printed = peer(run.system, options, core, steps=run.steps, seed=run.seed, **files)
    drawn = np.load(files["samples"])["images"][:DRAWN]
    images.save_png(grid, images.grid(drawn, math.isqrt(DRAWN)))
    measured = measure(files["samples"], place(options, run), core, learnt)
    spent = {"steps": run.steps, "minutes": round(printed["seconds"] / 60, 2)}
    return measured | spent | {"seed": run.seed, "versions": {"torch": printed["version"]}}


def measure(samples: Path, workdir: Path, core: int, fields: Sequence[str]) -> dict:
    """The row of samples that another program has drawn."""
    what = [f"--samples={samples}", f"--name={PEER}"]
    on_one_core(command("benchmark", "began", workdir, *what, *fields), core)
    return JsonLines(workdir / "rows.jsonl").last()


def runs_of(options: argparse.Namespace) -> list[Run]:
    steps = steps_of(options)
    pairs = [(system, seed) for seed in options.seeds for system in options.systems]
    return [Run(system, seed, options.budget, steps[system]) for system, seed in pairs]


def train(wanted: Sequence[Run], options: argparse.Namespace) -> None:
    """Trains and measures those that have no row."""
    rows, cores, failed = JsonLines(options.rows), SimpleQueue(), []
    options.rows.parent.mkdir(parents=True, exist_ok=True)
    rows.keep(lambda row: True)  # but for one that a crash has torn
    done = {tuple(found[field] for field in KEY) for found in rows.read()}
    for core in sorted(os.sched_getaffinity(0))[: options.jobs]:
        cores.put(core)

    def one(run: Run) -> None:
        system, seed, budget, _ = run
        core, code = cores.get(), commit()
        try:
            found = run_peer(run, options, core) if config_of(system) == PEER else run_ours(run, options, core)
        except (subprocess.CalledProcessError, UserError, OSError) as error:  # the others go on
            print(f"{system}, seed {seed}: failed ({error})", flush=True)
            failed.append(run)
            return
        finally:
            cores.put(core)
        rows.append(found | {"system": system, "budget": budget, "commit": code})
        print(f"{system}, seed {seed}: {found['minutes']} min, {found['steps']:,} steps", flush=True)

    missing = [run for run in wanted if (run.system, options.data, run.seed, run.budget) not in done]
    print(f"{len(wanted) - len(missing)} of {len(wanted)} runs have a row in {options.rows}", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, missing))
    if failed:
        sys.exit(f"{len(failed)} of {len(missing)} runs have failed")


def lines(runs: dict[str, dict[int, dict]], names: Sequence[str]) -> Iterator[str]:
    """A Markdown table: a line for each system with runs, one for its differences from the first, and real images."""
    yield "| system | seeds | " + " | ".join(names) + " |"
    yield "|---" * (2 + len(names)) + "|"
    if not (runs := {system: own for system, own in runs.items() if own}):
        sys.exit("no rows of these systems, seeds, data and minutes or steps")
    first, *_ = runs
    configs = Counter(map(config_of, runs))
    title = lambda system: config_of(system) if configs[config_of(system)] == 1 else system
    for system, own in runs.items():
        yield line(title(system), [[run[name] for run in own.values() if run.get(name) is not None] for name in names])
        if system != first:
            seeds = [seed for seed in own if seed in runs[first] and same_probe(own[seed], runs[first][seed])]
            both = [(own[seed], runs[first][seed]) for seed in seeds]
            gap = lambda name, both=both: [a[name] - b[name] for a, b in both if None not in (a.get(name), b.get(name))]
            yield line(f"less {title(first)}", [gap(name) for name in names])
    real = next(iter(runs[first].values())).get("real", {})  # older rows do not have them
    if any(name in real for name in names):
        yield f"| real images | | {' | '.join(f'{real[name]:.3g}' if name in real else '' for name in names)} |"


def same_probe(one: dict, other: dict) -> bool:
    """Whether two checkpoints' figures can be compared; older rows do not name the probe, which was another."""
    return one.get("probe") == other.get("probe")


def config_of(system: str) -> str:
    return system.partition("+")[0]


def line(title: str, values: Sequence[Sequence[float]]) -> str:
    most = max(map(len, values))
    cells = [interval(found) + f" (n = {len(found)})" * (len(found) < most) if found else "" for found in values]
    return f"| {title} | {most} | {' | '.join(cells)} |"


SEEN = ("memorisation", "reconstruction", "denoising", "inpainting", "active_2", "accuracy_1", "accuracy_2")
OF_RUN = ("parameters", "steps", "steps_a_second", "step", "step_near", "minutes_near")
OF_RUN += ("collapses", "collapsed_at", "drawn")
NEAR = {"simpsons_mnist": 50.0, "toons": 100.0}  # fd_probe, at whose first reading a run is near real images


def in_short(row: dict) -> dict:
    """How fast a run's steps were by the clock, and at which step and minute it was near."""
    course = row.get("course") or dict.fromkeys(("step", "seconds", "fd_probe"), ())
    readings = zip(course["step"], course["seconds"], course["fd_probe"], strict=True)
    near = lambda distance: distance is not None and distance <= NEAR[row["data"]]
    step, minutes = next(((step, seconds / 60) for step, seconds, fd in readings if near(fd)), (None, None))
    rate = row["steps"] / row["minutes"] / 60 if row["minutes"] else None
    return {"steps_a_second": rate, "step_near": step, "minutes_near": minutes}


def tables(options: argparse.Namespace) -> None:
    rows = JsonLines(options.rows).read()
    for checkpoint in CHECKPOINTS:
        runs: dict[str, dict[int, dict]] = {system: {} for system in options.systems}
        for found in rows:
            own = found["system"] in runs and found["seed"] in options.seeds
            if own and checkpoint in found and (found["data"], found["budget"]) == (options.data, options.budget):
                runs[found["system"]][found["seed"]] = found | found[checkpoint] | in_short(found)
        if checkpoint == "best" and not any(runs.values()):
            continue  # PyTorch's keep none
        for names in (OF_SAMPLES, SEEN, OF_RUN):
            print(f"{checkpoint}\n", *lines(runs, names), sep="\n", end="\n\n")


def picture(options: argparse.Namespace) -> None:
    grid = lambda run: Image.open(sample_grid(options, run, options.checkpoint))
    rows = [[grid(Run(name, seed, options.budget, 0)) for name in options.systems] for seed in options.seeds]
    side, gap = rows[0][0].width, 8
    sheet = Image.new("RGB", ((side + gap) * len(rows[0]) - gap, (side + gap) * len(rows) - gap), "white")
    for top, row in enumerate(rows):
        for left, image in enumerate(row):
            sheet.paste(image, (left * (side + gap), top * (side + gap)))
    sheet.save(options.out, quality=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    train_all = lambda options: train(runs_of(options), options)
    actions = {"time": time_steps, "run": train_all, "table": tables, "picture": picture}
    parser.add_argument("what", choices=actions)
    parser.add_argument("--costs", type=Path, default=Path("results/costs.json"))
    parser.add_argument("--rows", type=Path, default=Path("results/fusion.jsonl"))
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--systems", type=lambda text: text.split(","))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--workdir", type=Path, default=Path("runs/fusion"))
    parser.add_argument("--data", choices=SYSTEMS, default="toons")
    parser.add_argument("--checkpoint", choices=CHECKPOINTS, default="best")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--peer", default=sys.executable, metavar="PYTHON")
    options, options.fields = parser.parse_known_args()
    if unknown := [field for field in options.fields if not field.startswith("--config.data.dir=")]:
        parser.error(f"unknown: {' '.join(unknown)}; a system has its fields behind it")
    if options.what == "picture" and not options.out:
        parser.error("picture wants --out")
    if options.what == "picture" and options.checkpoint == "best" and PEER in map(config_of, options.systems or ()):
        parser.error(f"{PEER} keeps no best checkpoint: picture --checkpoint=last")
    if not options.costs.exists() and options.what == "run" and not options.steps:
        parser.error(f"there is no {options.costs}: run `time` with --costs first, or give --steps")
    options.systems = options.systems or SYSTEMS[options.data]
    options.budget = f"{options.steps} steps" if options.steps else options.minutes
    actions[options.what](options)


if __name__ == "__main__":
    main()
