"""SDPC's inference against scikit-learn's Lasso, matrices written out, and the optimality conditions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from operators import draw, matrix
from sklearn.linear_model import Lasso

from jaxgan.models import atoms, sdpc

SIZES, STRIDES, SHAPE = [(5, 5, 1, 6), (3, 3, 6, 8), (3, 2, 8, 5)], [2, 1, 1], (14, 13)
LAMBDAS = [0.3, 0.1, 0.02]
TO_THE_END = -1.0, 1_000  # threshold and iterations: the last digits of codes do not show in their energy


@pytest.fixture(autouse=True, scope="module")
def in_64_bits():
    with jax.enable_x64():
        yield


def dictionaries(layers):
    return [atoms.normalised(draw(layer, *size)) for layer, size in enumerate(SIZES[:layers])]


@functools.cache
def compiled(layers, accelerate=True):
    """`infer`, for images, feedback, scales, threshold and the most iterations."""
    return jax.jit(
        lambda images, feedback, scales, threshold, iterations: sdpc.infer(
            images,
            dictionaries(layers),
            lambdas=LAMBDAS[:layers],
            strides=STRIDES[:layers],
            scales=scales,
            feedback=feedback,
            threshold=threshold,
            max_iterations=iterations,
            accelerate=accelerate,
        )
    )


def ones(layers):
    return [jnp.ones(size[3]) for size in SIZES[: layers - 1]]


def images(count=2):
    return draw(9, count, *SHAPE, 1)


def matrices(layers):
    """Of each layer's D^T, written out."""
    shape, found = SHAPE, []
    for dictionary, stride in zip(dictionaries(layers), STRIDES, strict=False):
        found.append(matrix(dictionary, stride, shape))
        shape = atoms.code_shape(dictionary.shape, stride, shape)[:2]
    return found


def lasso(plain, target, weight):
    """scikit-learn's answer to 1/2 |target - plain gamma|^2 + weight |gamma|_1 with gamma >= 0."""
    model = Lasso(weight / len(target), positive=True, fit_intercept=False, tol=1e-12, max_iter=100_000)
    return model.fit(plain, target).coef_


def kkt(codes, batch, feedback, scales):
    """How far one image's codes are from a state in which no layer can lower its energy: 0 is there.

    A coefficient above zero has gradient + lambda = 0, one at zero has no less than 0.
    """
    flat, plain = [np.asarray(code).ravel() for code in codes], matrices(len(codes))
    scale = [np.tile(v, code.size // len(v)) for v, code in zip(scales, flat, strict=False)]
    below = [np.asarray(batch).ravel(), *(v * code for v, code in zip(scale, flat, strict=False))]
    residuals = [target - drawing @ code for target, drawing, code in zip(below, plain, flat, strict=True)]
    worst = 0
    for layer, code in enumerate(flat):
        slope = LAMBDAS[layer] - plain[layer].T @ residuals[layer]
        if layer + 1 < len(flat):
            slope += feedback * residuals[layer + 1] / scale[layer]
        worst = max(worst, np.abs(np.where(code > 0, slope, np.minimum(slope, 0))).max())
    return worst


def test_one_dense_layer_is_the_lasso():
    """Atoms as large as the image."""
    dictionary, image = atoms.normalised(draw(0, 4, 5, 2, 30)), draw(1, 1, 4, 5, 2)
    codes, info = jax.jit(
        lambda x: sdpc.infer(x, [dictionary], lambdas=[0.3], strides=[1], threshold=-1, max_iterations=2_000)
    )(image)
    theirs = lasso(np.asarray(dictionary).reshape(-1, 30), np.asarray(image).ravel(), 0.3)
    assert 0 < np.count_nonzero(theirs) < 30
    np.testing.assert_allclose(codes[0].ravel(), theirs, atol=1e-8)
    assert info.errors[0, 0] == pytest.approx(np.sum((image.ravel() - dictionary.reshape(-1, 30) @ theirs) ** 2) / 2)
    assert info.energies[0, 0] == pytest.approx(float(info.errors[0, 0]) + 0.3 * theirs.sum())


def test_one_convolutional_layer_is_the_lasso():
    codes, _ = compiled(1)(images(), 1.0, [], *TO_THE_END)
    for code, image in zip(codes[0], images(), strict=True):
        theirs = lasso(matrices(1)[0], np.asarray(image).ravel(), LAMBDAS[0])
        np.testing.assert_allclose(code.ravel(), theirs, atol=1e-8)


def test_two_layers_are_a_slow_plain_reference():
    """Projected gradient descent on the joint energy of both layers, as matrices, with small steps."""
    first, second = matrices(2)
    image = np.asarray(images(1)).ravel()
    a, b = np.zeros(first.shape[1]), np.zeros(second.shape[1])
    step = 1 / (np.linalg.norm(first, 2) ** 2 + 2 * np.linalg.norm(second, 2) ** 2 + 2)
    for _ in range(20_000):
        lower, upper = image - first @ a, a - second @ b
        a = np.maximum(a - step * (upper - first.T @ lower + LAMBDAS[0]), 0)
        b = np.maximum(b - step * (LAMBDAS[1] - second.T @ upper), 0)
    codes, _ = compiled(2)(images(1), 1.0, ones(2), *TO_THE_END)
    assert 0 < np.count_nonzero(a) < a.size
    assert 0 < np.count_nonzero(b) < b.size
    np.testing.assert_allclose(codes[0].ravel(), a, atol=1e-8)
    np.testing.assert_allclose(codes[1].ravel(), b, atol=1e-8)


@pytest.mark.parametrize(("layers", "scale"), [(2, "each its own"), (3, "one"), (3, "each its own")])
@pytest.mark.parametrize("feedback", [0.0, 0.5, 1.0])
def test_no_layer_can_lower_its_energy_any_more(layers, feedback, scale):
    scales = [v if scale == "one" else jnp.linspace(0.7, 3, v.size) for v in ones(layers)]
    codes, _ = compiled(layers)(images(), feedback, scales, *TO_THE_END)
    assert all(jnp.any(code > 0) and jnp.all(code >= 0) for code in codes)
    for image in range(2):
        assert kkt([code[image] for code in codes], images()[image], feedback, scales) < 1e-7


@pytest.mark.parametrize("scale", ["one", "each its own"])
def test_layers_that_take_turns_come_to_rest_there_too(scale):
    scales = [v if scale == "one" else jnp.linspace(0.7, 3, v.size) for v in ones(3)]
    shapes = sdpc.code_shapes(SHAPE, SIZES, STRIDES)
    sides = [SHAPE, *(shape[:2] for shape in shapes[:-1])]
    working = [atoms.by_convolution(*layer) for layer in zip(dictionaries(3), STRIDES, sides, strict=True)]
    problem = sdpc.Problem(images(), working, scales, LAMBDAS, 0.8)
    steps = sdpc.steps_in_turn([np.linalg.norm(plain, 2) ** 2 for plain in matrices(3)], 0.8)
    advance = lambda _, before: sdpc.advance_in_turn(problem, steps, before)
    codes = jax.jit(lambda first: jax.lax.fori_loop(0, 1_000, advance, first))(sdpc.start(problem, shapes)).codes
    for image in range(2):
        assert kkt([code[image] for code in codes], images()[image], 0.8, scales) < 1e-7


def test_without_feedback_layers_are_lassos_in_sequence():
    (first, second), _ = compiled(2)(images(), 0.0, [jnp.full(6, 2.0)], *TO_THE_END)
    (alone,), _ = compiled(1)(images(), 1.0, [], *TO_THE_END)
    np.testing.assert_allclose(first, alone, atol=1e-9)
    for image in range(2):
        theirs = lasso(matrices(2)[1], 2 * np.asarray(first[image]).ravel(), LAMBDAS[1])
        np.testing.assert_allclose(second[image].ravel(), theirs, atol=1e-7)


@pytest.mark.parametrize(("feedback", "scale"), [(0.3, 1.0), (1.0, 1.0), (4.0, 2.5)])
def test_ista_always_descends_and_fista_is_faster(feedback, scale):
    """The energy that all three layers share, f_1 + w_2 f_2 + ... less the terms that would be there twice."""
    weights = np.cumprod([1, feedback / scale**2, feedback / scale**2])
    scales = [scale * v for v in ones(3)]

    def joint(accelerate, iterations):
        codes, info = compiled(3, accelerate)(images(), feedback, scales, -1.0, iterations)
        assert jnp.all(info.iterations[:, 0] == iterations)
        sparsity = np.stack([weight * code.sum((1, 2, 3)) for weight, code in zip(LAMBDAS, codes, strict=True)], 1)
        return (weights * (info.errors + sparsity)).sum(1)

    course = np.stack([joint(False, count) for count in range(1, 60)])
    assert np.all(np.diff(course, axis=0) <= 1e-12)
    assert np.all(joint(True, 20) < course[19])


@pytest.mark.parametrize("feedback", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_steps_are_short_enough_for_all_layers_at_once(feedback, scale):
    """The largest eigenvalue of the joint Hessian, in the metric of the steps, is at most 1."""
    plain = matrices(3)
    curvatures = [jnp.linalg.norm(drawing, 2) ** 2 for drawing in plain]
    steps = sdpc.step_sizes(curvatures, jnp.float64(feedback))
    sizes = [drawing.shape[1] for drawing in plain]
    weights = np.cumprod([1.0, feedback / scale**2, feedback / scale**2])
    ends = np.cumsum([0, *sizes])
    hessian = np.zeros((ends[-1], ends[-1]))
    for layer, drawing in enumerate(plain):  # of w / 2 |v gamma_(i-1) - D^T gamma_i|^2
        rows = np.zeros((len(drawing), ends[-1]))
        rows[:, ends[layer] : ends[layer + 1]] = -drawing
        if layer:
            rows[:, ends[layer - 1] : ends[layer]] = scale * np.eye(len(drawing))
        hessian += weights[layer] * rows.T @ rows
    metric = np.repeat([float(step) for step in steps] / weights, sizes)
    largest = np.linalg.eigvalsh(np.sqrt(metric)[:, None] * hessian * np.sqrt(metric))[-1]
    assert 0.5 < largest <= 1 + 1e-9


def test_an_image_is_judged_alone():
    """Its codes and iterations do not depend on its neighbours, of which one is harder."""
    batch = jnp.concatenate([0.1 * images(1), images(1)])
    together, info = compiled(2)(batch, 1.0, ones(2), 5e-4, 1000)
    assert jnp.all(info.converged)
    assert jnp.any(info.iterations[0] != info.iterations[1])
    for image in range(2):
        alone, one = compiled(2)(batch[image : image + 1], 1.0, ones(2), 5e-4, 1000)
        assert jnp.all(one.iterations[0] == info.iterations[image])
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_allclose(ours[image], theirs[0], atol=1e-12)


def test_it_stops_where_it_is_told_to():
    _, info = compiled(2)(images(), 1.0, ones(2), 0.0, 3)
    assert jnp.all(info.iterations == 3)
    assert not info.converged.any()


def test_each_layer_rests_from_the_step_on_in_which_its_energy_last_moved():
    _, info = compiled(2)(images(1), 1.0, ones(2), 5e-4, 1000)
    layers = [atoms.atoms(*layer) for layer in zip(dictionaries(2), STRIDES[:2], [SHAPE, (5, 5)], strict=True)]
    problem = sdpc.Problem(images(1), layers, ones(2), LAMBDAS[:2], jnp.float64(1))
    sides = [(*SHAPE, 1), (5, 5, 6)]
    found = [sdpc.largest_eigenvalue(layer, side, jnp.float64) for layer, side in zip(layers, sides, strict=True)]
    steps = sdpc.step_sizes(found, problem.feedback)
    advance = jax.jit(lambda before: sdpc.advance(problem, steps, before))
    last, course = sdpc.start(problem, sdpc.code_shapes(SHAPE, SIZES[:2], STRIDES[:2])), []
    for _ in range(int(info.iterations.max())):
        last = advance(last)
        course.append(last.energies[0])
    moves = np.abs(np.diff(course, axis=0)) > 5e-4 * np.asarray(course[:-1])  # row i is the step i + 2
    assert [int(np.flatnonzero(layer)[-1]) + 3 for layer in moves.T] == list(info.iterations[0])
    assert info.iterations[0, 0] != info.iterations[0, 1]


@pytest.mark.parametrize(
    ("shape", "strides", "said"),
    [
        ((4, 13), [2, 1], "layer 1's atoms of 5x5 are larger than the 4x13 that lie below it"),
        ((7, 13), [2, 1], "layer 2's atoms of 3x3 are larger than the 2x5 that lie below it"),
        ((14, 13), [6, 1], "layer 1's stride 6 leaves gaps between atoms of 5x5"),
        ((14, 13), [2, 0], "layer 2's stride 0"),
    ],
)
def test_layers_that_do_not_fit(shape, strides, said):
    with pytest.raises(ValueError, match=said):
        sdpc.infer(jnp.zeros((1, *shape, 1)), dictionaries(2), lambdas=LAMBDAS[:2], strides=strides)


def test_what_blows_up_has_not_converged():
    """By NaN, and by a v of very different channels, for which there is no joint energy."""
    _, info = compiled(2)(images(2).at[0, 3, 3, 0].set(jnp.nan), 1.0, ones(2), 5e-4, 50)
    assert not info.converged[0]
    assert not jnp.isfinite(info.errors[0]).any()
    _, info = compiled(2)(images(2), 100.0, [jnp.geomspace(1e-3, 30, 6)], 5e-4, 1000)
    assert not jnp.any(info.converged & ~jnp.isfinite(info.errors).all(1))
    assert not info.converged.all()


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((14, 13, 1), r"images are of shape \(14, 13, 1\), not \(B, H, W, C\)"),
        ((2, 14, 13, 3), "layer 1's atoms have 1 channels, what lies below it 3"),
    ],
)
def test_images_of_another_kind_than_the_atoms(shape, said):
    with pytest.raises(ValueError, match=said):
        sdpc.infer(jnp.zeros(shape), dictionaries(2), lambdas=LAMBDAS[:2], strides=STRIDES[:2])


def test_images_that_are_not_finite():
    with pytest.raises(ValueError, match="not finite"):
        sdpc.infer(images().at[0, 0, 0, 0].set(jnp.nan), dictionaries(1), lambdas=[0.3], strides=[2])


def test_images_may_be_constants_of_a_compiled_program():
    batch, dictionary = images(1), dictionaries(1)
    infer = lambda feedback: sdpc.infer(batch, dictionary, lambdas=[0.3], strides=[2], feedback=feedback)[1]
    assert jax.jit(infer)(1.0).converged.all()


def test_gradients_pass_through_unrolled_steps():
    """As a fusion with a GAN needs them: of the error after a few steps, to the image and the dictionary."""

    def error(image, dictionary):
        layers = [atoms.atoms(dictionary, 2, SHAPE)]
        problem = sdpc.Problem(image, layers, [], LAMBDAS[:1], jnp.float64(1))
        steps = sdpc.step_sizes([jnp.float64(9)], problem.feedback)
        state = sdpc.start(problem, sdpc.code_shapes(SHAPE, [dictionary.shape], [2]))
        for _ in range(5):
            state = sdpc.advance(problem, steps, state)
        return jnp.sum(sdpc.unexplained(problem, state.codes)[0] ** 2)

    check_grads(jax.jit(error), (images(1), dictionaries(1)[0]), 1, ["rev"], eps=1e-6, rtol=1e-4)
