"""The monitor over a run: takes its readings, keeps them as rows, and hears the alarm."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import algorithms
from jaxgan.data.dataset import DataSet, prepare
from jaxgan.errors import UserError
from jaxgan.evaluation import probe as probes
from jaxgan.evaluation.alarm import Alarm, Event
from jaxgan.evaluation.monitor import Monitor
from jaxgan.metrics import JsonLines

BATCH = 64  # samples drawn at a time


class Watch:
    """Call `rewind` first: what it holds follows from the rows, so a run goes on as if it had never stopped."""

    def __init__(
        self, config: ConfigDict, algorithm: algorithms.Algorithm, dataset: DataSet, rows: JsonLines, key: jax.Array
    ):
        """Trains the data set's probe where there is none yet. `key` is that of the readings' latents."""
        self._config, self._rows = config.monitor, rows
        probe = probes.load(prepare(config.data, limited=False))
        self._monitor = Monitor(dataset, probe)
        self._generate = jax.jit(algorithm.generate)
        count = math.ceil(config.monitor.num / BATCH)
        self._latents = [algorithm.sample_latent(jax.random.fold_in(key, batch), BATCH) for batch in range(count)]

    def rewind(self, step: int) -> None:
        """Forgets the readings after `step`."""
        self._rows.keep(lambda row: row["step"] <= step)
        self._alarm = Alarm(self._config, self._monitor.real_characters)
        self._trace = None
        for row in self._rows.read():
            self._alarm.update(row)
            self._trace = row["trace"]

    def read(self, step: int, seconds: float, state: Any, metrics: Mapping[str, float]) -> tuple[dict, list[Event]]:
        """Takes a reading of the generator; m and k come from the step's metrics.

        Returns:
          The row, which is on the disk, and the events that it fires.
        """
        drawn = [np.asarray(self._generate(state, latent)) for latent in self._latents]  # off the mesh
        samples = np.concatenate(drawn)[: self._config.num]
        row = {"step": step, "seconds": seconds, **self._monitor.read(samples, self._trace)}
        row |= {name: metrics[name] for name in ("k", "m") if name in metrics}
        self._rows.append(row)
        self._trace = row["trace"]
        return row, self._alarm.update(row)


def check(monitor: ConfigDict, dataset: DataSet) -> None:
    """Raises UserError where the best checkpoint is to be chosen by what the set does not say."""
    if monitor.every and monitor.best_metric == "effective_characters" and len(dataset.names) < 2:
        raise UserError(f"monitor.best_metric=effective_characters: {dataset.name} has no labels; take fd_probe")
