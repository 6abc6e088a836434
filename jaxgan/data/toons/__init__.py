"""The embedded data set: cartoon faces of ten characters of our own, drawn when they are first needed."""

from ml_collections import ConfigDict

from jaxgan.data.dataset import Source
from jaxgan.data.tfds_source import reader
from jaxgan.data.toons.drawing import NAMES

COUNT = 10_000
VERSION = "1.0.0"  # of the drawings: whoever changes a picture changes it


def find(data: ConfigDict) -> Source:
    """All toons, or with `data.limit` as many as it takes to train on that many and hold some out."""
    count = min(COUNT, data.limit * 5 // 4 + 16) if data.limit else COUNT
    read = reader("jaxgan.data.toons.builder:Toons", count=count, version=VERSION)
    return Source(f"{VERSION}-{count}", NAMES, count, read)
