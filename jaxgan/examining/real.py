"""A run's real images, against which what it draws is measured."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan import config as config_lib
from jaxgan import fields
from jaxgan.data.dataset import DataSet, find_prepared, limit
from jaxgan.evaluation import probe
from jaxgan.evaluation.measures import Embedded
from jaxgan.rundir import RunDirectory


class Real(NamedTuple):
    """A run's real images, as its data set's probe sees them."""

    dataset: DataSet
    probe: probe.Probe
    train: Embedded
    held_out: Embedded


def prepared_images(workdir: str | Path) -> tuple[DataSet, DataSet]:
    """All that was prepared of a run's data set, and what of it the run learns from.

    Raises:
      UserError: there is no such run, or its images are not prepared here.
    """
    stored = RunDirectory(workdir).stored()
    whole = find_prepared(stored["data"]["name"], stored["data"]["fingerprint"])
    learnt, *_ = fields.sets(config_lib.from_dict(stored["config"]).data)
    return whole, limit(whole, learnt.limit)


def real_images(workdir: str | Path) -> Real:
    """The prepared images of a run as their probe sees them, which is trained where there is none yet.

    Raises:
      UserError: there is no such run, or its images are not prepared here.
    """
    return real_images_of(*prepared_images(workdir))


def real_images_of(whole: DataSet, learnt: DataSet) -> Real:
    """The images of what is learnt of a set, as the probe of the whole set sees them."""
    judge = probe.load(whole)
    return Real(learnt, judge, embed(judge, learnt.train.image), embed(judge, learnt.held_out.image))


def embed(judge: probe.Probe, image: np.ndarray) -> Embedded:
    """What the probe says of uint8 (N, H, W, C)."""
    features, probabilities = judge.embed(np.asarray(image))
    return Embedded(np.asarray(image), features, probabilities if judge.names else None)
