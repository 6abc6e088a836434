"""From a prepared set to batches on the devices, by one of two sources that give the same batches.

Batches are cut from the epochs' permutations laid end to end, so that no image is dropped and no
batch is short: image number p of the run is number p % size of the permutation of epoch p // size.
"""

import functools
from collections.abc import Iterable, Iterator

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


def indices(seed: int, size: int, batch_size: int, step: int, count: int = 1) -> np.ndarray:
    """Which images make up the batches of `count` steps from `step` on, int64 (count, batch_size)."""
    positions = np.arange(step * batch_size, (step + count) * batch_size)
    epochs, offsets = np.divmod(positions, size)
    parts = [permutation(seed, int(e), size)[offsets[epochs == e]] for e in np.unique(epochs)]
    return np.concatenate(parts).reshape(count, batch_size)


def order(seed: int, size: int, batch_size: int, start: int, counts: Iterable[int]) -> Iterator[np.ndarray]:
    """Yields `indices` from step `start` on, of as many steps at a time as `counts` says."""
    for count in counts:
        yield indices(seed, size, batch_size, start, count)
        start += count


def batches(
    dataset: DataSet, data: ConfigDict, batch_size: int, start: int, counts: Iterable[int], mesh: Mesh
) -> Iterator[dict]:
    """Yields the batches from step `start` on, of as many steps at a time as `counts` says, split over the mesh.

    Args:
      data: `config.data`, of which `seed` and `source` are used.

    Yields:
      {"image": uint8 (n, batch_size, H, W, C), "label": int32 (n, batch_size)} for each n of `counts`.
    """
    on_device = data.source == "device" or (data.source == "auto" and _fits(dataset.train))
    source = device_batches if on_device else tfdata_batches
    return source(dataset.train, order(data.seed, len(dataset.train.label), batch_size, start, counts), mesh)


def device_batches(split: Split, order: Iterator[np.ndarray], mesh: Mesh) -> Iterator[dict]:
    """Keeps the images in the memory of each device and gathers there: only indices travel."""
    whole, part = parallel.replicated(mesh), parallel.split(mesh)
    image, label = (jax.device_put(np.asarray(array), whole) for array in split)

    @functools.partial(jax.jit, out_shardings=part)
    def gather(image, label, index):
        return {"image": image[index], "label": label[index]}

    for index in order:
        yield gather(image, label, jax.device_put(index.astype(np.int32), whole))


def tfdata_batches(split: Split, order: Iterator[np.ndarray], mesh: Mesh) -> Iterator[dict]:
    """Reads the images from the prepared files while the device computes, with tf.data."""
    if not has_tensorflow():
        raise UserError("data.source=tfdata needs TensorFlow, which is not installed; use data.source=device")
    tf = import_tensorflow()

    def read(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return split.image[index], split.label[index]

    calls = tf.data.Dataset.from_generator(lambda: order, output_signature=tf.TensorSpec((None, None), tf.int64))
    arrays = calls.map(lambda index: tf.numpy_function(read, [index], [tf.uint8, tf.int32]), num_parallel_calls=2)
    for image, label in arrays.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
        yield jax.device_put({"image": image, "label": label}, parallel.split(mesh))


def _fits(split: Split) -> bool:
    """Whether each device has room for the images."""
    return split.image.nbytes < SHARE_OF_MEMORY * parallel.device_memory()
