import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from support import load

from jaxgan import drawing, evaluate, images, sample
from jaxgan.errors import UserError
from jaxgan.evaluation import OF_CODES, OF_SAMPLES
from jaxgan.evaluation.measures import Embedded
from jaxgan.rundir import RunDirectory
from jaxgan.train import train

OF_CLASSES = ("agreement", "intra_fd_probe", "intra_diversity")
LIMIT = 150  # leaves enough held-out images


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("evaluated") / "run"
    train(load("began", data__limit=LIMIT), workdir)
    return workdir


@pytest.fixture(scope="module")
def evaluated(run):
    evaluate.main([f"--workdir={run}", "--num=40", "--all"])
    return json.loads((run / "evaluation.json").read_text())


def test_it_says_what_the_contract_promises(run, evaluated):
    assert (evaluated["step"], evaluated["num"]) == (6, 40)
    stored = RunDirectory(run).stored()["data"]
    assert evaluated["data"] == {"name": "toons", "fingerprint": stored["fingerprint"]}
    assert (evaluated["probe"]["kind"], evaluated["probe"]["classes"]) == ("labels", 10)
    others = ("fid", "kid", "inception_score", "inception_precision", "inception_recall", *OF_CLASSES)
    of_began = [name for name in OF_SAMPLES if name not in others] + ["accuracy_0", "accuracy_1"]
    assert list(evaluated["measures"]) == of_began
    for measure in evaluated["measures"].values():
        assert set(measure) == {"value", "floor", "low", "high", "error"}
        assert measure["low"] <= measure["value"] <= measure["high"]
    assert set(evaluated["characters"]) == set(evaluated["real_characters"]) == set(stored["names"])
    assert evaluated["summary"] and evaluated["warnings"]


def test_it_follows_all_checkpoints(evaluated):
    assert [content["step"] for content in evaluated["history"]] == [2, 4, 6]
    assert evaluated["history"][-1]["measures"] == evaluated["measures"]
    values = [content["measures"]["reconstruction"]["value"] for content in evaluated["history"]]
    assert values == sorted(values, reverse=True)  # the auto-encoder learns


def test_it_draws_the_nearest_training_images(run, evaluated):
    assert Image.open(run / "samples" / "000006-nearest.png").width >= 512


def test_the_table_is_to_be_read(run, evaluated, capsys):
    evaluate.main([f"--workdir={run}", "--num=40", "--step=4"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("probe of toons: it tells the 10 characters of held-out images apart with")
    (line,) = [line for line in said if line.startswith("fd_probe")]
    measure = json.loads((run / "evaluation.json").read_text())["measures"]["fd_probe"]
    interval = f"[{measure['low']:.4g},{measure['high']:.4g}]"
    assert "".join(line.split()) == f"fd_probe(low){measure['value']:.4g}{interval}{measure['floor']:.4g}"
    assert said[-2:] == [f"wrote {run}/samples/000004-nearest.png", f"wrote {run}/evaluation.json"]


def test_reconstruction_is_the_mean_absolute_error():
    """An auto-encoder that adds a quarter to what it is given, which is whole, noisy, or without a quarter."""

    class Algorithm:
        @staticmethod
        def reconstruct(state, image):
            return image + state

    image = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3), np.uint8)
    errors = evaluate.reconstruction_errors(Algorithm, 0.25, image, image[:30])
    for found, count in zip(errors["reconstruction"], (70, 30), strict=True):
        assert found.shape == (count,)
        np.testing.assert_allclose(found, 0.25, rtol=1e-5)
    _, noise = errors["denoising"]
    assert noise.mean() == pytest.approx(0.25 * np.sqrt(2 / np.pi), rel=0.02)
    rebuilt, lost = errors["inpainting"]
    assert lost.mean() == pytest.approx(np.abs(image / 127.5 - 1).mean() / 4, rel=0.05)
    assert rebuilt.mean() == pytest.approx(3 / 4 * 0.25 + np.abs(1.25 - image / 127.5).mean() / 4, rel=0.02)


def test_each_quarter_is_left_out_of_some_images():
    without = evaluate.without_a_quarter(np.ones((40, 6, 4, 1), np.float32))
    assert {np.flatnonzero(image).tobytes() for image in without == 0} == {
        np.flatnonzero(quarter).tobytes() for quarter in np.kron(np.eye(4).reshape(4, 2, 2), np.ones((3, 2)))
    }


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("coded") / "run"
    train(load("sdpc", data__limit=LIMIT), workdir)
    return workdir


def test_codes_are_measured_without_a_probe(coded, capsys, monkeypatch):
    monkeypatch.setattr("jaxgan.evaluation.probe.load", lambda dataset: pytest.fail("a probe was trained"))
    evaluate.main([f"--workdir={coded}", "--num=30", "--all"])
    content = json.loads((coded / "evaluation.json").read_text())
    assert (content["step"], content["of"]) == (6, "codes")
    assert content["num"] == 30
    assert [one["step"] for one in content["history"]] == [2, 4, 6]
    assert list(content["measures"]) == [name for name in OF_CODES if name[-1] not in "34"]
    for name, measure in content["measures"].items():
        assert measure["low"] <= measure["value"] <= measure["high"], name
    sparser = {name: [row[name] for row in content["sparsity"]] for name in content["sparsity"][0]}
    assert sparser["sparsity"] == [0.25, 0.5, 1, 2, 4]
    assert sparser["active_1"] == sorted(sparser["active_1"], reverse=True)
    assert sparser["distortion_1"] == sorted(sparser["distortion_1"])
    assert sparser["error_1"][2] == pytest.approx(content["measures"]["error_1"]["value"], rel=1e-5)
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"wrote {coded}/evaluation.json"
    assert "held out" in "".join(said) and "real images" not in "".join(said)


@pytest.mark.parametrize("flag", ["--inception", "--truncation"])
def test_codes_are_no_samples(coded, flag):
    with pytest.raises(UserError, match=f"its algorithm draws no samples: leave out {flag}"):
        evaluate.main([f"--workdir={coded}", flag])


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("conditional") / "run"
    train(load("biggan", data__limit=LIMIT), workdir)
    return workdir


def test_classes_and_truncation(conditional, capsys):
    evaluate.main([f"--workdir={conditional}", "--num=200", "--truncation"])
    content = json.loads((conditional / "evaluation.json").read_text())
    measured = content["measures"]
    assert 0 < measured["agreement"]["value"] < 1
    assert "intra_fd_probe" not in measured  # no class has enough of so few held-out images
    curve = content["truncation"]
    assert [row["truncation"] for row in curve] == [0.3, 0.5, 0.7, 1.0, 1.5, 2.0]
    assert set(curve[0]) >= {"fd_probe", "precision", "recall", "coverage", "recognised"}
    assert curve[0]["diversity"] < curve[-1]["diversity"]
    table = capsys.readouterr().out.split("with latents within so much of 0:\n")[1].splitlines()
    assert len(table) >= 7
    assert table[1].split()[:2] == ["0.3", f"{curve[0]['fd_probe']:.4g}"]


def test_images_are_held_against_the_labels_that_they_were_asked_for_with(conditional):
    """Of a generator that draws for each class the image which the probe takes for it most of all."""
    algorithm, state, _ = sample.load(conditional)
    real = evaluate.real_images(conditional)
    examples = real.dataset.train.image[real.train.probabilities.argmax(0)]
    told = evaluate.embed(real.probe, examples).probabilities.argmax(1)
    pictures = jnp.asarray(images.to_float(examples))
    fake = algorithm._replace(generate=lambda state, latent, label: pictures[label])
    found = evaluate.evaluate(real, fake, state, num=200)
    asked = drawing.ask(algorithm, state, 200, 0).label
    assert found.measures["agreement"].value == pytest.approx(np.mean(told[asked] == asked))
    assert found.measures["agreement"].value != pytest.approx(np.mean(told[asked] == np.roll(asked, 1)))


def test_of_a_class_as_asked_for(conditional, tmp_path):
    names = RunDirectory(conditional).stored()["data"]["names"]
    for label in (names[3], "3"):
        sample.main([f"--workdir={conditional}", "--num=5", f"--label={label}", f"--npz={tmp_path}/{label}.npz"])
    by_name, by_number = (np.load(tmp_path / f"{label}.npz")["images"] for label in (names[3], "3"))
    np.testing.assert_array_equal(by_name, by_number)
    algorithm, state, _ = sample.load(conditional)
    latent = drawing.latents(algorithm, 5, seed=0)
    np.testing.assert_array_equal(by_name, drawing.generate(algorithm, state, drawing.Asked(latent, np.full(5, 3))))
    with pytest.raises(UserError, match=f"--label=nobody: there are {names[0]}, {names[1]}"):
        sample.main([f"--workdir={conditional}", "--label=nobody"])
    walked = drawing.walk(algorithm, state, 2, seed=0, frames=4, label=3)
    np.testing.assert_array_equal(walked[0], by_name[:2])


def test_images_without_labels_are_measured_and_it_says_by_what(tmp_path, capsys):
    image = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=image)
    train(load("dcgan", steps=1, data__name="arrays", data__dir=tmp_path / "a.npz"), tmp_path / "run")
    (tmp_path / "a.npz").unlink()  # what was prepared is enough
    evaluate.main([f"--workdir={tmp_path}/run", "--num=20"])
    content = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert (content["probe"]["kind"], content["characters"]) == ("transformations", {})
    assert "fd_probe" in content["measures"]
    assert not {"recognised", "reconstruction"} & set(content["measures"])  # DCGAN has no auto-encoder
    assert "mind: the set has no labels" in capsys.readouterr().out


def test_inception_joins_in_where_it_is_asked_to(run, monkeypatch):
    asked = []

    def load(weights):
        asked.append(weights)
        colours = lambda image: np.asarray(image, np.float32).mean((1, 2))
        return lambda image: Embedded(image, colours(image), colours(image) / colours(image).sum(1, keepdims=True))

    monkeypatch.setattr("jaxgan.evaluation.inception.load", load)
    for flag in ("--inception", "--inception=weights.pth"):
        evaluate.main([f"--workdir={run}", "--num=20", flag])
    assert asked == [None, Path("weights.pth")]
    assert list(json.loads((run / "evaluation.json").read_text())["measures"])[-5:] == list(OF_SAMPLES)[-5:]


def test_mistakes_are_said_before_a_probe_is_trained(run, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxgan.evaluation.probe.load", lambda dataset: pytest.fail("a probe was trained"))
    with pytest.raises(UserError, match="no checkpoint 5 in"):
        evaluate.main([f"--workdir={run}", "--step=5"])
    with pytest.raises(UserError, match="--all measures every checkpoint: leave out --step"):
        evaluate.main([f"--workdir={run}", "--step=4", "--all"])
    with pytest.raises(UserError, match="is no run directory"):
        evaluate.main([f"--workdir={tmp_path}"])
    shutil.copytree(run, tmp_path / "foreign")
    stored = RunDirectory(run).stored()
    stored["data"]["fingerprint"] = "0" * 16
    (tmp_path / "foreign" / "config.json").write_text(json.dumps(stored))
    with pytest.raises(
        UserError, match="toons with fingerprint 0000000000000000 are not prepared on this machine: run"
    ):
        evaluate.main([f"--workdir={tmp_path}/foreign"])
    (tmp_path / "foreign" / "config.json").write_text("{")
    with pytest.raises(UserError, match="config.json is damaged"):
        evaluate.main([f"--workdir={tmp_path}/foreign"])


def test_too_few_samples_are_a_line(run):
    with pytest.raises(UserError, match="--num=4: measuring takes at least 12 samples"):
        evaluate.main([f"--workdir={run}", "--num=4"])


def test_a_probe_that_knows_nobody_is_not_to_be_trusted(evaluated):
    """Tests train theirs for a moment only."""
    assert any("do not trust its characters" in warning["text"] for warning in evaluated["warnings"])
