"""Draws images from a run: python -m jaxgan.sample --workdir=DIR [--out=FILE.png] [--num=64] [--seed=0] [--step=N]"""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from jaxgan import algorithms, cli, images, parallel
from jaxgan import config as config_lib
from jaxgan.checkpoint import Checkpoints, abstract
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory

BATCH = 64  # images generated at a time


def load(workdir: str | Path, step: int | None = None) -> tuple[algorithms.Algorithm, algorithms.State, int]:
    """Restores a run's checkpoint, by default the newest, on whatever devices there are here.

    Raises:
      UserError: there is no such run or checkpoint.
    """
    run = RunDirectory(workdir)
    parallel.cache_compilations()
    algorithm = algorithms.make(config_lib.from_dict(run.stored()["config"]))
    target = abstract(algorithm.init, jax.random.key(0), parallel.replicated(parallel.mesh()))
    with Checkpoints(run.checkpoints, read_only=True) as checkpoints:
        step, state, _ = checkpoints.restore(target, step)
    return algorithm, state, step


def sample(algorithm: algorithms.Algorithm, state: algorithms.State, num: int, seed: int) -> np.ndarray:
    """Returns uint8 (num, H, W, C). Image i depends on the seed and i alone, not on `num`."""
    generate = jax.jit(algorithm.generate)
    key = jax.random.key(seed)
    batches = range(math.ceil(num / BATCH))
    latents = (algorithm.sample_latent(jax.random.fold_in(key, batch), BATCH) for batch in batches)
    return np.concatenate([images.to_uint8(generate(state, latent)) for latent in latents])[:num]


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--workdir", required=True, help="the run directory")
    parser.add_argument("--out", type=Path, help="the grid's file, by default DIR/samples/<step>-seed<seed>.png")
    parser.add_argument("--num", type=int, default=64, help="images")
    parser.add_argument("--seed", type=int, default=0, help="of the latents")
    parser.add_argument("--step", type=int, help="which checkpoint, by default the newest")
    parser.add_argument("--npz", type=Path, help="also write the array `images`, uint8 (N, H, W, C), here")
    options = parser.parse_args(arguments)
    if options.num < 1:
        raise UserError(f"--num={options.num}: it is 1 or more")
    cli.check_suffix(options.npz, ".npz")
    cli.check_suffix(options.out, ".png")
    algorithm, state, step = load(options.workdir, options.step)
    samples = sample(algorithm, state, options.num, options.seed)
    out = options.out or RunDirectory(options.workdir).path / "samples" / f"{step:06}-seed{options.seed}.png"
    images.save_png(out, images.grid(samples, math.ceil(math.sqrt(options.num))))
    print(f"wrote {out}")
    if options.npz:
        images.save_npz(options.npz, images=samples)
        print(f"wrote {options.npz}")


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
