"""Keeps other libraries' chatter off the terminal, and gives their errors Python's own types."""

import contextlib
import errno
import importlib.util
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


def silence(stream: TextIO) -> None:
    """What is written to an output that nobody reads any more goes nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def has_tensorflow() -> bool:
    """Whether TensorFlow is installed, without the seconds that importing it takes."""
    return importlib.util.find_spec("tensorflow") is not None


def quiet_orbax() -> None:
    """Orbax logs through absl: warnings of what it was asked for, and errors that it raises as well."""
    logging.getLogger("absl").setLevel(logging.CRITICAL)


def import_tensorflow():
    """Imports TensorFlow without its messages and without its hold on a GPU, whose memory is JAX's.

    Call it before TFDS or clu are imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(
        "TF_ENABLE_ONEDNN_OPTS", "0"
    )  # whose notice escapes the level above; we compute nothing in TF
    for name in ("absl", "tensorflow", "tensorflow_datasets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    import tensorflow

    tensorflow.config.set_visible_devices([], "GPU")
    return tensorflow


@contextlib.contextmanager
def tensorflow_full_disk_as_os_error(path: Path) -> Iterator[None]:
    """TensorFlow has an error of its own for a disk without room, which TFDS wraps in another.

    It must have been imported, see `import_tensorflow`.
    """
    from tensorflow.errors import ResourceExhaustedError

    try:
        yield
    except (RuntimeError, ResourceExhaustedError) as error:
        if not isinstance(error.__cause__ or error, ResourceExhaustedError):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
