"""Checksums of a folder's files: whether they are what was written."""

import errno
import hashlib
import json
from pathlib import Path

from jaxgan.writing import write_whole

NAME = "checksums.json"
# What Orbax writes when all else is there.
LATER = "commit_success.txt", "_CHECKPOINT_METADATA"


def seal(folder: Path) -> None:
    """Writes into a folder the SHA-256 of every file below it."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in (NAME, *LATER)]
    sums = {path.relative_to(folder).as_posix(): _digest(path) for path in files}
    write_whole(folder / NAME, json.dumps(sums, indent=1).encode())


def is_sealed(folder: Path) -> bool:
    """Whether there are checksums; earlier versions wrote none."""
    return (folder / NAME).exists()


def fault(folder: Path, only: str | None = None) -> str | None:
    """Says what in a folder is no longer as it was sealed; None where all is, or where it never was.

    Args:
      folder: what was sealed.
      only: a file below it to look at in the place of all.
    """
    try:
        sums = json.loads((folder / NAME).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return f"{NAME} is not readable"
    except OSError as error:
        if error.errno != errno.EIO:  # others may be of the moment, as no right to read
            raise
        return f"{NAME} cannot be read"
    if not isinstance(sums, dict):
        return f"{NAME} is not readable"
    for name, digest in sums.items():
        if only not in (None, name):
            continue
        try:
            found = _digest(folder / name)
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return f"{name} cannot be read"
        if found != digest:
            return f"{name} is not what was written"
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
