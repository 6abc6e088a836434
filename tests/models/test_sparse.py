"""The sparse auto-encoder: plain steps of SDPC, and its two kinds of gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from operators import draw

from jaxgan.models import sdpc
from jaxgan.models.atoms import by_convolution
from jaxgan.models.sparse import SparseAutoEncoder, light_and_dark, to_images

SIZES, STRIDES, SHAPE = ((5, 5, 4, 6), (2, 2, 6, 7)), (3, 1), (12, 11)
SPARSITY, FEEDBACK = (0.2, 0.05), 0.8


@pytest.fixture(autouse=True, scope="module")
def in_64_bits():
    with jax.enable_x64():
        yield


def network(**fields):
    return SparseAutoEncoder(SHAPE, SIZES, STRIDES, **fields)


@pytest.fixture(scope="module")
def params():
    found = network(steps=1).init(jax.random.key(0), jnp.zeros((1, *SHAPE, 2)))["params"]
    found = jax.tree.map(lambda leaf: leaf.astype("float64"), found)
    return found | {"log_scale_1": jnp.linspace(-0.3, 0.5, 6)}


def images():
    return jnp.tanh(draw(3, 2, *SHAPE, 2))


def encode(params, image, **fields):
    return network(**fields).apply({"params": params}, image, SPARSITY, FEEDBACK, method="encode")


def test_codes_are_those_of_so_many_plain_steps(params):
    """Warm or not; the atoms have norm 1 whatever their weights are."""
    scaled = params | {"dictionary_1": 3 * params["dictionary_1"]}
    bound = network(steps=1).bind({"params": scaled})
    for dictionary in bound.dictionaries():
        np.testing.assert_allclose(jnp.sum(dictionary**2, (0, 1, 2)), 1)
    layers = bound.at_work(bound.dictionaries(), by_convolution)
    steps = sdpc.steps_in_turn([bound.largest_eigenvalue(n, layer) for n, layer in enumerate(layers)], FEEDBACK)
    problem = sdpc.Problem(light_and_dark(images()), layers, bound.scales(), SPARSITY, FEEDBACK)
    iterate = sdpc.start(problem, bound.code_shapes())
    for _ in range(7):
        iterate = sdpc.advance_in_turn(problem, steps, iterate)
    for fields in ({"steps": 7}, {"steps": 2, "warm_steps": 5}, {"steps": 3, "warm_steps": 4, "gradient": "implicit"}):
        for code, plain in zip(encode(params, images(), **fields), iterate.codes, strict=True):
            np.testing.assert_allclose(code, plain, atol=1e-12)
            assert jnp.any(code > 0)
    drawn = layers[0].render(layers[1].render(iterate.codes[1]) / bound.scales()[0])
    rebuilt = network(steps=7).apply({"params": params}, images(), SPARSITY, FEEDBACK)
    np.testing.assert_allclose(rebuilt, (drawn[..., :2] - drawn[..., 2:]) / 2, atol=1e-12)
    first = bound.draw(iterate.codes[0], 1)
    np.testing.assert_allclose(first, layers[0].render(iterate.codes[0]), atol=1e-12)


def test_no_image_is_nothing(params):
    """Grey has light and darkness, too, which take codes and leave errors; what they say of pixels is the image."""
    seen = light_and_dark(images())
    np.testing.assert_allclose(to_images(seen), images(), atol=1e-12)
    grey = jnp.zeros((1, *SHAPE, 2))
    assert all(jnp.any(code > 0) for code in encode(params, grey, steps=5))
    given = {"params": params}, grey, SPARSITY, FEEDBACK
    drawn, light = network(steps=5).apply(*given, method="explain")
    assert jnp.all(light == 1) and jnp.abs(drawn - light).mean() > 0.1


def error(**fields):
    def found(params, image):
        rebuilt = network(**fields).apply({"params": params}, image, SPARSITY, FEEDBACK)
        return jnp.sum((rebuilt - image) ** 2)

    return jax.jit(found)


def test_gradients_go_through_unrolled_steps(params):
    """To images; dictionaries also set the length of steps, which has no gradient."""
    check_grads(lambda image: error(steps=5)(params, image), (images(),), 1, ["rev"], eps=1e-6, rtol=1e-4)


def test_warm_steps_have_none(params):
    """The gradient is that of the steps after them, from where they lead."""
    late = jax.grad(error(steps=2, warm_steps=4))(params, images())
    assert not np.allclose(late["dictionary_1"], jax.grad(error(steps=6))(params, images())["dictionary_1"], rtol=1e-2)
    before = network(steps=1).bind({"params": params})
    held = before.problem(
        (light_and_dark(images()), before.dictionaries(), before.scales(), SPARSITY, FEEDBACK), by_convolution
    )
    steps = sdpc.steps_in_turn([before.largest_eigenvalue(n, layer) for n, layer in enumerate(held.atoms)], FEEDBACK)
    warm = sdpc.start(held, before.code_shapes())
    for _ in range(4):
        warm = sdpc.advance_in_turn(held, steps, warm)

    def after(params):
        bound, iterate = network(steps=1).bind({"params": params}), warm
        given = light_and_dark(images()), bound.dictionaries(), bound.scales(), SPARSITY, FEEDBACK
        problem = bound.problem(given, by_convolution)
        for _ in range(2):
            iterate = sdpc.advance_in_turn(problem, steps, iterate)
        return jnp.sum((to_images(bound.draw(iterate.codes[-1])) - images()) ** 2)

    expected = jax.grad(after)(params)
    for name, gradient in late.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_implicit_gradients_are_those_of_the_end(params):
    """After so many steps that the codes are at rest; differences are of the whole inference."""
    whole = error(steps=1, warm_steps=3000, gradient="implicit")
    found = jax.grad(whole, argnums=(0, 1))(params, images())
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), (params, images()))
        moved = [
            whole(*jax.tree.map(lambda leaf, way, sign=sign: leaf + sign * 1e-5 * way, (params, images()), direction))
            for sign in (1, -1)
        ]
        along = sum(jnp.vdot(a, b) for a, b in zip(*map(jax.tree.leaves, (found, direction)), strict=True))
        assert along == pytest.approx(float(moved[0] - moved[1]) / 2e-5, rel=1e-4)
