"""What the tests share: tiny experiments, commands, algorithms compiled once."""

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

from jaxgan import algorithms
from jaxgan import config as config_lib
from jaxgan.data.dataset import DataSet, Split
from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[1]
TIMES = ("seconds", "images_per_second")  # columns of metrics.jsonl that differ each time
CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.py"))


def one_config_per_algorithm(generates: bool = False) -> list[str]:
    """The first config of each algorithm, or of each that `generates` images."""
    configs = {load(name).algorithm: name for name in reversed(CONFIGS)}
    return [name for name in configs.values() if not generates or algorithms.make(load(name)).generate]


def load(name: str, **fields):
    """The tiny preset of an experiment, with fields overridden (`data__limit` is data.limit)."""
    overrides = [f"--config.{field.replace('__', '.')}={value}" for field, value in fields.items()]
    return config_lib.load([f"--config={ROOT}/configs/{name}.py:tiny", *overrides])[0]


def run(module: str, *arguments, cwd=ROOT, **kwargs) -> subprocess.CompletedProcess:
    """Runs a command as a user would."""
    command = [sys.executable, "-m", f"jaxgan.{module}", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, **kwargs)


def rows_without_times(workdir):
    rows = RunDirectory(workdir).metrics.read()
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def events(workdir):
    return [row["event"] for row in RunDirectory(workdir).events.read()]


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


def random_batch(config, seed: int = 0) -> dict:
    """Noise in the place of images, on the default device."""
    rng = np.random.default_rng(seed)
    side = config.data.image_size
    names = ["image", *(["source"] if "a" in config.data else [])]
    count = config.batch_size * config.get("d_steps", 1)
    batch = {name: rng.integers(0, 256, (count, side, side, config.data.channels), np.uint8) for name in names}
    return jax.device_put(batch | {"label": rng.integers(0, config.get("num_classes") or 1, count, np.int32)})


def random_batches(config, *seeds: int) -> dict:
    """The batches of several steps, off the devices: arrays (len(seeds), B, ...)."""
    return jax.tree.map(lambda *arrays: np.stack(arrays), *(random_batch(config, seed) for seed in seeds))


def double(state):
    """A state in 64 bits, as Adam turns the rounding noise on gradients of zero into full steps."""
    return jax.tree.map(lambda leaf: leaf.astype("float64") if leaf.dtype == "float32" else leaf, state)


def shapes(rng, label, size=32):
    """Noisy images (N, size, size, 3) of three kinds in a colour each: a half, a corner, a disc above the middle."""
    rows, columns = np.mgrid[:size, :size] / (size - 1)
    forms = np.stack([columns - 0.5, columns - rows, 0.25 - np.hypot(rows - 0.35, columns - 0.5)])
    colours = np.asarray([[1.0, 0.1, 0.2], [0.1, 1.0, 0.3], [0.3, 0.2, 1.0]])
    image = (
        np.sign(forms)[label][..., None] * colours[label][:, None, None] * rng.uniform(0.5, 1, (len(label), 1, 1, 1))
    )
    return np.clip(127.5 + 90 * image + rng.normal(0, 20, image.shape), 0, 255).astype(np.uint8)


def some_shapes(seed, count=8):
    """A batch of them without labels."""
    rng = np.random.default_rng(seed)
    return {"image": jax.device_put(shapes(rng, rng.integers(0, 3, count)))}


def shapes_set(seed=0, names=("half", "corner", "disc"), train=480, held_out=120):
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 3, count).astype(np.int32) for count in (train, held_out)]
    splits = [Split(shapes(rng, label), label if len(names) > 1 else np.zeros_like(label)) for label in labels]
    return DataSet("shapes", f"shapes-{seed}-{len(names)}", list(names), *splits)


class Compiled:
    """An experiment's algorithm with its functions compiled once for all tests."""

    def __init__(self, config):
        self.config = config
        self.algorithm = algorithms.make(config)
        self.init = jax.jit(self.algorithm.init)
        self.step = jax.jit(self.algorithm.train_step)
        self.generate = self.algorithm.generate and jax.jit(self.algorithm.generate)
