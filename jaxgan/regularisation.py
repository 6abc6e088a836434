"""What keeps a discriminator from knowing a small set by heart, and a generator from learning by its worst."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan.augmentation import adaptive, diffaugment


def seen(config: ConfigDict, key: jax.Array, images: jax.Array, probability: jax.Array | None = None) -> jax.Array:
    """What a discriminator sees of images (B, H, W, C), real or drawn; `probability` is that of `adapted`."""
    if config.diffaugment:
        return diffaugment(key, images)
    return images if probability is None else adaptive(key, images, probability)


def start_probability(config: ConfigDict) -> jax.Array | None:
    """Where `adapted` starts; None where images are not altered by it."""
    return jnp.float32(0) if config.ada_target else None


def adapted(
    probability: jax.Array | None, sign: jax.Array, target: jax.Array, most: float
) -> tuple[jax.Array | None, dict[str, jax.Array]]:
    """Raises the probability with which images are altered where D is too sure of real ones, else lowers it.

    Its outputs for real images are positive where it takes them for real. The mean of their signs, r_t, is held at the
    target (Karras et al. 2020, arXiv 2006.06676, section 3.1, who adapt at each fourth step).

    Args:
      probability: a scalar in [0, 1], or None where images are not altered so.
      sign: r_t of a batch, a scalar.
      target: of r_t, a scalar.
      most: by which the probability changes.

    Returns:
      The new probability, and as what it is logged.
    """
    if probability is None:
        return None, {}
    changed = jnp.clip(probability + most * jnp.sign(sign - target), 0, 1)
    return changed, {"altered": changed}


def squared_slopes(judge: Callable[[jax.Array], jax.Array], images: jax.Array) -> jax.Array:
    """|d judge(x) / d x|^2 of each image (B, H, W, C), (B,), where `judge` gives a number for each, on its own.

    Their mean at real images, times r1 / 2, is the penalty R1 of Mescheder et al. 2018 (arXiv 1801.04406, equation 9).
    With BatchNorm or `minibatch_std` a number depends on the whole batch: a slope is then that of the numbers' sum.
    """
    slopes = jax.grad(lambda images: judge(images).sum())(images)
    return jnp.sum(slopes**2, (1, 2, 3))


def lazily(penalty: Callable[[], jax.Array], step: jax.Array, every: int) -> jax.Array:
    """A scalar, at each `every`-th step only and then so many times larger (Karras et al. 2020, arXiv 1912.04958)."""
    if every == 1:
        return penalty()
    return jax.lax.cond(step % every == 0, lambda: every * penalty(), lambda: jnp.zeros(()))


def weights_of_best(scores: jax.Array, share: jax.Array) -> jax.Array:
    """Weights (B,), of sum 1, that are equal for the share of the best scores (B,) and 0 for the others.

    With them G learns by its best images alone (top-k training, Sinha et al. 2020, arXiv 2002.06224, who begin with all
    and lower the share while they train; here it stays).
    """
    ranks = jnp.argsort(jnp.argsort(-scores))
    best = ranks < jnp.ceil(share * len(scores) - 1e-3)  # which is not exact in float32
    return best / best.sum()
