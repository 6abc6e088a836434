import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.models.normalisation import BatchNorm, InstanceNorm


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.bfloat16])
@pytest.mark.parametrize("running", [True, False])
def test_batch_norm_is_flaxs_in_value_gradient_and_statistics(running, dtype):
    with jax.enable_x64():
        x = (1 + 2 * jax.random.normal(jax.random.key(0), (4, 5, 6, 3))).astype(dtype)
        fields = {"use_running_average": running, "momentum": 0.8, "epsilon": 0.1, "dtype": dtype}
        rewritten, plain = BatchNorm(**fields), nn.BatchNorm(**fields)
        variables = plain.init(jax.random.key(1), x)
        variables = jax.tree.map(lambda leaf: leaf + jnp.arange(3.0) / 4, variables)

        def run(module):
            def loss(params, x):
                y, updated = module.apply({**variables, "params": params}, x, mutable="batch_stats")
                return jnp.sum(jnp.cos(y.astype(jnp.float64))), (y, updated)

            return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(variables["params"], x)

        tolerance = {"rtol": 1e-6, "atol": 1e-6} if dtype == jnp.float64 else {"rtol": 0.02, "atol": 0.02}
        check = lambda a, b: np.testing.assert_allclose(*(np.asarray(v, float) for v in (a, b)), **tolerance)
        jax.tree.map(check, run(rewritten), run(plain))
        jax.tree.map(np.testing.assert_array_equal, *(m.init(jax.random.key(1), x) for m in (rewritten, plain)))


def test_a_condition_scales_and_shifts_each_image():
    x, condition = jax.random.normal(jax.random.key(0), (4, 5, 6, 3)), jnp.array([[1.0, 0], [0, 1], [2, -1], [0, 0]])
    norm = BatchNorm(use_running_average=False)
    scale, bias = np.array([[0.5, 1, 2], [0, -1, 3]]), np.array([[1.0, 2, 3], [4, 5, 6]])
    params = {name: {"Dense_0": {"kernel": kernel}} for name, kernel in (("scale", scale), ("bias", bias))}
    jax.tree.map(
        lambda leaf, wanted: np.testing.assert_array_equal(leaf.shape, wanted.shape),
        norm.init(jax.random.key(1), x, condition)["params"],
        params,
    )
    y, _ = norm.apply({"params": params, "batch_stats": {}}, x, condition, mutable="batch_stats")
    normal = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    expected = (1 + condition @ scale)[:, None, None] * normal + (condition @ bias)[:, None, None]
    np.testing.assert_allclose(y, expected, atol=1e-4)


def test_instance_norm_by_hand():
    x = 5 + 3 * jax.random.normal(jax.random.key(0), (2, 6, 7, 3))
    mean, var = np.mean(x, (1, 2), keepdims=True), np.var(x, (1, 2), keepdims=True)
    np.testing.assert_allclose(InstanceNorm().apply({}, x), (x - mean) / np.sqrt(var + 1e-5), atol=1e-5)
    assert InstanceNorm(dtype=jnp.bfloat16).apply({}, x.astype(jnp.bfloat16)).dtype == jnp.bfloat16
