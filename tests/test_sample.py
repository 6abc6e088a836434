import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from support import load

from jaxgan import drawing, images, restoring, sample
from jaxgan.checkpoint import Checkpoints
from jaxgan.errors import UserError
from jaxgan.train import train


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "run"
    train(load("began", keep=1, keep_every=2), workdir)
    return workdir


def test_a_walk_begins_at_the_samples_and_comes_back(workdir):
    algorithm, state, _ = sample.load(workdir)
    walked = drawing.walk(algorithm, state, num=3, seed=1, points=3, frames=21)
    assert (walked.dtype, walked.shape[:4]) == (np.uint8, (21, 3, 32, 32))
    np.testing.assert_array_equal(walked[0], drawing.sample(algorithm, state, 3, seed=1))
    second = drawing.generate(algorithm, state, drawing.Asked(drawing.latents(algorithm, 3, seed=1, point=1), None))
    np.testing.assert_array_equal(walked[7], second)
    closed = np.concatenate([walked, walked[:1]]).astype(int)
    steps = np.abs(np.diff(closed, axis=0)).mean(axis=(1, 2, 3, 4))
    assert 0 < steps[-1] < 2 * np.median(steps)
    assert not np.array_equal(walked, drawing.walk(algorithm, state, 3, 1, 3, 21, "linear"))


def test_a_state_with_other_arrays_is_a_line(workdir):
    run = restoring.open_run(workdir)
    averaged = run.state.replace(generator=run.state.generator.replace(ema=run.state.generator.params))
    for later in (averaged, {"state": run.state, "more": run.state.k}):
        with run.reader() as checkpoints, pytest.raises(UserError, match="a version of jaxgan whose state had other"):
            checkpoints.restore(later)


def test_a_latent_depends_on_its_seed_point_and_number_alone(workdir):
    algorithm, _, _ = sample.load(workdir)
    for point in (0, 1):
        few, many = (drawing.latents(algorithm, num, seed=1, point=point) for num in (3, 70))
        np.testing.assert_array_equal(few, many[:3])
        assert len(np.unique(many, axis=0)) == 70
    drawn = [drawing.latents(algorithm, 3, seed, point) for seed in range(3) for point in range(3)]
    assert len(np.unique(np.concatenate(drawn), axis=0)) == 27


def test_truncated_latents_are_those_within_and_others_drawn_anew(workdir):
    algorithm, _, _ = sample.load(workdir)
    whole, truncated = (drawing.latents(algorithm, 70, seed=1, truncation=t) for t in (None, 0.5))
    inside = np.abs(whole) <= 0.5
    np.testing.assert_array_equal(truncated[inside], whole[inside])
    assert np.abs(truncated).max() <= 0.5 < np.abs(whole).max()
    # N(0, 1) cut at 0.5 is nearly uniform: its deviation is that of U[-0.5, 0.5], 0.289, less 2 %.
    assert truncated.std() == pytest.approx(0.283, abs=0.01)
    np.testing.assert_array_equal(truncated[:3], drawing.latents(algorithm, 3, seed=1, truncation=0.5))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--label=bart"], "--label=bart: there are "),
        (["--label=0"], "was not told the classes"),
        (["--truncation=0"], "--truncation=0.0: it is 0.05 or more"),
        (["--truncation=nan"], "--truncation=nan: it is 0.05 or more"),
        (["--seed=-1"], "--seed=-1: it is a number from 0 and below 4294967296"),
        (["--seed=100000000000000000000"], "it is a number from 0 and below 4294967296"),
        (["--truncation=1", "--interpolate=slerp"], "--truncation is for single samples"),
        (["--truncation=1", "--atom=1"], "--truncation is for single samples"),
        (["--label=0", "--grid=history"], "--label is for samples and walks"),
    ],
)
def test_what_cannot_be_drawn_is_a_line(workdir, flags, said):
    with pytest.raises(UserError, match=said):
        sample.main([f"--workdir={workdir}", *flags])


def test_generating_compiles_once(workdir):
    algorithm, state, _ = sample.load(workdir)
    shapes = []

    def generate(state, latent, label):
        shapes.append(latent.shape)
        return algorithm.generate(state, latent, label)

    counted = algorithm._replace(generate=generate)
    drawing.walk(counted, state, num=9, seed=0, frames=10)
    drawing.sample(counted, state, num=65, seed=0)
    assert shapes == [(drawing.BATCH, 8)]


def test_pictures_of_other_things_have_other_names(workdir, capsys):
    for flags in ([], ["--truncation=0.5"], ["--truncation=0.75", "--seed=2"]):
        sample.main([f"--workdir={workdir}", "--num=1", *flags])
    names = [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()]
    assert names == ["000006-seed0.png", "000006-seed0-truncation0.5.png", "000006-seed2-truncation0.75.png"]


def test_a_walk_as_gif_as_rows_and_as_array(workdir, tmp_path, capsys):
    flags = [f"--workdir={workdir}", "--interpolate=slerp", "--num=3", "--seed=1", "--points=2", "--frames=8"]
    sample.main([*flags, f"--npz={tmp_path}/walk.npz"])
    assert f"wrote {workdir}/samples/000006-seed1-walk.gif" in capsys.readouterr().out
    walked = drawing.walk(*sample.load(workdir)[:2], num=3, seed=1, points=2, frames=8)
    np.testing.assert_array_equal(np.load(tmp_path / "walk.npz")["images"], walked.reshape(24, *walked.shape[2:]))
    with Image.open(workdir / "samples" / "000006-seed1-walk.gif") as gif:
        assert (gif.n_frames, gif.info["loop"], gif.info["duration"]) == (8, 0, 60)
        assert gif.size == (4 * 66, 4 * 66)  # two by two with gaps of two pixels, four times as large

    sample.main([*flags, f"--out={tmp_path}/walk.png"])
    row, first = 2 * 34, np.asarray(Image.open(tmp_path / "walk.png"))[: 2 * 32]
    np.testing.assert_array_equal(first[:, : 2 * 32], images.enlarge(walked[0, 0], 64))
    np.testing.assert_array_equal(first[:, row : row + 2 * 32], images.enlarge(walked[1, 0], 64))


def test_history_draws_what_sample_draws_at_each_step(workdir, tmp_path, capsys):
    sample.main([f"--workdir={workdir}", "--grid=history", "--num=5", "--seed=1", f"--npz={tmp_path}/history.npz"])
    assert capsys.readouterr().out == f"wrote {workdir}/samples/history-seed1.png\nwrote {tmp_path}/history.npz\n"
    stored = np.load(tmp_path / "history.npz")
    assert stored["steps"].tolist() == [2, 4, 6]
    picture = np.asarray(Image.open(workdir / "samples" / "history-seed1.png"))
    for row, step in enumerate((2, 4, 6)):
        algorithm, state, _ = sample.load(workdir, step)
        drawn = drawing.sample(algorithm, state, 5, seed=1)
        np.testing.assert_array_equal(stored["images"][5 * row : 5 * row + 5], drawn)
        grid = images.enlarge(images.grid(drawn, 5), 512)
        top = row * 4 * 34  # 168 pixels are enlarged four times
        np.testing.assert_array_equal(picture[top : top + 4 * 32, -grid.shape[1] :], grid)


def test_history_as_gif_holds_its_last_frame(workdir, tmp_path):
    sample.main([f"--workdir={workdir}", "--grid=history", "--num=4", f"--out={tmp_path}/history.gif"])
    with Image.open(tmp_path / "history.gif") as gif:
        durations = [(gif.seek(index), gif.info["duration"])[1] for index in range(gif.n_frames)]
    assert durations == [400, 400, 2000]


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("sparse") / "run"
    train(load("sdpc_shared", steps=2), workdir)
    return workdir


def test_one_coefficient_moves_where_the_image_has_most_of_its_atom(sparse):
    algorithm, state, _ = sample.load(sparse)
    codes = np.array(algorithm.codes(state, drawing.latents(algorithm, 5, seed=1)))
    assert codes.shape == (5, 7, 7, 6)
    atom = int(np.argmax((codes > 0).sum((0, 1, 2))))
    moved = drawing.move_atom(algorithm, state, atom, 5, 1, np.linspace(0, 1, 4))
    assert (moved.dtype, moved.shape) == (np.uint8, (4, 5, 32, 32, 3))
    most = codes.max()
    for image, code in enumerate(codes):
        row, column = np.unravel_index(code[..., atom].argmax(), (7, 7))
        changed = np.ptp(moved[:, image].astype(int), axis=0).any(-1)
        assert changed[4 * row : 4 * row + 8, 4 * column : 4 * column + 8].any()  # atoms of 8x8 with stride 4
        changed[4 * row : 4 * row + 8, 4 * column : 4 * column + 8] = False
        assert not changed.any()
        code[row, column, atom] = most
    np.testing.assert_array_equal(moved[-1], images.to_uint8(algorithm.render(state, codes)))
    without = jnp.asarray(codes).at[..., atom].set(0)
    none = algorithm._replace(codes=lambda state, latent: without)
    moved = drawing.move_atom(none, state, atom, 5, 1, np.linspace(0, 1, 4)).astype(int)
    assert np.ptp(moved, axis=0)[:, 12:20, 12:20].any()  # in the centre


def test_a_coefficients_walk_as_rows_and_as_gif(sparse, tmp_path, capsys):
    sample.main([f"--workdir={sparse}", "--atom=2", "--num=3", "--seed=1"])
    assert capsys.readouterr().out == f"wrote {sparse}/samples/000002-seed1-atom2.png\n"
    picture = Image.open(sparse / "samples" / "000002-seed1-atom2.png")
    assert picture.size == (2 * (12 * 34 - 2), 2 * (3 * 34 - 2))
    sample.main([f"--workdir={sparse}", "--atom=2", "--num=3", "--frames=6", f"--out={tmp_path}/atom.gif"])
    with Image.open(tmp_path / "atom.gif") as gif:
        assert gif.n_frames == 6


def test_layers_of_what_generates_are_shown_on_demand(sparse, workdir, capsys):
    sample.main([f"--workdir={sparse}", "--grid=layers", "--num=3"])
    assert capsys.readouterr().out == f"wrote {sparse}/samples/000002-seed0-layers.png\n"
    for flag, said in (("--atom=6", "--atom=6: there are atoms 0 to 5"), ("--atom=-1", "--atom=-1: there are")):
        with pytest.raises(UserError, match=said):
            sample.main([f"--workdir={sparse}", flag])
    for flag, said in (("--atom=0", "does not draw by way of sparse codes"), ("--grid=layers", "has no sparse layers")):
        with pytest.raises(UserError, match=said):
            sample.main([f"--workdir={workdir}", flag])


@pytest.mark.parametrize("kind", ["--interpolate=slerp", "--interpolate=linear", "--grid=history", "--grid=samples"])
def test_grey_images_stay_grey(workdir, tmp_path, monkeypatch, kind):
    generate = drawing.generate
    monkeypatch.setattr(drawing, "generate", lambda *args: generate(*args)[..., :1])
    for suffix in (".png",) if kind == "--grid=samples" else (".png", ".gif"):
        out = tmp_path / f"grey{suffix}"
        sample.main([f"--workdir={workdir}", kind, "--num=2", f"--out={out}"])
        red, green, blue = Image.open(out).convert("RGB").split()
        assert red == green == blue


def test_history_of_one_checkpoint_names_keep_every(workdir, tmp_path, capsys):
    copy = tmp_path / "run"
    shutil.copytree(workdir, copy)
    for step in (2, 4):
        shutil.rmtree(copy / "checkpoints" / str(step))
    sample.main([f"--workdir={copy}", "--grid=history", f"--out={tmp_path}/history.gif"])
    assert capsys.readouterr().out == (
        "only checkpoint 6 is left; --config.keep_every=N in training keeps one every N steps\n"
        f"wrote {tmp_path}/history.gif\n"
    )
    shutil.rmtree(copy / "checkpoints" / "6")
    with pytest.raises(UserError, match="no checkpoint in"):
        drawing.history(copy, 1, 0)


@pytest.mark.parametrize("draw", [sample.load, lambda workdir: drawing.history(workdir, 1, 0)])
def test_checkpoints_that_training_replaces_are_listed_again(workdir, tmp_path, monkeypatch, draw):
    shutil.copytree(workdir, tmp_path / "run")
    checkpoints = tmp_path / "run" / "checkpoints"
    shutil.move(checkpoints / "6", tmp_path / "later")
    steps, listings = Checkpoints.steps, []

    def steps_then_replace(self):
        listed = steps(self)
        if not listings:
            shutil.rmtree(checkpoints / "2")
            shutil.rmtree(checkpoints / "4")
            shutil.move(tmp_path / "later", checkpoints / "6")
        listings.append(listed)
        return listed

    monkeypatch.setattr(Checkpoints, "steps", steps_then_replace)
    drawn = draw(tmp_path / "run")
    assert drawn[2] == 6 if draw is sample.load else drawn[0] == [6]
    assert listings[0] == [2, 4] and listings[-1] == [6]


def test_history_leaves_out_what_training_deletes_meanwhile(workdir, tmp_path, monkeypatch):
    copy = tmp_path / "run"
    shutil.copytree(workdir, copy)
    steps = Checkpoints.steps

    def steps_then_delete(self):
        listed = steps(self)
        shutil.rmtree(copy / "checkpoints" / "4", ignore_errors=True)
        return listed

    monkeypatch.setattr(Checkpoints, "steps", steps_then_delete)
    assert drawing.history(copy, 1, 0)[0] == [2, 6]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--num=0", "--num=0: it is 1 or more"),
        ("--interpolate=slerp --frames=0", "--frames=0: it is 1 or more"),
        ("--interpolate=slerp --points=1", "--points=1: it is 2 or more"),
        ("--frames=10", "--frames is for a walk: add --interpolate=slerp or --atom=N, or leave it out"),
        ("--grid=layers --interpolate=slerp", "draws held-out images and no latents: leave out --interpolate"),
        ("--grid=layers --out=a.gif", "a.gif: name a file that ends in .png"),
        ("--grid=history --points=3", "--points is for a walk"),
        ("--interpolate=cubic", "--interpolate: invalid choice: 'cubic'"),
        ("--grid=past", "--grid: invalid choice: 'past'"),
        ("--grid=history --interpolate=slerp", "with every checkpoint: leave out --interpolate"),
        ("--atom=3 --interpolate=slerp", "--atom moves a coefficient and no latents: leave out --interpolate"),
        ("--atom=3 --points=3", "--points is for a walk"),
        ("--atom=3 --out=a.jpg", "a.jpg: name a file that ends in .png, .gif or .mp4"),
        ("--grid=history --step=0", "with every checkpoint: leave out --step"),
        ("--out=a.gif", "a.gif: name a file that ends in .png, or add --interpolate=slerp for a .gif or .mp4"),
        ("--interpolate=slerp --out=a.avi", "a.avi: name a file that ends in .png, .gif or .mp4"),
        ("--grid=history --out=a.jpg", "a.jpg: name a file that ends in .png, .gif or .mp4"),
        ("--grid=history --npz=a.png", "a.png: name a file that ends in .npz"),
        ("--interpolate=slerp --out=a.mp4", "a.mp4: an .mp4 needs ffmpeg, which is not on the PATH"),
    ],
)
def test_mistakes_are_found_before_anything_is_loaded(flags, said, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as raised:
        sample.main(["--workdir=/nowhere", *flags.split()])
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
