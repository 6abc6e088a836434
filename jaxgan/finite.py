"""Whether the arrays of a state are finite, and which are not."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.algorithms.network import path_name


@jax.jit
def all_finite(state: Any) -> jax.Array:
    """Returns a bool array ()."""
    return jnp.all(jnp.stack([_is_finite(*leaf) for leaf in _inexact(state)]))


def not_finite(state: Any) -> str:
    """Returns the name of an array that is not, and how many others are not; there is one."""
    first, *others = [path_name(path) for path, leaf in _inexact(state) if not _is_finite(path, leaf)]
    return f"{first} (and {len(others)} more)" if others else first


def _inexact(state: Any) -> list[tuple[tuple, jax.Array]]:
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return [(path, leaf) for path, leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]


def _is_finite(path: tuple, leaf: jax.Array) -> jax.Array:
    """Whether an array is; the plateau's best value is infinite at the start."""
    return jnp.all(~jnp.isnan(leaf) if path_name(path).endswith("best_value") else jnp.isfinite(leaf))
