"""How fast SDPC's inference is, beside the authors' scheme in PyTorch: python tests/benchmarks/sdpc.py [--peer=PYTHON]

Times an iteration on the batches of `sdpc_att`, as published and in the quick preset, with noise for images and atoms;
in turn with it the peer, by default of this environment (`pip install -e '.[bench]'`). Prints medians over the rounds.
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
import jax.numpy as jnp

from jaxgan import cli, config, parallel
from jaxgan.algorithms.sdpc import Sdpc, split

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "peers" / "torch_sdpc.py"
SHORT = 2  # iterations of a run whose time is taken off a longer one's


class Inference:
    """One preset's, compiled."""

    def __init__(self, preset: str, iterations: int):
        self.config, _ = config.load([f"--config={ROOT}/configs/sdpc_att.py{preset}"])
        self.iterations = iterations
        system = Sdpc(self.config)
        state = jax.jit(system.init)(jax.random.key(0))
        image = jax.random.normal(jax.random.key(1), (self.config.batch_size, *system.shape, 1))
        self.runs = []
        for most in (SHORT, SHORT + iterations):
            system.config.max_iterations = most
            infer = parallel.jit_alone(lambda hyper, system=system: system.infer(state.replace(hyper=hyper), image)[0])
            hyper = state.hyper.replace(threshold=jnp.float32(-1))  # never at rest
            jax.block_until_ready(infer(hyper))
            self.runs.append((infer, hyper))
        self.atoms = [dictionary.shape[3] for dictionary in split(state)[0]]

    def seconds(self) -> float:
        """Of an iteration."""
        short, long = (timed(infer, hyper) for infer, hyper in self.runs)
        return (long - short) / self.iterations

    def peer_seconds(self, python: str) -> float:
        """Of an iteration of the same work in PyTorch."""
        data, device = self.config.data, "cpu" if jax.default_backend() == "cpu" else "cuda"
        command = [python, PEER, "--height", data.image_size, "--width", data.image_width, "--device", device]
        command += ["--batch", self.config.batch_size, "--atoms", *self.atoms, "--iterations", self.iterations]
        plain = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}  # as its users run it
        printed = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, env=plain).stdout
        return json.loads(printed.splitlines()[-1])["ms_per_iteration"] / 1e3


def timed(function, *arguments) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, metavar="PYTHON", help="that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for preset, iterations in ((":quick", 20), ("", 5)):
        inference = Inference(preset, iterations)
        rounds = [(inference.seconds(), inference.peer_seconds(options.peer)) for _ in range(options.rounds)]
        ours, theirs = (1e3 * statistics.median(times) for times in zip(*rounds, strict=True))
        print(
            f"sdpc_att{preset}: {ours:.1f} ms an iteration, PyTorch {theirs:.1f} ms, {theirs / ours:.2f} x", flush=True
        )


if __name__ == "__main__":
    cli.with_kept_memory()
    main()
