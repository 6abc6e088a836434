import jax
import jax.numpy as jnp
import numpy as np

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
