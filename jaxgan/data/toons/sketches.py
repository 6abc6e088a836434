"""Line drawings of scenes that are none of the toons', and what each looks like in colour.

`sketches` and `colourings` have the same scenes in the same order and hold the same ones out, so that image i of the
one is the true partner of image i of the other.
"""

from collections.abc import Iterator

import joblib
import numpy as np
from ml_collections import ConfigDict

from jaxgan.data.dataset import Example, Source
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
        for scene, (image, label) in enumerate(workers(joblib.delayed(_draw)(data.name, i) for i in range(count))):
            progress.advance()
            yield Example(image, NAMES[label], scene % HELD_OUT == 0)

    return Source(f"{VERSION}-{count}", NAMES, count, read)


def _draw(drawing: str, scene: int) -> tuple[np.ndarray, int]:
    factors = sample(FIRST + scene)
    return DRAWINGS[drawing](factors), factors.label
