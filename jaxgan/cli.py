"""What the commands share: the user's mistakes become one line on stderr and a non-zero exit."""

import argparse
import errno
import sys
from collections.abc import Callable
from pathlib import Path

from jaxgan.errors import UserError

REMEDIES = {
    errno.ENOSPC: "make room or choose another directory",
    errno.EDQUOT: "make room or choose another directory",
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
    try:
        main()
    except UserError as error:
        sys.exit(f"jaxgan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        sys.exit(f"jaxgan: {error.filename or 'output'}: {error.strerror}; {REMEDIES[error.errno]}")


def check_suffix(path: Path | None, suffix: str) -> None:
    """Raises UserError where a file is named that does not end in `suffix`."""
    if path and path.suffix != suffix:
        raise UserError(f"{path}: name a file that ends in {suffix}")


def step(text: str) -> int | str:
    """Reads a checkpoint's step, or "best"."""
    return text if text == "best" else int(text)


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def __init__(self, description: str):
        super().__init__(description=description, allow_abbrev=False)

    def error(self, message: str) -> None:
        raise UserError(f"{message}; see --help")
