"""StableHLO by `jax.export`, for CPU, CUDA and TPU at once and any number of images."""

import jax
from jax import export

from jaxgan.exporting import Trained

PLATFORMS = "cpu", "cuda", "tpu"


def serialize(trained: Trained) -> bytes:
    """Returns what `jax.export.deserialize(bytearray).call(latent[, label])` runs, without this project."""
    (count,) = export.symbolic_shape("n")
    return export.export(jax.jit(trained.draw), platforms=PLATFORMS)(*trained.inputs(count)).serialize()
