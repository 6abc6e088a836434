import jax
import jax.numpy as jnp
import numpy as np
import pytest
from operators import draw, matrix

from jaxgan.models import atoms

SHAPES = [
    ((9, 9, 4, 6), 1, (17, 14)),
    ((4, 3, 2, 5), 1, (9, 7)),
    ((5, 5, 1, 6), 2, (16, 15)),
    ((3, 3, 2, 4), 3, (9, 10)),
    ((5, 4, 3, 6), 1, (5, 4)),
]


@pytest.fixture(autouse=True)
def in_64_bits():
    with jax.enable_x64():
        yield


def ways(stride):
    return [atoms.by_convolution, atoms.by_products] + [atoms.in_the_spectrum] * (stride == 1)


@pytest.mark.parametrize(("size", "stride", "shape"), SHAPES)
def test_atoms_are_drawn_where_their_coefficients_say(size, stride, shape):
    """Against the operator's matrix; its transpose is the way back. Far edges that no atom reaches are zero."""
    dictionary = draw(0, *size)
    plain = matrix(dictionary, stride, shape)
    codes, images = draw(1, 2, *atoms.code_shape(size, stride, shape)), draw(2, 2, *shape, size[2])
    for way in ways(stride):
        working = way(dictionary, stride, shape)
        drawn, found = jax.jit(working.render)(codes), jax.jit(working.correlate)(images)
        assert drawn.shape == images.shape
        np.testing.assert_allclose(drawn.reshape(2, -1), codes.reshape(2, -1) @ plain.T, atol=1e-12)
        assert found.shape == codes.shape
        np.testing.assert_allclose(found.reshape(2, -1), images.reshape(2, -1) @ plain, atol=1e-12)


def test_all_ways_have_the_same_derivatives():
    size, stride, shape = SHAPES[0]
    codes, images = draw(1, 2, *atoms.code_shape(size, stride, shape)), draw(2, 2, *shape, size[2])

    def error(way, dictionary, codes):
        return jnp.sum((images - way(dictionary, stride, shape).render(codes)) ** 2)

    found = [
        jax.jit(jax.grad(lambda d, c, way=way: error(way, d, c), argnums=(0, 1)))(draw(0, *size), codes)
        for way in ways(stride)
    ]
    for other in found[1:]:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), found[0], other)


def test_large_atoms_work_in_the_spectrum_where_that_saves():
    assert atoms._spectrum_pays((9, 9, 64, 128), 1, (52, 42))  # the second layer of the published model
    assert atoms._spectrum_pays((9, 9, 32, 64), 1, (24, 19))
    assert not atoms._spectrum_pays((9, 9, 1, 64), 2, (112, 92))  # its first
    assert not atoms._spectrum_pays((3, 3, 32, 64), 1, (14, 14))


@pytest.mark.parametrize(("size", "stride", "shape"), SHAPES)
def test_curvature_is_the_largest_eigenvalue(size, stride, shape):
    dictionary = atoms.normalised(draw(0, *size))
    np.testing.assert_allclose(jnp.sum(dictionary**2, (0, 1, 2)), 1)
    plain = matrix(dictionary, stride, shape)
    largest = np.linalg.eigvalsh(plain.T @ plain)[-1]
    working, guess = atoms.atoms(dictionary, stride, shape), draw(1, 1, *shape, size[2])
    value, image = jax.jit(lambda guess: atoms.curvature(working, guess, 50))(guess)
    assert 0.98 * largest < value <= largest * (1 + 1e-12)
    assert value <= atoms.curvature(working, image, 5)[0] <= largest * (1 + 1e-12)
