"""The command, and the files that it writes."""

import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support import load

from jaxgan import drawing, export, restoring
from jaxgan.algorithms.network import arrays
from jaxgan.errors import UserError
from jaxgan.exporting import page
from jaxgan.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "began"
    train(load("began", ema_decay=0.5), workdir)
    return workdir


def test_every_systems_weights_have_a_card(tmp_path):
    """Without a decay of an average, which follows a schedule here."""
    train(load("r3gan", steps=1), tmp_path / "run")
    export.main([f"--workdir={tmp_path}/run", f"--out={tmp_path}/w.safetensors"])
    assert "(averaged over the steps)" in (tmp_path / "w.safetensors.md").read_text()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """G is told classes, one of which has a name that is no good manners."""
    workdir = tmp_path_factory.mktemp("runs") / "biggan"
    train(load("biggan", steps=1), workdir)
    stored = json.loads((workdir / "config.json").read_text())
    stored["data"]["names"][3] = "</script><b>"
    (workdir / "config.json").write_text(json.dumps(stored))
    return workdir


def test_a_generator_as_stablehlo(run, tmp_path, capsys):
    export.main([f"--workdir={run}", f"--out={tmp_path}/g.stablehlo"])
    assert capsys.readouterr().out == f"wrote {tmp_path}/g.stablehlo\n"
    called = jax.export.deserialize(bytearray((tmp_path / "g.stablehlo").read_bytes())).call
    algorithm, state, _ = restoring.load(run)
    latent = drawing.latents(algorithm, 4, seed=1)
    np.testing.assert_allclose(called(latent), algorithm.generate(state, latent), atol=1e-5)


def test_weights_are_averages_and_another_run_starts_from_them(run, tmp_path, capsys):
    export.main([f"--workdir={run}", f"--out={tmp_path}/w.safetensors", "--step=4"])
    _, state, _ = restoring.load(run, 4)
    found = load_file(tmp_path / "w.safetensors")
    kernel = "generator.params.Conv_0.kernel"
    np.testing.assert_array_equal(found[kernel], state.generator.ema["Conv_0"]["kernel"])
    assert not any(".ema." in name or "opt_state" in name for name in found)

    still = {"steps": 1, "lr_g": 0.0, "lr_d": 0.0, "init_from": f"{tmp_path}/w.safetensors"}
    begun = train(load("began", ema_decay=0.9, **still), tmp_path / "run")
    assert re.search(f"from {tmp_path}/w.safetensors: \\d+ arrays of step 4 taken over\n", capsys.readouterr().out)
    for name in ("params", "ema"):
        own = getattr(begun.generator, name)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), own, state.generator.ema)
    jax.tree.map(np.testing.assert_array_equal, begun.discriminator.params, state.discriminator.params)


def test_weights_keep_their_shapes(told, tmp_path):
    """A number by itself, as the gain of attention is, too."""
    export.main([f"--workdir={told}", f"--out={tmp_path}/w.safetensors"])
    _, state, _ = restoring.load(told)
    expected = {name: np.shape(array) for name, array in arrays(state).items() if ".params." in name}
    found = {name: array.shape for name, array in load_file(tmp_path / "w.safetensors").items()}
    assert () in expected.values()
    assert {name: found[name] for name in expected} == expected


def test_a_card_says_what_was_trained_on_what_and_how_good_it_is(run, tmp_path):
    export.main([f"--workdir={run}", f"--out={tmp_path}/w.safetensors"])
    card = (tmp_path / "w.safetensors.md").read_text()
    assert str(tmp_path) not in card
    stored = json.loads((run / "config.json").read_text())
    assert card.startswith("# began on toons, step 6\n")
    for said in (
        stored["data"]["fingerprint"],
        "Apache-2.0",
        "8 numbers, normal",
        '"gamma": 0.5',
        "averaged",
        "None yet",
    ):
        assert said in card
    (run / "evaluation.json").write_text(json.dumps({"step": 6, "measures": {"fd_probe": {"value": 12.3456}}}))
    export.main([f"--workdir={run}", f"--out={tmp_path}/w.safetensors"])
    assert "| fd_probe | 12.35 |" in (tmp_path / "w.safetensors.md").read_text()
    (run / "evaluation.json").write_text("{")
    export.main([f"--workdir={run}", f"--out={tmp_path}/w.safetensors"])
    assert "None yet" in (tmp_path / "w.safetensors.md").read_text()
    (run / "evaluation.json").unlink()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "x.safetensors: there is no such file"),
        (b"nothing", "x.safetensors is damaged"),
        ({"generator.params.Conv_0.kernel": np.zeros(3)}, "was not written by jaxgan.export"),
    ],
)
def test_a_file_from_which_no_run_can_start(content, said, tmp_path):
    path = tmp_path / "x.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        save_file(content, path)
    with pytest.raises(UserError, match=said):
        train(load("began", init_from=str(path)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--out=g.pb", "g.pb: name a file that ends in .stablehlo, .onnx, .safetensors, .html"),
        ("--out=g.onnx --runtime=a", "--runtime is for a page"),
        ("--out=g.onnx", "/nowhere is no run directory"),
    ],
)
def test_mistakes(flags, said):
    with pytest.raises(UserError, match=said):
        export.main(["--workdir=/nowhere", *flags.split()])


def test_what_draws_no_samples_is_not_exported(tmp_path):
    train(load("sdpc", steps=1), tmp_path / "run")
    with pytest.raises(UserError, match="draws no samples"):
        export.main([f"--workdir={tmp_path}/run", f"--out={tmp_path}/g.stablehlo"])


def test_onnx_says_what_it_needs(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    with pytest.raises(UserError, match=r"ONNX needs more packages .*pip install -e '.\[onnx\]'"):
        export.main([f"--workdir={run}", f"--out={tmp_path}/g.onnx"])


class Converter:
    """Takes the place of jax2onnx and ONNX Runtime, which need packages of their own; so the checks are seen alone."""

    def __init__(self, monkeypatch, wrong=0.0, fails=None):
        self.wrong, self.fails = wrong, fails
        monkeypatch.setitem(sys.modules, "jax2onnx", SimpleNamespace(to_onnx=self.convert))
        monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=lambda content: self))

    def convert(self, draw, inputs, input_names, **_):
        if self.fails:
            raise self.fails
        assert len(inputs) == len(input_names)
        self.draw, self.names = draw, input_names
        return SimpleNamespace(SerializeToString=lambda: b"model")

    def get_inputs(self):
        return [SimpleNamespace(name=name) for name in self.names]

    def run(self, outputs, given):
        return [np.asarray(self.draw(*given.values())) + self.wrong]


def test_a_model_is_kept_only_if_it_draws_the_same(run, tmp_path, monkeypatch):
    out = tmp_path / "g.onnx"
    Converter(monkeypatch)
    export.main([f"--workdir={run}", f"--out={out}"])
    assert out.read_bytes() == b"model"
    out.unlink()
    for converter, said in (
        ({"wrong": 1e-3}, "jax2onnx's model draws other images"),
        ({"wrong": np.nan}, "jax2onnx's model draws other images"),
        ({"fails": TypeError("no such\nthing")}, r"jax2onnx does not convert this generator \(no such\)"),
    ):
        Converter(monkeypatch, **converter)
        with pytest.raises(UserError, match=said):
            export.main([f"--workdir={run}", f"--out={out}"])
        assert not out.exists()


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """A folder with files in the place of ONNX Runtime Web's."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in page.FILES:
        (folder / name).write_bytes(name.encode())
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in page.FILES}
    monkeypatch.setattr(page, "FILES", digests)
    return folder


def test_a_page_holds_all_that_it_needs(told, runtime, tmp_path, monkeypatch):
    Converter(monkeypatch)
    export.main([f"--workdir={told}", f"--out={tmp_path}/g.html", f"--runtime={runtime}"])
    html = (tmp_path / "g.html").read_text()
    unpack = lambda name: gzip.decompress(base64.b64decode(re.search(f'id="{name}">([^<]*)<', html)[1]))
    assert [unpack(name) for name in ("library", "binary", "model")] == [*map(str.encode, page.FILES), b"model"]
    assert not re.search(r"""(src|href)=|https?://""", html.replace("link.href", ""))
    assert html.count("<script") == html.count("</script>") == 5
    about = json.loads(re.search('id="about">(.*)</script>', html)[1])
    assert about["names"][3] == "</script><b>"
    assert np.shape(about["directions"]) == (8, 8)
    assert np.shape(about["expected"]) == (4, 32 * 32 * 3)
    if shutil.which("node"):  # the script is one
        (tmp_path / "page.mjs").write_text(re.search('<script type="module">(.*)</script>', html, re.DOTALL)[1])
        subprocess.run(["node", "--check", f"{tmp_path}/page.mjs"], check=True)


def test_the_runtime_is_that_version_and_is_fetched_once(runtime, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path / "cache"))
    asked = []

    def fetch(address, timeout):
        asked.append(address)
        name = address.rpartition("/")[2]
        return SimpleNamespace(content=name.encode(), raise_for_status=lambda: None)

    monkeypatch.setattr(page.requests, "get", fetch)
    for _ in range(2):
        assert list(page.runtime(None).values()) == [*map(str.encode, page.FILES)]
    assert asked == [f"{page.SOURCE}/{name}" for name in page.FILES]

    kept = next((tmp_path / "cache").rglob("*.mjs"))
    kept.write_bytes(b"damaged")
    assert list(page.runtime(None).values()) == [*map(str.encode, page.FILES)]
    assert kept.read_bytes() == kept.name.encode()
    next(runtime.iterdir()).write_bytes(b"another")
    with pytest.raises(UserError, match="is not that of onnxruntime-web"):
        page.runtime(runtime)
    with pytest.raises(UserError, match="there is no such file; --runtime names the folder dist"):
        page.runtime(tmp_path)

    def refuse(address, timeout):
        raise page.requests.ConnectionError

    monkeypatch.setattr(page.requests, "get", refuse)
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path / "empty"))
    with pytest.raises(UserError, match=r"cannot be fetched \(ConnectionError\): give --runtime=DIR"):
        page.runtime(None)
