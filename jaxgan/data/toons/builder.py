"""The TFDS builder of toons."""

import dataclasses
import io
from collections.abc import Iterator

import joblib
import tensorflow_datasets as tfds
from PIL import Image

from jaxgan.data.toons.drawing import NAMES, SIZE, draw
from jaxgan.progress import Progress

FEW = 500  # images that are drawn sooner than worker processes start


@dataclasses.dataclass
class ToonsConfig(tfds.core.BuilderConfig):
    """A set of so many drawings."""

    count: int = 0  # images


class Toons(tfds.core.GeneratorBasedBuilder):
    """Cartoon faces (128, 128, 3), labelled with one of ten characters."""

    def __init__(self, data_dir, progress: Progress, count: int, version: str):
        self._progress = progress
        self.VERSION = tfds.core.Version(version)
        super().__init__(data_dir=data_dir, config=ToonsConfig(name=str(count), count=count))

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(SIZE, SIZE, 3))
        features = {"image": image, "label": tfds.features.Text()}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager) -> dict:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict]]:
        count = self.builder_config.count
        workers = joblib.Parallel(n_jobs=1 if count < FEW else joblib.cpu_count(), return_as="generator", batch_size=50)
        for index, (png, label) in enumerate(workers(joblib.delayed(_draw_png)(index) for index in range(count))):
            self._progress.advance()
            yield index, {"image": io.BytesIO(png), "label": NAMES[label]}


def _draw_png(index: int) -> tuple[bytes, int]:
    """TFDS stores an image's file as it is, so workers compress what they draw."""
    image, label = draw(index)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue(), label
