import itertools

import numpy as np
import pytest

from jaxgan.evaluation import diversity


def random_images(count, low=0, high=256, seed=0):
    return np.random.default_rng(seed).integers(low, high, (count, 8, 8, 3), dtype=np.uint8)


def test_by_explicit_loops():
    images = random_images(5)
    scaled = images / 127.5 - 1
    pairs = [np.sqrt(np.mean((x - y) ** 2)) for x, y in itertools.combinations(scaled, 2)]
    distances = diversity.pair_distances(images)
    assert distances.dtype == np.float32
    np.testing.assert_allclose(distances[np.triu_indices(5, 1)], pairs, rtol=1e-5)
    assert diversity.mean_of_pairs(distances) == pytest.approx(np.mean(pairs), rel=1e-5)


def test_black_and_white_are_2_apart():
    images = np.stack([np.zeros((4, 4, 1), np.uint8), np.full((4, 4, 1), 255, np.uint8)])
    assert diversity.mean_of_pairs(diversity.pair_distances(images)) == pytest.approx(2)


def test_images_that_are_all_but_the_same_have_a_distance_all_the_same():
    images = np.full((2, 64, 64, 3), 250, np.uint8)
    images[0, 10, 10, 0] += 1
    assert diversity.pair_distances(images)[0, 1] == pytest.approx(np.sqrt(1 / 12288) / 127.5, rel=1e-4)


def test_one_on_real_images_half_on_half_the_contrast_and_0_on_one_image():
    reference = random_images(40)
    assert diversity.diversity(random_images(60, seed=1), reference) == pytest.approx(1, rel=0.02)
    assert diversity.diversity(random_images(60, 64, 192), reference) == pytest.approx(0.5, rel=0.02)
    assert diversity.diversity(random_images(1).repeat(60, axis=0), reference) == 0
