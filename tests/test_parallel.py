import json
import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import struct
from support import ROOT, double, load, one_config_per_algorithm, random_batches, run

from jaxgan import algorithms, parallel, sample
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory
from jaxgan.train import train

EIGHT_DEVICES = {
    "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8",
    "JAX_PLATFORMS": "cpu",
}

# In a process of its own, as the number of devices and 64 bits are set before JAX starts.
TEN_STEPS = """
import json, sys
import jax, numpy as np
sys.path.insert(0, "tests")
from support import double, load, random_batches
from jaxgan import algorithms, parallel

results = []
for devices in (1, 8):
    mesh = jax.sharding.Mesh(np.asarray(jax.devices()[:devices]), (parallel.DATA_AXIS,))
    config = load(sys.argv[1], batch_size=8)
    config.precision = "float64"
    if "plateau_every" in config:
        config.plateau_every = 2
    if config.algorithm == "biggan":  # images are altered ever more often, whatever D says
        config.ada_target, config.ada_images = -2.0, 320
    algorithm = algorithms.make(config)
    state = double(jax.jit(algorithm.init)(jax.random.key(0)))
    state = jax.device_put(state, parallel.replicated(mesh))
    train_steps = parallel.jit_steps(algorithm.train_step, mesh)
    for seed in range(10):
        batches = jax.device_put(random_batches(config, seed), parallel.split(mesh))
        key = jax.device_put(jax.random.key(1), parallel.replicated(mesh))
        state, last = train_steps(state, batches, key)
    assert len(batches["image"].sharding.device_set) == devices
    results.append(jax.tree.map(np.asarray, (state, last)))
jax.tree.map(lambda one, eight: np.testing.assert_allclose(eight, one, rtol=1e-8, atol=1e-8), *results)
print(json.dumps({name: float(value) for name, value in results[1][1].items()}))
"""


QUICK = "dcgan"  # whose BatchNorm sees the whole batch


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == QUICK else pytest.mark.slow) for name in one_config_per_algorithm()]
)
def test_eight_devices_compute_what_one_does(name):
    """Every array of the state, in float64, so that a different order of sums does not show.

    BatchNorm sees the whole batch; k and the plateau move as they do on one device.
    """
    command = [sys.executable, "-c", TEN_STEPS, name]
    environment = os.environ | EIGHT_DEVICES | {"JAX_ENABLE_X64": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert np.isfinite(list(json.loads(done.stdout).values())).all()


def on_eight(workdir, steps, *overrides):
    """Trains in a process that has eight devices."""
    arguments = [f"--config={ROOT}/configs/began.py:tiny", f"--workdir={workdir}", f"--config.steps={steps}"]
    done = run("main", *arguments, *overrides, env=os.environ | EIGHT_DEVICES)
    assert done.returncode == 0, done.stderr


def test_a_run_moves_between_one_device_and_eight(tmp_path):
    """Begun on one, gone on with on eight, ended on one: the losses are those of one device."""
    train(load("began", steps=2), tmp_path / "moved")
    on_eight(tmp_path / "moved", 4)
    assert sample.load(tmp_path / "moved")[2] == 4
    train(load("began", steps=6), tmp_path / "moved")
    train(load("began", steps=6), tmp_path / "stayed")
    moved, stayed = (RunDirectory(tmp_path / name).metrics.read() for name in ("moved", "stayed"))
    assert [row["event"] for row in RunDirectory(tmp_path / "moved").events.read()] == [
        *("start", "end", "resume", "end", "resume", "end")
    ]
    for ours, theirs in zip(moved, stayed, strict=True):
        for name in ("loss_real", "loss_fake", "k", "m"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3), (name, ours["step"])


@pytest.mark.slow
def test_eight_devices_start_from_another_runs_networks_and_are_watched(tmp_path):
    train(load("began", steps=1), tmp_path / "one")
    monitor = ["--config.monitor.every=1", "--config.monitor.num=100"]
    on_eight(tmp_path / "warm", 1, f"--config.init_from={tmp_path}/one", *monitor)
    assert [row["step"] for row in RunDirectory(tmp_path / "warm").monitor.read()] == [1]


def test_an_indivisible_batch_names_one_that_divides(monkeypatch):
    class Eight:
        size = 8

    with pytest.raises(UserError, match="batch_size=30 does not split over 8 devices; take 24 or 32"):
        parallel.check_batch(30, Eight())
    with pytest.raises(UserError, match="batch_size=6 does not split over 8 devices; take 8"):
        parallel.check_batch(6, Eight())
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


@pytest.mark.parametrize("name", ["abegan", pytest.param("dcgan", marks=pytest.mark.slow)])
def test_a_call_of_several_steps_makes_the_same_steps(name):
    """Every array of the state and the last step's metrics, in float64, so that another order of sums does not show."""
    config = load(name, batch_size=4, width=4)
    config.precision = "float64"
    with jax.enable_x64():
        algorithm = algorithms.make(config)
        train_steps = parallel.jit_steps(algorithm.train_step, parallel.mesh())
        init = jax.jit(lambda key: double(algorithm.init(key)))
        one, several, key = init(jax.random.key(0)), init(jax.random.key(0)), jax.random.key(1)
        for seed in range(3):
            one, last = train_steps(one, random_batches(config, seed), key)
        several, metrics = train_steps(several, random_batches(config, 0, 1, 2), key)
        assert several.step == 3
        same = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
        jax.tree.map(same, (one, last), (several, metrics))


def test_steps_of_one_call_never_leave_the_device(began):
    """The compiled loop neither asks the host for anything nor tells it."""
    state = jax.eval_shape(began.algorithm.init, jax.random.key(0))
    batches = random_batches(began.config, 0, 1, 2)
    train_steps = parallel.jit_steps(began.algorithm.train_step, parallel.mesh())
    program = train_steps.lower(state, batches, jax.random.key(1)).compile().as_text()
    assert " while(" in program
    assert not re.search(r"outfeed|infeed|\bsend\b|\brecv\b|callback|MoveToHost", program)


def test_as_many_steps_a_call_as_the_logging_allows(monkeypatch):
    config = load("began", log_every=48, sample_every=96, checkpoint_every=192)
    assert parallel.steps_a_call(config) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert parallel.steps_a_call(config) == 48  # readings are off
    config.monitor.every = 120
    assert parallel.steps_a_call(config) == 24
    config.log_every = config.sample_every = config.checkpoint_every = config.monitor.every = 1300
    assert parallel.steps_a_call(config) == 52  # of 1300's divisors the largest up to 64


def test_a_steps_randomness_is_a_function_of_seed_and_step():
    mesh = parallel.mesh()

    @struct.dataclass
    class State:
        step: jax.Array

    def draw(state, batch, key):
        return state.replace(step=state.step + 1), {"draw": jax.random.uniform(key)}

    train_steps = parallel.jit_steps(draw, mesh)

    draws = []
    for start in (0, 2):
        state = State(jax.device_put(np.int32(start), parallel.replicated(mesh)))
        for _ in range(3):
            state, metrics = train_steps(state, {"image": np.zeros((1, 8))}, jax.random.key(5))
            draws.append(float(metrics["draw"]))
    assert draws[2] == draws[3]
    assert len(set(draws[:3])) == 3


@pytest.mark.parametrize("kept", [True, False])
def test_compiled_steps_are_kept_unless_the_config_declines(kept, monkeypatch, tmp_path):
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    before = jax.config.jax_compilation_cache_dir
    try:
        jax.config.update("jax_compilation_cache_dir", None)
        parallel.cache_compilations(load("began", compilation_cache=kept))
        assert jax.config.jax_compilation_cache_dir == (str(tmp_path / "xla") if kept else None)
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
