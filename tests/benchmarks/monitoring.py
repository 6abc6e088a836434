"""What watching costs: a reading of the monitor against the steps between two of them, at the seed's sizes.

python tests/benchmarks/monitoring.py [--config configs/began.py] [--steps 10] [--readings 5]
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import jax

from jaxgan import algorithms, parallel
from jaxgan import config as config_lib
from jaxgan.data.dataset import prepare
from jaxgan.data.pipeline import batches
from jaxgan.metrics import JsonLines
from jaxgan.watch import Watch


def seconds(call) -> float:
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/began.py")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--readings", type=int, default=5)
    options = parser.parse_args()
    config, _ = config_lib.load([f"--config={options.config}"])
    parallel.cache_compilations(config)
    mesh, key = parallel.mesh(), jax.random.key(0)
    algorithm, dataset = algorithms.make(config), prepare(config.data)
    state = parallel.jit_init(algorithm.init, mesh)(key)
    train_steps = parallel.jit_steps(algorithm.train_step, mesh)
    source = batches(dataset, config.data, config.batch_size, 0, itertools.repeat(1), mesh)

    def step():
        nonlocal state
        state, metrics = train_steps(state, next(source), key)
        return metrics

    with tempfile.TemporaryDirectory() as folder:
        rows, metrics = (JsonLines(Path(folder) / name) for name in ("monitor.jsonl", "metrics.jsonl"))
        watch = Watch(config, algorithm, dataset, dataset, rows, key)
        watch.rewind(0, metrics)
        readings = iter(range(1, options.readings + 2))
        read = lambda: watch.read(next(readings), 0.0, watch.draw(state), {}).row["fd_probe"]
        steps = [seconds(step) for _ in range(options.steps + 1)][1:]  # the first ones compile
        reads = [seconds(read) for _ in range(options.readings + 1)][1:]
    step_time, read_time, every = statistics.median(steps), statistics.median(reads), config.monitor.every
    print(f"a step {step_time:.4f} s, a reading {read_time:.3f} s, one each {every:,} steps: ", end="")
    print(f"{read_time / (every * step_time):.2%} of the training time")


if __name__ == "__main__":
    main()
