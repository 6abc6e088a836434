"""Whether a fusion of GANs and SDPC is worth it: python tests/benchmarks/fusion.py time|run|table ...

  time [--costs=FILE.json]                  what a step of each system takes, on one core, in turn with the others
  run [--costs=FILE.json] [--rows=FILE.jsonl] [--minutes=20] [--systems=began,...] [--seeds=0,1,2] [--jobs=2]
      [--workdir=DIR] [--config.data.name=... --config.data.dir=...]
                                            trains each for as many steps as fit the time, evaluates it, adds a row
  table [--rows=FILE.jsonl] [--data=toons]  means over seeds, and differences from BEGAN between runs of one seed

A run has a core of its own, `--jobs` of them at a time; 20 minutes on one core are 10 on two. Steps, not the clock,
end it, so that it can be repeated and other work on the machine costs it nothing. Runs that have a row are passed over.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from scipy import stats

from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[2]
BASELINE = "began"
# Each system's config, and the fields in which a small sweep has found it to do better than its quick preset.
SYSTEMS = {
    "began": ("began", []),
    "abegan": ("abegan", []),
    "dcgan": ("dcgan", []),
    "sdpc_began": ("sdpc_began", []),
    "sdpc_shared": ("sdpc_shared", []),
    "sdpc_codes": ("sdpc_codes", []),
}
ROUNDS, STEPS = 3, 60  # of timing: a step's time is the median over the rounds, of the last third of the steps
INFERRED = 600  # steps where codes are inferred until they rest, which takes longer as dictionaries learn
KEY = ("system", "data", "seed", "budget")  # of a row


def command(system: str, seed: int, workdir: Path, *fields: str) -> list[str]:
    config, own = SYSTEMS[system]
    start = [sys.executable, "-m", "jaxgan.main", f"--config={ROOT}/configs/{config}.py:quick"]
    return [*start, f"--workdir={workdir}", f"--config.seed={seed}", "--config.tensorboard=False", *own, *fields]


def on_one_core(arguments: Sequence[str], core: int) -> str:
    """Runs a command; raises CalledProcessError."""
    environment = os.environ | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"}
    pin = lambda: os.sched_setaffinity(0, {core})
    done = subprocess.run(arguments, check=True, text=True, stdout=subprocess.PIPE, env=environment, preexec_fn=pin)
    return done.stdout


def step_seconds(system: str, core: int) -> float:
    """A step's time by the run's own rows."""
    steps = INFERRED if system == "sdpc_codes" else STEPS
    with tempfile.TemporaryDirectory() as folder:
        often = [f"--config.log_every={steps // 3}", f"--config.steps={steps}", "--config.monitor.every=0"]
        on_one_core(command(system, 0, Path(folder) / "run", *often), core)
        *_, before, last = RunDirectory(Path(folder) / "run").metrics.read()
        return (last["seconds"] - before["seconds"]) / (last["step"] - before["step"])


def time_steps(options: argparse.Namespace) -> None:
    core = min(os.sched_getaffinity(0))
    rounds = [{system: step_seconds(system, core) for system in SYSTEMS} for _ in range(ROUNDS)]
    costs = {system: statistics.median(found[system] for found in rounds) for system in SYSTEMS}
    options.costs.write_text(json.dumps(costs, indent=2) + "\n")
    for system, cost in costs.items():
        print(f"{system:16}{cost * 1e3:8.1f} ms a step, {60 / cost:8,.0f} steps a minute")


def read(rows: Path) -> list[dict]:
    return [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []


def row(system: str, seed: int, workdir: Path) -> dict:
    run = RunDirectory(workdir)
    stored, evaluation = run.stored(), json.loads(run.evaluation.read_text())
    last = run.metrics.read()[-1]
    return {
        "system": system,
        "data": stored["data"]["name"],
        "seed": seed,
        "steps": last["step"],
        "minutes": round(last["seconds"] / 60, 2),
        "collapses": sum(event["event"] == "collapse" for event in run.events.read()),
        "drawn": len(evaluation["drawn"]),
        "measures": {name: float(f"{measure['value']:.4g}") for name, measure in evaluation["measures"].items()},
    }


def train(options: argparse.Namespace, fields: Sequence[str]) -> None:
    costs = json.loads(options.costs.read_text())
    name = next((field.partition("=")[2] for field in fields if field.startswith("--config.data.name=")), "toons")
    done = {tuple(found[field] for field in KEY) for found in read(options.rows)}
    cores = SimpleQueue()
    for core in sorted(os.sched_getaffinity(0))[: options.jobs]:
        cores.put(core)

    def one(seed: int, system: str) -> None:
        workdir, core = options.workdir / name / f"{system}-{seed}", cores.get()
        try:
            steps = int(options.minutes * 60 / costs[system])
            pace = [f"--config.{field}={max(steps // 10, 1)}" for field in ("sample_every", "checkpoint_every")]
            pace += [f"--config.monitor.every={max(steps // 10, 100)}", f"--config.steps={steps}"]
            on_one_core(command(system, seed, workdir, *pace, *fields), core)
            on_one_core([sys.executable, "-m", "jaxgan.evaluate", f"--workdir={workdir}"], core)
        finally:
            cores.put(core)
        found = row(system, seed, workdir) | {"budget": options.minutes}
        with options.rows.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(f"{system}, seed {seed}: {found['minutes']} min, {found['steps']:,} steps", flush=True)

    wanted = [(seed, system) for seed in options.seeds for system in options.systems]
    missing = [pair for pair in wanted if (pair[1], name, pair[0], options.minutes) not in done]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda pair: one(*pair), missing))


def interval(values: Sequence[float]) -> str:
    """Their mean and its 95 % interval by Student's t."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3g}"
    reach = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.3g} [{mean - reach:.3g}, {mean + reach:.3g}]"


def lines(rows: Sequence[dict], names: Sequence[str]) -> Iterator[str]:
    """A Markdown table: a line for each system and one for its differences from the baseline."""
    yield "| system | seeds | " + " | ".join(names) + " |"
    yield "|---" * (2 + len(names)) + "|"
    runs = {}
    for found in rows:
        runs.setdefault(found["system"], {})[found["seed"]] = found | found["measures"]
    for system, own in runs.items():
        usual = runs.get(BASELINE, {})
        yield line(system, [[run[name] for run in own.values() if name in run] for name in names])
        if system != BASELINE:
            both = [(own[seed], usual[seed]) for seed in own if seed in usual]
            gap = lambda name, both=both: [a[name] - b[name] for a, b in both if name in a and name in b]
            yield line(f"less {BASELINE}", [gap(name) for name in names])


def line(title: str, values: Sequence[Sequence[float]]) -> str:
    cells = [interval(found) if found else "" for found in values]
    return f"| {title} | {max(map(len, values))} | {' | '.join(cells)} |"


MEASURES = ("steps", "fd_probe", "kid_probe", "precision", "recall", "coverage", "effective_characters", "recognised")
OTHERS = (
    "memorisation",
    "collapses",
    "reconstruction",
    "denoising",
    "inpainting",
    "active_2",
    "accuracy_1",
    "accuracy_2",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("time", "run", "table"))
    parser.add_argument("--costs", type=Path, default=Path("results/fusion-costs.json"))
    parser.add_argument("--rows", type=Path, default=Path("results/fusion.jsonl"))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--systems", type=lambda text: text.split(","), default=list(SYSTEMS))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--workdir", type=Path, default=Path("runs/fusion"))
    parser.add_argument("--data", default="toons")
    options, fields = parser.parse_known_args()
    if fields and options.what != "run":
        parser.error(f"unknown: {' '.join(fields)}")
    if options.what == "time":
        time_steps(options)
    elif options.what == "run":
        train(options, fields)
    else:
        rows = [found for found in read(options.rows) if found["data"] == options.data]
        for names in (MEASURES, OTHERS):
            print("\n".join(lines(rows, names)), end="\n\n")


if __name__ == "__main__":
    main()
