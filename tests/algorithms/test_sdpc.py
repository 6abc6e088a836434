import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import load, random_batch, some_shapes

from jaxgan import algorithms, images
from jaxgan.algorithms import sdpc
from jaxgan.errors import UserError
from jaxgan.models.atoms import by_convolution, normalised


@pytest.fixture(scope="module")
def system():
    return sdpc.Sdpc(load("sdpc"))


@pytest.fixture(scope="module")
def step(system):
    return jax.jit(system.train_step)


@pytest.fixture(scope="module")
def state(system):
    return jax.jit(system.init)(jax.random.key(0))


def test_it_learns(system, step, state):
    """Images of three kinds are explained better and better, and the atoms keep their norm."""
    state = state.replace(hyper=state.hyper.replace(lr=(jnp.float32(1e-3), jnp.float32(1e-3))))
    errors = []
    for seed in range(60):
        state, metrics = step(state, some_shapes(seed), jax.random.key(seed))
        errors.append(float(metrics["error_1"]))
    assert np.mean(errors[-5:]) < 0.9 * np.mean(errors[:5])
    for dictionary in sdpc.split(state)[0]:
        np.testing.assert_allclose(jnp.sum(dictionary**2, (0, 1, 2)), 1, rtol=1e-5)
    assert state.step == 60


def test_a_step_descends_the_layers_own_error(system, step, state):
    """Momentum's first step is lr times the gradient, here by finite differences; Adam's is lr_scale in each v."""
    batch = some_shapes(0)
    image = system.see(images.to_float(batch["image"]))
    codes, _ = jax.jit(system.infer)(state, image)
    dictionaries, (scale,) = sdpc.split(state)
    after, _ = step(state, batch, jax.random.key(0))
    below = [image, scale * codes[0]]

    @functools.partial(jax.jit, static_argnums=0)
    def error(layer, dictionary, v):
        drawn = by_convolution(dictionary, system.strides[layer], system.sides[layer]).render(v * codes[layer])
        return jnp.sum((below[layer] - drawn) ** 2) / 2 / len(image)

    for layer, dictionary in enumerate(dictionaries):
        network = after.layers[sdpc.name(layer)]
        velocity = network.opt_state.inner_states["dictionary"].inner_state.trace["dictionary"]
        direction = jax.random.normal(jax.random.key(1), dictionary.shape)
        apart = [error(layer, dictionary + sign * 1e-2 * direction, 1.0) for sign in (1, -1)]
        assert jnp.vdot(velocity, direction) == pytest.approx(float(apart[0] - apart[1]) / 2e-2, rel=1e-2)
    (moved,) = sdpc.split(after)[1]
    falls = [error(0, dictionaries[0], scale + sign * jnp.sign(moved - scale) * 1e-2) for sign in (1, -1)]
    assert falls[0] < falls[1]
    used = jnp.any(codes[0] > 0, (0, 1, 2))
    np.testing.assert_allclose(jnp.abs(moved - scale), jnp.where(used, 1e-3, 0), atol=1e-6)


def test_what_a_sweep_varies_is_no_part_of_the_program():
    def program(**fields):
        config = load("sdpc", **fields)
        algorithm = algorithms.make(config)
        state = jax.eval_shape(algorithm.init, jax.random.key(0))
        return jax.jit(algorithm.train_step).lower(state, random_batch(config), jax.random.key(0)).as_text()

    varied = {"feedback": 0.0, "threshold": 1e-3, "lr_scale": 0.1, "layer_1__scale": 2.0}
    varied |= {f"layer_{layer}__{name}": 0.7 for layer in (1, 2) for name in ("sparsity", "lr")}
    assert program() == program(**varied)
    assert program() != program(layer_2__atoms=9)


def test_atoms_that_nothing_uses_count_as_dead(system, step, state):
    """In the tiny preset after two steps; one that is zero is never used."""
    layer = state.layers["layer_1"]
    dictionary = layer.params["dictionary"].at[..., 0].set(0.0)
    state = state.replace(
        layers=state.layers | {"layer_1": layer.replace(params=layer.params | {"dictionary": dictionary})}
    )
    seen = []
    for seed in range(3):
        state, metrics = step(state, some_shapes(seed), jax.random.key(0))
        seen.append(float(metrics["dead_1"]))
    assert seen == [0, 1, 1]
    assert state.idle[0][0] == 3


def test_what_codes_tell_of_images(system, state):
    """Of each alone; with more sparsity less is active, and more lost."""
    image = images.to_float(some_shapes(0, 3)["image"])
    (seen, *codes), figures = jax.jit(system.encode)(state, image)
    assert [code.shape for code in codes] == [(3, 13, 13, 6), (3, 9, 9, 8)]
    np.testing.assert_allclose(seen, system.see(image), atol=1e-6)
    (first, second), (scale,) = sdpc.split(state)
    drawn = by_convolution(first, 2, (32, 32)).render(codes[0])
    below = by_convolution(second, 1, (13, 13)).render(codes[1])
    deep = by_convolution(first, 2, (32, 32)).render(below / scale)
    square = lambda x: np.sum(np.asarray(x, np.float64) ** 2, (1, 2, 3))
    expected = {
        "error_1": square(seen - drawn) / 2,
        "error_2": square(scale * codes[0] - below) / 2,
        "distortion_1": square(seen - drawn) / square(seen),
        "distortion_2": square(seen - deep) / square(seen),
        "active_2": np.mean(codes[1] > 0, (1, 2, 3)),
        "l1_1": np.sum(codes[0], (1, 2, 3)),
    }
    expected["error"] = expected["error_1"] + expected["error_2"]
    for name, values in expected.items():
        np.testing.assert_allclose(figures[name], values, rtol=1e-4, err_msg=name)
    assert set(figures) == {*expected, "active_1", "l1_2", "iterations_1", "iterations_2", "converged"}
    sparser = system.encode(state, image, 2.0).figures
    assert np.all(sparser["active_1"] < figures["active_1"])
    assert np.all(sparser["distortion_1"] > figures["distortion_1"])


def test_what_it_shows(system, state):
    image = images.to_float(some_shapes(0, 5)["image"])
    shown = system.show(state, image)
    assert {title: drawn.shape for title, drawn in shown.items()} == {
        "images": (5, 32, 32, 3),
        "as they are seen": (5, 32, 32, 3),
        "drawn by layer 1": (5, 32, 32, 3),
        "drawn by layer 2": (5, 32, 32, 3),
        "activity of layer 1": (5, 13, 13, 3),
        "activity of layer 2": (5, 9, 9, 3),
        "atoms of layer 1": (6, 8, 8, 3),
        "atoms of layer 2": (8, 16, 16, 3),
    }
    assert list(shown)[::7] == ["images", "atoms of layer 2"]
    assert all(jnp.abs(drawn).max() <= 1 + 1e-6 for drawn in shown.values())
    layer = state.layers["layer_1"]
    dead = layer.params | {"dictionary": layer.params["dictionary"].at[..., 0].set(0.0)}
    state = state.replace(layers=state.layers | {"layer_1": layer.replace(params=dead)})
    assert all(jnp.isfinite(drawn).all() for drawn in system.show(state, image.at[0].set(0.5)).values())


def test_an_atom_of_the_second_layer_is_a_sum_of_those_of_the_first(system, state):
    (first, second), (scale,) = sdpc.split(state)
    expected = np.zeros((16, 16, 3))
    for row in range(5):
        for column in range(5):
            patch = np.einsum("hwca,a->hwc", first, second[row, column, :, 3] / scale)
            expected[2 * row : 2 * row + 8, 2 * column : 2 * column + 8] += patch
    np.testing.assert_allclose(sdpc.project(state, system.strides)[1][3], expected, atol=1e-5)


def test_the_curvature_keeps_up_with_dictionaries_that_jump(system, state):
    """Early in training a step can turn the largest eigenvalue's direction; inference with a stale one blows up."""
    pull = lambda dictionary: normalised(dictionary + 0.5 * jnp.abs(dictionary).mean())
    dictionaries = [pull(dictionary) for dictionary in sdpc.split(state)[0]]
    follow = jax.jit(system.curvatures, static_argnums=2)
    before = follow(sdpc.split(state)[0], state.extremes, 50)[0]
    found = follow(dictionaries, state.extremes, sdpc.WARM_STEPS)[0]
    noise = [jax.random.normal(jax.random.key(7), extreme.shape) for extreme in state.extremes]
    true = follow(dictionaries, noise, 300)[0]
    assert true[1] > 2 * before[1]
    assert found[1] == pytest.approx(float(true[1]), rel=0.02)
    assert found[0] > 0.8 * true[0]  # one among many nearly as large


def test_images_need_not_be_square_nor_coloured():
    config = load("sdpc", data__image_size=30, data__image_width=25, data__channels=1, layers=3, layer_3__kernel=3)
    system = sdpc.Sdpc(config)
    assert system.shapes == [(12, 9, 6), (8, 5, 8), (6, 3, 64)]
    state = jax.eval_shape(system.init, jax.random.key(0))
    batch = {"image": jax.ShapeDtypeStruct((4, 30, 25, 1), np.uint8)}
    after, metrics = jax.eval_shape(system.train_step, state, batch, jax.random.key(0))
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {"error_3", "scale_2"} <= set(metrics)
    assert "scale_3" not in metrics


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layer_1__kernel": 33}, "layer 1's atoms of 33x33 are larger than the 32x32 that lie below it; change"),
        ({"layer_2__stride": 6}, "layer 2's stride 6 leaves gaps between atoms of 5x5; change"),
    ],
)
def test_layers_that_do_not_fit(fields, said):
    with pytest.raises(UserError, match=said):
        algorithms.make(load("sdpc", **fields))


def test_so_large_a_sparsity_that_nothing_is_left():
    """The largest useful one is named: just below it, something is left."""
    algorithm = algorithms.make(load("sdpc", layer_1__sparsity=100))
    state, image = jax.jit(algorithm.init)(jax.random.key(0)), images.to_float(some_shapes(0)["image"])
    with pytest.raises(
        UserError, match=r"layer_1.sparsity=100 leaves all of its codes zero; .* below [\d.]+$"
    ) as error:
        algorithm.check(state, image)
    most = float(str(error.value).split()[-1])
    with pytest.raises(UserError, match="layer_1 has nothing to explain: the first images are flat"):
        algorithm.check(state, jnp.full_like(image, 0.5))
    lower = state.hyper.replace(sparsity=(jnp.float32(0.9 * most), jnp.float32(0)))
    algorithm.check(state.replace(hyper=lower), image)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"monitor__every": 5}, "monitor.every=5: sdpc draws no samples"),
        ({"precision": "bfloat16"}, "precision=bfloat16: sdpc's energies"),
        ({"data__contrast_size": 8}, "data.contrast_size=8: it is an odd number, or 0"),
        ({"layers": 5}, "layers=5: it is a number from 1 and below 5"),
        ({"layer_3__atoms": 7}, "layer_3.atoms=7: there are 2 layers; set layers=3"),
        ({"max_iterations": 1}, "max_iterations=1: what is seen takes 2 to the last layer"),
        ({"data__noise": 0.1}, "no field 'data.noise' for algorithm sdpc"),
        ({"layer_1__sparsity": -1}, "layer_1.sparsity=-1"),
        ({"width": 8}, "no field 'width' for algorithm sdpc"),
    ],
)
def test_fields_that_cannot_be_meant(fields, said):
    with pytest.raises(UserError, match=said):
        load("sdpc", **fields)
