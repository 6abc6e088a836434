"""One process at a time in a run directory."""

import contextlib
import fcntl
import functools
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from jaxgan.errors import UserError, naming


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a folder's lock, which the system takes back from a process that dies.

    Raises:
      UserError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise UserError(f"{folder} is in use by {holder}: wait for it to end, or give another --workdir") from None
        except OSError as error:  # a file system without locks, as some network drives
            _warn(error.strerror)
            yield
            return
        with naming(folder / ".lock"):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        yield


@functools.cache
def _warn(reason: str) -> None:
    """Says once what a sweep's runs would each say."""
    lacks = f"the run directory is on a file system without locks ({reason})"
    print(f"{lacks}: nothing keeps a second process away from it", file=sys.stderr)


def identity(folder: Path) -> tuple[int, int] | None:
    """Tells a folder's lock from that of another which has come to its path since; None where there is none."""
    try:
        found = os.stat(folder / ".lock")
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
