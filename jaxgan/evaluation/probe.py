"""The probe: a small classifier of a data set's own, whose features and opinions measure samples.

Where the set has labels the probe tells its characters apart. Otherwise it learns from the images
alone to tell which of 24 transformations was done to one: a turn by 0, 90, 180 or 270 degrees
(Gidaris et al. 2018, arXiv 1803.07728) and an order of the colour channels.

A classifier is sure of itself on anything, so a share of what it is trained on are images of
nobody, tiles of real ones in another order, smooth colours and blobs, where it has to be undecided
(outlier exposure, Hendrycks et al. 2019, arXiv 1812.04606).
"""

import functools
import hashlib
import itertools
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct, traverse_util

from jaxgan import images, parallel
from jaxgan.data import cache
from jaxgan.data.dataset import DataSet, Split
from jaxgan.errors import UserError
from jaxgan.models.classifier import GRID, Classifier
from jaxgan.progress import Progress

BATCH = 250  # images embedded at a time
TILES = 4  # a side, of an image of nobody
BLOBS = 8  # pixels a side, of another
OWN = Path(__file__).parent / "probes"  # those that come with the project, so that all measure by the same
GRAIN = 0.3  # largest deviation of noise on images of nobody, which span [-1, 1]


class Recipe(NamedTuple):
    """How a probe is trained. Probes are cached by it, and by the images' fingerprint."""

    version: int = 1  # of this module: whoever changes what it computes changes it
    width: int = 24
    epochs: int = 20  # at most
    enough: float = 0.99  # of an epoch's images told right: it stops
    batch_size: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    ema_decay: float = 0.99
    shift: int = 3  # pixels of GRID that images move at most
    nobody: float = 0.1875  # share of images of nobody
    seed: int = 0


RECIPE = Recipe()


class Probe(NamedTuple):
    """A trained probe."""

    kind: str  # "labels" or "transformations"
    names: list[str]  # of the characters that it tells apart; none where the set has no labels
    classes: int
    accuracy: float  # on held-out images
    width: int
    variables: dict  # the classifier's

    @property
    def digest(self) -> str:
        """Tells it from any other, whose figures are not to be compared with its own."""
        found = hashlib.sha256()
        for name, array in sorted(to_arrays(self).items()):
            found.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return found.hexdigest()[:8]

    def embed(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the features, float32 (N, F), and probabilities, float32 (N, classes), of uint8 (N, H, W, C)."""
        network, variables = _apply(self.classes, self.width), jax.device_put(self.variables)
        return images.in_batches(lambda part: network(variables, part), image, BATCH)

    def see(self, image: jax.Array) -> jax.Array:
        """Returns the features (N, F) of float (N, H, W, C) in [-1, 1], which can be differentiated."""
        return Classifier(self.classes, self.width).apply(self.variables, image, train=False)[0]


def load(dataset: DataSet) -> Probe:
    """Returns the set's probe: the project's own, or one trained by RECIPE where no earlier call has done so.

    Raises:
      UserError: the project's own is damaged. One that is trained in its place would be another.
    """
    name = file_name(dataset, RECIPE)
    if (own := OWN / name).exists():
        try:
            return _from_arrays(images.read_npz(own))
        except Exception as error:
            raise UserError(f"{own} is damaged ({error}): install jaxgan again") from error

    def make() -> dict[str, np.ndarray]:
        start = time.monotonic()
        probe = train(dataset, RECIPE)
        print(f"probe trained in {time.monotonic() - start:.0f} s: {describe(probe)}", flush=True)
        return to_arrays(probe)

    return _from_arrays(images.kept_npz(cache.folder("probes", name), make))


def describe(probe: Probe) -> str:
    """Says what a probe tells apart, and how well."""
    what = f"the {probe.classes} characters" if probe.kind == "labels" else f"{probe.classes} transformations"
    return f"it tells {what} of held-out images apart with {probe.accuracy:.1%} right"


def train(dataset: DataSet, recipe: Recipe) -> Probe:
    """Trains a probe and scores it on the held-out images."""
    labelled = len(dataset.names) > 1
    names = dataset.names if labelled else []
    orders = channel_orders(dataset.train.image.shape[-1])
    network = Classifier(len(names) or 4 * len(orders), recipe.width)
    steps = recipe.epochs * max(len(dataset.train.label) // recipe.batch_size, 1)
    schedule = optax.warmup_cosine_decay_schedule(0.0, recipe.learning_rate, min(100, steps // 4), steps)
    optimizer = optax.adamw(schedule, weight_decay=recipe.weight_decay)
    task = (
        functools.partial(_varied, shift=recipe.shift) if labelled else functools.partial(_transformed, orders=orders)
    )
    step = parallel.jit_alone(functools.partial(_step, network, optimizer, task, recipe))
    state = _init(network, optimizer, dataset.train.image.shape[1:], recipe.seed)
    state = _epochs(step, state, dataset.train, recipe)
    variables = jax.device_get({"params": state.average, "batch_stats": state.batch_stats})
    probe = Probe("labels" if labelled else "transformations", names, network.classes, 0.0, recipe.width, variables)
    return probe._replace(accuracy=_score(probe, dataset.held_out, orders, recipe.seed))


@struct.dataclass
class _State:
    step: jax.Array
    params: Any
    average: Any  # of params over the steps
    batch_stats: Any
    opt_state: optax.OptState


def _init(network: Classifier, optimizer: optax.GradientTransformation, shape: tuple[int, ...], seed: int) -> _State:
    variables = jax.jit(functools.partial(network.init, train=False))(jax.random.key(seed), jnp.zeros((1, *shape)))
    params, batch_stats = variables["params"], variables["batch_stats"]
    return _State(jnp.int32(0), params, jax.tree.map(jnp.copy, params), batch_stats, optimizer.init(params))


def _epochs(step, state: _State, split: Split, recipe: Recipe) -> _State:
    """Runs epochs until one is good enough."""
    image, label = np.asarray(split.image), np.asarray(split.label)
    batch_size = min(recipe.batch_size, len(label))
    count = len(label) // batch_size
    rng = np.random.default_rng(recipe.seed)
    with Progress("training the probe", recipe.epochs * count, "steps") as progress:
        for _ in range(recipe.epochs):
            right = []
            for index in np.split(rng.permutation(len(label))[: count * batch_size], count):
                state, hits = step(state, image[index], label[index])
                right.append(hits)
                progress.advance()
            if np.mean(jax.device_get(right)) > recipe.enough:
                break
    return state


def _step(network, optimizer, task, recipe: Recipe, state: _State, image: jax.Array, label: jax.Array):
    """One step of AdamW on cross-entropy. Returns the state and the share of faces told right."""
    key_task, key_nobody = jax.random.split(jax.random.fold_in(jax.random.key(recipe.seed), state.step))
    image, label = task(key_task, images.to_float(image), label)
    target = jax.nn.one_hot(label, network.classes)
    strangers = math.ceil(recipe.nobody * len(label))
    image = image.at[:strangers].set(nobody(key_nobody, image[:strangers]))
    target = target.at[:strangers].set(1 / network.classes)

    def loss(params):
        variables = {"params": params, "batch_stats": state.batch_stats}
        (_, logits), updated = network.apply(variables, image, train=True, mutable="batch_stats")
        return optax.softmax_cross_entropy(logits, target).mean(), (logits, updated["batch_stats"])

    grads, (logits, batch_stats) = jax.grad(loss, has_aux=True)(state.params)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    decay = jnp.minimum(recipe.ema_decay, (1 + state.step) / (10 + state.step))  # forgets the start sooner
    average = optax.incremental_update(params, state.average, 1 - decay)
    right = (logits.argmax(1) == label)[strangers:].mean()
    return _State(state.step + 1, params, average, batch_stats, opt_state), right


def _varied(key: jax.Array, image: jax.Array, label: jax.Array, shift: int) -> tuple[jax.Array, jax.Array]:
    """Mirrors half of the images and moves each by a few pixels; labels stay."""
    key_mirror, key_shift = jax.random.split(key)
    image = images.augment(key_mirror, image, flip=True)
    reach = shift * max(image.shape[1] // GRID, 1)
    padded = jnp.pad(image, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    corner = jax.random.randint(key_shift, (len(image), 2), 0, 2 * reach + 1)
    cut = lambda whole, at: jax.lax.dynamic_slice(whole, (at[0], at[1], 0), image.shape[1:])
    return jax.vmap(cut)(padded, corner), label


def _transformed(key: jax.Array, image: jax.Array, label: jax.Array, orders: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Turns each image and puts its channels in an order, both at random; says which."""
    which = jax.random.randint(key, (len(image),), 0, 4 * len(orders))
    return transform(image, which, orders), which


def channel_orders(channels: int) -> np.ndarray:
    """All orders of the channels, int (channels!, channels)."""
    return np.asarray(list(itertools.permutations(range(channels))))


def transform(image: jax.Array, which: jax.Array, orders: np.ndarray) -> jax.Array:
    """Turns each of (B, S, S, C) by 90 degrees `which` % 4 times and takes channel order `which` // 4."""
    turned = jnp.stack([jnp.rot90(image, turns, (1, 2)) for turns in range(4)])
    turned = turned[which % 4, jnp.arange(len(image))]
    return jnp.take_along_axis(turned, jnp.asarray(orders)[which // 4][:, None, None], axis=-1)


def nobody(key: jax.Array, image: jax.Array) -> jax.Array:
    """Makes images of nobody of (B, S, S, C) in [-1, 1].

    By turns they are the same tiles in another order, smooth colours, and blobs: the image from which all
    but BLOBS pixels a side is gone. The latter two are grainy, as what generators draw can be.
    """
    key_order, key_deviation, key_grain = jax.random.split(key, 3)
    count = len(image)
    grain = jax.random.uniform(key_deviation, (count, 1, 1, 1), maxval=GRAIN) * jax.random.normal(
        key_grain, image.shape
    )
    kinds = jnp.stack([_shuffled(key_order, image), _blurred(image, 2) + grain, _blurred(image, BLOBS) + grain])
    return kinds[jnp.arange(count) % len(kinds), jnp.arange(count)].clip(-1, 1)


def _shuffled(key: jax.Array, image: jax.Array) -> jax.Array:
    """Puts the TILES x TILES tiles of each image in an order of its own."""
    count, tile, channels = len(image), image.shape[1] // TILES, image.shape[-1]
    order = jnp.argsort(jax.random.uniform(key, (count, TILES**2)))
    tiles = image.reshape(count, TILES, tile, TILES, tile, channels).swapaxes(2, 3)
    tiles = tiles.reshape(count, TILES**2, tile, tile, channels)
    tiles = jnp.take_along_axis(tiles, order[:, :, None, None, None], axis=1)
    return tiles.reshape(count, TILES, TILES, tile, tile, channels).swapaxes(2, 3).reshape(image.shape)


def _blurred(image: jax.Array, side: int) -> jax.Array:
    """Keeps `side` x `side` means of each image."""
    count, size, _, channels = image.shape
    means = image.reshape(count, side, size // side, side, size // side, channels).mean((2, 4))
    return jax.image.resize(means, image.shape, "linear")


@functools.lru_cache(maxsize=8)
def _apply(classes: int, width: int):
    network = Classifier(classes, width)

    def apply(variables: dict, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        features, logits = network.apply(variables, images.to_float(image), train=False)
        return features, jax.nn.softmax(logits)

    return parallel.jit_alone(apply)


def _score(probe: Probe, split: Split, orders: np.ndarray, seed: int) -> float:
    image, label = np.asarray(split.image), np.asarray(split.label)
    if probe.kind == "transformations":
        label = np.random.default_rng(seed).integers(0, probe.classes, len(image))
        image = np.asarray(transform(image, label, orders))
    return float(np.mean(probe.embed(image)[1].argmax(1) == label))


def file_name(dataset: DataSet, recipe: Recipe) -> str:
    """Under which a set's probe is kept."""
    return f"{dataset.fingerprint}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:8]}.npz"


def to_arrays(probe: Probe) -> dict[str, np.ndarray]:
    """What an `.npz` of it holds."""
    fields = {name: np.asarray(value) for name, value in probe._asdict().items() if name != "variables"}
    return fields | traverse_util.flatten_dict(probe.variables, sep="/")


def _from_arrays(arrays: dict[str, np.ndarray]) -> Probe:
    fields = {name: arrays.pop(name).tolist() for name in Probe._fields if name != "variables"}
    return Probe(**fields, variables=traverse_util.unflatten_dict(arrays, sep="/"))
