import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from support import shapes, shapes_set

from jaxgan import images
from jaxgan.evaluation import distances, diversity, memorisation, neighbours
from jaxgan.evaluation import probe as probes
from jaxgan.evaluation.monitor import Monitor
from jaxgan.evaluation.probe import Probe


@pytest.fixture(scope="module")
def monitor(dataset, probe):
    return Monitor(dataset, probe)


@pytest.fixture(scope="module")
def fresh():
    """Images of the same kinds that are in neither split."""
    rng = np.random.default_rng(9)
    return shapes(rng, rng.integers(0, 3, 200))


def read(monitor, samples, trace=None):
    return monitor.read(images.to_float(jnp.asarray(samples)), trace)


def test_real_images_are_as_real_images_are(monitor, fresh):
    row = read(monitor, fresh)
    assert row["diversity"] == pytest.approx(1, abs=0.05)
    assert row["contrast"] == pytest.approx(1, abs=0.05)
    assert row["coverage"] > 0.9
    assert (row["distinct"], row["copies"], row["change"]) == (1, 0, None)
    assert row["recognised"] > 0.9
    assert row["effective_characters"] == pytest.approx(monitor.real_characters, abs=0.1)
    assert set(row["characters"]) == {"half", "corner", "disc"}


def test_it_agrees_with_the_evaluation(monitor, dataset, probe, fresh):
    row, held_out = read(monitor, fresh), dataset.held_out.image
    samples, real = probe.embed(fresh)[0], probe.embed(held_out)[0]
    assert row["fd_probe"] == pytest.approx(distances.frechet_distance(samples, real), rel=1e-2, abs=1e-3)
    assert row["diversity"] == pytest.approx(diversity.diversity(fresh, held_out), rel=1e-3)
    apart = lambda a, b: cdist(neighbours.directions(a), neighbours.directions(b))
    assert row["coverage"] == pytest.approx(neighbours.coverage(apart(samples, real), apart(real, real)), abs=0.02)


def test_planted_faults_show(monitor, dataset, fresh):
    constant = read(monitor, np.repeat(fresh[:1], 100, axis=0))
    assert (constant["diversity"], constant["distinct"]) == (pytest.approx(0, abs=1e-3), 0)
    assert constant["effective_characters"] == 1
    flat = read(monitor, np.broadcast_to(fresh.mean((1, 2), keepdims=True), fresh.shape).astype(np.uint8))
    assert flat["contrast"] == pytest.approx(0, abs=1e-3)
    assert flat["recognised"] < 0.5
    twice = read(monitor, np.tile(fresh[:30], (2, 1, 1, 1)))
    assert (twice["distinct"], twice["diversity"]) == (0, pytest.approx(1, abs=0.1))
    half = np.concatenate([dataset.train.image[:50], fresh[:50]])
    assert read(monitor, half)["copies"] == 0.5


def test_copies_are_found_beside_their_twins_in_training():
    """The second nearest is as near as the nearest."""
    single = shapes_set(train=60, held_out=60)
    twins = single._replace(train=single.train._replace(image=np.tile(single.train.image[:30], (2, 1, 1, 1))))
    assert read(Monitor(twins, _blind(3)), twins.train.image[:40])["copies"] == 1
    assert read(Monitor(twins, _blind(3)), single.held_out.image[:40])["copies"] == 0


def test_a_blurred_mean_is_no_copy(monitor, dataset):
    disc = dataset.train.image[dataset.train.label == 2].mean(0)
    noisy = disc + np.random.default_rng(0).normal(0, 2, (40, *disc.shape))
    assert read(monitor, noisy.astype(np.uint8))["copies"] == 0
    assert memorisation.ratios(memorisation.nearest(noisy[:1], dataset.train.image, 2)[0])[0] > 0.9


def test_change_is_that_of_the_same_latents_images(monitor, fresh):
    first = read(monitor, fresh)
    assert read(monitor, fresh, first["trace"])["change"] == pytest.approx(0, abs=1e-4)
    other = read(monitor, fresh[::-1].copy(), first["trace"])["change"]
    assert 0.5 < other < 1.5


def test_without_labels_nobody_is_counted(dataset, fresh):
    row = read(Monitor(dataset, _blind(24)), fresh)
    assert (row["recognised"], row["effective_characters"], row["characters"]) == (None, None, {})
    assert row["diversity"] == pytest.approx(1, abs=0.05)


def test_larger_grey_images_are_measured_too():
    colour = shapes_set(train=60, held_out=30)
    large = lambda split: split._replace(image=split.image[..., :1].repeat(2, axis=1).repeat(2, axis=2))
    dataset = colour._replace(train=large(colour.train), held_out=large(colour.held_out))
    probe = probes.train(dataset, probes.Recipe(width=4, epochs=1))
    row = read(Monitor(dataset, probe), dataset.held_out.image)
    assert (row["diversity"], row["contrast"], row["coverage"]) == (pytest.approx(1), pytest.approx(1), 1)
    assert row["fd_probe"] == pytest.approx(0, abs=1e-4)
    assert read(Monitor(dataset, probe), dataset.train.image)["copies"] == 1


def _blind(classes):
    """A probe of unlabelled images that has learnt nothing."""
    import jax

    from jaxgan.models.classifier import Classifier

    variables = Classifier(classes, 4).init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)), train=False)
    return Probe("transformations", [], classes, 0.0, 4, variables)
