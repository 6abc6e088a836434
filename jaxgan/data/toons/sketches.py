"""Line drawings of scenes that are none of the toons', and what each looks like in colour.

`sketches` and `colourings` have the same scenes in the same order and hold the same ones out, so that image i of the
one is the true partner of image i of the other.
"""

from collections.abc import Iterator, Sequence

import joblib
import numpy as np
from ml_collections import ConfigDict

from jaxgan.data.dataset import Example, Source
from jaxgan.data.fitting import fit
from jaxgan.data.toons import COUNT as FIRST
from jaxgan.data.toons import VERSION
from jaxgan.data.toons.drawing import NAMES, render, render_sketch, sample
from jaxgan.progress import Progress

COUNT = 5_000
HELD_OUT = 10  # every so many scenes
DRAWINGS = {"sketches": render_sketch, "colourings": render}


def find(data: ConfigDict) -> Source:
    """All scenes, or with `data.limit` as many as it takes to train on that many and hold some out."""
    count = min(COUNT, data.limit * 5 // 4 + 16) if data.limit else COUNT

    def read(progress: Progress) -> Iterator[Example]:
        workers = joblib.Parallel(n_jobs=joblib.cpu_count(), return_as="generator", batch_size=50)
        drawn = workers(joblib.delayed(_draw)(data.name, FIRST + number) for number in range(count))
        for number, (image, label) in enumerate(drawn):
            progress.advance()
            yield Example(image, NAMES[label], number % HELD_OUT == 0)

    return Source(f"{VERSION}-{count}", NAMES, count, read)


def held_out_scenes(numbers: np.ndarray) -> np.ndarray:
    """The scenes of images that are held out, by their numbers among those."""
    return FIRST + HELD_OUT * numbers


def draw(drawing: str, scenes: Sequence[int], shape: tuple[int, int, int]) -> np.ndarray:
    """Draws scenes as `sketches` or `colourings`, uint8 (N, *shape)."""
    workers = joblib.Parallel(n_jobs=joblib.cpu_count(), batch_size=50)
    drawn = workers(joblib.delayed(_draw)(drawing, int(scene)) for scene in scenes)
    return np.stack([fit(image, shape, "crop") for image, _ in drawn])


def _draw(drawing: str, scene: int) -> tuple[np.ndarray, int]:
    factors = sample(scene)
    return DRAWINGS[drawing](factors), factors.label
