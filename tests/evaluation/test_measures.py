import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.evaluation import Caveat, characters, diversity, measures, memorisation, neighbours
from jaxgan.evaluation.measures import Embedded, measure, take

NAMES = ["homer", "bart", "lisa"]
SHARES = [0.5, 0.3, 0.2]
ORDER = [
    "fd_probe",
    "kid_probe",
    "precision",
    "recall",
    "density",
    "coverage",
    "diversity",
    "recognised",
    "effective_characters",
    "memorisation",
    "copies",
]


def embedded(count, seed, shares=SHARES, nobody=0):
    """A character is a mean colour and a mean feature; each image is its own in both."""
    rng = np.random.default_rng(seed)
    label = rng.choice(len(shares), count, p=shares)
    image = rng.integers(0, 120, (count, 4, 4, 3)) + 60 * label[:, None, None, None]
    features = rng.normal(size=(count, 5)) + 4 * np.eye(3, 5)[label]
    probabilities = 0.1 + 0.7 * np.eye(3)[label]
    probabilities[:nobody] = 1 / 3
    return Embedded(image.astype(np.uint8), features.astype(np.float32), probabilities.astype(np.float32))


TRAIN, HELD_OUT = embedded(600, 0), embedded(250, 1)


@pytest.fixture(scope="module")
def real():
    """New images of the same distribution."""
    return measure(embedded(500, 2), TRAIN, HELD_OUT, NAMES)


@pytest.fixture(scope="module")
def collapsed():
    """Only bart, and a quarter of nobody."""
    return measure(embedded(500, 2, [0, 1, 0], nobody=125), TRAIN, HELD_OUT, NAMES)


@pytest.fixture(scope="module")
def copied():
    """Half of the samples are training images."""
    half = take(TRAIN, np.arange(250))
    both = [np.concatenate(fields) for fields in zip(half, embedded(250, 3), strict=True)]
    return measure(Embedded(*both), TRAIN, HELD_OUT, NAMES)


def test_real_images_reach_their_floor(real):
    assert list(real.measures) == ORDER
    for name, found in real.measures.items():
        assert found.low <= found.value <= found.high
        assert found.value == pytest.approx(found.floor, abs=6 * found.error + 0.01), name
    assert real.measures["memorisation"].value == pytest.approx(0.5, abs=0.08)
    assert real.measures["recognised"].value == real.measures["diversity"].value.__round__(1) == 1
    assert real.warnings == []


def test_values_are_the_statistics_of_whole_sets(real):
    samples = embedded(500, 2)
    value = {name: found.value for name, found in real.measures.items()}
    assert value["diversity"] == pytest.approx(diversity.diversity(samples.image, HELD_OUT.image))
    assert value["effective_characters"] == characters.effective_number(characters.shares(samples.probabilities)[0])
    drawn, trained, unseen = (neighbours.directions(x.features) for x in (samples, TRAIN, HELD_OUT))
    to_training = [memorisation.nearest(x, trained, 1)[0][:, 0] for x in (drawn, unseen)]
    assert value["memorisation"] == memorisation.rank(*to_training)


def test_no_interval_holds_more_characters_than_there_are():
    found = measures._recognised(embedded(200, 2, [1 / 3] * 3), TRAIN, HELD_OUT, seed=0)["effective_characters"]
    assert found.value + 1.96 * found.error > found.high == 3


def test_a_collapse_shows(collapsed, real):
    found = collapsed.measures
    for name in ("fd_probe", "kid_probe"):
        assert found[name].low > max(found[name].floor, real.measures[name].high)
    for name in ("recall", "coverage", "diversity", "effective_characters"):
        assert found[name].high < min(found[name].floor, real.measures[name].low), name
    assert found["effective_characters"].value == found["effective_characters"].high == 1
    assert found["recognised"].value == 0.75
    assert found["recognised"].error == pytest.approx(np.sqrt(0.75 * 0.25 / 500), rel=0.25)
    assert collapsed.characters == {"homer": 0, "bart": 1, "lisa": 0}
    assert sum(collapsed.real_characters.values()) == pytest.approx(1)
    assert (collapsed.drawn, collapsed.lost) == (["bart"], ["homer", "lisa"])
    assert collapsed.summary == (
        "draws 1 of 3 characters: bart 100 %; lost: homer, lisa; 25 % of the samples are nobody in particular"
    )


def test_copies_show_and_come_first_in_the_picture(copied):
    assert copied.measures["copies"].value == 0.5
    assert copied.measures["copies"].floor == 0
    assert copied.measures["memorisation"].value == pytest.approx(0.5 + 0.5 / 2, abs=0.05)
    assert copied.measures["memorisation"].floor == pytest.approx(0.5, abs=0.1)
    np.testing.assert_array_equal(copied.nearest[:250, 0], np.arange(250))
    assert copied.nearest.shape == (500, 3)
    first, second = copied.picture[:4, :4], copied.picture[:4, 6:10]
    np.testing.assert_array_equal(first, TRAIN.image[0])
    np.testing.assert_array_equal(second, TRAIN.image[0])
    assert copied.picture.shape == (8 * 6 - 2, 2 * (4 * 6 - 2) + 16, 3)  # 8 rows of 4 cells twice, gaps of 2 and 16


def test_nobody_is_not_taken_for_an_odd_real_image():
    """What a probe knows nothing of has short features; so have some real images, far from all others."""
    held_out = HELD_OUT._replace(features=HELD_OUT.features * np.where(np.arange(250) < 5, 0.01, 1)[:, None])
    nobody = np.eye(5)[4] + 0.1 * np.random.default_rng(4).normal(size=(500, 5))
    found = measure(embedded(500, 2)._replace(features=0.1 * nobody), TRAIN, held_out, NAMES).measures
    assert found["precision"].value < 0.05
    assert found["density"].value < 0.05
    assert found["memorisation"].value < 0.05


def test_repeated_training_images_hide_no_copy():
    twice = take(TRAIN, np.repeat(np.arange(600), 2))
    noisy = take(TRAIN, np.arange(100))._replace(image=TRAIN.image[:100] + np.uint8(1))
    again = measure(noisy, twice, HELD_OUT, NAMES)
    assert again.measures["copies"].value == 1
    np.testing.assert_array_equal(again.nearest[:, 0], 2 * np.arange(100))


def test_nothing_recognised_is_no_crash():
    found = measure(embedded(60, 2, nobody=60), TRAIN, HELD_OUT, NAMES)
    assert found.measures["recognised"][:2] == (0, 1)
    assert found.measures["effective_characters"].value == 0
    assert found.summary == "draws none of 3 characters: no sample is recognised"
    assert found.lost == []


def test_without_labels_there_are_no_characters():
    sets = [embedded(count, seed)._replace(probabilities=None) for count, seed in ((80, 2), (600, 0), (250, 1))]
    found = measure(*sets, names=[])
    assert list(found.measures) == [name for name in ORDER if name not in ("recognised", "effective_characters")]
    assert (found.characters, found.real_characters, found.lost) == ({}, {}, [])
    assert not found.summary


def test_errors_are_compared_by_their_means():
    errors = np.random.default_rng(0).uniform(size=250), np.array([0.1, 0.3])
    found = measure(embedded(60, 2), TRAIN, HELD_OUT, NAMES, errors={"denoising": errors}).measures["denoising"]
    assert found.value == pytest.approx(errors[0].mean())
    assert found.floor == pytest.approx(0.2)
    assert found.error == pytest.approx(errors[0].std() / np.sqrt(250), rel=0.25)


def test_the_seed_decides_everything():
    of_seed = lambda seed: measure(embedded(60, 2), TRAIN, HELD_OUT, NAMES, seed=seed).measures
    first, again, other = of_seed(0), of_seed(0), of_seed(1)
    assert first == again
    assert first["fd_probe"].value == other["fd_probe"].value
    assert first["fd_probe"].floor != other["fd_probe"].floor
    assert first["fd_probe"].error != other["fd_probe"].error


def test_large_sets_are_thinned_evenly():
    thinned = measures.evenly(TRAIN, 300)
    assert len(thinned.image) == 300
    assert {len(field) for field in thinned} == {300}
    np.testing.assert_array_equal(thinned.features[[0, -1]], TRAIN.features[[0, -1]])
    assert measures.evenly(TRAIN, 600) is TRAIN


def test_every_warning():
    wide = lambda x: x._replace(features=np.tile(x.features, (1, 20)))
    found = measure(wide(embedded(80, 2)), wide(take(TRAIN, np.arange(70))), wide(take(HELD_OUT, np.arange(90))), NAMES)
    assert found.warnings == [
        Caveat("biased_by_samples", {"count": 80, "features": 100}),
        Caveat("biased_by_held_out", {"count": 90, "features": 100}),
        Caveat("few_samples", {"count": 80, "enough": 500}),
        Caveat("few_held_out", {"count": 90, "enough": 200}),
        Caveat("few_trained", {"count": 70, "samples": 80}),
    ]
    few_barts = measure(embedded(60, 2, [0, 1, 0]), TRAIN, HELD_OUT, NAMES)
    assert few_barts.warnings[-1].kind == "undecided"
    assert few_barts.warnings[-1].figures["count"] == 60


def test_too_few_images_are_an_error():
    few = lambda x, count: take(x, np.arange(count))
    with pytest.raises(UserError, match=r"^--num=4: measuring takes at least 12 samples$"):
        measure(few(TRAIN, 4), TRAIN, HELD_OUT, NAMES)
    with pytest.raises(UserError, match=r"^the data set has 11 held-out images: measuring takes at least 12$"):
        measure(few(TRAIN, 20), TRAIN, few(HELD_OUT, 11), NAMES)
    with pytest.raises(UserError, match=r"^the data set has 7 training images: measuring takes at least 12$"):
        measure(few(TRAIN, 20), few(TRAIN, 7), HELD_OUT, NAMES)
    same = take(TRAIN, np.arange(20) % 2)
    with pytest.raises(UserError, match=r"^only 2 of the training images are distinct: measuring takes at least 3$"):
        measure(few(TRAIN, 20), same, HELD_OUT, NAMES)
    smallest = measure(few(HELD_OUT, 12), few(TRAIN, 12), few(HELD_OUT, 12), NAMES)
    assert all(np.isfinite(found).all() for found in smallest.measures.values())
