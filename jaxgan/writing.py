"""What is written whole or not at all."""

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jaxgan.errors import naming


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file's content in one go: a reader or a crash never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path), unfinished(path) as folder:
        temporary = folder / "content"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # or a machine that stops would leave an empty file with this name
        temporary.replace(path)


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` to write in, gone at the end.

    Those that writers of the same path left who were killed go first: a writer that lives has its folder locked.
    """
    mark = f".{path.name}.unfinished-{socket.gethostname()}-"  # a lock may not be seen from other hosts
    for entry in os.scandir(path.parent):
        if entry.name.startswith(mark):
            _remove_abandoned(Path(entry))
    folder, lock = _locked_folder(path.parent, mark)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(parent: Path, mark: str) -> tuple[Path, int]:
    """A new folder, and the open file that has its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=mark, dir=parent))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            _lock(lock)
            if folder.exists():
                return folder, lock
            os.close(lock)  # before it was locked, another writer took it for an abandoned one


def _remove_abandoned(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        lock = os.open(folder, os.O_RDONLY)
        if _lock(lock, fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _lock(file: int, wait: int = 0) -> bool:
    """Whether this process has the lock now: not where another has it, or where the file system knows none."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | wait)
    except OSError:
        return False
    return True
