"""What the benchmarks share that time a step in turn with one in PyTorch, on noise in the place of images."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import algorithms, config, parallel

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"


class Training:
    """One experiment's steps, compiled."""

    def __init__(self, name: str, steps: int, *overrides: str):
        self.name = name
        file, _, preset = name.partition(":")
        path = f"{ROOT}/configs/{file}.py" + (f":{preset}" if preset else "")
        self.config, _ = config.load([f"--config={path}", *overrides])
        self.steps, algorithm, mesh = steps, algorithms.make(self.config), parallel.mesh()
        self.state = parallel.jit_init(algorithm.init, mesh)(jax.random.key(0))
        side, rng = self.config.data.image_size, np.random.default_rng(0)
        count = self.config.batch_size * self.config.get("d_steps", 1)
        batch = {"image": rng.integers(0, 256, (1, count, side, side, 3), np.uint8)}
        if algorithm.translate:
            batch["source"] = batch["image"]
        batch["label"] = rng.integers(0, self.config.get("num_classes") or 1, (1, count), np.int32)
        self.batch, self.key = jax.device_put(batch, parallel.split(mesh)), jax.random.key(1)
        self.train_steps = parallel.jit_steps(algorithm.train_step, mesh)
        self.seconds()

    def seconds(self) -> float:
        """The median of a step."""
        times = []
        for _ in range(self.steps):
            start = time.perf_counter()
            self.state, metrics = self.train_steps(self.state, self.batch, self.key)
            jax.block_until_ready((self.state, metrics))
            times.append(time.perf_counter() - start)
        return statistics.median(times)


def peer_seconds(python: str, peer: str, flags: Mapping[str, object], *modes: str) -> float:
    """The median of a step of PyTorch's, in a process of its own."""
    device = "cpu" if jax.default_backend() == "cpu" else "cuda"
    command = [python, PEERS / f"{peer}.py", "--device", device, *modes]
    for name, value in flags.items():
        command += [f"--{name}", str(value)]
    plain = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}  # as its users run it
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=plain).stdout
    return json.loads(printed.splitlines()[-1])["ms_per_step"] / 1e3


def compare(
    training: Training, peer: str, flags: Mapping[str, object], modes: Sequence[str], python: str, rounds: int
) -> None:
    """Prints medians over the rounds: a step here and one of the peer in each of its modes, "" for none."""
    measure = lambda mode: peer_seconds(python, peer, flags, *filter(None, [mode]))
    found = [(training.seconds(), *map(measure, modes)) for _ in range(rounds)]
    ours, *theirs = (1e3 * statistics.median(times) for times in zip(*found, strict=True))
    beside = ", ".join(f"{mode.strip('-') or 'eager'} {time:.1f} ms" for mode, time in zip(modes, theirs, strict=True))
    print(f"{training.name}: {ours:.1f} ms a step, PyTorch {beside}, {min(theirs) / ours:.2f} x", flush=True)


def run(description: str, sizes: Mapping[str, object], one: Callable[[str, str, int], None]) -> None:
    """Calls one(name, the Python that has PyTorch, rounds) for each of the sizes that are asked for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, metavar="PYTHON", help="that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=list(sizes))
    options = parser.parse_args()
    for name in options.sizes:
        one(name, options.peer, options.rounds)


def fields(settings: ConfigDict, **names: str) -> dict:
    """The peer's flags by the names of the config's fields."""
    return {flag.replace("_", "-"): settings[field] for flag, field in names.items()} | {
        "side": settings.data.image_size,
        "batch": settings.batch_size,
    }
