"""What the commands share: the user's mistakes become one line on stderr and a non-zero exit."""

import argparse
import errno
import sys
from collections.abc import Callable

from jaxgan.errors import UserError

USERS_OS_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)  # full, or not theirs to write


def run(main: Callable[[], None]) -> None:
    """Ends the process with 1 and one line where `main` raises UserError; faults of ours keep their traceback."""
    try:
        main()
    except UserError as error:
        sys.exit(f"jaxgan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno not in USERS_OS_ERRORS:
            raise
        sys.exit(f"jaxgan: {error.filename or 'writing'}: {error.strerror}; make room or choose another directory")


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def __init__(self, description: str):
        super().__init__(description=description, allow_abbrev=False)

    def error(self, message: str) -> None:
        raise UserError(f"{message}; see --help")
