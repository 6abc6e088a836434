"""What the user can mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """A mistake or a lack that the user can mend: one line that names the thing and the remedy.

    The commands print its text and exit with 1; any other exception is a fault of ours and keeps
    its traceback.
    """


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Names the file in an OSError, which Python leaves out where writing fails."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            error.filename = str(path)
        raise
