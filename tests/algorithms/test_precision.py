"""What config.precision means, read off the step's program."""

import jax
import numpy as np
import pytest
from support import load, random_batch

from jaxgan import algorithms


def program(name, precision):
    """The lines of the step's program, as lowered, that multiply."""
    config = load(name, precision=precision)
    algorithm = algorithms.make(config)
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    lowered = jax.jit(algorithm.train_step).lower(state, random_batch(config), jax.random.key(1))
    products = [line for line in lowered.as_text().splitlines() if "dot_general" in line or "convolution(" in line]
    assert len(products) > 20
    return products


@pytest.mark.parametrize("name", ["began", "dcgan"])
@pytest.mark.parametrize(("precision", "said"), [("float32", "HIGHEST"), ("tf32", "HIGH")])
def test_every_product_carries_the_precision(name, precision, said):
    for line in program(name, precision):
        assert line.count(f" {said}") == 2 or f"[{said}, {said}]" in line, line
        assert "bf16" not in line


@pytest.mark.parametrize("name", ["began", "dcgan"])
def test_bfloat16_multiplies_in_bfloat16(name):
    """All convolutions do; sums that are written as products, of a bias's gradient for example, may keep float32."""
    convolutions = [line for line in program(name, "bfloat16") if "convolution(" in line]
    assert convolutions
    assert all("xbf16>" in line and "xf32>" not in line for line in convolutions)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
@pytest.mark.parametrize("name", ["began", "dcgan", "sabegan"])
def test_states_and_metrics_are_float32_in_any_precision(name, precision):
    def types(precision):
        config = load(name, precision=precision, ema_decay=0.9)
        algorithm = algorithms.make(config)
        state = jax.eval_shape(algorithm.init, jax.random.key(0))
        return jax.eval_shape(algorithm.train_step, state, random_batch(config), jax.random.key(1))

    state, metrics = types(precision)
    assert (state, metrics) == types("float32")
    assert all(value.dtype == np.float32 for value in metrics.values())
