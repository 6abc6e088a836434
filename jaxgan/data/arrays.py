"""arrays: an `.npz` as `python -m jaxgan.prepare --out` writes it; reading one needs no TensorFlow."""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgan.data.archive import MAX_TOTAL, Archive
from jaxgan.data.dataset import Example, Source
from jaxgan.errors import UserError
from jaxgan.paths import expanded
from jaxgan.progress import Progress

ARRAYS = ("image", "label", "names", "held_out")


def find(data: ConfigDict) -> Source:
    """The file `data.dir` with `image` uint8 (N, H, W, 1 or 3) and, if it likes, `label` int (N,),
    `names` (one a label) and `held_out` bool (N,).

    Raises:
      UserError: the file is missing, damaged or of another layout.
    """
    if data.dir is None:
        raise UserError("data.name=arrays needs data.dir=FILE.npz")
    path = expanded(data.dir)
    if not path.is_file():
        raise UserError(f"no file {str(path)!r}: point data.dir at the .npz")
    with path.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    image, label, names, held_out = _load(path)

    def read(progress: Progress) -> Iterator[Example]:
        for index in range(len(image)):
            progress.advance()
            yield Example(image[index], names[label[index]], None if held_out is None else bool(held_out[index]))

    return Source(key, names, len(image), read)


def load_npz(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of some arrays that an `.npz` holds. Raises UserError where it is none, or holds other things."""
    members = {f"{name}.npy" for name in names}
    try:
        with zipfile.ZipFile(path):
            Archive(path, lambda name: name in members, largest=MAX_TOTAL)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in names if name in file.files}
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(f"{path} is too large for the memory here, or no whole .npz file ({error})") from error
    except Exception as error:  # damaged files make zipfile, zlib and NumPy raise nearly anything
        raise UserError(f"{path} is no whole .npz file ({error}); write it again") from error
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise UserError(f"{path} is no whole .npz file (`{strange[0]}` is no array); write it again")
    return arrays


def _load(path: Path) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray | None]:
    arrays = load_npz(path, ARRAYS)
    image = arrays.get("image")
    if (
        image is None
        or image.dtype != np.uint8
        or image.ndim != 4
        or image.shape[-1] not in (1, 3)
        or 0 in image.shape[1:]
    ):
        found = "nothing" if image is None else f"{image.dtype} {image.shape}"
        raise UserError(f"{path}: `image` should be uint8 (N, H, W, 1 or 3), found {found}")
    label = arrays.get("label", np.zeros(len(image), np.int32))
    _check(path, "label", label, len(image), np.integer)
    largest = int(label.max()) if len(label) else 0
    if "names" not in arrays and len(label) and largest >= len(image):
        raise UserError(f"{path}: label {largest} is beyond the {len(image)} images; give `names`, one a label")
    names = [str(name) for name in np.ravel(arrays.get("names", range(largest + 1)))]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise UserError(f"{path}: `names` has {twice[0]!r} twice; give each label a name of its own")
    held_out = arrays.get("held_out")
    if held_out is not None:
        _check(path, "held_out", held_out, len(image), np.bool_)
    if len(label) and not 0 <= label.min() <= largest < len(names):
        raise UserError(f"{path}: labels go from {label.min()} to {largest}, but there are {len(names)} names")
    return image, label, names, held_out


def _check(path: Path, name: str, array: np.ndarray, count: int, dtype: type) -> None:
    if array.shape != (count,) or not np.issubdtype(array.dtype, dtype):
        raise UserError(f"{path}: `{name}` should be {dtype.__name__} ({count},), found {array.dtype} {array.shape}")
