"""Arithmetic of layers where XLA's own way would be slow on a CPU, or not exact enough."""

import functools
import math

import jax
import jax.numpy as jnp


@jax.custom_jvp
def elu(x: jax.Array) -> jax.Array:
    """ELU (Clevert et al. 2016, arXiv 1511.07289, equation 15), whose derivative is told from its value.

    So no more than the value is kept for the backward pass. exp(x) - 1 is exact to a rounding error of 1, which
    is enough here, and takes two thirds of expm1's time.
    """
    return jnp.where(x > 0, x, jnp.exp(jnp.minimum(x, 0)) - 1)


@elu.defjvp
def _elu_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    y = elu(*primals)
    return y, tangents[0] * jnp.where(y > 0, 1, y + 1)


@jax.custom_jvp
def image_sum(x: jax.Array) -> jax.Array:
    """Sums (B, H, W, C) to (B, C).

    A CPU does it by a matrix product with ones, as XLA merges a plain sum with the layers before it and then
    computes all of them ten times as slowly. The gradient is a plain broadcast, which merges well.
    """
    if jax.default_backend() != "cpu":
        return x.sum((1, 2))
    rows = x.reshape(len(x), -1, x.shape[-1])
    return (_ones(rows, 1, rows.shape[1]) @ rows)[:, 0]


@image_sum.defjvp
def _image_sum_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    return image_sum(*primals), tangents[0].sum((1, 2))


def channel_sum(x: jax.Array) -> jax.Array:
    """Sums (B, H, W, C) to (C,)."""
    return image_sum(x).sum(0)


def over_pixels(values: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Repeats (C,) or (B, C) over (B, H, W, C). Its gradient is an `image_sum`."""
    return _over_pixels(jnp.broadcast_to(values, (shape[0], shape[-1])), shape)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _over_pixels(values: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jnp.broadcast_to(values[:, None, None], shape)


@_over_pixels.defjvp
def _over_pixels_jvp(shape: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    (tangent,) = tangents
    if jax.default_backend() == "cpu":  # a product, whose transpose is the product of `image_sum`
        spread = (_ones(tangent, math.prod(shape[1:-1]), 1) @ tangent[:, None]).reshape(shape)
    else:
        spread = _over_pixels(tangent, shape)
    return _over_pixels(*primals, shape), spread


def _ones(like: jax.Array, *shape: int) -> jax.Array:
    return jnp.ones((len(like), *shape), like.dtype)


def at_least_float32(x: jax.Array) -> jax.Array:
    """bfloat16 to float32: the dtype in which losses are computed."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
