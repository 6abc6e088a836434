"""How fast jaxgan is on this machine, beside PyTorch.

    python tests/benchmarks/speed.py [--peer[=PYTHON]] [--parts=training,...] [--json=FILE]

Trains each experiment on noise in the place of images and reads its speed from the run's own metrics.jsonl; in
turn with them runs each mode of the PyTorch peer, with --peer, or --peer=PYTHON where another environment has it
(`pip install -e '.[bench]'`). On a CPU it also times the commands' start and the tf.data source; on an accelerator
it compares precisions and batch sizes, trains eight members of a sweep at once, and puts m's curve in bfloat16
beside those of other seeds. Prints medians over the rounds.
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import jax
import numpy as np

from jaxgan import cli, config, parallel, sweep, train
from jaxgan.data.dataset import prepare
from jaxgan.data.pipeline import batches
from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "peers" / "torch_began.py"
PEER_MODES = {"eager": [], "channels-last": ["--channels-last"], "compiled": ["--compile"]}
PEER_MODES["compiled, channels-last"] = ["--compile", "--channels-last"]
LENT = "peer, channels-last, lent jaxgan's memory settings"  # which PyTorch's users do not have
SEED = {"began": (308_000, "5 h 45"), "abegan": (61_600, "50 min"), "dcgan": (308_000, "2 h 25")}  # on its GPU of 2019
COMMANDS = ("main", "sample", "evaluate", "report", "sweep", "prepare")
MEMBERS = 8
SKIPPED = 1  # rows, or steps, at the start, which see compilation


class Bench:
    """The settings of all measurements, in a folder that is deleted afterwards."""

    def __init__(self, folder: Path, steps: int, peer: str | None):
        self.folder, self.steps, self.peer, self._count = folder, steps, peer, itertools.count()
        self.images = folder / "noise.npz"
        np.savez(self.images, image=np.random.default_rng(0).integers(0, 256, (2000, 32, 32, 3), np.uint8))

    def workdir(self) -> Path:
        """A new one each time."""
        return self.folder / str(next(self._count))

    def overrides(self, **fields) -> list[str]:
        """An experiment on noise that writes rows more often than users do, and no readings."""
        fields = {
            "steps": self.steps,
            "log_every": max(self.steps // 5, 1),
            "data.name": "arrays",
            "data.dir": self.images,
            "monitor.every": 0,
        } | fields
        return [f"--config.{field}={value}" for field, value in fields.items()]

    def seconds_a_step(self, name: str, **fields) -> float:
        """Median over the loop's own rows."""
        settings, _ = config.load([f"--config={ROOT}/configs/{name}.py", *self.overrides(**fields)])
        return _seconds_a_step(settings, self.workdir())


def _seconds_a_step(settings, folder: Path) -> float:
    train.train(settings, folder)
    rows = RunDirectory(folder).metrics.read()[SKIPPED:]
    return statistics.median(settings.batch_size / row["images_per_second"] for row in rows)


def in_turn(measurements: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Medians of what each measures, once a round."""
    times = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            times[name].append(measure())
    return {name: statistics.median(values) for name, values in times.items()}


def training(bench: Bench, rounds: int) -> Iterator[tuple[str, float, str]]:
    """Experiments at the seed's sizes, beside the peer."""
    measurements = {name: lambda name=name: bench.seconds_a_step(name) for name in SEED}
    modes = PEER_MODES if bench.peer else {}
    measurements |= {f"PyTorch, {mode}": lambda flags=flags: peer(bench, flags) for mode, flags in modes.items()}
    if modes and "GLIBC_TUNABLES" in os.environ:
        measurements[LENT] = lambda: peer(bench, PEER_MODES["channels-last"], os.environ)
    seconds = in_turn(measurements, rounds)
    for name, value in seconds.items():
        yield f"a step of {name}", 1e3 * value, "ms"
    for name, (steps, then) in SEED.items():
        yield f"{name}, the seed's {steps:,} steps ({then} then)", seconds[name] * steps / 60, "min"
    if modes:
        best = min((name for name in seconds if name.startswith("PyTorch")), key=seconds.get)
        yield f"began, times as fast as {best}", seconds[best] / seconds["began"], "x"
        yield "began, times as fast as PyTorch, eager", seconds["PyTorch, eager"] / seconds["began"], "x"
    if LENT in seconds:
        yield f"began, times as fast as {LENT}", seconds[LENT] / seconds["began"], "x"


def peer(bench: Bench, flags: list[str], environment: Mapping[str, str] | None = None) -> float:
    """Median seconds a step of BEGAN in PyTorch, by default without what `cli.with_kept_memory` set."""
    if environment is None:
        environment = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    device = "cpu" if jax.default_backend() == "cpu" else "cuda"
    command = [bench.peer, PEER, "--steps", str(bench.steps), "--device", device, *flags]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return json.loads(printed.splitlines()[-1])["ms_per_step"] / 1e3


def starting(bench: Bench) -> Iterator[tuple[str, float, str]]:
    """Commands' starts; the compiled steps of an earlier one are on the disk."""
    command = [sys.executable, "-m", "jaxgan.main", f"--config={ROOT}/configs/abegan.py:quick"]
    command += bench.overrides(steps=1, log_every=1)
    starts = [timed([*command, f"--workdir={bench.workdir()}"]) for _ in range(3)]
    yield "abegan:quick, a second start and one step, with its grids and checkpoint", min(starts[1:]), "s"
    for name in COMMANDS:
        yield f"{name} --help", min(timed([sys.executable, "-m", f"jaxgan.{name}", "--help"]) for _ in range(3)), "s"


def timed(command: list) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - start


def feeding(bench: Bench) -> Iterator[tuple[str, float, str]]:
    """What the tf.data source gives, beside what a step takes."""
    settings, _ = config.load([f"--config={ROOT}/configs/dcgan.py", *bench.overrides(**{"data.source": "tfdata"})])
    source = batches(
        prepare(settings.data), settings.data, settings.batch_size, 0, itertools.repeat(1), parallel.mesh()
    )
    jax.block_until_ready([next(source) for _ in range(20)])
    start, count = time.perf_counter(), 500
    jax.block_until_ready([next(source) for _ in range(count)])
    seconds = (time.perf_counter() - start) / count
    yield "tf.data, batches of 32", 1 / seconds, "a second"
    yield "the same, times what dcgan's steps take", bench.seconds_a_step("dcgan") / seconds, "x"


def precisions(bench: Bench) -> Iterator[tuple[str, float, str]]:
    for name, precision in itertools.product(SEED, ("tf32", "bfloat16")):
        yield f"a step of {name} in {precision}", 1e3 * bench.seconds_a_step(name, precision=precision), "ms"


def batch_sizes(bench: Bench) -> Iterator[tuple[str, float, str]]:
    for size in (32, 128, 512):
        yield f"began at batch_size={size}", size / bench.seconds_a_step("began", batch_size=size), "images a second"


def sweeping(bench: Bench) -> Iterator[tuple[str, float, str]]:
    """Eight seeds at once beside one."""
    for name in ("began", "abegan"):
        alone, folder = bench.seconds_a_step(name), bench.workdir()
        seeds = ",".join(map(str, range(MEMBERS)))
        sweep.sweep([f"--config={ROOT}/configs/{name}.py", *bench.overrides()], f"seed={seeds}", folder)
        rows = RunDirectory(folder / "members" / "seed=0").metrics.read()[SKIPPED:]
        together = statistics.median(32 / row["images_per_second"] for row in rows)
        yield f"{name}, {MEMBERS} members beside one", together / alone, "times as long"


def bfloat16s_curve(bench: Bench) -> Iterator[tuple[str, float, str]]:
    """m of abegan:quick on toons: how far bfloat16 is from float32, and how far two seeds are from each other."""
    curves = {}
    for precision, seed in itertools.product(("float32", "bfloat16"), range(3)):
        fields = [f"--config.precision={precision}", f"--config.seed={seed}", "--config.monitor.every=0"]
        settings, _ = config.load([f"--config={ROOT}/configs/abegan.py:quick", *fields])
        folder = bench.workdir()
        train.train(settings, folder)
        curves[precision, seed] = np.array([row["m"] for row in RunDirectory(folder).metrics.read()])
    mean = lambda precision: np.mean([curves[precision, seed] for seed in range(3)], axis=0)
    spread = np.std([curves["float32", seed] for seed in range(3)], axis=0, ddof=1)
    yield "m of abegan:quick, spread over 3 seeds", float(spread.mean()), ""
    yield "m in bfloat16 less m in float32, means of 3", float(np.mean(mean("bfloat16") - mean("float32"))), ""


def hardware() -> dict:
    versions = {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax", "optax", "numpy")}
    device = jax.devices()[0].device_kind
    return versions | {"python": platform.python_version(), "device": device, "cores": os.cpu_count()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cpu = jax.default_backend() == "cpu"
    others = (starting, feeding) if cpu else (precisions, batch_sizes, sweeping, bfloat16s_curve)
    parts = {"training": lambda bench: training(bench, options.rounds)} | {part.__name__: part for part in others}
    parser.add_argument("--steps", type=int, default=20 if cpu else 2000, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", nargs="?", const=sys.executable, metavar="PYTHON", help="time PyTorch as well")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(parts), help=", ".join(parts))
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if unknown := set(options.parts).difference(parts):
        parser.error(f"--parts: no {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.steps, options.peer)
        for name, value, unit in itertools.chain(*(parts[part](bench) for part in options.parts)):
            figures[name] = {"value": value, "unit": unit}
            print(f"{name:72} {value:10.4g} {unit}", flush=True)
    print(json.dumps(hardware()))
    if options.json:
        options.json.write_text(json.dumps({"hardware": hardware(), "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    cli.with_kept_memory()
    main()
