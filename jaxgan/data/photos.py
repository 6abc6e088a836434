"""lfw and celeb_a: photos of people by TFDS's own builders, cut to about the head, without labels.

LFW (Huang et al. 2007) has 13,233 of 250x250, CelebA (Liu et al. 2015) 202,599 of 178x218.
"""

from typing import NamedTuple

from ml_collections import ConfigDict

from jaxgan.data.dataset import Source
from jaxgan.data.tfds_source import public_reader


class Photos(NamedTuple):
    """One of TFDS's sets."""

    version: str
    count: int
    side: int  # pixels of the square about the head, in the middle


SETS = {"lfw": Photos("0.1.1", 13_233, 150), "celeb_a": Photos("2.1.0", 202_599, 148)}


def find(data: ConfigDict) -> Source:
    """All of the set, which TFDS fetches once."""
    version, count, side = SETS[data.name]
    return Source(f"{version}-{side}", None, count, public_reader(data.name, version, side))
