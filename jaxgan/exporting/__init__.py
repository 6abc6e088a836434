"""What a run's generator becomes outside the project: one function with its weights inside, or the weights alone."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgan import algorithms, drawing, restoring
from jaxgan import config as config_lib
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory


class Trained(NamedTuple):
    """A run's generator at one checkpoint."""

    # (latent float32 (n, latent_dim)[, label int32 (n,)]) -> images float32 (n, H, W, C) in [-1, 1]
    draw: Callable[..., jax.Array]
    algorithm: algorithms.Algorithm
    state: algorithms.State  # settled
    latent_dim: int
    names: list[str]  # of the classes that G is told, by number
    workdir: Path
    step: int
    config: ConfigDict
    data: dict  # what the run stores of its images

    def inputs(self, count) -> list[jax.ShapeDtypeStruct]:
        """What `draw` takes for so many images."""
        latent = jax.ShapeDtypeStruct((count, self.latent_dim), jnp.float32)
        return [latent, *([jax.ShapeDtypeStruct((count,), jnp.int32)] if self.names else [])]

    def examples(self, count: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
        """Such inputs, and the images that `draw` makes of them."""
        asked = drawing.ask(self.algorithm, self.state, count, seed)
        given = [asked.latent, *([asked.label.astype(np.int32)] if self.names else [])]
        return given, np.asarray(jax.jit(self.draw)(*given))


def load(workdir: str | Path, step: int | str | None = None) -> Trained:
    """Restores a run's generator.

    Raises:
      UserError: there is no such run or checkpoint, or it draws no samples.
    """
    algorithm, state, step = restoring.load(workdir, step)
    if not algorithm.generate:
        raise UserError("the run's algorithm draws no samples: there is no generator to export")
    state = jax.device_get(drawing.settled(algorithm, state))
    stored = RunDirectory(workdir).stored()
    config = config_lib.from_dict(stored["config"])
    names = stored["data"]["names"] if algorithm.sample_label else []
    draw = lambda *given: algorithm.generate(state, *given)
    return Trained(draw, algorithm, state, config.latent_dim, names, Path(workdir), step, config, stored["data"])
