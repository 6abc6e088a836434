"""Training speed of the loop as users run it, beside a peer's step: python tests/benchmarks/training_speed.py [--peer]

Trains an experiment (by default began: width 64, batch 32, 32 px) on noise in the place of images and
reads the speed from the run's own metrics.jsonl; in turn with it runs each mode of the PyTorch peer
(`pip install -e '.[bench]'`). Prints medians over the rounds, and the share of the time that the loop
spends outside the compiled step.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

from jaxgan import algorithms, config, parallel, train
from jaxgan.data.dataset import prepare
from jaxgan.data.pipeline import batches
from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "peers" / "torch_began.py"
PEER_MODES = {"eager": [], "channels-last": ["--channels-last"], "compiled": ["--compile"]}
PEER_MODES["compiled, channels-last"] = ["--compile", "--channels-last"]
LOG_EVERY = 5
SKIPPED = 1  # rows, or steps, at the start, which see compilation


def experiment(name: str, images: Path, steps: int):
    """The experiment on the images; it writes rows more often than users do, and grids as rarely."""
    fields = {"steps": steps, "log_every": LOG_EVERY, "data.name": "arrays", "data.dir": images}
    overrides = [f"--config.{field}={value}" for field, value in fields.items()]
    name, _, preset = name.partition(":")
    return config.load([f"--config={ROOT}/configs/{name}.py:{preset}", *overrides])[0]


def seconds_a_step(settings, folder: str) -> float:
    """Median over the loop's own rows."""
    train.train(settings, folder)
    rows = RunDirectory(folder).metrics.read()[SKIPPED:]
    return statistics.median(settings.batch_size / row["images_per_second"] for row in rows)


def seconds_of_the_step_alone(settings, steps: int) -> float:
    """Median of the compiled step on a batch that is already there."""
    mesh = parallel.mesh()
    algorithm = algorithms.make(settings)
    state = jax.jit(algorithm.init, out_shardings=parallel.replicated(mesh))(jax.random.key(0))
    batch = next(batches(prepare(settings.data), settings.data, settings.batch_size, 0, mesh))
    step, times = parallel.jit_step(algorithm.train_step, mesh), []
    for _ in range(steps):
        start = time.perf_counter()
        state, metrics = step(state, batch, jax.random.key(1))
        jax.block_until_ready((state, metrics))
        times.append(time.perf_counter() - start)
    return statistics.median(times[SKIPPED:])


def peer(mode: list[str], steps: int) -> float:
    """Median seconds a step of the PyTorch peer."""
    command = [sys.executable, PEER, "--steps", str(steps), *mode]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(printed.splitlines()[-1])["ms_per_step"] / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="began", help="an experiment of configs/, with :preset if you like")
    parser.add_argument("--steps", type=int, default=25, help="steps a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help="time the PyTorch peer as well")
    options = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "noise.npz")
        np.savez(images, image=np.random.default_rng(0).integers(0, 256, (2000, 32, 32, 3), np.uint8))
        settings = experiment(options.config, images, options.steps)
        for number in range(options.rounds):
            times.setdefault("jaxgan, loop", []).append(seconds_a_step(settings, f"{folder}/{number}"))
            times.setdefault("jaxgan, step alone", []).append(seconds_of_the_step_alone(settings, options.steps))
            for mode, flags in PEER_MODES.items() if options.peer else ():
                times.setdefault(f"PyTorch, {mode}", []).append(peer(flags, options.steps))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:32} {median:8.4f} s a step ({min(times[name]):.4f} to {max(times[name]):.4f})")
    loop, alone = medians["jaxgan, loop"], medians["jaxgan, step alone"]
    print(f"outside the step: {max(0.0, 1 - alone / loop):.1%} of the loop's time")
    if options.peer:
        best = min((name for name in medians if name.startswith("PyTorch")), key=medians.get)
        print(f"{best} takes {medians[best] / loop:.2f} times as long as jaxgan's loop")


if __name__ == "__main__":
    main()
