"""From a run directory to what it trained."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import algorithms, parallel
from jaxgan import config as config_lib
from jaxgan.checkpoint import Checkpoints, Damaged, Vanished, abstract
from jaxgan.data.dataset import DataSet, find_prepared
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory

BEST = "best"


class Run(NamedTuple):
    """What it takes to restore a run's checkpoints."""

    algorithm: algorithms.Algorithm
    state: Any  # shapes, dtypes and shardings, without values
    checkpoints: Path
    best_metric: str

    def reader(self) -> Checkpoints:
        return Checkpoints(self.checkpoints, best_metric=self.best_metric, read_only=True)


def open_run(workdir: str | Path) -> Run:
    """Raises UserError where there is no such run."""
    run = RunDirectory(workdir)
    config = config_lib.from_dict(run.stored()["config"])
    parallel.cache_compilations(config)
    algorithm = algorithms.make(config)
    state = abstract(algorithm.init, jax.random.key(0), parallel.replicated(parallel.mesh()))
    return Run(algorithm, state, run.checkpoints, config.monitor.best_metric)


def load(workdir: str | Path, step: int | str | None = None) -> tuple[algorithms.Algorithm, algorithms.State, int]:
    """Restores a run's checkpoint on whatever devices there are here.

    Args:
      workdir: the run directory.
      step: a checkpoint's, or "best" for that of the monitor; by default the newest.

    Raises:
      UserError: there is no such run or checkpoint.
    """
    run = open_run(workdir)
    while True:
        with run.reader() as checkpoints:
            try:
                found, state, _ = checkpoints.restore(run.state, _wanted(checkpoints, step))
            except Vanished:
                continue
            return run.algorithm, state, found


def load_all(workdir: str | Path) -> Iterator[tuple[algorithms.Algorithm, algorithms.State, int]]:
    """Restores one after the other all checkpoints that are left, the oldest first; damaged ones are named.

    Raises:
      UserError: there is no such run, or no whole checkpoint in it.
    """
    run = open_run(workdir)
    found = None
    while found is None:
        with run.reader() as checkpoints:
            wanted, damaged = checkpoints.steps(), []
            for step in wanted or [0]:  # restore says that there is nothing
                try:
                    found, state, _ = checkpoints.restore(run.state, [step])
                except Vanished:
                    continue
                except Damaged as error:
                    damaged.append(error)
                    print(error, file=sys.stderr)
                    continue
                yield run.algorithm, state, found
            if wanted and len(damaged) == len(wanted):
                raise damaged[-1]


def held_out(workdir: str | Path) -> list[np.ndarray]:
    """The images that a run's training never sees: of the set that is learnt and of what a translator translates.

    Raises:
      UserError: there is no such run, or its images are not prepared here.
    """
    stored = RunDirectory(workdir).stored()["data"]
    origins = [origin(workdir)] if "origin" in stored else []
    return [dataset.held_out.image for dataset in (find_prepared(stored["name"], stored["fingerprint"]), *origins)]


def origin(workdir: str | Path) -> DataSet:
    """The set that a translator translates. Raises UserError as `held_out` does."""
    run = RunDirectory(workdir)
    data = run.stored()["data"].get("origin")
    if not data:
        raise UserError(f"{run.config_file} is damaged: it does not say what is translated")
    return find_prepared(data["name"], data["fingerprint"])


def _wanted(checkpoints: Checkpoints, step: int | str | None) -> list[int] | None:
    """What `Checkpoints.restore` is to try for a step, "best", or None for the newest."""
    if step == BEST:
        step = checkpoints.best()
        if step is None and checkpoints.steps():
            raise UserError(f"no checkpoint in {checkpoints.folder} was measured in training: name a step")
    return None if step is None else [step]
