import numpy as np
import pytest

from jaxgan.walk import INTERPOLATIONS, linear, loop, slerp

RNG = np.random.default_rng(0)
START, END = RNG.normal(size=(2, 5, 64)).astype(np.float32)


@pytest.mark.parametrize("interpolate", INTERPOLATIONS.values())
def test_both_ends_are_exact(interpolate):
    np.testing.assert_array_equal(interpolate(START, END, 0.0), START)
    np.testing.assert_array_equal(interpolate(START, END, 1.0), END)
    assert interpolate(START, END, 0.3).dtype == np.float32


def test_between_orthogonal_unit_vectors():
    """On the circle at t = 1/2 both coordinates are sin 45 degrees, at t = 1/3 they are cos and sin 30 degrees."""
    east, north = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    np.testing.assert_allclose(slerp(east, north, 1 / 2), [[np.sqrt(1 / 2), np.sqrt(1 / 2)]])
    np.testing.assert_allclose(slerp(east, north, 1 / 3), [[np.sqrt(3) / 2, 1 / 2]])
    np.testing.assert_allclose(linear(east, north, 1 / 2), [[1 / 2, 1 / 2]])


def test_the_norm_changes_linearly_and_the_angle_at_a_constant_rate():
    east, north = np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]])
    for t in np.linspace(0, 1, 7):
        turned = slerp(east, north, t)
        assert np.linalg.norm(turned) == pytest.approx((1 - t) * 1 + t * 3)
        assert np.arctan2(turned[0, 1], turned[0, 0]) == pytest.approx(t * np.pi / 2)


def test_equal_norms_stay():
    unit_start, unit_end = (z / np.linalg.norm(z, axis=-1, keepdims=True) for z in (START, END))
    for t in np.linspace(0, 1, 11):
        np.testing.assert_allclose(np.linalg.norm(slerp(unit_start, unit_end, t), axis=-1), 1, rtol=1e-5)


def test_without_a_circle_it_is_the_straight_line():
    """Equal, parallel and opposite vectors, one zero, both zero."""
    start = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], np.float32)
    end = np.array([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [1.0, 2.0], [0.0, 0.0]], np.float32)
    for t in (0.0, 0.25, 0.5, 1.0):
        np.testing.assert_allclose(slerp(start, end, t), (1 - t) * start + t * end, rtol=1e-6)


def test_small_angles_are_exact():
    angle = 1e-4
    start, end = np.array([[1.0, 0.0]]), np.array([[np.cos(angle), np.sin(angle)]])
    np.testing.assert_allclose(slerp(start, end, 0.25), [[np.cos(angle / 4), np.sin(angle / 4)]], rtol=1e-12)


def test_a_loop_by_hand():
    """Three points, six frames: each point, and half of the way to the next; the last goes back to the first."""
    points = [np.array([[value]]) for value in (0.0, 4.0, 2.0)]
    assert loop(points, 6, "linear")[:, 0, 0].tolist() == [0, 2, 4, 3, 2, 1]
    assert loop(points, 2, "linear")[:, 0, 0].tolist() == [0, 3]  # frame 1 is at 1.5: between the second and the third
    assert loop(points, 1, "slerp").shape == (1, 1, 1)


def test_the_step_from_the_last_frame_to_the_first_is_like_the_others():
    walked = loop([START, END], 20, "slerp")
    steps = np.linalg.norm(np.diff(np.concatenate([walked, walked[:1]]), axis=0), axis=-1)  # (20, latents)
    assert np.all(steps.max(axis=0) < 1.2 * steps.min(axis=0))
