"""How heads are held: a small regressor of toons' true factors, which measures whether a translation keeps the pose."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax import traverse_util

from jaxgan import images, parallel
from jaxgan.data import cache
from jaxgan.data.toons import VERSION, drawing, sketches
from jaxgan.models.arithmetic import elu
from jaxgan.models.classifier import GRID
from jaxgan.progress import Progress

FACTORS = ("angle", "dx", "dy", "scale")
FIRST = sketches.FIRST + sketches.COUNT  # of its own scenes, which are in no set
BATCH = 64


class Recipe(NamedTuple):
    """How the regressor is trained. It is cached by this, and by the images' shape."""

    version: int = 1  # of this module: whoever changes what it computes changes it
    scenes: int = 4000
    width: int = 16
    epochs: int = 25
    learning_rate: float = 2e-3
    grain: float = 0.2  # largest deviation of the noise on what it learns from, which spans [-1, 1]


RECIPE = Recipe()


class Regressor(nn.Module):
    """Images (B, S, S, C) in [-1, 1] to FACTORS (B, 4), in deviations from their means."""

    width: int

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        stride = max(image.shape[1] // GRID, 1)
        x = elu(nn.Conv(self.width, (2 * stride + 1,) * 2, stride)(image))
        for features in (2 * self.width, 4 * self.width):
            x = elu(nn.Conv(features, (3, 3), 2)(x))
        return nn.Dense(len(FACTORS))(elu(nn.Dense(128)(x.reshape(len(x), -1))))


def truth(scenes: Sequence[int]) -> np.ndarray:
    """FACTORS of scenes, float32 (N, 4), in deviations from their means."""
    factors = [drawing.factors(int(scene)) for scene in scenes]
    values = np.asarray([[found[name] for name in FACTORS] for found in factors])
    means = [drawing.Factors._field_defaults[name] for name in FACTORS]
    deviations = [drawing.REACH[name] / 6**0.5 for name in FACTORS]  # of a triangle so wide
    return ((values - means) / deviations).astype(np.float32)


def read(shape: tuple[int, int, int], image: np.ndarray) -> np.ndarray:
    """FACTORS as the regressor of that shape sees them in uint8 (N, H, W, C), trained where no earlier call has."""
    network, variables = _reader(shape, RECIPE)
    return images.in_batches(lambda part: network(variables, part), image, BATCH)


@functools.lru_cache(maxsize=4)
def _reader(shape: tuple[int, int, int], recipe: Recipe) -> tuple[Callable, dict]:
    digest = hashlib.sha256(repr(recipe).encode()).hexdigest()[:8]
    path = cache.folder("poses", f"{VERSION}-{'x'.join(map(str, shape))}-{digest}.npz")
    make = lambda: traverse_util.flatten_dict(_train(shape, recipe), sep="/")
    variables = traverse_util.unflatten_dict(images.kept_npz(path, make), sep="/")
    network = parallel.jit_alone(
        lambda variables, part: Regressor(recipe.width).apply(variables, images.to_float(part))
    )
    return network, variables


def _train(shape: tuple[int, int, int], recipe: Recipe) -> dict:
    scenes = range(FIRST, FIRST + recipe.scenes)
    image = sketches.draw("colourings", scenes, shape)
    target, network = truth(scenes), Regressor(recipe.width)
    count = len(image) // BATCH
    schedule = optax.cosine_decay_schedule(recipe.learning_rate, recipe.epochs * count)
    optimizer = optax.adam(schedule)

    @parallel.jit_alone
    def step(variables, opt_state, image, target, key):
        key_deviation, key_grain = jax.random.split(key)
        deviation = recipe.grain * jax.random.uniform(key_deviation, (len(image), 1, 1, 1))
        given = images.to_float(image) + deviation * jax.random.normal(key_grain, image.shape)
        grads = jax.grad(lambda variables: jnp.mean((network.apply(variables, given) - target) ** 2))(variables)
        updates, opt_state = optimizer.update(grads, opt_state)
        return optax.apply_updates(variables, updates), opt_state

    variables = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, *shape)))
    opt_state, rng = optimizer.init(variables), np.random.default_rng(0)
    with Progress("training the regressor of poses", recipe.epochs * count, "steps") as progress:
        for number in range(recipe.epochs):
            for index in np.split(rng.permutation(len(image))[: count * BATCH], count):
                key = jax.random.fold_in(jax.random.key(number), index[0])
                variables, opt_state = step(variables, opt_state, image[index], target[index], key)
                progress.advance()
    return jax.device_get(variables)
