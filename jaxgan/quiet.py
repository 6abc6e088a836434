"""Keeps other libraries' chatter off the terminal."""

import importlib.util
import logging
import os


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
