"""The TFDS builders of Simpsons images."""

from collections.abc import Iterator

import requests
import tensorflow_datasets as tfds

from jaxgan.data.files import ImageFiles
from jaxgan.data.simpsons.mnist import layout
from jaxgan.errors import UserError
from jaxgan.progress import Progress

URL = "https://github.com/alvarobartt/simpsons-mnist/archive/refs/heads/master.zip"


class SimpsonsMnist(tfds.core.GeneratorBasedBuilder):
    """Scenes (28, 28, 3), labelled with one of ten characters."""

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, data_dir, progress: Progress, path: str | None, key: str, unreadable: str):
        """`path` is the user's archive or folder; None downloads it. `key` tells its content from another's.

        `unreadable` says what becomes of files that are no readable images, see ImageFiles.settle.
        """
        self._progress, self._path, self._unreadable = progress, path, unreadable
        super().__init__(data_dir=data_dir, config=tfds.core.BuilderConfig(name=key))

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"image": tfds.features.Image(shape=(None, None, 3)), "label": tfds.features.Text()}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager) -> dict:
        files = ImageFiles(self._path or _download(dl_manager))
        groups = layout(files)
        return {
            split: self._generate_examples(
                files, {name: groups[part, name] for part, name in groups if part == split}, last=split == "test"
            )
            for split in ("train", "test")
        }

    def _generate_examples(
        self, files: ImageFiles, members: dict[str, list[str]], last: bool
    ) -> Iterator[tuple[str, dict]]:
        for character, paths in members.items():
            for path, image in files.read(paths, self._progress):
                yield path, {"image": image, "label": character}
        if last:
            files.settle(self._unreadable, self._progress)


def _download(dl_manager) -> str:
    try:
        return dl_manager.download(URL)
    except (requests.RequestException, tfds.download.DownloadError) as error:
        raise UserError(f"{URL} cannot be fetched ({error}): fetch it by other means, then give data.dir") from error
