"""What a run is before it begins: its config, held against its data and the devices that are here."""

import enum
import math
from typing import NamedTuple

import jax
from ml_collections import ConfigDict

from jaxgan import algorithms, fields, parallel, watch
from jaxgan import config as config_lib
from jaxgan.data import dataset as datasets
from jaxgan.data.dataset import DataSet, Split
from jaxgan.errors import UserError


class Stream(enum.IntEnum):
    """What randomness is for: each use folds its own number into the seed's key."""

    INIT = 0
    TRAIN = 1
    SAMPLE = 2
    MONITOR = 3


class Experiment(NamedTuple):
    """A config that can be trained."""

    config: ConfigDict
    algorithm: algorithms.Algorithm
    whole: DataSet  # without the config's limit
    dataset: DataSet
    origin: DataSet | None  # what a translator translates
    mesh: jax.sharding.Mesh

    @property
    def images_a_step(self) -> int:
        """Real ones: a batch for each step of the discriminator."""
        return self.config.batch_size * self.config.get("d_steps", 1)

    @property
    def steps_per_epoch(self) -> float:
        return len(self.dataset.train.label) / self.images_a_step

    @property
    def steps(self) -> int:
        return self.config.steps or math.ceil(self.config.epochs * self.steps_per_epoch)

    def due(self, step: int) -> bool:
        """Whether there is anything to record after a step."""
        config = self.config
        each = [config.log_every, config.sample_every, config.checkpoint_every, *filter(None, [config.monitor.every])]
        return step == self.steps or any(step % every == 0 for every in each)

    def held_out(self) -> list[Split]:
        """The images that training never sees, of the set that is learnt and of what a translator translates."""
        return [dataset.held_out for dataset in (self.dataset, self.origin) if dataset]

    def key(self, stream: Stream) -> jax.Array:
        """The key from which a stream's keys are folded, by step."""
        return jax.random.fold_in(jax.random.key(self.config.seed), stream)

    def train_key(self, restores: int) -> jax.Array:
        """The key of the steps: another one each time that the run went back, or it would come to the same collapse."""
        key = self.key(Stream.TRAIN)
        return jax.random.fold_in(key, restores) if restores else key


def prepare(config: ConfigDict) -> Experiment:
    """Checks all that can be told before a run begins, prepares its data where they are not yet, and writes no more.

    Raises:
      UserError: something that the user can mend.
    """
    config_lib.validate(config)
    parallel.cache_compilations(config)
    mesh = parallel.mesh()
    parallel.check_batch(config.batch_size, mesh)
    algorithm = algorithms.make(config)
    learnt, *translated = fields.sets(config.data)
    whole, origins = datasets.prepare(learnt, limited=False), [datasets.prepare(data) for data in translated]
    dataset = datasets.limit(whole, learnt.limit)
    for prepared in (dataset, *origins):
        _check_size(prepared, config.batch_size)
    origin = origins[0] if origins else None
    watch.check(config.monitor, dataset, origin)
    pair = {origin.name, dataset.name} if origin else set()
    if config.data.get("paired") and (
        pair != {"sketches", "colourings"} or len(origin.train.label) != len(dataset.train.label)
    ):
        raise UserError(
            f"data.paired: the images of {origin.name} and {dataset.name} are no partners, as those of sketches and "
            "colourings are with the same limit"
        )
    if (classes := config.get("num_classes")) and classes != len(dataset.names):
        raise UserError(
            f"num_classes={classes}: {dataset.name} has {len(dataset.names)} classes; set num_classes to that, or to 0"
        )
    experiment = Experiment(config, algorithm, whole, dataset, origin, mesh)
    if (last := rates_end(config)) and experiment.steps > last:
        raise UserError(
            f"{experiment.steps:,} steps: the learning rates have fallen to 0 by step {last:,}; set lr_hold_steps and "
            "lr_fall_steps to halves of the steps, or lr_fall_steps=0"
        )
    return experiment


def rates_end(config: ConfigDict) -> int | None:
    """The step by which the config's learning rates have fallen to 0, where they do."""
    return config.lr_hold_steps + config.lr_fall_steps if config.get("lr_fall_steps") else None


def _check_size(dataset: DataSet, batch_size: int) -> None:
    size = len(dataset.train.label)
    if size < batch_size:
        raise UserError(f"{dataset.name} has {size} images to train on, fewer than batch_size={batch_size}: lower it")
