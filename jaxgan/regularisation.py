"""What holds a discriminator back."""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def squared_slopes(judge: Callable[[jax.Array], jax.Array], images: jax.Array) -> jax.Array:
    """|d judge(x) / d x|^2 of each image (B, H, W, C), (B,), where `judge` gives a number for each, on its own.

    Their mean at real images, times r1 / 2, is the penalty R1 of Mescheder et al. 2018 (arXiv 1801.04406, equation 9).
    """
    slopes = jax.grad(lambda images: judge(images).sum())(images)
    return jnp.sum(slopes**2, (1, 2, 3))


def lazily(penalty: Callable[[], jax.Array], step: jax.Array, every: int) -> jax.Array:
    """A scalar, at each `every`-th step only and then so many times larger (Karras et al. 2020, arXiv 1912.04958)."""
    if every == 1:
        return penalty()
    return jax.lax.cond(step % every == 0, lambda: every * penalty(), lambda: jnp.zeros(()))
