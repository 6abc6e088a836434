import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import spectral

SHAPES = {"conv": (3, 3, 4, 6), "dense": (5, 7), "to one": (8, 1)}


@pytest.fixture
def params():
    keys = jax.random.split(jax.random.key(0), len(SHAPES))
    return {
        name: {"kernel": jax.random.normal(key, shape), "bias": jnp.ones(shape[-1])}
        for key, (name, shape) in zip(keys, SHAPES.items(), strict=True)
    } | {"Embed_0": {"embedding": jnp.ones((3, 2))}}


def matrix(kernel):
    return np.asarray(kernel).reshape(-1, kernel.shape[-1])


def test_kernels_come_to_have_the_largest_singular_value_1(params):
    vectors = spectral.start(params, jax.random.key(1))
    assert set(vectors) == {f"{name}.kernel" for name in SHAPES}
    normalize = jax.jit(spectral.normalize)
    for _ in range(300):
        normalized, vectors = normalize(params, vectors)
    for name in SHAPES:
        before, after = (matrix(tree[name]["kernel"]) for tree in (params, normalized))
        np.testing.assert_allclose(after, before / np.linalg.svd(before, compute_uv=False)[0], rtol=1e-4, atol=1e-6)
    for name, leaf in (("conv", "bias"), ("Embed_0", "embedding")):
        np.testing.assert_array_equal(normalized[name][leaf], params[name][leaf])


def test_one_step_is_one_power_iteration(params):
    vectors = spectral.start(params, jax.random.key(1))
    normalized, after = spectral.normalize(params, vectors)
    weights, right = matrix(params["dense"]["kernel"]), np.asarray(vectors["dense.kernel"])
    assert np.linalg.norm(right) == pytest.approx(1)
    left = weights @ right / np.linalg.norm(weights @ right)
    right = left @ weights / np.linalg.norm(left @ weights)
    np.testing.assert_allclose(after["dense.kernel"], right, rtol=1e-5)
    np.testing.assert_allclose(normalized["dense"]["kernel"], weights / (left @ weights @ right), rtol=1e-5)


def test_gradients_go_through_the_singular_value_and_not_through_its_vectors():
    """With the vectors held, d(W / s)/dW along H is H / s - W (l H r) / s^2."""
    with jax.enable_x64():
        weights, direction = (jax.random.normal(jax.random.key(i), (5, 4), jnp.float64) for i in (0, 1))
        right = jnp.ones(4, jnp.float64) / 2
        normalize = lambda weights: spectral.normalize({"kernel": weights}, {"kernel": right})[0]["kernel"]
        normalized, along = jax.jvp(normalize, (weights,), (direction,))
        left = weights @ right / jnp.linalg.norm(weights @ right)
        after = left @ weights / jnp.linalg.norm(left @ weights)
        value = left @ weights @ after
        np.testing.assert_allclose(normalized, weights / value, rtol=1e-12)
        expected = direction / value - weights * (left @ direction @ after) / value**2
        np.testing.assert_allclose(along, expected, rtol=1e-10)


def test_orthogonality_is_0_for_orthogonal_columns_of_any_length():
    columns = jnp.array([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert spectral.orthogonality({"kernel": columns, "bias": jnp.ones(2)}) == 0
    # The columns (1, 0) and (2, 1) have the product 2, which stands twice in W^T W.
    assert spectral.orthogonality({"kernel": jnp.array([[1.0, 2.0], [0.0, 1.0]])}) == pytest.approx(8)
