"""Spectral normalisation (Miyato et al. 2018, arXiv 1802.05957): weights divided by their largest singular value.

The weights are those that layers call `kernel`, each a matrix from all its inputs to its features. A network is
normalised as a whole, by a pure function of its parameters, so that its modules know nothing of it.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.models.arithmetic import at_least_float32

Vectors = dict[str, jax.Array]  # by the kernel's place: the right singular vector, as it is known so far, (features,)

TINY = 1e-12  # length below which a vector has no direction


def start(params: Any, key: jax.Array) -> Vectors:
    """Draws a direction for each kernel."""
    kernels = {name: leaf for name, leaf in _named(params).items() if _is_kernel(name)}
    keys = jax.random.split(key, max(len(kernels), 1))
    drawn = zip(kernels.items(), keys, strict=False)
    return {name: _unit(jax.random.normal(own, kernel.shape[-1:])) for (name, kernel), own in drawn}


def normalize(params: Any, vectors: Vectors) -> tuple[Any, Vectors]:
    """Divides each kernel by its largest singular value, found by one power iteration (their algorithm 1).

    Gradients go through the singular value, but not through its vectors.

    Returns:
      The parameters, the others as they are, and the vectors for the next step.
    """
    named = _named(params)
    found = {name: _power_iteration(named[name], vector) for name, vector in vectors.items()}
    divide = lambda path, leaf: leaf / found[_name(path)][0].astype(leaf.dtype) if _name(path) in found else leaf
    return jax.tree_util.tree_map_with_path(divide, params), {name: vector for name, (_, vector) in found.items()}


def orthogonality(params: Any) -> jax.Array:
    """Sum over the kernels W of |W^T W without its diagonal|^2 (Brock et al. 2019, arXiv 1809.11096, equation 3)."""
    kernels = [_matrix(leaf) for name, leaf in _named(params).items() if _is_kernel(name)]
    # W^T W and W W^T have the same norm: the smaller of them is computed.
    products = [kernel @ kernel.T if len(kernel) < kernel.shape[1] else kernel.T @ kernel for kernel in kernels]
    lengths = [jnp.sum(kernel**2, 0) for kernel in kernels]
    return sum(jnp.sum(product**2) - jnp.sum(own**2) for product, own in zip(products, lengths, strict=True))


def _power_iteration(kernel: jax.Array, right: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The singular value, and the right singular vector that it was found with."""
    matrix = _matrix(kernel)
    fixed = jax.lax.stop_gradient(matrix)
    left = _unit(fixed @ right)
    right = _unit(left @ fixed)
    return left @ matrix @ right, right


def _matrix(kernel: jax.Array) -> jax.Array:
    return at_least_float32(kernel).reshape(-1, kernel.shape[-1])


def _unit(vector: jax.Array) -> jax.Array:
    return vector / jnp.maximum(jnp.linalg.norm(vector), TINY)


def _named(params: Any) -> dict[str, jax.Array]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _is_kernel(name: str) -> bool:
    return name.endswith("kernel")
