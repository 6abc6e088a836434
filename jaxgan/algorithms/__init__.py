"""How a system trains: its state, its losses and one pure step."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from jaxgan.errors import UserError

State = Any  # each algorithm's own frozen dataclass
Batch = dict[str, jax.Array]  # "image" uint8 (B, H, W, C), "label" int32 (B,)
Metrics = dict[str, jax.Array]  # scalars by name


class Algorithm(NamedTuple):
    """Pure functions; all that changes is in the state."""

    init: Callable[[jax.Array], State]  # (key) -> state whose leaves may be donated
    train_step: Callable[[State, Batch, jax.Array], tuple[State, Metrics]]  # (state, batch, key)
    sample_latent: Callable[[jax.Array, int], jax.Array]  # (key, n) -> latent (n, latent_dim)
    generate: Callable[..., jax.Array]  # (state, latent, label=None) -> float (n, H, W, C) in [-1, 1]
    reconstruct: Callable[[State, jax.Array], jax.Array] | None = None  # (state, float images) -> the same shape


def make(config: ConfigDict) -> Algorithm:
    """Builds the algorithm `config.algorithm`, a module of this package with a `make` of its own.

    Raises:
      UserError: there is no such algorithm.
    """
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "network"]
    if config.algorithm not in names:
        raise UserError(f"no algorithm {config.algorithm!r}: there are {', '.join(names)}")
    return importlib.import_module(f"{__name__}.{config.algorithm}").make(config)
