"""What `sample` draws of latents, from the command to the files."""

import numpy as np
import pytest
from PIL import Image
from support import load

from jaxgan import images, sample
from jaxgan.errors import UserError
from jaxgan.examining.real import prepared_images
from jaxgan.latent import directions, inversion
from jaxgan.train import train


@pytest.fixture(scope="module", autouse=True)
def few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inversion, "CANDIDATES", 64)
        patch.setattr(inversion, "STEPS", 5)
        patch.setattr(directions, "SAMPLES", 300)
        yield


@pytest.fixture(scope="module", params=["began", "biggan"])
def run(request, tmp_path_factory):
    """One that is told no classes, and one that is."""
    workdir = tmp_path_factory.mktemp("runs") / request.param
    train(load(request.param, steps=1), workdir)
    return request.param, workdir


def drawn(workdir, tmp_path, *flags):
    sample.main([f"--workdir={workdir}", *flags, f"--out={tmp_path}/a.png", f"--npz={tmp_path}/a.npz"])
    return np.asarray(Image.open(tmp_path / "a.png")), dict(np.load(tmp_path / "a.npz"))


def test_given_images_are_searched_for(run, tmp_path, capsys):
    name, workdir = run
    images.save_png(tmp_path / "me.png", prepared_images(workdir)[0].held_out.image[0])
    _, arrays = drawn(workdir, tmp_path, f"--invert={tmp_path}/me.png")
    assert arrays["images"].shape == (1, 32, 32, 3)
    assert arrays["latent"].shape == (1, 8)
    assert ("label" in arrays) == (name == "biggan")
    lines = capsys.readouterr().out.splitlines()
    title = next(number for number, line in enumerate(lines) if line.split() == ["pixels", "features"])
    assert [line.split()[:2] for line in lines[title + 1 : title + 3]] == [["given", "1"], ["held", "out"]]


def test_directions_have_rows(run, tmp_path):
    _, workdir = run
    picture, arrays = drawn(workdir, tmp_path, "--directions=2", "--num=3")
    assert arrays["images"].shape == (2 * 3 * 9, 32, 32, 3)
    assert arrays["directions"].shape == (2, 8)
    assert picture.shape[0] >= 6 * 64


def test_no_directions_are_none(run):
    for count in (0, 9):
        with pytest.raises(UserError, match=f"--directions={count}: latents of 8 dimensions have 1 to 8"):
            sample.main([f"--workdir={run[1]}", f"--directions={count}"])


def test_poses_are_moved_towards(run, tmp_path, monkeypatch):
    _, workdir = run
    monkeypatch.setattr("jaxgan.evaluation.pose.read", lambda shape, image: np.arange(4 * len(image)).reshape(-1, 4))
    _, arrays = drawn(workdir, tmp_path, "--towards=angle", "--num=2")
    assert arrays["images"].shape == (2 * 9, 32, 32, 3)


def test_classes_are_moved_towards_where_g_is_not_told_them(run, tmp_path, monkeypatch):
    name, workdir = run
    half = lambda self, image: (None, np.arange(len(image))[:, None] % 2 * np.ones(10))
    monkeypatch.setattr("jaxgan.evaluation.probe.Probe.embed", half)
    if name == "biggan":
        with pytest.raises(UserError, match="--towards=bruno: G is told the classes; draw it with --label"):
            drawn(workdir, tmp_path, "--towards=bruno")
    else:
        assert drawn(workdir, tmp_path, "--towards=bruno")[1]["images"].shape == (8 * 9, 32, 32, 3)
        with pytest.raises(
            UserError, match="--towards=homer: samples show no such thing: there are pip, .*, rex, angle, dx"
        ):
            drawn(workdir, tmp_path, "--towards=homer")
    _, arrays = drawn(workdir, tmp_path, "--mean-of=bruno", "--num=5")
    assert arrays["images"].shape == (5, 32, 32, 3)
    monkeypatch.setattr("jaxgan.evaluation.probe.Probe.embed", lambda self, image: (None, np.zeros((len(image), 10))))
    with pytest.raises(UserError, match="--mean-of=bruno: only 0 of 300 samples show it"):
        drawn(workdir, tmp_path, "--mean-of=bruno")


def test_styles_are_mixed_where_a_latent_has_layers(run, tmp_path):
    name, workdir = run
    if name == "began":
        with pytest.raises(UserError, match="--style-mix: the run's generator takes its latent in one layer"):
            drawn(workdir, tmp_path, "--style-mix")
    else:
        assert drawn(workdir, tmp_path, "--style-mix", "--num=3")[1]["images"].shape == (3 + 3 * 4, 32, 32, 3)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--invert=a.png --interpolate", "--invert draws a picture of its own: leave out --interpolate"),
        ("--directions --grid=history", "--directions draws a picture of its own: leave out --grid"),
        ("--style-mix --mean-of=a", "--mean-of draws a picture of its own: leave out --style-mix"),
        ("--towards=a --label=b", "--label is for samples and walks"),
        ("--invert=a.png --num=3", "--invert searches for all that is there: leave out --num"),
        ("--towards=", "--towards=: name a class"),
        ("--invert=", "--invert: name a path"),
        ("--directions --out=a.gif", "a.gif: name a file that ends in .png$"),
    ],
)
def test_one_picture_at_a_time(flags, said):
    with pytest.raises(UserError, match=said):
        sample.main(["--workdir=/nowhere", *flags.split()])
