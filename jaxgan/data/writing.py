"""Writing a set's arrays image by image, so that a set of any size takes the memory of a few images."""

import hashlib
import os
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from jaxgan.data.fitting import fit
from jaxgan.errors import UserError, naming

HELD_OUT = 0.1  # share of the images that training never sees, where the set has no test split
SPLITS = ("train", "held_out")
CHUNK = 2**20  # bytes read at once


class ArrayFile:
    """An `.npy` file that grows row by row; a context manager.

    numpy pads its header so that the number of rows can grow in place, and `file.write`, unlike
    `np.save`, says why it fails on a full disk.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: type):
        """`shape` is that of one row."""
        self.path, self.shape, self.dtype, self.rows = path, shape, np.dtype(dtype), 0

    def __enter__(self) -> "ArrayFile":
        with naming(self.path):
            self._file = self.path.open("w+b")
            self._write_header()
            self._start = self._file.tell()
        return self

    def __exit__(self, *_) -> None:
        with naming(self.path):
            self._file.close()

    def append(self, rows: np.ndarray) -> None:
        """Takes (n, *shape)."""
        with naming(self.path):
            self._file.write(np.ascontiguousarray(rows, self.dtype).data)
        self.rows += len(rows)

    def finish(self) -> None:
        """Writes down how many rows there are."""
        with naming(self.path):
            self._file.seek(0)
            self._write_header()
            assert self._file.tell() == self._start  # noqa: S101 (its header's length is known)
            self._file.flush()
            os.fsync(self._file.fileno())

    def content(self) -> Iterator[bytes]:
        """The rows' bytes, once it is finished."""
        self._file.seek(self._start)
        return iter(lambda: self._file.read(CHUNK), b"")

    def _write_header(self) -> None:
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.rows, *self.shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


class SetWriter:
    """The arrays of both splits of a set in a folder; a context manager."""

    def __init__(self, folder: Path, shape: tuple[int, int, int], how: str):
        """Images are fitted to `shape` (H, W, C) in the way `how`, see `fit`."""
        self._shape, self._how = shape, how
        self._images = [ArrayFile(folder / f"{split}_image.npy", shape, np.uint8) for split in SPLITS]
        self._labels = [ArrayFile(folder / f"{split}_label.npy", (), np.int32) for split in SPLITS]
        self._numbers = [array("i") for _ in SPLITS]  # of the labels, as they came up
        self._names, self._seen = {}, set()
        self.count = self.duplicates = 0  # images, and those that are the same as an earlier one

    def __enter__(self) -> "SetWriter":
        with ExitStack() as stack:
            for file in (*self._images, *self._labels):
                stack.enter_context(file)
            self._close = stack.pop_all().close
        return self

    def __exit__(self, *_) -> None:
        self._close()

    def add(self, image: np.ndarray, label: str, held_out: bool | None) -> None:
        """Takes uint8 (h, w, 1 or 3); its hash decides where `held_out` is None: copies fall on the same side."""
        digest = hashlib.sha256(np.ascontiguousarray(image)).digest()
        if held_out is None:
            held_out = int.from_bytes(digest[:8], "big") < HELD_OUT * 2**64
        self.count += 1
        self.duplicates += (image.shape, digest) in self._seen
        self._seen.add((image.shape, digest))
        self._images[held_out].append(fit(image, self._shape, self._how)[None])
        self._numbers[held_out].append(self._names.setdefault(label, len(self._names)))

    def finish(self, name: str, names: list[str] | None) -> tuple[str, list[str]]:
        """Writes the labels, each its name's place in `names`, or in the alphabet's order where that is None.

        Returns:
          The set's fingerprint and the names.

        Raises:
          UserError: a split of the set called `name` is empty.
        """
        if not all(self._numbers):
            counts = " and ".join(str(len(numbers)) for numbers in self._numbers)
            raise UserError(
                f"{name} has {counts} images to train on and to hold out: it takes some of each; add images"
            )
        names = names or sorted(self._names)
        digest = hashlib.sha256()
        place = [names.index(label) for label in self._names]
        for images, labels, numbers in zip(self._images, self._labels, self._numbers, strict=True):
            labels.append(np.asarray(place)[numbers])
            for file in (images, labels):
                file.finish()
                for chunk in file.content():
                    digest.update(chunk)
        return digest.hexdigest()[:16], names
