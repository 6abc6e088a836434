"""How fast a step of CycleGAN is beside eager PyTorch: python tests/benchmarks/cyclegan.py [--peer=PYTHON]

On noise in the place of images, at the sizes of `sketch2toon`, as it is and in its quick preset, and of the paper's
batch of one at 128 px; in turn with it the peer in both memory layouts, by default of this environment
(`pip install -e '.[bench]'`). Prints medians over the rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np

from jaxgan import algorithms, cli, config, parallel

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "peers" / "torch_cyclegan.py"
SIZES = {"sketch2toon:quick": 20, "sketch2toon": 5, "cyclegan": 3}  # and steps a round


class Training:
    """One experiment's steps, compiled."""

    def __init__(self, name: str, steps: int):
        file, _, preset = name.partition(":")
        path = f"{ROOT}/configs/{file}.py" + (f":{preset}" if preset else "")
        self.config, _ = config.load([f"--config={path}"])
        self.steps, algorithm, mesh = steps, algorithms.make(self.config), parallel.mesh()
        self.state = parallel.jit_init(algorithm.init, mesh)(jax.random.key(0))
        side, rng = self.config.data.image_size, np.random.default_rng(0)
        noise = lambda: rng.integers(0, 256, (1, self.config.batch_size, side, side, 3), np.uint8)
        batch = {"image": noise(), "source": noise(), "label": np.zeros((1, self.config.batch_size), np.int32)}
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

    def peer_seconds(self, python: str, *flags: str) -> float:
        settings, device = self.config, "cpu" if jax.default_backend() == "cpu" else "cuda"
        sizes = {"side": settings.data.image_size, "batch": settings.batch_size, "width": settings.width}
        sizes |= {"blocks": settings.blocks, "halvings": settings.critic_halvings, "steps": self.steps}
        sizes |= {"identity": settings.identity}
        command = [python, PEER, "--device", device, *flags]
        for name, value in sizes.items():
            command += [f"--{name}", str(value)]
        plain = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}  # as its users run it
        printed = subprocess.run(command, capture_output=True, text=True, check=True, env=plain).stdout
        return json.loads(printed.splitlines()[-1])["ms_per_step"] / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, metavar="PYTHON", help="that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=list(SIZES))
    options = parser.parse_args()
    for name in options.sizes:
        training = Training(name, SIZES[name])
        measure = lambda training=training: (
            training.seconds(),
            training.peer_seconds(options.peer),
            training.peer_seconds(options.peer, "--channels-last"),
        )
        rounds = [measure() for _ in range(options.rounds)]
        ours, *theirs = (1e3 * statistics.median(times) for times in zip(*rounds, strict=True))
        fastest = min(theirs)
        print(
            f"{name}: {ours:.1f} ms a step, PyTorch {theirs[0]:.1f} ms, channels last {theirs[1]:.1f} ms, "
            f"{fastest / ours:.2f} x",
            flush=True,
        )


if __name__ == "__main__":
    cli.with_kept_memory()
    main()
