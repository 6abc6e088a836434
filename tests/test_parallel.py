import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import struct
from support import ROOT, load

from jaxgan import parallel
from jaxgan.errors import UserError
from jaxgan.train import train

# In a process of its own, as the number of devices and 64 bits are set before JAX starts.
TEN_STEPS = """
import json, sys
import jax, numpy as np
sys.path.insert(0, "tests")
from support import load, random_batch
from jaxgan import algorithms, parallel

metrics = {}
for devices in (1, 8):
    mesh = jax.sharding.Mesh(np.asarray(jax.devices()[:devices]), (parallel.DATA_AXIS,))
    config = load(sys.argv[1], batch_size=8, width=4, precision="float32")
    config.precision = "float64"
    algorithm = algorithms.make(config)
    to_double = lambda leaf: leaf.astype("float64") if leaf.dtype == "float32" else leaf
    state = jax.tree.map(to_double, jax.jit(algorithm.init)(jax.random.key(0)))
    state = jax.device_put(state, parallel.replicated(mesh))
    step = parallel.jit_step(algorithm.train_step, mesh)
    for seed in range(10):
        batch = jax.device_put(jax.device_get(random_batch(config, seed)), parallel.split(mesh))
        key = jax.device_put(jax.random.key(1), parallel.replicated(mesh))
        state, last = step(state, batch, key)
    metrics[devices] = {name: float(value) for name, value in last.items()}
    metrics[devices]["weights"] = float(sum(abs(leaf).sum() for leaf in jax.tree.leaves(state.generator.params)))
    assert len(batch["image"].sharding.device_set) == devices
print(json.dumps(metrics))
"""


@pytest.mark.parametrize("name", ["began", "dcgan"])
def test_eight_devices_compute_what_one_does(name):
    """In float64, so that a different order of sums does not show: BatchNorm sees the whole batch."""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", TEN_STEPS, name]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | flags, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    one, eight = json.loads(done.stdout).values()
    assert one.keys() == eight.keys()
    for metric in one:
        assert eight[metric] == pytest.approx(one[metric], rel=1e-8), metric


def test_an_indivisible_batch_names_one_that_divides(monkeypatch):
    class Eight:
        size = 8

    with pytest.raises(UserError, match="batch_size=30 does not split over 8 devices; take 32"):
        parallel.check_batch(30, Eight())
    parallel.check_batch(32, Eight())


def test_the_loop_checks_its_batch(monkeypatch, tmp_path):
    class Three:
        size = 3

    monkeypatch.setattr(parallel, "mesh", Three)
    with pytest.raises(UserError, match="batch_size=8"):
        train(load("began"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_compiler_options_are_left_out(monkeypatch):
    assert parallel._step_options("cpu", False) == parallel.CPU_FAST_CONVOLUTIONS
    monkeypatch.setattr(parallel, "CPU_FAST_CONVOLUTIONS", {"xla_cpu_no_such_option": 1})
    assert parallel._step_options("cpu", False) is None
    assert parallel._step_options("gpu", True) == {"xla_gpu_deterministic_ops": True}
    assert parallel._step_options("gpu", False) is None


def test_a_steps_randomness_is_a_function_of_seed_and_step():
    mesh = parallel.mesh()

    @struct.dataclass
    class State:
        step: jax.Array

    def draw(state, batch, key):
        return state.replace(step=state.step + 1), {"draw": jax.random.uniform(key)}

    step = parallel.jit_step(draw, mesh)

    draws = []
    for start in (0, 2):
        state = State(jax.device_put(np.int32(start), parallel.replicated(mesh)))
        for _ in range(3):
            state, metrics = step(state, {"image": np.zeros(8)}, jax.random.key(5))
            draws.append(float(metrics["draw"]))
    assert draws[2] == draws[3]
    assert len(set(draws[:3])) == 3
