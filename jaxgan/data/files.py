"""Images in a folder or a zip archive that the user has, read with errors that name the files."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from jaxgan.data.archive import MAX_MEMBER, Archive, shown
from jaxgan.data.decoding import Unreadable, decode
from jaxgan.data.threads import in_order
from jaxgan.errors import UserError
from jaxgan.paths import expanded
from jaxgan.progress import Progress

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm", ".gif")

# What is wrong with a file itself; other errors pass, and must not leave images out of a set.
THE_FILES_OWN = (errno.ENOENT, errno.EACCES, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


class ImageFiles:
    """The image files below a folder or in a zip archive, in the order of their paths.

    Links are followed in a folder. Hidden files and folders are passed over, and what macOS adds to archives.
    """

    def __init__(self, path: str | Path):
        """Raises UserError where `path` does not exist or is neither, or is an archive that is refused."""
        self.path = expanded(path)
        self._archive = None
        if self.path.is_dir():
            members = filter(_is_image, _walk(self.path))
        elif self.path.is_file():
            members = self._archive = Archive(self.path, _is_image)
        else:
            raise UserError(f"no file or folder {str(path)!r}: point data.dir at the data set's archive or folder")
        self.members = sorted(members)
        self._unreadable = {}

    def fingerprint(self) -> str:
        """Hexadecimal digest of the content: of the archive's bytes, or of the files' paths and bytes."""
        digest = hashlib.sha256()
        if self._archive is not None:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()[:16]
        for member in self.members:
            try:
                content = self._bytes(member)
            except Unreadable as error:
                content = str(error).encode()
            digest.update(f"{member}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
        return digest.hexdigest()[:16]

    def read(self, members: list[str], progress: Progress) -> Iterator[tuple[str, np.ndarray]]:
        """Yields members in their order with their images, uint8 (h, w, 3); `settle` deals with those it cannot."""
        for member, image in zip(members, in_order(self._decode, members), strict=True):
            progress.advance()
            if isinstance(image, Unreadable):
                self._unreadable[member] = image
            else:
                yield member, image

    def settle(self, unreadable: str, progress: Progress) -> None:
        """Names every file that `read` could not decode.

        Args:
          unreadable: "skip" prints the names, "error" raises a UserError with them.
        """
        if not self._unreadable:
            return
        count = len(self._unreadable)
        are = "file is not a readable image" if count == 1 else "files are not readable images"
        reasons = ", ".join(f"{shown(member)} ({error})" for member, error in self._unreadable.items())
        text = f"{self.path}: {count:,} {are}: {reasons}"
        if unreadable == "error":
            raise UserError(f"{text}; mend or remove them, or leave them out with data.unreadable=skip")
        progress.print(f"left out of {text}")

    def _decode(self, member: str) -> np.ndarray | Unreadable:
        try:
            return decode(self._bytes(member))
        except Unreadable as error:
            return error

    def _bytes(self, member: str) -> bytes:
        return read_image(self.path / member) if self._archive is None else self._archive.read(member)


def read_image(file: Path) -> bytes:
    """Returns an image file's content. Raises Unreadable where that is too large, or the file's own fault."""
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            raise Unreadable("no regular file")
        if found.st_size > MAX_MEMBER:
            raise Unreadable(f"{found.st_size:,} bytes are more than {MAX_MEMBER:,}")
        return file.read_bytes()
    except OSError as error:
        if error.errno not in THE_FILES_OWN:
            raise
        raise Unreadable(error.strerror) from error


def no_images(files: ImageFiles) -> UserError:
    """The error that `files` has no image."""
    return UserError(f"{files.path} holds no image: their names end in {', '.join(SUFFIXES)}")


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _walk(folder: Path, within: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """Yields the files' paths relative to the first folder, with links followed but for those that lead back up."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}); ask its owner, or copy it") from error
    for entry in entries:
        if entry.name.startswith("."):  # as systems' own, which often nobody may read
            continue
        if _is_folder(entry):
            yield from _walk(Path(entry.path), f"{within}{entry.name}/", (*above, real))
        else:  # a link that leads nowhere included, so that it is named
            yield within + entry.name


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or to where nobody may look: it is named when it is read
        return False
