"""From a run directory to what it trained."""

from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan import algorithms, parallel
from jaxgan import config as config_lib
from jaxgan.checkpoint import Checkpoints, Vanished, abstract
from jaxgan.rundir import RunDirectory


class Run(NamedTuple):
    """What it takes to restore a run's checkpoints."""

    algorithm: algorithms.Algorithm
    state: Any  # shapes, dtypes and shardings, without values
    checkpoints: Path


def open_run(workdir: str | Path) -> Run:
    """Raises UserError where there is no such run."""
    run = RunDirectory(workdir)
    parallel.cache_compilations()
    algorithm = algorithms.make(config_lib.from_dict(run.stored()["config"]))
    state = abstract(algorithm.init, jax.random.key(0), parallel.replicated(parallel.mesh()))
    return Run(algorithm, state, run.checkpoints)


def load(workdir: str | Path, step: int | None = None) -> tuple[algorithms.Algorithm, algorithms.State, int]:
    """Restores a run's checkpoint, by default the newest, on whatever devices there are here.

    Raises:
      UserError: there is no such run or checkpoint.
    """
    run = open_run(workdir)
    while True:
        with Checkpoints(run.checkpoints, read_only=True) as checkpoints:
            try:
                found, state, _ = checkpoints.restore(run.state, step)
            except Vanished:
                continue
            return run.algorithm, state, found
