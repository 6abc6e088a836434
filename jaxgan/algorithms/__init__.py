"""How a system trains: its state, its losses and one pure step."""

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from jaxgan.errors import UserError

State = Any  # each algorithm's own frozen dataclass
Batch = dict[str, jax.Array]  # "image" uint8 (B, H, W, C), "label" int32 (B,); for a translator "source", as "image"
Metrics = dict[str, jax.Array]  # scalars by name


# What jax.default_matmul_precision calls the precision of products and convolutions, by config.precision.
PRODUCTS = {"float32": "highest", "tf32": "tensorfloat32", "bfloat16": "bfloat16"}


class Encoded(NamedTuple):
    """What images have become in the layers of an algorithm, and how well each image is told there."""

    layers: tuple[jax.Array, ...]  # (n, h, w, channels) each: the images as they are seen, then layer upon layer
    figures: dict[str, jax.Array]  # (n,) by name


class Algorithm(NamedTuple):
    """Pure functions; all that changes is in the state."""

    init: Callable[[jax.Array], State]  # (key) -> state whose leaves may be donated
    train_step: Callable[[State, Batch, jax.Array], tuple[State, Metrics]]  # (state, batch, key)
    # What generates has both of these, what does not has neither; a translator has `translate`.
    sample_latent: Callable[[jax.Array, int], jax.Array] | None = None  # (key, n) -> latent (n, latent_dim)
    generate: Callable[..., jax.Array] | None = None  # (state, latent, label=None) -> float (n, H, W, C) in [-1, 1]
    reconstruct: Callable[[State, jax.Array], jax.Array] | None = None  # (state, float images) -> the same shape
    # (state, float images (n, H, W, C)); of what generates nothing also sparsity=1, a factor on what keeps codes sparse
    encode: Callable[..., Encoded] | None = None
    # What draws its images by way of sparse codes has both of these, and what finds such codes in them to judge them.
    codes: Callable[[State, jax.Array], jax.Array] | None = None  # (state, latent) -> codes (n, h, w, atoms) >= 0
    render: Callable[[State, jax.Array], jax.Array] | None = None  # (state, codes) -> float (n, H, W, C) in [-1, 1]
    # (state, float images (n, H, W, C), of a translator also those that it translates) -> pictures by title, each
    # (m, h, w, C) in [-1, 1]
    show: Callable[..., dict[str, jax.Array]] | None = None
    # (state, float images): raises UserError where a setting leaves nothing to learn
    check: Callable[[State, jax.Array], None] | None = None
    # (state, float images (n, H, W, C), "ab" or "ba") -> the same shape, in [-1, 1]
    translate: Callable[[State, jax.Array, str], jax.Array] | None = None
    # What must be done to a state before many images are drawn; `generate` does it itself where it has not been done.
    settle: Callable[[State], State] | None = None
    sample_label: Callable[..., jax.Array] | None = None  # (state, key, n) -> int (n,), of what generates by classes
    latent_parts: int = 1  # equal ones of a latent, each of which enters at a layer of its own


def make(config: ConfigDict) -> Algorithm:
    """Builds the algorithm `config.algorithm`, a module of this package with a `make` of its own.

    All of its functions compute in the precision `config.precision`, whatever the backend's default is.

    Raises:
      UserError: there is no such algorithm.
    """
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "network"]
    if config.algorithm not in names:
        raise UserError(f"no algorithm {config.algorithm!r}: there are {', '.join(names)}")
    algorithm = importlib.import_module(f"{__name__}.{config.algorithm}").make(config)
    precision = PRODUCTS.get(config.precision, "highest")
    return Algorithm(*(_with_precision(part, precision) if callable(part) else part for part in algorithm))


def _with_precision(function: Callable, precision: str) -> Callable:
    @functools.wraps(function)
    def traced(*args, **kwargs):
        with jax.default_matmul_precision(precision):
            return function(*args, **kwargs)

    return traced
