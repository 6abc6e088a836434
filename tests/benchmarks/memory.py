"""Memory that a step takes, by the compiler: python tests/benchmarks/memory.py --config=FILE[:preset] [...]

What its arguments take and what it keeps while it computes, on the backend that there is, for the config as it is, with
accumulate=2, and with remat: of BigGAN or R3GAN, which have these fields.
"""

import sys

import jax
import numpy as np

from jaxgan import algorithms, parallel
from jaxgan import config as config_lib

WAYS = ([], ["--config.accumulate=2"], ["--config.remat=True"])


def taken(arguments: list[str]) -> int:
    """Bytes."""
    config, _ = config_lib.load(arguments)
    algorithm = algorithms.make(config)
    count, side = config.batch_size * config.get("d_steps", 1), config.data.image_size
    batches = {
        "image": jax.ShapeDtypeStruct((1, count, side, side, config.data.channels), np.uint8),
        "label": jax.ShapeDtypeStruct((1, count), np.int32),
    }
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    steps = parallel.jit_steps(algorithm.train_step, parallel.mesh())
    return parallel.step_memory(steps.lower(state, batches, jax.random.key(0)).compile())


if __name__ == "__main__":
    for way in WAYS:
        print(f"{' '.join(way) or 'as it is':24}{taken([*sys.argv[1:], *way]) / 2**30:8.2f} GiB", flush=True)
