"""Preparing a data set: validated, resized and split once, then read from the cache."""

import functools
import importlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from jaxgan.data import cache
from jaxgan.data.writing import SPLITS, SetWriter
from jaxgan.errors import UserError
from jaxgan.images import save_npz
from jaxgan.progress import Progress
from jaxgan.writing import unfinished, write_whole

MODULES = {
    "toons": "jaxgan.data.toons",
    "sketches": "jaxgan.data.toons.sketches",
    "colourings": "jaxgan.data.toons.sketches",
    "simpsons_faces": "jaxgan.data.simpsons.faces",
    "simpsons_mnist": "jaxgan.data.simpsons.mnist",
    "lfw": "jaxgan.data.photos",
    "celeb_a": "jaxgan.data.photos",
    "folder": "jaxgan.data.folder",
    "arrays": "jaxgan.data.arrays",
}
_OF_SET = re.compile(r"\bdata\.(?=(?:name|dir|fit|unreadable|limit)\b)")  # before what a translator's sets have each
DAMAGED = "{folder} is damaged ({error}): delete it, and the images are prepared anew"
PREPARATION = 2  # version of how images are decoded and fitted: whoever changes a pixel changes it


class Example(NamedTuple):
    """One image as the set has it."""

    image: np.ndarray  # uint8 (h, w, 1 or 3)
    label: str  # its character's name
    held_out: bool | None  # None leaves it to the image's hash


class Source(NamedTuple):
    """A data set as its module found it, before anything was read."""

    key: str  # tells this content from any other of the same name
    names: list[str] | None  # of the labels, in their order; None is that of the alphabet
    count: int  # examples that `read` yields, and files that it skips
    read: Callable[[Progress], Iterator[Example]]


class Split(NamedTuple):
    """Images of one size and their labels."""

    image: np.ndarray  # uint8 (N, H, W, C)
    label: np.ndarray  # int32 (N,)


class DataSet(NamedTuple):
    """A prepared set; the arrays are read from the disk as they are used."""

    name: str
    fingerprint: str  # of all images and labels
    names: list[str]  # of the labels
    train: Split
    held_out: Split
    duplicates: int = 0  # images that are the same as another before them, in either split
    skipped: int = 0  # files left out because they are no readable images


def prepare(data: ConfigDict, limited: bool = True) -> DataSet:
    """Returns the set that `config.data` describes, from the cache where it has been prepared before.

    Its training images are the first `data.limit`, or where not `limited` all that were prepared.

    Raises:
      UserError: there is no such set, it is missing or damaged, images cannot be read, or there are too few.
    """
    try:
        dataset = _prepare(data)
    except UserError as error:
        raise UserError(_OF_SET.sub(data.get("prefix", "data."), str(error))) from error
    return limit(dataset, data.limit) if limited else dataset


def _prepare(data: ConfigDict) -> DataSet:
    if data.name not in MODULES:
        raise UserError(f"no data set {data.name!r}: data.name is one of {', '.join(MODULES)}")
    source = importlib.import_module(MODULES[data.name]).find(data)
    shape = (data.image_size, data.image_width or data.image_size, data.channels)
    size = "x".join(map(str, shape)) + ("" if data.fit == "crop" else f"-{data.fit}")
    folder = cache.folder("arrays", f"v{PREPARATION}", f"{data.name}-{source.key}", size)
    if not folder.exists():
        _write(folder, source, shape, data)
    return _read(folder, data.name)


def find_prepared(name: str, fingerprint: str) -> DataSet:
    """Returns the set of a fingerprint where it has been prepared on this machine, all that was prepared of it.

    Raises:
      UserError: it has not.
    """
    for folder in sorted(cache.folder("arrays", f"v{PREPARATION}").glob("*/[!.]*")):  # but for what is unfinished
        known = folder.parent.name.startswith(f"{name}-") and (folder / "info.json").exists()
        if known and (dataset := _read(folder, name)).fingerprint == fingerprint:
            return dataset
    raise UserError(
        f"the images of {name} with fingerprint {fingerprint} are not prepared on this machine: "
        f"run python -m jaxgan.prepare with the run's --config and --config.data fields"
    )


def _write(folder: Path, source: Source, shape: tuple[int, int, int], data: ConfigDict) -> None:
    """Fills the folder in one go: it holds everything or does not exist."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(folder) as temporary:
        with (
            SetWriter(temporary, shape, data.fit) as writer,
            Progress(f"preparing {data.name}", source.count, "images") as progress,
        ):
            for example in source.read(progress):
                writer.add(*example)
            fingerprint, names = writer.finish(data.name, source.names)
        skipped = source.count - writer.count if data.unreadable == "skip" else 0
        info = {"fingerprint": fingerprint, "names": names, "duplicates": writer.duplicates, "skipped": skipped}
        write_whole(temporary / "info.json", json.dumps(info).encode())
        _publish(temporary, folder)


def _publish(temporary: Path, folder: Path) -> None:
    shutil.copymode(folder.parent, temporary)  # others may share the cache
    try:
        os.rename(temporary, folder)
    except OSError:
        if not folder.exists():  # else another process has prepared the same content meanwhile
            raise


def _read(folder: Path, name: str) -> DataSet:
    """Opens what is prepared once for all runs of a process, as each has files open, of which systems allow few."""
    try:
        stamps = tuple((path.name, (found := path.stat()).st_mtime_ns, found.st_ino) for path in folder.iterdir())
        return _opened(folder, name, stamps)
    except FileNotFoundError as error:
        raise UserError(DAMAGED.format(folder=folder, error=error)) from error


@functools.lru_cache(maxsize=8)
def _opened(folder: Path, name: str, stamps: tuple) -> DataSet:
    try:
        info = json.loads((folder / "info.json").read_text())
        splits = [
            Split(*(np.load(folder / f"{split}_{kind}.npy", mmap_mode="r") for kind in ("image", "label")))
            for split in SPLITS
        ]
        return DataSet(name, info["fingerprint"], info["names"], *splits, info["duplicates"], info["skipped"])
    except (MemoryError, OSError):
        raise
    except Exception as error:  # a purge of old files, or a disk's fault, on which NumPy raises nearly anything
        raise UserError(DAMAGED.format(folder=folder, error=error)) from error


def limit(dataset: DataSet, count: int | None) -> DataSet:
    """Keeps the first `count` training images; None keeps all."""
    return dataset._replace(train=Split(*(array[:count] for array in dataset.train)))


def export(dataset: DataSet, path: Path) -> None:
    """Writes the `.npz` that data.name=arrays reads: image, label, held_out and names."""
    held_out = np.repeat([False, True], [len(dataset.train.label), len(dataset.held_out.label)])
    image, label = (np.concatenate(pair) for pair in zip(dataset.train, dataset.held_out, strict=True))
    save_npz(path, image=image, label=label, held_out=held_out, names=np.asarray(dataset.names))
