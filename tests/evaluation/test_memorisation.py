import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxgan import images
from jaxgan.evaluation import memorisation


def faces(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)


@pytest.mark.parametrize("block", [3, 7, 1000])
def test_nearest_is_the_full_matrix_sorted(block, monkeypatch):
    monkeypatch.setattr(memorisation, "BLOCK", block)
    queries, references = faces(11), faces(20, seed=1)
    distances, indices = memorisation.nearest(queries, references, 4)
    full = cdist(queries.reshape(11, -1).astype(float), references.reshape(20, -1).astype(float))
    np.testing.assert_array_equal(indices, np.argsort(full, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(full, axis=1)[:, :4], rtol=1e-6)


def test_a_copy_is_at_distance_0_exactly():
    features = np.random.default_rng(0).normal(100, 1, (50, 128)).astype(np.float32)  # far off: products cancel
    distances, indices = memorisation.nearest(features[7:9], features, 2)
    assert distances[:, 0].tolist() == [0, 0]
    assert indices[:, 0].tolist() == [7, 8]


def test_distinct_keeps_the_first_of_each():
    training = faces(3)[[2, 0, 2, 1, 0]]
    assert memorisation.distinct(training).tolist() == [0, 1, 3]


def test_rank_by_hand():
    # Pairs (sample, held-out) with the sample nearer: 1 < 2, 1 < 4, 2 = 2 one half, 2 < 4; 5 is nearer than none.
    assert memorisation.rank(np.array([1.0, 2, 5]), np.array([2.0, 4])) == (1 + 1 + 0.5 + 1) / 6


def test_rank_tells_copies_from_new_images():
    rng = np.random.default_rng(0)
    training, unseen, drawn = rng.normal(size=(3, 300, 3))
    to_training = lambda points: memorisation.nearest(points, training, 1)[0][:, 0]
    assert memorisation.rank(to_training(drawn), to_training(unseen)) == pytest.approx(0.5, abs=0.06)
    copied = training + 1e-4 * rng.normal(size=training.shape)
    assert memorisation.rank(to_training(copied), to_training(unseen)) > 0.99
    assert memorisation.rank(to_training(training), to_training(unseen)) == 1
    assert memorisation.rank(to_training(drawn + 20), to_training(unseen)) == 0


def test_copies_are_nearer_to_one_image_than_to_any_other():
    distances = np.array([[0.9, 3.0], [1.0, 3.0], [2.0, 2.1], [0.0, 0.0], [0.0, 1.0]])
    assert memorisation.copies(distances).tolist() == [True, False, False, True, True]
    np.testing.assert_allclose(memorisation.ratios(distances), [0.3, 1 / 3, 2 / 2.1, 0, 0])


def test_planted_copies_are_found_and_blurred_means_are_not():
    training, new = faces(60), faces(20, seed=1)
    noise = np.random.default_rng(2).normal(0, 5, (10, 6, 6, 3))
    copied = np.clip(training[:10] + noise, 0, 255).astype(np.uint8)
    mean = training.mean(axis=0).astype(np.uint8)[None].repeat(20, axis=0)
    found = lambda samples: memorisation.copies(memorisation.nearest(samples, training, 2)[0]).sum()
    assert (found(copied), found(new), found(mean)) == (10, 0, 0)
    nearest_to = lambda samples: memorisation.nearest(samples, training, 1)[0].max()
    assert nearest_to(mean) < memorisation.nearest(new, training, 1)[0].min()  # though nearer than any new image


def test_the_picture_reads_down_two_columns():
    samples = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
    neighbours = np.arange(10, 16, dtype=np.uint8).reshape(3, 2, 1, 1, 1)
    drawn = memorisation.picture(samples, neighbours)
    left = images.grid(np.array([0, 10, 11, 1, 12, 13], np.uint8).reshape(6, 1, 1, 1), 3)
    right = images.grid(np.array([2, 14, 15], np.uint8).reshape(3, 1, 1, 1), 3)
    np.testing.assert_array_equal(drawn, images.beside(left, right))
    alone = memorisation.picture(samples[:1], neighbours[:1])
    np.testing.assert_array_equal(alone, images.grid(np.array([0, 10, 11], np.uint8).reshape(3, 1, 1, 1), 3))
