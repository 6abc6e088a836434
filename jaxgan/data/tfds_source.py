"""From a TFDS builder to examples. TensorFlow is imported here, silenced, and only when a set is prepared."""

import contextlib
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
    """Returns the `read` of a Source: makes `module:Class` of a TFDS builder and reads its splits.

    The images of a split named test are held out; without one, each image's hash decides.
    """

    def read(progress: Progress) -> Iterator[Example]:
        missing = [name for name in ("tensorflow", "tensorflow_datasets") if not importlib.util.find_spec(name)]
        if missing:
            raise UserError(
                f"preparing this data set needs {' and '.join(missing)}: install it, or export the set where it is "
                "installed (python -m jaxgan.prepare ... --out=FILE.npz) and use data.name=arrays data.dir=FILE.npz"
            )
        import_tensorflow()
        import tensorflow_datasets as tfds

        tfds.disable_progress_bar()
        module, name = builder.split(":")
        make = lambda: getattr(importlib.import_module(module), name)(cache.folder("tfds"), progress, **fields)
        made = make()
        silence = contextlib.redirect_stdout(io.StringIO())  # TFDS prints what it is about to do
        with silence, tensorflow_full_disk_as_os_error(cache.folder("tfds")):
            try:
                made.download_and_prepare()
            except FileExistsError:  # another process has prepared the same meanwhile
                made = make()
        for split in made.info.splits:
            held_out = split == "test" if "test" in made.info.splits else None
            for row in tfds.as_numpy(made.as_dataset(split=split, shuffle_files=False)):
                yield Example(row["image"], row["label"].decode(), held_out)

    return read
