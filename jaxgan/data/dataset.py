"""Preparing a data set: validated, resized and split once, then read from the cache."""

import hashlib
import importlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict
from PIL import Image, ImageOps

from jaxgan.data import cache
from jaxgan.errors import UserError
from jaxgan.images import save_npz
from jaxgan.progress import Progress

MODULES = {
    "toons": "jaxgan.data.toons",
    "simpsons_mnist": "jaxgan.data.simpsons.mnist",
    "arrays": "jaxgan.data.arrays",
}
HELD_OUT = 0.1  # share of the images that training never sees, where the set has no test split


class Example(NamedTuple):
    """One image as the set has it."""

    image: np.ndarray  # uint8 (h, w, 1 or 3)
    label: str  # its character's name
    held_out: bool | None  # None leaves it to the image's hash


class Source(NamedTuple):
    """A data set as its module found it, before anything was read."""

    key: str  # tells this content from any other of the same name
    names: list[str] | None  # of the labels, in their order; None is that of the alphabet
    count: int  # examples that `read` yields
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


def prepare(data: ConfigDict) -> DataSet:
    """Returns the set that `config.data` describes, from the cache where it has been prepared before.

    Raises:
      UserError: there is no such set, its file is missing or damaged, or it holds too few images.
    """
    if data.name not in MODULES:
        raise UserError(f"no data set {data.name!r}: data.name is one of {', '.join(MODULES)}")
    source = importlib.import_module(MODULES[data.name]).find(data)
    shape = (data.image_size, data.image_size, data.channels)
    folder = cache.folder("arrays", f"{data.name}-{source.key}", "x".join(map(str, shape)))
    if not folder.exists():
        _write(folder, source, shape, data.name)
    return _limited(_read(folder, data.name), data.limit)


def _write(folder: Path, source: Source, shape: tuple[int, int, int], name: str) -> None:
    """Fills the folder in one go: it holds everything or does not exist."""
    splits = {False: ([], []), True: ([], [])}
    with Progress(f"preparing {name}", source.count, "images") as progress:
        for image, label, held_out in source.read(progress):
            images, labels = splits[_is_held_out(image) if held_out is None else held_out]
            images.append(_fit(image, shape))
            labels.append(label)
    if not all(images for images, _ in splits.values()):
        counts = " and ".join(str(len(images)) for images, _ in splits.values())
        raise UserError(f"{name} has {counts} images to train on and to hold out: there must be some of each")
    names = source.names or sorted({label for _, labels in splits.values() for label in labels})
    arrays = {}
    for split, (images, labels) in zip(("train", "held_out"), splits.values(), strict=True):
        arrays[f"{split}_image"] = np.stack(images)
        arrays[f"{split}_label"] = np.asarray([names.index(label) for label in labels], np.int32)
    _save(folder, arrays, names)


def _save(folder: Path, arrays: dict[str, np.ndarray], names: list[str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        digest = hashlib.sha256()
        for kind, array in arrays.items():
            digest.update(array.tobytes())
            file = io.BytesIO()
            np.save(file, array)  # which does not say why it fails where it writes to the disk itself
            (temporary / f"{kind}.npy").write_bytes(file.getbuffer())
        info = {"fingerprint": digest.hexdigest()[:16], "names": names}
        (temporary / "info.json").write_text(json.dumps(info))
        _publish(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _publish(temporary: Path, folder: Path) -> None:
    try:
        os.rename(temporary, folder)
    except OSError:
        if not folder.exists():  # else another process has prepared the same content meanwhile
            raise


def _read(folder: Path, name: str) -> DataSet:
    info = json.loads((folder / "info.json").read_text())
    splits = [
        Split(*(np.load(folder / f"{split}_{kind}.npy", mmap_mode="r") for kind in ("image", "label")))
        for split in ("train", "held_out")
    ]
    return DataSet(name, info["fingerprint"], info["names"], *splits)


def _limited(dataset: DataSet, limit: int | None) -> DataSet:
    return dataset._replace(train=Split(*(array[:limit] for array in dataset.train)))


def _is_held_out(image: np.ndarray) -> bool:
    """Decides by the image's content, so that copies of one image fall on the same side."""
    digest = hashlib.sha256(image.tobytes()).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT * 2**64


def _fit(image: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Crops the centre to the aspect of `shape` (H, W, C) and resizes with anti-aliasing."""
    if image.shape == shape:
        return image
    height, width, channels = shape
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    picture = Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")
    return np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)).reshape(shape)


def export(dataset: DataSet, path: Path) -> None:
    """Writes the `.npz` that data.name=arrays reads: image, label, held_out and names."""
    held_out = np.repeat([False, True], [len(dataset.train.label), len(dataset.held_out.label)])
    image, label = (np.concatenate(pair) for pair in zip(dataset.train, dataset.held_out, strict=True))
    save_npz(path, image=image, label=label, held_out=held_out, names=np.asarray(dataset.names))
