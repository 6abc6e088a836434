import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import augmentation


def test_each_image_is_moved_by_whole_pixels():
    image = jnp.broadcast_to(jnp.arange(1.0, 257).reshape(16, 16, 1), (400, 16, 16, 1))
    moved = np.asarray(augmentation.shift(jax.random.key(0), image))[..., 0]
    shifts = set()
    for picture in moved:
        row, column = (int(place[0]) for place in np.nonzero(picture == 8 * 16 + 9))  # what was at (8, 8)
        shifts.add((row - 8, column - 8))
        assert set(np.unique(picture)) <= {0.0, *np.arange(1.0, 257)}
    assert shifts == {(row, column) for row in range(-2, 3) for column in range(-2, 3)}


def test_a_square_of_half_the_sides_is_cut_out():
    holes = np.asarray(augmentation.cut_out(jax.random.key(0), jnp.ones((300, 16, 16, 3)))) == 0
    assert (holes == holes[..., :1]).all()
    heights, widths = holes[..., 0].any(2).sum(1), holes[..., 0].any(1).sum(1)
    assert heights.max() == widths.max() == 8
    assert heights.min() == widths.min() == 4  # the others stick out
    np.testing.assert_array_equal(holes[..., 0].sum((1, 2)), heights * widths)


def test_colours_are_altered_within_bounds_and_each_image_in_its_own_way():
    image = jnp.broadcast_to(jax.random.uniform(jax.random.key(1), (8, 8, 3)), (200, 8, 8, 3))
    altered = augmentation.recolour(jax.random.key(0), image)
    shift = (altered - image).mean((1, 2, 3))
    assert -0.5 <= shift.min() < -0.4
    assert 0.4 < shift.max() <= 0.5
    contrast = altered.mean(3).std((1, 2)) / image.mean(3).std((1, 2))
    assert 0.5 <= contrast.min() < 0.55
    assert 1.45 < contrast.max() <= 1.5
    colour = lambda image: (image - image.mean(3, keepdims=True)).std((1, 2, 3))
    saturation = colour(altered) / colour(image) / contrast
    assert 0 <= saturation.min() < 0.05
    assert 1.95 < saturation.max() <= 2 + 1e-5


def test_slopes_pass_through():
    image, key = jnp.zeros((4, 16, 16, 3)), jax.random.key(0)
    slopes = jax.grad(lambda image: (augmentation.diffaugment(key, image) ** 2).sum())(image + 0.3)
    assert np.isfinite(slopes).all()
    assert (jnp.abs(slopes).sum((1, 2, 3)) > 0).all()


def test_with_probability_0_images_stay_exactly_as_they_are():
    image = jax.random.uniform(jax.random.key(1), (5, 8, 6, 3), minval=-1)
    unaltered = jax.jit(augmentation.adaptive)(jax.random.key(0), image, 0.0)
    np.testing.assert_allclose(unaltered, image, atol=1e-6)


@pytest.mark.parametrize(("channels", "colours"), [(1, 0), (3, 2)])
def test_each_way_comes_with_its_probability(channels, colours):
    """There are seven of which each draw alters the image, two of which half do, and quarter turns."""
    image = jnp.broadcast_to(jax.random.uniform(jax.random.key(1), (8, 8, channels)), (4000, 8, 8, channels))
    for probability in (0.1, 0.3):
        altered = jax.jit(augmentation.adaptive)(jax.random.key(0), image, probability)
        share = np.mean(np.abs(altered - image).max((1, 2, 3)) > 1e-3)
        unaltered = (1 - probability) ** (7 + colours) * (1 - probability / 2) ** 2 * (1 - 3 * probability / 4)
        assert share == pytest.approx(1 - unaltered, abs=0.03)


def test_planes_by_hand():
    image = jnp.arange(2 * 6 * 6 * 3.0).reshape(2, 6, 6, 3)
    upright, mirrored = augmentation._plane(across=jnp.ones(2)), augmentation._plane(across=-jnp.ones(2))
    moved, doubled = augmentation._plane(x=jnp.full(2, 1 / 3)), augmentation._plane(across=jnp.full(2, 0.5), down=0.5)
    np.testing.assert_allclose(augmentation.warp(image, upright), image)
    np.testing.assert_allclose(augmentation.warp(image, mirrored), image[:, :, ::-1], atol=1e-4)
    turned = augmentation.warp(image, augmentation._turn(jnp.full(2, np.pi / 2)))
    np.testing.assert_allclose(turned, jnp.rot90(image, axes=(1, 2)), atol=1e-3)
    np.testing.assert_allclose(augmentation.warp(image, moved)[:, :, :5], image[:, :, 1:], atol=1e-4)
    enlarged = augmentation.warp(image, doubled)  # its pixels are a half of one apart
    np.testing.assert_allclose(enlarged[:, :, 1:] - enlarged[:, :, :-1], jnp.full((2, 6, 5, 3), 1.5), atol=1e-4)


def test_colours_of_which_only_the_hue_is_turned_keep_their_grey_and_their_strength():
    class Turned:
        def __init__(self):
            self.values = iter([jnp.zeros(1), jnp.zeros(1), jnp.zeros(1), jnp.full(1, 2 * np.pi / 3), jnp.zeros(1)])

        def __call__(self, draw, usual):
            return next(self.values)

    matrix, offset = augmentation._colours(Turned(), 3)
    red = jnp.array([1.0, 0, 0]) @ matrix[0]
    np.testing.assert_allclose(np.sort(red), [0, 0, 1], atol=1e-6)  # a third of the way round is another primary colour
    assert red[0] < 0.5
    assert offset == 0


def test_a_generator_learns_through_all_of_it():
    image = jax.random.uniform(jax.random.key(1), (3, 8, 8, 3))
    grads = jax.grad(lambda image: augmentation.adaptive(jax.random.key(0), image, 0.8).sum())(image)
    assert np.isfinite(grads).all()
    assert np.abs(grads).max((1, 2, 3)).min() > 0
