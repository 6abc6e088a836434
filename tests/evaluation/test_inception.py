import errno
import importlib.util
import sys
import types
import urllib.error

import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.evaluation import distances, inception, neighbours
from jaxgan.evaluation.measures import Embedded

NAMES = ["fid", "kid", "inception_score", "inception_precision", "inception_recall"]


def images(count, seed, shift=0, channels=3):
    return np.random.default_rng(seed).integers(0, 200, (count, 4, 4, channels), np.uint8) + np.uint8(shift)


def embed(image):
    """In Inception's place: pixels as features, the brighter half as classes."""
    flat = inception.to_rgb(image).reshape(len(image), -1) / 100
    return Embedded(image, flat.astype(np.float32), np.eye(2)[(flat.mean(axis=1) > 1).astype(int)])


def measure(samples, train, held_out, seed=0):
    real = embed(train[np.random.default_rng(seed).permutation(len(train))[: len(samples)]])
    return inception.measure(embed(samples), real, embed(held_out), seed)


def network(monkeypatch, build):
    """A torch-fidelity whose Inception is what `build` returns or raises."""
    monkeypatch.setattr(inception, "_torch_fidelity", lambda: types.SimpleNamespace(FeatureExtractorInceptionV3=build))


def raising(error):
    def raises(*_, **__):
        raise error

    return raises


def test_the_inception_score_of_known_probabilities():
    assert inception.inception_score(np.full((50, 8), 1 / 8)) == pytest.approx(1)
    assert inception.inception_score(np.tile(np.eye(5), (20, 1))) == pytest.approx(5)  # certain, and all alike often
    assert inception.inception_score(np.tile(np.eye(5)[:1], (20, 1))) == pytest.approx(1)
    two = np.array([[0.9, 0.1], [0.2, 0.8]])
    mean = two.mean(axis=0)
    expected = np.exp((two * np.log(two / mean)).sum(axis=1).mean())
    assert inception.inception_score(np.tile(two, (20, 1)), splits=4) == pytest.approx(expected)


def test_the_inception_score_is_the_mean_over_splits():
    of_one, of_two = np.repeat(np.eye(2)[:1], 6, axis=0), np.tile(np.eye(2), (3, 1))
    assert inception.inception_score(np.concatenate([of_one, of_two]), splits=2) == pytest.approx((1 + 2) / 2)
    assert inception.inception_score(np.eye(4), splits=10) == pytest.approx(1)  # splits of one image each


@pytest.mark.parametrize("count", [20, 200])
def test_the_frechet_distance_is_that_of_the_other_measures(count):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(count, 60)), rng.normal(0.2, 1.5, size=(50, 60)) @ rng.normal(size=(60, 60)) / 8
    assert inception.frechet_distance(a, b) == pytest.approx(distances.frechet_distance(a, b), rel=1e-5)
    assert inception.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert inception.frechet_distance(a, a + 0.5) == pytest.approx(60 * 0.25)


def test_values_and_floors_are_those_of_whole_sets():
    samples, train, held_out = images(60, 0, shift=40), images(90, 1), images(50, 2)
    found = measure(samples, train, held_out)
    assert list(found) == NAMES
    drawn, real = embed(samples), embed(held_out)
    kept = embed(train[np.random.default_rng(0).permutation(90)[:60]])  # as the other measures choose
    pairs = lambda a, b: np.linalg.norm(a.features[:, None] - b.features, axis=2)
    for field, one in (("value", drawn), ("floor", kept)):
        got = {name: getattr(measured, field) for name, measured in found.items()}
        assert got["fid"] == pytest.approx(distances.frechet_distance(one.features, real.features), rel=1e-5)
        assert got["kid"] == pytest.approx(distances.kernel_distance(one.features, real.features))
        assert got["inception_precision"] == neighbours.precision(pairs(one, real), pairs(real, real))
        assert got["inception_recall"] == neighbours.recall(pairs(one, real), pairs(one, one))
        assert 1 <= got["inception_score"] <= 2


def test_a_shift_shows_and_real_images_reach_their_floor():
    train, held_out = images(300, 1), images(200, 2)
    shifted = measure(images(200, 0, shift=50), train, held_out)
    real = measure(images(200, 3), train, held_out)
    for name in ("fid", "kid"):
        assert shifted[name].low > real[name].high
        assert real[name].value == pytest.approx(real[name].floor, abs=4 * real[name].error)
    for found in (*real.values(), *shifted.values()):
        assert found.low <= found.value <= found.high
    assert all(found.error > 0 for found in real.values())
    assert real["inception_recall"].high <= 1 <= real["inception_score"].low


def test_the_seed_decides_everything():
    of_seed = lambda seed: measure(images(60, 0), images(90, 1), images(50, 2), seed)
    first, again, other = of_seed(0), of_seed(0), of_seed(1)
    assert first == again
    assert first["kid"].value == pytest.approx(other["kid"].value)
    assert first["kid"].floor != other["kid"].floor


def test_large_sets_are_thinned_for_what_takes_pairs(monkeypatch):
    few = [comparison._replace(most=comparison.most and 40) for comparison in inception.COMPARISONS]
    whole = measure(images(60, 0), images(90, 1), images(50, 2))
    monkeypatch.setattr(inception, "COMPARISONS", few)
    found = measure(images(60, 0), images(90, 1), images(50, 2))
    assert found["fid"].value == whole["fid"].value
    assert found["kid"].value != whole["kid"].value


def test_grey_images_become_rgb():
    grey = images(3, 0, channels=1)
    np.testing.assert_array_equal(inception.to_rgb(grey), np.concatenate([grey] * 3, axis=3))
    colour = images(3, 0)
    np.testing.assert_array_equal(inception.to_rgb(colour), colour)


def test_batches_are_joined_and_logits_become_probabilities(monkeypatch):
    class Tensor(np.ndarray):
        cpu = lambda self: self
        numpy = lambda self: np.asarray(self)

    class Pixels:
        """Gives the first pixel as the only feature and as one of two logits."""

        to = lambda self, device: self

        def __call__(self, batch):
            pixel = batch[:, 0, 0, :1].astype(np.float32)
            return pixel.view(Tensor), np.concatenate([0 * pixel, pixel], axis=1).view(Tensor)

    network(monkeypatch, lambda *_, **__: Pixels())
    monkeypatch.setattr(inception, "_device", lambda: "cpu")
    monkeypatch.setattr(inception, "_batch", lambda image, device: image)
    image = images(2 * inception.BATCH + 3, 0)
    found = inception.load(None)(image)
    np.testing.assert_array_equal(found.features, image[:, 0, 0, :1])
    np.testing.assert_allclose(found.probabilities[:, 1], 1 / (1 + np.exp(-image[:, 0, 0, 0].astype(float))))


def test_without_torch_fidelity_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as error:
        inception.load(None)
    expected = "--inception needs torch-fidelity, which is not installed: pip install -e '.[eval]'"
    assert str(error.value) == expected


@pytest.mark.parametrize("error", [RuntimeError("operator torchvision::nms does not exist"), ImportError("no _C")])
def test_a_torch_fidelity_that_fails_to_import_is_one_line(error, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib, "import_module", raising(error))
    with pytest.raises(
        UserError, match=rf"^--inception needs torch-fidelity, which cannot be imported \({error}\): in "
    ):
        inception.load(None)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError) as error:
        inception.load(tmp_path / "none.pth")
    assert str(error.value) == (
        f"{tmp_path}/none.pth: no such file; download {inception.URL} in a browser and give the file with "
        "--inception=weights-inception-2015-12-05-6726825d.pth"
    )


def test_a_file_of_something_else_is_one_line(tmp_path, monkeypatch):
    path = tmp_path / "other.pth"
    path.write_bytes(b"")
    network(monkeypatch, raising(RuntimeError('Error(s) in loading state_dict:\n\tMissing key(s): "fc.bias".')))
    with pytest.raises(UserError, match=r"not Inception's weights \(Error\(s\) in loading state_dict\); download http"):
        inception.load(path)
    network(monkeypatch, raising(RuntimeError("failed finding central directory. This is an internal error.")))
    with pytest.raises(UserError, match=r"not Inception's weights \(failed finding central directory\); download"):
        inception.load(path)
    network(monkeypatch, raising(EOFError()))
    with pytest.raises(UserError, match=r"other.pth: not Inception's weights \(EOFError\); download http"):
        inception.load(path)


def test_without_a_network_one_line_says_where_the_weights_are(monkeypatch, capfd):
    def offline(*_, **__):
        print("Downloading: ...")
        print("0%", file=sys.stderr)
        raise urllib.error.URLError("no route to host")

    network(monkeypatch, offline)
    with pytest.raises(UserError) as error:
        inception.load(None)
    reason = "<urlopen error no route to host>"
    assert str(error.value).startswith(f"Inception's weights cannot be fetched or read ({reason}); download http")
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_is_its_own_error(monkeypatch):
    network(monkeypatch, raising(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        inception.load(None)


def test_the_real_network_gives_torch_fidelitys_own_values(tmp_path, capfd):
    """With weights drawn at random, as the real ones are 95 MB to fetch."""
    fidelity = pytest.importorskip("torch_fidelity", exc_type=ImportError)
    torch = pytest.importorskip("torch")
    assert fidelity.feature_extractor_inceptionv3.URL_INCEPTION_V3 == inception.URL
    path = random_weights(torch, fidelity, tmp_path)
    samples, held_out = images(14, 0, channels=1), images(12, 1, shift=40)
    see = inception.load(path)
    found = inception.measure(see(samples), see(images(14, 2)), see(held_out))
    assert capfd.readouterr().err == ""
    tensors = [torch.tensor(inception.to_rgb(image).transpose(0, 3, 1, 2)) for image in (samples, held_out)]
    first, second = (torch.utils.data.Subset(tensor, range(len(tensor))) for tensor in tensors)
    options = {"cuda": torch.cuda.is_available(), "save_cpu_ram": True, "cache": False, "verbose": False}
    expected = fidelity.calculate_metrics(
        input1=first,
        input2=second,
        feature_extractor=inception.EXTRACTOR,
        feature_extractor_weights_path=str(path),
        fid=True,
        prc=True,
        **options,
    )
    assert found["fid"].value == pytest.approx(expected["frechet_inception_distance"], rel=1e-3)
    assert found["inception_precision"].value == pytest.approx(expected["precision"])
    assert found["inception_recall"].value == pytest.approx(expected["recall"])


def random_weights(torch, fidelity, folder):
    """A file of weights from He's initialisation, which keeps images apart."""
    torch.manual_seed(0)
    blank, path = folder / "blank.pth", folder / "weights.pth"
    torch.save({}, blank)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fidelity.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        network = fidelity.FeatureExtractorInceptionV3(inception.EXTRACTOR, inception.LAYERS, str(blank))
    for weight in network.parameters():
        if weight.ndim == 4:
            torch.nn.init.kaiming_normal_(weight, nonlinearity="relu")
    torch.save(network.state_dict(), path)
    return path
