"""Devices: the mesh, where arrays lie on it, and how steps are compiled for their backend."""

import contextlib
import functools
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from jaxgan.data import cache
from jaxgan.errors import UserError

DATA_AXIS = "data"
LOWER = "lower batch_size, data.image_size or the width of the networks, or raise accumulate if there is such a field"
MOST_STEPS = 64  # in one call: enough that starting it costs nothing, few enough that a signal is soon heard

# XLA's options on a CPU; other versions of jaxlib may not know them.
CPU_FAST_CONVOLUTIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}
CPU_RUNS_ONCE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class FullMemory(UserError):
    """A device has less memory than what is to be computed takes."""


def mesh() -> Mesh:
    """All devices of all processes along one axis, over which batches are split."""
    devices = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    return Mesh(np.asarray(devices), (DATA_AXIS,))


def own_mesh() -> Mesh:
    """One device of this process."""
    return Mesh(np.asarray(jax.local_devices()[:1]), (DATA_AXIS,))


def own_part(batch_size: int) -> slice:
    """Those of a batch's images that lie on this process's devices."""
    part = batch_size // jax.process_count()
    return slice(jax.process_index() * part, (jax.process_index() + 1) * part)


def placed(arrays: Any, sharding: NamedSharding) -> Any:
    """Puts arrays on the mesh, of which each process gives what lies on its devices."""
    return jax.tree.map(functools.partial(jax.make_array_from_process_local_data, sharding), arrays)


def cache_compilations(config: ConfigDict) -> None:
    """Keeps compiled steps on the disk, so that a second start does not compile again, unless the config declines."""
    if config.get("compilation_cache", True) and jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(cache.folder("xla")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def replicated(mesh: Mesh) -> NamedSharding:
    """The whole array on each device: states, latents."""
    return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh) -> NamedSharding:
    """An equal part of the second axis on each device: the batches (n, B, ...) of n steps."""
    return NamedSharding(mesh, PartitionSpec(None, DATA_AXIS))


def check_batch(batch_size: int, mesh: Mesh) -> None:
    """Raises UserError where a batch cannot be split evenly."""
    if batch_size % mesh.size:
        below = batch_size // mesh.size * mesh.size
        nearest = " or ".join(str(size) for size in (below, below + mesh.size) if size)
        raise UserError(f"batch_size={batch_size} does not split over {mesh.size} devices; take {nearest}")


def jit_init(init: Callable, mesh: Mesh) -> Callable:
    """Compiles `(key) -> state`, replicated over the mesh. It runs once, so a CPU spends no time on making it fast."""
    return jax.jit(init, out_shardings=replicated(mesh), compiler_options=_init_options(jax.default_backend()))


def device_memory() -> int:
    """Bytes that arrays may take on a device; where it does not say, as a CPU, the machine's."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def members_together() -> bool:
    """Whether the members of a sweep train under one `vmap`: on a CPU that is slower than one after the other."""
    return jax.default_backend() != "cpu"


def step_memory(compiled: jax.stages.Compiled) -> int:
    """Bytes that a compiled step takes on a device: its arguments, and what it keeps while it computes."""
    analysis = compiled.memory_analysis()
    return analysis.argument_size_in_bytes + analysis.temp_size_in_bytes


@contextlib.contextmanager
def full_memory_as_user_error() -> Iterator[None]:
    """Raises FullMemory where a device's memory runs out."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise FullMemory(f"the device's memory of {_gib(device_memory())} is full: {LOWER}") from error


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def steps_a_call(config: ConfigDict) -> int:
    """How many steps one call makes: one on a CPU, where a backward convolution in a loop is 20 times slower.

    Elsewhere it is the most, up to MOST_STEPS, with which rows, grids, checkpoints and readings come at the end of a
    call, whatever step they are due at.
    """
    if jax.default_backend() == "cpu":
        return 1
    due = math.gcd(config.log_every, config.sample_every, config.checkpoint_every, config.monitor.every)
    return max(steps for steps in range(1, MOST_STEPS + 1) if due % steps == 0)


def jit_steps(train_step: Callable, mesh: Mesh, deterministic: bool = False, members: bool = False) -> Callable:
    """Compiles `(state, batches, key) -> (state, metrics)` over the mesh: as many steps as there are batches.

    Every array of `batches` is (n, B, ...), split over the mesh along B; everything else is replicated, and the
    result is what one device would compute on the whole batches. `key` is the stream's; each step's own is folded
    from it and `state.step`. The metrics are the last step's. The state is donated.

    With `members`, every array of the state, the key and the metrics have a leading axis of runs that train at once
    on the same batches.
    """

    def step(state, batch, key):
        return train_step(state, batch, jax.random.fold_in(key, state.step))

    if members:
        step = jax.vmap(step, (0, None, 0))

    def steps(state, batches, key):
        if len(jax.tree.leaves(batches)[0]) == 1:
            return step(state, jax.tree.map(lambda array: array[0], batches), key)
        state, metrics = jax.lax.scan(lambda state, batch: step(state, batch, key), state, batches)
        return state, jax.tree.map(lambda values: values[-1], metrics)

    whole, part = replicated(mesh), split(mesh)
    return jax.jit(
        steps,
        donate_argnums=0,
        in_shardings=(whole, part, whole),
        out_shardings=(whole, whole),
        compiler_options=_step_options(jax.default_backend(), deterministic),
    )


class Steps:
    """What `jit_steps` makes of a step, compiled once for each number of steps a call."""

    def __init__(self, train_step: Callable, mesh: Mesh, deterministic: bool = False, members: bool = False):
        self._jitted = jit_steps(train_step, mesh, deterministic, members)
        self.compiled: dict[int, jax.stages.Compiled] = {}

    def compile(self, state, batches, key) -> jax.stages.Compiled:
        """Returns the program for arguments of these shapes.

        Raises:
          FullMemory: the device has not enough.
        """
        count = len(jax.tree.leaves(batches)[0])
        if count not in self.compiled:
            self.compiled[count] = self._jitted.lower(state, batches, key).compile()
            needed, there = step_memory(self.compiled[count]), device_memory()
            if needed > there:
                raise FullMemory(f"a step takes {_gib(needed)} of memory, the device has {_gib(there)}: {LOWER}")
        return self.compiled[count]


def jit_alone(function: Callable) -> Callable:
    """Compiles what runs on one device, a probe's step for example, as fast as a training step."""
    return jax.jit(function, compiler_options=_step_options(jax.default_backend(), deterministic=False))


def _init_options(backend: str) -> dict | None:
    return _known(CPU_RUNS_ONCE) if backend == "cpu" else None


def _step_options(backend: str, deterministic: bool) -> dict | None:
    if backend == "gpu" and deterministic:
        return {"xla_gpu_deterministic_ops": True}
    return _known(CPU_FAST_CONVOLUTIONS) if backend == "cpu" else None


def _known(options: dict) -> dict | None:
    """The options where this version of jaxlib takes them, else None."""
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(np.float32(0)).compile()
    except jax.errors.JaxRuntimeError:
        return None
    return options
