"""From a prepared set to batches on the devices, by one of two sources that give the same batches.

Batches are cut from the epochs' permutations laid end to end, so that no image is dropped and no
batch is short: image number p of the run is number p % size of the permutation of epoch p // size.
"""

import functools
import os
from collections.abc import Iterator

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from jaxgan import parallel
from jaxgan.data.dataset import DataSet, Split
from jaxgan.errors import UserError
from jaxgan.quiet import has_tensorflow, import_tensorflow

SHARE_OF_MEMORY = 0.25  # that a set may take to be kept on the device


@functools.lru_cache(maxsize=4)
def permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    """The order of `size` images in one epoch, int64 (size,)."""
    return np.random.default_rng([seed, epoch]).permutation(size)


def indices(seed: int, size: int, batch_size: int, step: int) -> np.ndarray:
    """Which images make up the batch of `step`, int64 (batch_size,)."""
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs, offsets = np.divmod(positions, size)
    return np.concatenate([permutation(seed, int(e), size)[offsets[epochs == e]] for e in np.unique(epochs)])


def batches(dataset: DataSet, data: ConfigDict, batch_size: int, start: int, mesh: Mesh) -> Iterator[dict]:
    """Yields, without end, the batches from step `start` on, split over the mesh.

    Args:
      data: `config.data`, of which `seed` and `source` are used.

    Yields:
      {"image": uint8 (batch_size, H, W, C), "label": int32 (batch_size,)}.
    """
    on_device = data.source == "device" or (data.source == "auto" and _fits(dataset.train))
    source = device_batches if on_device else tfdata_batches
    return source(dataset.train, data.seed, batch_size, start, mesh)


def device_batches(split: Split, seed: int, batch_size: int, start: int, mesh: Mesh) -> Iterator[dict]:
    """Keeps the images in the memory of each device and gathers there: only indices travel."""
    whole, part = parallel.replicated(mesh), parallel.split(mesh)
    image, label = (jax.device_put(np.asarray(array), whole) for array in split)

    @functools.partial(jax.jit, out_shardings=part)
    def gather(image, label, index):
        return {"image": image[index], "label": label[index]}

    for step in range(start, 2**62):
        index = indices(seed, len(split.label), batch_size, step).astype(np.int32)
        yield gather(image, label, jax.device_put(index, whole))


def tfdata_batches(split: Split, seed: int, batch_size: int, start: int, mesh: Mesh) -> Iterator[dict]:
    """Reads the images from the prepared files while the device computes, with tf.data."""
    if not has_tensorflow():
        raise UserError("data.source=tfdata needs TensorFlow, which is not installed; use data.source=device")
    tf = import_tensorflow()

    def read(step: int) -> tuple[np.ndarray, np.ndarray]:
        index = indices(seed, len(split.label), batch_size, int(step))
        return split.image[index], split.label[index]

    steps = tf.data.Dataset.range(start, tf.int64.max)
    arrays = steps.map(lambda step: tf.numpy_function(read, [step], [tf.uint8, tf.int32]), num_parallel_calls=2)
    for image, label in arrays.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
        yield jax.device_put({"image": image, "label": label}, parallel.split(mesh))


def _fits(split: Split) -> bool:
    """Whether each device has room for the images."""
    stats = jax.local_devices()[0].memory_stats() or {}
    memory = stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return split.image.nbytes < SHARE_OF_MEMORY * memory
