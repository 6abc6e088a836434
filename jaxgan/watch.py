"""The monitor over a run: takes its readings, keeps them as rows, hears the alarm, knows the best of them."""

import math
import statistics
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import algorithms, images
from jaxgan.data.dataset import DataSet
from jaxgan.errors import UserError
from jaxgan.evaluation import BEST_METRICS, goodness
from jaxgan.evaluation import probe as probes
from jaxgan.evaluation.alarm import Alarm, Event
from jaxgan.evaluation.measures import evenly
from jaxgan.evaluation.monitor import TRACE, Monitor
from jaxgan.evaluation.neighbours import K_COVERAGE
from jaxgan.metrics import JsonLines

BATCH = 64  # samples drawn at a time
FEWEST = TRACE[0]  # that a reading looks at


class Reading(NamedTuple):
    """One look at the generator."""

    row: dict  # of monitor.jsonl
    events: list[Event]  # what it fires
    best: bool  # whether no reading before was as good

    @property
    def measures(self) -> dict[str, float]:
        """What the best checkpoint is chosen by; those of a collapse come last."""
        values = {name: self.row[name] for name in BEST_METRICS if self.row[name] is not None}
        return values | {"healthy": float(self.row["shows"] is None)}


Sampler = Callable[[Any], np.ndarray]  # from a state to the samples that a reading looks at, float (num, H, W, C)


def sampler(
    algorithm: algorithms.Algorithm, num: int, key: jax.Array, label: np.ndarray, origin: DataSet | None
) -> Sampler:
    """Draws the same latents at every reading, or translates the same held-out images, off the mesh.

    Where an algorithm generates by classes, some of those of the training images, `label`, go with the latents.
    """
    if origin:
        image = images.to_float(evenly(origin.held_out, num).image)
        given = np.split(image, range(BATCH, len(image), BATCH))
        draw = jax.jit(lambda state, image: algorithm.translate(state, image, "ab"))
    else:
        batches, by_classes = range(math.ceil(num / BATCH)), algorithm.sample_label is not None
        chosen = np.random.default_rng(0).choice(label, (len(batches), BATCH))
        given = [
            (algorithm.sample_latent(jax.random.fold_in(key, batch), BATCH), chosen[batch] if by_classes else None)
            for batch in batches
        ]
        draw = jax.jit(lambda state, asked: algorithm.generate(state, *asked))
    settle = jax.jit(algorithm.settle or (lambda state: state))

    def samples(state: Any) -> np.ndarray:
        settled = settle(state)
        return np.concatenate([np.asarray(draw(settled, batch)) for batch in given])[:num]

    return samples


class Watch:
    """Call `rewind` first: what it holds follows from the rows, so a run goes on as if it had never stopped."""

    def __init__(
        self,
        config: ConfigDict,
        sampler: "Sampler",
        whole: DataSet,
        dataset: DataSet,
        rows: JsonLines,
    ):
        """Trains the probe of the `whole` set where there is none yet.

        Args:
          config: the run's.
          sampler: draws what a reading looks at.
          whole: the set without the run's limit.
          dataset: the images that the run has.
          rows: monitor.jsonl.
        """
        self._config, self._rows = config.monitor, rows
        self._k_bounds = config.get("k_min"), config.get("k_max")
        self._monitor = Monitor(dataset, probes.load(whole))
        self.draw = sampler

    def rewind(self, step: int, metrics: JsonLines) -> None:
        """Forgets the readings after `step`; `metrics` are the run's rows, which reach that far."""
        self._rows.keep(lambda row: row["step"] <= step)
        self._alarm = Alarm(self._config, self._monitor.real_characters)
        self._trace, self._best, last = None, None, 0
        for row in self._rows.read():
            last = row["step"]
            self._take(row)
        self._since = [row for row in metrics.read() if row["step"] > last]

    def log(self, row: Mapping) -> None:
        """Hears of a row of metrics.jsonl."""
        self._since.append(row)

    def read(self, step: int, seconds: float, samples: np.ndarray, metrics: Mapping[str, float]) -> Reading:
        """Takes a reading, whose row is on the disk when this returns.

        BEGAN's k is that of the step's metrics, and m, noisy from batch to batch, the mean since the last reading.
        """
        row = {"step": step, "seconds": seconds, **self._monitor.read(samples, self._trace)}
        if "k" in metrics:
            k_min, k_max = self._k_bounds
            m = statistics.fmean(logged["m"] for logged in self._since or [metrics])
            row |= {"k": metrics["k"], "k_at_bound": not k_min < metrics["k"] < k_max, "m": m}
        self._since = []
        events, best = self._take(row)
        row["shows"] = self._alarm.shown
        self._rows.append(row)
        return Reading(row, events, best)

    def collapse(self) -> Event | None:
        """What the run has collapsed to, if it has."""
        return next(iter(self._alarm.active.values()), None)

    def _take(self, row: dict) -> tuple[list[Event], bool]:
        self._trace = row["trace"]
        events = self._alarm.update(row)
        rank = goodness(self._config.best_metric, Reading(row | {"shows": self._alarm.shown}, [], False).measures)
        best = self._best is None or rank > self._best
        if best:
            self._best = rank
        return events, best


def check(monitor: ConfigDict, dataset: DataSet, origin: DataSet | None) -> None:
    """Raises UserError where the monitor is to tell what the sets do not say, `origin` being what is translated."""
    if not monitor.every:
        return
    if monitor.best_metric == "effective_characters" and len(np.unique(dataset.train.label)) < 2:
        raise UserError(f"monitor.best_metric=effective_characters: {dataset.name} has no labels; take fd_probe")
    if origin and len(origin.held_out.label) < FEWEST:
        raise UserError(
            f"the monitor looks at {FEWEST} translations or more, and {origin.name} has {len(origin.held_out.label)} "
            "held-out images: turn it off with --config.monitor.every=0"
        )
    held_out = len(dataset.held_out.label)
    if held_out <= K_COVERAGE:
        raise UserError(
            f"the monitor measures against more than {K_COVERAGE} held-out images, and {dataset.name} has {held_out}: "
            "turn it off with --config.monitor.every=0"
        )
