"""What is written whole or not at all."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jaxgan.errors import naming


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file's content in one go: a reader or a crash never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path), unfinished(path) as folder:
        temporary = folder / "content"
        temporary.write_bytes(content)
        temporary.replace(path)


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` to write in, gone at the end.

    Those that writers of the same path left who were killed go first: a writer that lives has its folder locked.
    """
    mark = f".{path.name}.unfinished-"
    with contextlib.ExitStack() as stack:
        with _locked(path.parent):  # so that nobody takes a folder that is not locked yet for an abandoned one
            for entry in os.scandir(path.parent):
                if entry.name.startswith(mark) and entry.is_dir():
                    _remove_abandoned(entry.path)
            folder = tempfile.mkdtemp(prefix=mark, dir=path.parent)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_locked(folder))
        yield Path(folder)


def _remove_abandoned(folder: str) -> None:
    with contextlib.suppress(BlockingIOError), _locked(folder, fcntl.LOCK_NB) as can_lock:
        if can_lock:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: str | Path, wait: int = 0) -> Iterator[bool]:
    """Holds a folder's lock, and says whether its file system has any; raises BlockingIOError with fcntl.LOCK_NB."""
    file = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | wait)
            locks = True
        except BlockingIOError:
            raise
        except OSError:  # as some network drives
            locks = False
        yield locks
    finally:
        os.close(file)
