"""Learning rate schedules whose state lives in the training state."""

import jax
import jax.numpy as jnp
from optax.contrib import ReduceLROnPlateauState, reduce_on_plateau

PlateauState = ReduceLROnPlateauState


class Plateau:
    """Multiplies a scale by `factor` whenever the mean of a value over `every` steps is no new best.

    PyTorch's ReduceLROnPlateau(patience=0, threshold_mode="rel") on those means. Its patience counts
    the bad means that it forgives, optax's those that it needs: one more.
    """

    def __init__(self, factor: float, rtol: float, every: int):
        """Takes Python numbers. `every` = 0 keeps the scale at 1."""
        self._every = every
        if every:
            self._transform = reduce_on_plateau(factor, patience=1, rtol=rtol, accumulation_size=every)

    def init(self) -> PlateauState | None:
        return self._transform.init(()) if self._every else None

    def update(self, state: PlateauState | None, value: jax.Array) -> PlateauState | None:
        if not self._every:
            return None
        return self._transform.update((), state, value=value)[1]

    def scale(self, state: PlateauState | None) -> jax.Array:
        """The factor on the learning rates, float32 scalar."""
        return state.scale if self._every else jnp.float32(1)


def step_decay(step: jax.Array, factor: jax.Array, every: int) -> jax.Array:
    """factor ** floor(step / every), float32 scalar; 1 where `every` = 0."""
    return jnp.asarray(factor, jnp.float32) ** (step // every) if every else jnp.float32(1)


def hold_then_fall(step: jax.Array, hold: int, fall: int) -> jax.Array:
    """1 for `hold` steps, then in `fall` steps linearly to 0, float32 scalar; always 1 where `fall` = 0."""
    return jnp.clip(1 - (step - hold) / fall, 0, 1).astype(jnp.float32) if fall else jnp.float32(1)


def cosine(step: jax.Array, first: jax.Array, last: jax.Array, steps: int) -> jax.Array:
    """From `first` to `last` in so many steps, along half a period of a cosine; always `first` where `steps` = 0."""
    return last + (first - last) * (1 + jnp.cos(jnp.pi * jnp.clip(step / steps, 0, 1))) / 2 if steps else first


def anneal(step: jax.Array, first: jax.Array, last: jax.Array, steps: int) -> jax.Array:
    """From `first` linearly to `last` in so many steps; always `first` where `steps` = 0."""
    return first + (last - first) * jnp.clip(step / steps, 0, 1) if steps else first
