"""How fast SDPC's inference is, beside the authors' scheme in PyTorch: python tests/benchmarks/sdpc.py [--peer=PYTHON]

Times an iteration on the batches of `sdpc_att`, as published and in the quick preset, with noise for images and atoms;
in turn with it the peer, by default of this environment (`pip install -e '.[bench]'`). Prints medians over the rounds.
With `--workdir=RUN`, of a run of two layers with strides 2 and 1, it counts instead the iterations in which the codes
of 20 held-out images come to the optimum, as near as 0.1, 0.01 and 0.001: the largest slope of a layer's energy at any
coefficient, of the kind that lambda is. Ours, ours without restarts or momentum, and the peer's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import cli, config, images, parallel, restoring
from jaxgan.algorithms.sdpc import Sdpc, split
from jaxgan.examining.real import prepared_images
from jaxgan.models import sdpc
from jaxgan.models.atoms import atoms
from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).parent / "peers" / "torch_sdpc.py"
SHORT = 2  # iterations of a run whose time is taken off a longer one's
MOST = 1000  # iterations on the way to the optimum
NEAR = (0.1, 0.01, 0.001)
IMAGES = 20


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
        work = ["--height", data.image_size, "--width", data.image_width, "--device", device]
        work += ["--batch", self.config.batch_size, "--atoms", *self.atoms, "--iterations", self.iterations]
        return peer(python, *work)["ms_per_iteration"] / 1e3


def peer(python: str, *arguments) -> dict:
    command = list(map(str, [python, PEER, *arguments]))
    plain = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}  # as its users run it
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=plain).stdout
    return json.loads(printed.splitlines()[-1])


def residuals(workdir: str, python: str) -> dict[str, list[float]]:
    """How far from the optimum each scheme is after each iteration."""
    system = Sdpc(config.from_dict(RunDirectory(workdir).stored()["config"]))
    _, state, _ = restoring.load(workdir)
    held_out = prepared_images(workdir)[1].held_out.image
    seen = system.see(images.to_float(np.asarray(held_out[:IMAGES])))
    dictionaries, scales = split(state)
    lambdas, feedback = state.hyper.sparsity, state.hyper.feedback
    layers = [atoms(*layer) for layer in zip(dictionaries, system.strides, system.sides, strict=True)]
    problem = sdpc.Problem(seen, layers, scales, lambdas, feedback)
    found, _ = system.curvatures(dictionaries, state.extremes, sdpc.POWER_STEPS)
    steps = sdpc.step_sizes(found, feedback)

    def course(accelerate: bool) -> list[float]:
        @jax.jit
        def advance(before):
            after = sdpc.advance(problem, steps, before, accelerate)
            return after, residual(problem, after.codes)

        iterate, ways = sdpc.start(problem, system.shapes), []
        for _ in range(MOST):
            iterate, way = advance(iterate)
            ways.append(float(way))
        return ways

    with tempfile.TemporaryDirectory() as folder:
        stored = {f"dictionary_{layer}": value for layer, value in enumerate(dictionaries, 1)}
        stored |= {"images": seen, "scale": scales[0], "lambdas": np.asarray(lambdas), "feedback": feedback}
        np.savez(f"{folder}/problem.npz", **stored)
        theirs = peer(python, "--problem", f"{folder}/problem.npz", "--iterations", MOST)["residuals"]
    return {"FISTA with restarts": course(True), "ISTA": course(False), "the authors' scheme": theirs}


def residual(problem: sdpc.Problem, codes: sdpc.Codes) -> jax.Array:
    """The largest slope of any layer's energy: where a coefficient is 0, only downwards counts."""
    slopes = sdpc.slopes(problem, sdpc.unexplained(problem, codes))
    ways = [jnp.where(code > 0, slope, jnp.minimum(slope, 0)) for code, slope in zip(codes, slopes, strict=True)]
    return jnp.stack([jnp.abs(way).max() for way in ways]).max()


def first_below(ways: list[float], near: float) -> str:
    """The iteration from which on the residual stays below."""
    late = [count for count, way in enumerate(ways, 1) if not way <= near]
    last = late[-1] if late else 0
    return f"{last + 1}" if last < len(ways) else f"over {len(ways)}"


def timed(function, *arguments) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, metavar="PYTHON", help="that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workdir", help="a run whose iterations to the optimum are counted")
    options = parser.parse_args()
    if options.workdir:
        print(f"{'iterations until within':24}{''.join(f'{near:>12}' for near in NEAR)}")
        for scheme, ways in residuals(options.workdir, options.peer).items():
            print(f"{scheme:24}{''.join(f'{first_below(ways, near):>12}' for near in NEAR)}", flush=True)
        return
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
