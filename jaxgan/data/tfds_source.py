"""From a TFDS builder to examples. TensorFlow is imported here, silenced, and only when a set is prepared."""

import contextlib
import errno
import importlib
import importlib.util
import io
from collections.abc import Callable, Iterator

from jaxgan.data import cache
from jaxgan.data.dataset import Example
from jaxgan.errors import UserError
from jaxgan.progress import Progress
from jaxgan.quiet import import_tensorflow, tensorflow_full_disk_as_os_error


def reader(builder: str, **fields) -> Callable[[Progress], Iterator[Example]]:
    """Returns the `read` of a Source: makes `module:Class` of our own TFDS builder and reads its splits.

    The images of a split named test are held out; without one, each image's hash decides.
    """

    def make(progress: Progress):
        module, name = builder.split(":")
        return getattr(importlib.import_module(module), name)(cache.folder("tfds"), progress, **fields)

    def read(progress: Progress) -> Iterator[Example]:
        for row, held_out in _rows(lambda: make(progress)):
            yield Example(row["image"], row["label"].decode(), held_out)

    return read


def public_reader(name: str, version: str, side: int) -> Callable[[Progress], Iterator[Example]]:
    """Returns the same of one of TFDS's own sets, without its labels, cut to the middle squares of `side` pixels."""

    def make():
        import tensorflow_datasets as tfds

        return tfds.builder(f"{name}:{version}", data_dir=cache.folder("tfds"))

    def read(progress: Progress) -> Iterator[Example]:
        for row, held_out in _rows(make):
            height, width, _ = row["image"].shape
            top, left = (height - side) // 2, (width - side) // 2
            progress.advance()
            yield Example(row["image"][top : top + side, left : left + side], name, held_out)

    return read


def _rows(make: Callable) -> Iterator[tuple[dict, bool | None]]:
    """Yields what a builder has prepared, and whether it is held out."""
    missing = [name for name in ("tensorflow", "tensorflow_datasets") if not importlib.util.find_spec(name)]
    if missing:
        raise UserError(
            f"preparing this data set needs {' and '.join(missing)}: install it, or export the set where it is "
            "installed (python -m jaxgan.prepare ... --out=FILE.npz) and use data.name=arrays data.dir=FILE.npz"
        )
    import_tensorflow()
    import requests
    import tensorflow
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    tfds.disable_progress_bar()
    made = make()
    silence = contextlib.redirect_stdout(io.StringIO())  # TFDS prints what it is about to do
    with silence, tensorflow_full_disk_as_os_error(cache.folder("tfds")):
        try:
            made.download_and_prepare()
        except (requests.RequestException, tfds.download.DownloadError, NonMatchingChecksumError) as error:
            why, *_ = f"{error}\n".splitlines()
            raise UserError(
                f"{made.name} cannot be fetched ({why}): fetch it by other means, then give "
                "its folder or archive as data.name=folder data.dir=..."
            ) from error
        except OSError as error:
            if not isinstance(error, FileExistsError) and error.errno != errno.ENOTEMPTY:
                raise
            made = make()  # as another process has prepared the same meanwhile
    damaged = f"{made.data_dir} is damaged: delete it, and {made.name} is made anew"
    if not made.info.splits:
        raise UserError(damaged)
    for split in made.info.splits:
        held_out = split == "test" if "test" in made.info.splits else None
        try:
            for row in tfds.as_numpy(made.as_dataset(split=split, shuffle_files=False)):
                yield row, held_out
        except tensorflow.errors.OpError as error:  # a file of it is missing, or cut off
            raise UserError(damaged) from error
