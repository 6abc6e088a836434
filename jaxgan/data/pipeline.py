"""From a prepared set to batches on the devices, by one of two sources that give the same batches.

Batches are cut from the epochs' permutations laid end to end, so that no image is dropped and no
batch is short: image number p of the run is number p % size of the permutation of epoch p // size.
A translator's two sets have orders of their own.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence

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
def permutation(seed: int, epoch: int, size: int, domain: int = 0) -> np.ndarray:
    """The order of a domain's `size` images in one epoch, int64 (size,)."""
    return np.random.default_rng([seed, epoch, domain] if domain else [seed, epoch]).permutation(size)


def indices(seed: int, size: int, batch_size: int, step: int, count: int = 1, domain: int = 0) -> np.ndarray:
    """Which images of a domain make up the batches of `count` steps from `step` on, int64 (count, batch_size)."""
    positions = np.arange(step * batch_size, (step + count) * batch_size)
    epochs, offsets = np.divmod(positions, size)
    parts = [permutation(seed, int(e), size, domain)[offsets[epochs == e]] for e in np.unique(epochs)]
    return np.concatenate(parts).reshape(count, batch_size)


Order = Iterator[tuple[np.ndarray, ...]]  # the indices of each domain


def order(domains: Sequence[tuple[int, int]], seed: int, batch_size: int, start: int, counts: Iterable[int]) -> Order:
    """Yields `indices` from step `start` on, of as many steps at a time as `counts` says.

    Args:
      domains: (its number, how many images it has) of each.
    """
    for count in counts:
        yield tuple(indices(seed, size, batch_size, start, count, domain) for domain, size in domains)
        start += count


def batches(
    dataset: DataSet,
    data: ConfigDict,
    batch_size: int,
    start: int,
    counts: Iterable[int],
    mesh: Mesh,
    origin: DataSet | None = None,
) -> Iterator[dict]:
    """Yields the batches from step `start` on, of as many steps at a time as `counts` says, split over the mesh.

    Args:
      data: `config.data`, of which `seed`, `source` and, where it is there, `paired` are used.
      origin: the set from which a translator translates.

    Yields:
      {"image": uint8 (n, batch_size, H, W, C), "label": int32 (n, batch_size)} for each n of `counts`, of an `origin`
      its images as "source", too.
    """
    splits = [dataset.train] + ([origin.train] if origin else [])
    on_device = data.source == "device" or (data.source == "auto" and _fits(splits))
    numbers = [0, 0 if data.get("paired") else 1]
    domains = [(number, len(split.label)) for number, split in zip(numbers, splits, strict=False)]
    source = device_batches if on_device else tfdata_batches
    return source(splits, order(domains, data.seed, batch_size, start, counts), mesh)


def device_batches(splits: Sequence[Split], order: Order, mesh: Mesh) -> Iterator[dict]:
    """Keeps the images in the memory of each device and gathers there: only indices travel."""
    whole, part = parallel.replicated(mesh), parallel.split(mesh)
    held = parallel.placed([Split(*map(np.asarray, split)) for split in splits], whole)

    @functools.partial(jax.jit, out_shardings=part)
    def gather(held, index):
        return _batch(held, index)

    for index in order:
        yield gather(held, parallel.placed([domain.astype(np.int32) for domain in index], whole))


def tfdata_batches(splits: Sequence[Split], order: Order, mesh: Mesh) -> Iterator[dict]:
    """Reads the images from the prepared files while the device computes, with tf.data."""
    if not has_tensorflow():
        raise UserError("data.source=tfdata needs TensorFlow, which is not installed; use data.source=device")
    tf = import_tensorflow()

    types = {"image": tf.uint8, "label": tf.int32, "source": tf.uint8}
    names = list(_batch(splits, [slice(0)] * len(splits)))

    def read(*index: np.ndarray) -> list[np.ndarray]:
        own = parallel.own_part(index[0].shape[1])
        return list(_batch(splits, [domain[:, own] for domain in index]).values())

    signature = (tf.TensorSpec((None, None), tf.int64),) * len(splits)
    calls = tf.data.Dataset.from_generator(lambda: order, output_signature=signature)
    arrays = calls.map(
        lambda *index: tf.numpy_function(read, index, [types[name] for name in names]), num_parallel_calls=2
    )
    for values in arrays.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
        yield parallel.placed(dict(zip(names, values, strict=True)), parallel.split(mesh))


def _batch(splits: Sequence[Split], index: Sequence[np.ndarray]) -> dict:
    """Those images of the set that is learnt, and of that which is translated, where there is one."""
    batch = {"image": splits[0].image[index[0]], "label": splits[0].label[index[0]]}
    return batch | ({"source": splits[1].image[index[1]]} if len(splits) > 1 else {})


def _fits(splits: Sequence[Split]) -> bool:
    """Whether each device has room for the images."""
    return sum(split.image.nbytes for split in splits) < SHARE_OF_MEMORY * parallel.device_memory()
