import jax
import numpy as np
import pytest
from support import load, shapes_set

from jaxgan import images
from jaxgan.data.dataset import prepare
from jaxgan.errors import UserError
from jaxgan.evaluation import probe as probes


def test_it_tells_characters_apart(probe, dataset):
    assert (probe.kind, probe.names, probe.classes) == ("labels", ["half", "corner", "disc"], 3)
    assert probe.accuracy > 0.95
    features, probabilities = probe.embed(dataset.held_out.image)
    assert (features.shape, features.dtype) == ((120, 32), np.float32)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert (probabilities.argmax(1) == dataset.held_out.label).mean() == pytest.approx(probe.accuracy)


def test_an_image_is_seen_alike_in_any_company(probe, dataset):
    alone = probe.embed(dataset.held_out.image[:1])
    among = probe.embed(np.tile(dataset.held_out.image, (3, 1, 1, 1)))
    for one, many in zip(alone, among, strict=True):
        np.testing.assert_allclose(one, many[:1], rtol=1e-4, atol=1e-5)


def test_it_is_sure_of_characters_and_less_of_nobody(probe, dataset):
    nobody = probes.nobody(jax.random.key(0), images.to_float(dataset.held_out.image))
    sure = lambda image: probe.embed(image)[1].max(1).mean()
    assert sure(dataset.held_out.image) > 0.85
    assert sure(images.to_uint8(nobody)) < 0.7


def test_nobody_is_the_same_tiles_elsewhere_smooth_colours_or_blobs():
    image = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    shuffled, smooth, blobs = np.asarray(probes.nobody(jax.random.key(0), image))
    tiles = lambda whole: whole.reshape(4, 8, 4, 8, 3).swapaxes(1, 2).reshape(16, -1)
    assert {tile.tobytes() for tile in tiles(shuffled)} == {tile.tobytes() for tile in tiles(image[0])}
    assert not np.array_equal(shuffled, image[0])
    means = lambda whole, side: whole.reshape(side, 32 // side, side, 32 // side, 3).mean((1, 3))
    detail = lambda whole, side: np.abs(means(whole, side) - means(whole, 2).repeat(side // 2, 0).repeat(side // 2, 1))
    assert detail(smooth, 8).mean() < detail(blobs, 8).mean()  # of what is larger than the grain
    assert np.abs(means(blobs, 8) - means(image[2], 8)).mean() < 0.1
    assert np.abs(smooth).max() <= 1 and np.abs(blobs).max() <= 1


def test_transformations_are_turns_and_orders_of_channels():
    orders = probes.channel_orders(3)
    assert orders.tolist() == [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    image = np.random.default_rng(0).normal(size=(32, 32, 3)).astype(np.float32)
    which = np.asarray([0, 1, 2, 3, 4, 22])
    done = np.asarray(probes.transform(np.stack([image] * 6), which, orders))
    for turns in range(4):
        np.testing.assert_array_equal(done[turns], np.rot90(image, turns))
    np.testing.assert_array_equal(done[4], image[..., [0, 2, 1]])
    np.testing.assert_array_equal(done[5], np.rot90(image[..., [2, 1, 0]], 2))


def test_without_labels_it_learns_from_the_images_alone():
    unlabelled = shapes_set(names=("all",))
    probe = probes.train(unlabelled, probes.Recipe(width=8, epochs=8, batch_size=32, enough=2.0))
    assert (probe.kind, probe.names, probe.classes) == ("transformations", [], 24)
    assert probe.accuracy > 3 / 24  # three times what guessing reaches
    assert "24 transformations" in probes.describe(probe)


def test_grey_images_have_one_order_of_channels():
    assert probes.channel_orders(1).tolist() == [[0]]


@pytest.mark.parametrize("enough", [0.0, 2.0])
def test_training_stops_where_it_is_good_enough(enough, dataset):
    recipe = probes.Recipe(width=4, epochs=3, enough=enough)
    steps = probes._epochs(lambda state, image, label: (state + 1, 0.5), 0, dataset.train, recipe)
    assert steps == (7 if enough == 0 else 21)  # 480 images in batches of 64


@pytest.mark.parametrize(("file", "accuracy"), [("42caf0933dd338be", 0.99), ("62ba6d83561cce32", 0.88)])
def test_the_projects_own_come_before_those_that_are_trained(file, accuracy, dataset, monkeypatch, tmp_path):
    """Of all toons, and of simpsons_mnist as GitHub's archive has it."""
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(probes, "RECIPE", probes.Recipe())
    monkeypatch.setattr(probes, "train", lambda *_: pytest.fail("a probe was trained"))
    own = probes.load(dataset._replace(fingerprint=file))
    assert (own.kind, own.classes, len(own.names)) == ("labels", 10, 10)
    assert own.accuracy > accuracy


def test_the_projects_own_is_not_made_anew_where_it_is_damaged(dataset, monkeypatch, tmp_path):
    monkeypatch.setattr(probes, "OWN", tmp_path)
    damaged = tmp_path / probes.file_name(dataset, probes.RECIPE)
    damaged.write_bytes(b"PK")
    with pytest.raises(UserError, match=f"{damaged} is damaged .*: install jaxgan again"):
        probes.load(dataset)
    assert damaged.read_bytes() == b"PK"


def test_that_of_the_toons_tells_toons_it_has_not_seen(monkeypatch, tmp_path):
    """Whoever changes how images are embedded has to train it anew, and to say that figures are no longer the same."""
    toons = prepare(load("began").data)
    monkeypatch.setattr(probes, "RECIPE", probes.Recipe())
    own = probes.load(toons._replace(fingerprint="42caf0933dd338be"))
    assert own.names == toons.names
    image, label = (np.concatenate(pair) for pair in zip(toons.train, toons.held_out, strict=True))
    assert (own.embed(image)[1].argmax(1) == label).mean() > 0.95


def test_probes_are_told_apart_by_all_that_they_are(probe):
    others = [probe._replace(accuracy=0.5), probe._replace(names=["half", "disc", "corner"])]
    others.append(probe._replace(variables=jax.tree.map(lambda array: array + 1, probe.variables)))
    assert len({one.digest for one in (probe, *others)}) == 4
    assert probe._replace(kind=probe.kind).digest == probe.digest


def test_it_is_trained_once_for_each_set_and_recipe(dataset, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    trained = []

    def train(asked, recipe):
        trained.append((asked.fingerprint, recipe.width))
        return probes.Probe("labels", asked.names, 3, 0.5, 4, {"params": {"a": {"b": np.arange(3.0)}}})

    monkeypatch.setattr(probes, "train", train)
    monkeypatch.setattr(probes, "RECIPE", probes.Recipe(width=6))
    first, second = probes.load(dataset), probes.load(dataset)
    assert "trained in" in capsys.readouterr().out
    np.testing.assert_array_equal(first.variables["params"]["a"]["b"], np.arange(3.0))
    assert first._replace(variables=None) == second._replace(variables=None)
    probes.load(dataset._replace(fingerprint="other"))
    monkeypatch.setattr(probes, "RECIPE", probes.Recipe(width=5))
    probes.load(dataset)
    assert trained == [("shapes-0-3", 6), ("other", 6), ("shapes-0-3", 5)]
