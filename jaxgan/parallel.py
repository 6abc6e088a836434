"""Devices: the mesh, where arrays lie on it, and how a step is compiled for its backend."""

from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.data import cache
from jaxgan.errors import UserError

DATA_AXIS = "data"

# XLA's options on a CPU; other versions of jaxlib may not know them.
CPU_FAST_CONVOLUTIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}
CPU_RUNS_ONCE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def mesh() -> Mesh:
    """All devices along one axis, over which batches are split."""
    return Mesh(np.asarray(jax.devices()), (DATA_AXIS,))


def cache_compilations() -> None:
    """Keeps compiled steps on the disk, so that a second start does not compile again."""
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(cache.folder("xla")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def replicated(mesh: Mesh) -> NamedSharding:
    """The whole array on each device: states, latents."""
    return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh) -> NamedSharding:
    """An equal part of the first axis on each device: batches."""
    return NamedSharding(mesh, PartitionSpec(DATA_AXIS))


def check_batch(batch_size: int, mesh: Mesh) -> None:
    """Raises UserError where a batch cannot be split evenly."""
    if batch_size % mesh.size:
        below = batch_size // mesh.size * mesh.size
        nearest = " or ".join(str(size) for size in (below, below + mesh.size) if size)
        raise UserError(f"batch_size={batch_size} does not split over {mesh.size} devices; take {nearest}")


def jit_init(init: Callable, mesh: Mesh) -> Callable:
    """Compiles `(key) -> state`, replicated over the mesh. It runs once, so a CPU spends no time on making it fast."""
    return jax.jit(init, out_shardings=replicated(mesh), compiler_options=_init_options(jax.default_backend()))


def jit_step(train_step: Callable, mesh: Mesh, deterministic: bool = False) -> Callable:
    """Compiles `(state, batch, key) -> (state, metrics)` over the mesh.

    The batch is split, everything else replicated, and the result is what one device would compute
    on the whole batch. `key` is the stream's; the step's own is folded from it and `state.step`.
    The state is donated.
    """

    def step(state, batch, key):
        return train_step(state, batch, jax.random.fold_in(key, state.step))

    whole, part = replicated(mesh), split(mesh)
    return jax.jit(
        step,
        donate_argnums=0,
        in_shardings=(whole, part, whole),
        out_shardings=(whole, whole),
        compiler_options=_step_options(jax.default_backend(), deterministic),
    )


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
