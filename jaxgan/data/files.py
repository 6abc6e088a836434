"""Images in a folder or a zip archive that the user has, read with errors that name the file."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from jaxgan.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm"}


class ImageFiles:
    """The image files below a folder or in a zip archive, in the order of their paths."""

    def __init__(self, path: str | Path):
        """Raises UserError where `path` does not exist or is neither."""
        self.path = Path(path).expanduser()
        if self.path.is_dir():
            self._archive = None
            files = (file for file in self.path.rglob("*") if file.is_file())
            members = (file.relative_to(self.path).as_posix() for file in files)
        elif self.path.is_file():
            self._archive = _open_zip(self.path)
            members = self._archive.namelist()
        else:
            raise UserError(f"no file or folder {str(path)!r}: point data.dir at the data set's archive or folder")
        self.members = sorted(name for name in members if PurePosixPath(name).suffix.lower() in SUFFIXES)

    def fingerprint(self) -> str:
        """Hexadecimal digest of the content: of the archive's bytes, or of the files' paths and bytes."""
        digest = hashlib.sha256()
        if self._archive is not None:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()[:16]
        for member in self.members:
            content = (self.path / member).read_bytes()
            digest.update(f"{member}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:16]

    def read(self, members: list[str]) -> Iterator[np.ndarray]:
        """Yields uint8 (h, w, 3). Raises UserError at an image that cannot be decoded."""
        for member in members:
            try:
                content = self._bytes(member)
                yield np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
            except (
                OSError,
                SyntaxError,
                ValueError,
                zipfile.BadZipFile,
                zlib.error,
                Image.DecompressionBombError,
            ) as error:
                reason = str(error).replace("\n", " ")
                raise UserError(
                    f"{self.path}: {member} is not a readable image ({reason}); remove it or fetch the set again"
                ) from error

    def _bytes(self, member: str) -> bytes:
        return self._archive.read(member) if self._archive is not None else (self.path / member).read_bytes()


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise UserError(f"{path} is no whole zip archive ({error}); delete it and fetch it again") from error
