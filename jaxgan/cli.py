"""What the commands share: the user's mistakes become one line on stderr and a non-zero exit."""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from jaxgan import quiet
from jaxgan.errors import UserError
from jaxgan.paths import expanded

# Huge pages, and one heap that gives nothing back to the system.
MALLOC_TUNABLES = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {"hugetlb": 1, "arena_max": 1, "mmap_max": 0, "trim_threshold": 2**40}.items()
)
REMEDIES = {
    errno.ENOSPC: "make room or choose another directory",
    errno.EDQUOT: "make room or choose another directory",
    errno.EFBIG: "raise the limit that your system sets, as by ulimit -f",
    errno.EMFILE: "raise the limit that your system sets, as by ulimit -n",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "see why the file system does not answer, and give the same command again",
    errno.ESTALE: "see why the file system does not answer, and give the same command again",
    errno.ENOTCONN: "see why the file system does not answer, and give the same command again",
    errno.EACCES: "choose a place where you may write",
    errno.EPERM: "choose a place where you may write",
    errno.EROFS: "choose a place where you may write",
    errno.EEXIST: "choose another path",
    errno.ENOTDIR: "choose another path",
    errno.EISDIR: "choose another path",
}


def run(main: Callable[[], None]) -> None:
    """Ends the process with 1 and one line where the user can mend what went wrong.

    That is a UserError or an error of the file system; faults of ours keep their traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # names of data may have letters that a terminal has not
    try:
        main()
    except UserError as error:
        sys.exit(f"jaxgan: {error}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # who reads the output has left, as `head` does
        quiet.silence(sys.stdout)
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        sys.exit(f"jaxgan: {error.filename or 'output'}: {error.strerror}; {REMEDIES[error.errno]}")


def with_kept_memory() -> None:
    """Starts this process again so that glibc keeps the memory that it took: a tenth of a training's time on a CPU.

    XLA takes a step's memory anew each time, some 70,000 pages of 4 KiB for BEGAN's, which Linux would clear again.
    glibc reads its variable as a process starts; where that says anything of its memory, it stays.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if sys.platform == "linux" and "glibc.malloc." not in tunables:
        os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, [tunables, MALLOC_TUNABLES]))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (this very process)


def check_suffix(path: Path | None, suffix: str) -> None:
    """Raises UserError where a file is named that does not end in `suffix`."""
    if path and path.suffix != suffix:
        raise UserError(f"{path}: name a file that ends in {suffix}")


def path(text: str) -> Path:
    """Reads the path of a file or a folder; ~ is the user's own."""
    if not text:
        raise argparse.ArgumentTypeError("name a path")
    return expanded(text)


def step(text: str) -> int | str:
    """Reads a checkpoint's step, or "best"."""
    return text if text == "best" else int(text)


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def __init__(self, description: str):
        super().__init__(description=description, allow_abbrev=False)

    def error(self, message: str) -> None:
        raise UserError(f"{message}; see --help")
