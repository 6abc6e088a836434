import jax
import jax.numpy as jnp
import pytest

from jaxgan.schedules import Plateau, anneal, hold_then_fall, step_decay

# torch.optim.lr_scheduler.ReduceLROnPlateau(factor=0.9, patience=0, threshold=1e-4, threshold_mode="rel"):
# the values that it was given and the factor on the learning rate after each.
STALLS = ([1.0, 0.9, 0.95, 0.9, 0.8, 0.85, 0.86], [1.0, 1.0, 0.9, 0.81, 0.81, 0.729, 0.6561])
THRESHOLD = ([1.0, 0.99995, 0.99989, 0.9998, 0.9997], [1.0, 0.9, 0.9, 0.81, 0.81])


@pytest.mark.parametrize(("values", "scales"), [STALLS, THRESHOLD])
@pytest.mark.parametrize("every", [1, 3])
def test_plateau_is_pytorchs_with_patience_0(values, scales, every):
    plateau = Plateau(0.9, 1e-4, every)
    state, update = plateau.init(), jax.jit(plateau.update)
    for value, scale in zip(values, scales, strict=True):
        for offset in range(every):  # the mean over `every` steps is `value`
            before = plateau.scale(state)
            state = update(state, jnp.float32(value + 0.1 * (offset - (every - 1) / 2)))
            assert offset == every - 1 or plateau.scale(state) == before
        assert plateau.scale(state) == pytest.approx(scale, rel=1e-6)


def test_plateau_can_be_off():
    plateau = Plateau(0.9, 1e-4, 0)
    assert plateau.update(plateau.init(), jnp.float32(1)) is None
    assert plateau.scale(None) == 1


def test_step_decay():
    steps = jnp.array([0, 9, 10, 19, 20])
    decay = jax.jit(lambda step: step_decay(step, 0.1, 10))
    assert decay(steps) == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert step_decay(jnp.int32(50), 0.1, 0) == 1


def test_rates_are_held_and_then_fall_to_0():
    steps = jnp.array([0, 9, 10, 15, 20, 30])
    assert jax.jit(lambda step: hold_then_fall(step, 10, 10))(steps) == pytest.approx([1, 1, 1, 0.5, 0, 0])
    assert hold_then_fall(jnp.int32(50), 10, 0) == 1


def test_a_weight_goes_from_first_to_last():
    steps = jnp.array([0, 5, 10, 11])
    assert jax.jit(lambda step: anneal(step, 10.0, 2.0, 10))(steps) == pytest.approx([10, 6, 2, 2])
    assert anneal(jnp.int32(50), 10.0, 2.0, 0) == 10
