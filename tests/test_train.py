import json
import os
import re
import shutil

import jax
import numpy as np
import pytest
from PIL import Image
from support import CONFIGS, ROOT, TIMES, assert_same, events, load, rows_without_times, run

from jaxgan import config as config_lib
from jaxgan import drawing, parallel, sample
from jaxgan.checkpoint import saved_steps
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory
from jaxgan.train import blocks, train


@pytest.fixture(scope="module", params=CONFIGS)
def trained(request, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / request.param
    return workdir, train(load(request.param), workdir)


def test_every_config_trains_samples_and_restores(trained):
    workdir, state = trained
    run = RunDirectory(workdir)
    config, data = run.stored()["config"], run.stored()["data"]
    assert config["steps"] == 6
    assert (data["name"], data["size"], len(data["names"])) == ("toons", 64, 10)
    rows = run.metrics.read()
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert [row["epoch"] for row in rows] == [config.get("d_steps", 1) * share for share in (0.25, 0.5, 0.75)]
    assert np.all(np.diff([row["seconds"] for row in rows]) > 0)
    assert all(np.isfinite(list(row.values())).all() and row["images_per_second"] > 0 for row in rows)
    assert events(workdir) == ["start", "end"]
    assert [path.name for path in sorted((workdir / "samples").iterdir())] == ["000000.png", "000003.png", "000006.png"]
    assert sorted(int(path.name) for path in run.checkpoints.iterdir()) == [2, 4, 6]

    algorithm, restored, step = sample.load(workdir)
    assert step == 6
    assert_same(restored, state)
    if not algorithm.generate:
        with pytest.raises(UserError, match="draws no samples"):
            drawing.sample(algorithm, restored, 70, seed=1)
        return
    images = drawing.sample(algorithm, restored, 70, seed=1)
    assert images.shape == (70, 32, 32, 3)
    np.testing.assert_array_equal(images[:5], drawing.sample(algorithm, restored, 5, seed=1))
    assert not np.array_equal(images[:5], drawing.sample(algorithm, restored, 5, seed=2))


def test_the_metrics_are_those_of_the_contract(trained):
    workdir, _ = trained
    adversarial = {"loss_g", "loss_d", "lr_g", "lr_d"}
    translated = adversarial | {"loss_adversarial", "loss_cycle"}
    balanced = adversarial | {"loss_real", "loss_fake", "k", "m"}
    layers = {f"{name}_{layer}" for name in ("error", "l1", "active", "dead", "iterations") for layer in (1, 2)}
    layers |= {"error", "scale_1", "converged"}
    scores = {"score_real", "score_fake"}
    own = dict.fromkeys(("began", "sabegan", "adcgan", "sdpc_began"), balanced) | {
        "dcgan": adversarial | scores,
        **dict.fromkeys(("biggan", "r3gan"), adversarial | {"critic_real", "critic_fake"}),
        "cyclegan": translated,
        "sdpc": layers,
        "sdpc_codes": layers | scores | {"loss_g", "loss_d", "active_fake"},
    }
    stored = RunDirectory(workdir).stored()["config"]
    optional = {"pull_away": "likeness", "identity": "loss_identity"}
    if stored["algorithm"] not in own:
        pytest.skip("one that is not the project's has metrics of its own")
    own = own[stored["algorithm"]] | {name for field, name in optional.items() if stored.get(field)}
    assert set(RunDirectory(workdir).metrics.read()[0]) == {"step", "epoch", *TIMES} | own


def test_real_images_stand_beside_the_first_grid(trained):
    workdir, _ = trained
    first, later = (Image.open(workdir / "samples" / name) for name in ("000000.png", "000006.png"))
    config = RunDirectory(workdir).stored()["config"]
    if config["algorithm"] in ("sdpc", "cyclegan"):  # held-out images are among what they show
        assert first.size == later.size
        return
    width, height = (count * (config["data"]["image_size"] + 2) - 2 for count in (config.get("num_classes") or 8, 8))
    assert later.size == (width, height)
    assert first.size == (2 * width + 16, height)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("unbroken") / "run"
    return workdir, train(load("began", steps=12, log_every=1), workdir)


def test_a_run_that_stopped_and_resumed_is_bit_identical(unbroken, tmp_path):
    """Stopped at step 7, of which only step 6 has a checkpoint; then steps are raised."""
    train(load("began", steps=7, log_every=1), tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "7")
    state = train(load("began", steps=12, log_every=1), tmp_path)
    assert_same(state, unbroken[1])
    assert rows_without_times(tmp_path) == rows_without_times(unbroken[0])
    assert events(tmp_path) == ["start", "end", "resume", "end"]
    assert (tmp_path / "samples/000012.png").read_bytes() == (unbroken[0] / "samples/000012.png").read_bytes()
    seconds = [row["seconds"] for row in RunDirectory(tmp_path).metrics.read()]
    assert np.all(np.diff(seconds) > 0)


def test_averages_alterations_and_spectral_vectors_go_on_as_they_were(monkeypatch, tmp_path):
    """Of BigGAN, whose state has an average of weights, ADA's controller and u; the last calls are repeated.

    At a target of -2 the probability of an alteration rises whatever D says.
    """
    monkeypatch.setitem(config_lib._RANGES, "ada_target", (-2, 1))
    fields = {"log_every": 1, "sample_every": 10, "checkpoint_every": 2, "ada_target": -2.0, "ada_images": 64}
    unbroken = train(load("biggan", steps=3, **fields), tmp_path / "unbroken")
    assert unbroken.altered == 3 * 2 * 8 / 64  # after 3 steps with 2 of D, each on 8 images, at ada_images=64
    train(load("biggan", steps=2, **fields), tmp_path / "resumed")
    assert_same(train(load("biggan", steps=3, **fields), tmp_path / "resumed"), unbroken)
    assert rows_without_times(tmp_path / "resumed") == rows_without_times(tmp_path / "unbroken")


def test_calls_end_where_something_is_due():
    assert list(blocks(0, 12, 4)) == [4, 4, 4]
    assert list(blocks(0, 10, 4)) == [4, 4, 1, 1]
    assert list(blocks(6, 13, 4)) == [1, 1, 4, 1]  # resumed in the middle of a block
    assert list(blocks(6, 7, 4)) == [1]
    assert list(blocks(3, 6, 1)) == [1, 1, 1]
    assert list(blocks(5, 5, 4)) == []


def test_a_run_resumed_in_the_middle_of_a_call_writes_the_same(monkeypatch, tmp_path):
    """On an accelerator a call makes several steps; from step 3 to 4, and to the last, they come one by one."""
    monkeypatch.setattr("jaxgan.parallel.steps_a_call", lambda config: 2)
    fields = {"width": 4, "log_every": 2, "sample_every": 4, "checkpoint_every": 2, "keep": 9}
    train(load("abegan", steps=7, **fields), tmp_path / "unbroken")
    train(load("abegan", steps=3, **fields), tmp_path / "resumed")
    train(load("abegan", steps=7, **fields), tmp_path / "resumed")
    unbroken, resumed = (rows_without_times(tmp_path / name) for name in ("unbroken", "resumed"))
    assert [row["step"] for row in unbroken] == [2, 4, 6, 7]
    assert [row["step"] for row in resumed] == [2, 3, 4, 6, 7]  # 3 was the last step once
    for ours, theirs in zip([row for row in resumed if row["step"] != 3], unbroken, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    for workdir, steps in ((tmp_path / "unbroken", [2, 4, 6, 7]), (tmp_path / "resumed", [2, 3, 4, 6, 7])):
        assert sorted(int(path.name) for path in (workdir / "checkpoints").iterdir()) == steps
        assert sample.load(workdir)[1].step == 7
        assert (workdir / "samples" / "000004.png").exists()


def test_fewer_images_than_a_batch_are_an_error_and_leave_nothing(tmp_path):
    with pytest.raises(UserError, match="toons has 5 images to train on, fewer than batch_size=8"):
        train(load("began", data__limit=5), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_both_sources_train_alike(unbroken, tmp_path):
    state = train(load("began", steps=12, log_every=1, data__source="tfdata"), tmp_path)
    assert_same(state, unbroken[1])


def test_a_checkpoint_is_not_disturbed_by_the_steps_that_follow_it(tmp_path):
    """It is written while later steps are given the donated buffers."""
    state = train(load("began", steps=4), tmp_path / "short")
    train(load("began", steps=12, keep=9), tmp_path / "long")
    assert_same(sample.load(tmp_path / "long", 4)[1], state)


def test_few_images_are_enough_to_try(tmp_path):
    train(load("began", steps=1, data__limit=20), tmp_path)
    assert (tmp_path / "samples" / "000001.png").exists()


def test_fewer_steps_than_there_are_change_nothing(unbroken, capsys):
    workdir, state = unbroken
    before = RunDirectory(workdir).events.path.read_text()
    assert_same(train(load("began", steps=7, log_every=1), workdir), state)
    said = capsys.readouterr().out
    assert "has 12 of 7 steps" in said
    assert said.strip().endswith("samples/000012.png")
    assert RunDirectory(workdir).events.path.read_text() == before
    train(load("began", steps=12, log_every=1), workdir)


def test_a_torn_event_does_not_spoil_the_next(tmp_path):
    train(load("began", steps=2), tmp_path)
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"event": "en')
    train(load("began", steps=4), tmp_path)
    assert events(tmp_path) == ["start", "end", "resume", "end"]


def test_grey_images_of_64_pixels_in_bfloat16(tmp_path):
    fields = {"data__image_size": 64, "data__channels": 1, "precision": "bfloat16", "steps": 2, "data__limit": 20}
    state = train(load("abegan", **fields), tmp_path)
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(state.generator.params))
    assert drawing.sample(*sample.load(tmp_path)[:2], num=2, seed=0).shape == (2, 64, 64, 1)


def test_training_from_arrays_needs_no_tensorflow(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=image)
    for name in ("tensorflow", "tensorflow_datasets", "clu"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('imported')")
    arguments = [f"--config={ROOT}/configs/began.py:tiny", "--config.steps=1", "--config.data.name=arrays"]
    path = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = run("main", *arguments, f"--config.data.dir={tmp_path}/a.npz", cwd=tmp_path, env=path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_finished_run_says_so(trained, capsys):
    workdir, state = trained
    assert_same(train(load(workdir.name), workdir), state)
    said = capsys.readouterr().out
    assert "has 6 of 6 steps" in said
    assert said.strip().endswith(f"samples: {workdir}/samples/000006.png")
    assert events(workdir) == ["start", "end"]


def test_a_run_that_was_killed_before_its_last_word_says_it(unbroken, tmp_path):
    shutil.copytree(unbroken[0], tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    run.events.keep(lambda row: row["event"] != "end")
    for _ in range(2):
        train(load("began", steps=12, log_every=1), tmp_path / "run")
        assert events(tmp_path / "run") == ["start", "end"]


def test_a_changed_config_is_refused_with_the_difference(unbroken):
    with pytest.raises(UserError, match=r"gamma: 0\.5 -> 0\.3"):
        train(load("began", steps=12, gamma=0.3), unbroken[0])
    with pytest.raises(UserError, match=r"data\.limit: 64 -> 65"):
        train(load("began", steps=12, data__limit=65), unbroken[0])


def test_other_images_are_refused(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8)
    for name, pixels in (("a", image), ("b", 255 - image)):
        np.savez(tmp_path / f"{name}.npz", image=pixels)
    fields = {"steps": 2, "data__name": "arrays"}
    train(load("began", data__dir=tmp_path / "a.npz", **fields), tmp_path / "run")
    (tmp_path / "a.npz").rename(tmp_path / "moved.npz")
    train(load("began", data__dir=tmp_path / "moved.npz", **fields), tmp_path / "run")
    with pytest.raises(UserError, match="images: "):
        train(load("began", data__dir=tmp_path / "b.npz", **fields), tmp_path / "run")


def test_some_checkpoints_stay(tmp_path):
    train(load("began", steps=6, checkpoint_every=1, keep=2, keep_every=3), tmp_path)
    assert sorted(int(path.name) for path in (tmp_path / "checkpoints").iterdir()) == [3, 5, 6]


def test_a_checkpoint_that_a_kill_half_deletes_is_none_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxgan.checkpoint.shutil.rmtree", lambda *_, **__: None)  # as if killed before
    train(load("began", steps=2, checkpoint_every=1, keep=1), tmp_path)
    assert saved_steps(tmp_path / "checkpoints") == [2]
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"2", ".deleted"}
    monkeypatch.undo()
    train(load("began", steps=3, keep=1), tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["3"]


def test_what_need_not_be_kept_goes_when_a_complete_run_is_run_again(tmp_path):
    train(load("began", steps=2, checkpoint_every=1, keep=2), tmp_path)  # as if killed before it went
    assert saved_steps(tmp_path / "checkpoints") == [1, 2]
    train(load("began", steps=2, checkpoint_every=1, keep=1), tmp_path)
    assert saved_steps(tmp_path / "checkpoints") == [2]


def test_main_names_the_grid_and_sample_needs_only_the_run(tmp_path):
    done = run("main", f"--config={ROOT}/configs/abegan.py:tiny", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().splitlines()[-1] == "samples: runs/abegan-tiny-toons/samples/000006.png"
    arguments = ["--workdir=runs/abegan-tiny-toons", "--num=5", "--seed=3", "--step=4", "--npz=a.npz", "--out=b.png"]
    done = run("sample", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrote b.png\nwrote a.npz\n", "")
    assert np.load(tmp_path / "a.npz")["images"].shape == (5, 32, 32, 3)
    assert Image.open(tmp_path / "b.png").size == (3 * 34 - 2, 2 * 34 - 2)
    assert json.loads((tmp_path / "runs/abegan-tiny-toons/config.json").read_text())["config"]["asymmetric"]


def test_it_says_what_to_expect(tmp_path, capsys):
    train(load("began", steps=1), tmp_path)
    said = capsys.readouterr().out
    match = re.search(r"parameters: generator ([\d,]+), discriminator ([\d,]+); a step takes ([\d,]+) MiB", said)
    _, state, _ = sample.load(tmp_path)
    sizes = [sum(leaf.size for leaf in jax.tree.leaves(n.params)) for n in (state.generator, state.discriminator)]
    assert [int(size.replace(",", "")) for size in match.groups()[:2]] == sizes
    assert 0 < int(match[3]) < 1000


def test_too_little_memory_is_said_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "device_memory", lambda: 2**20)
    fields = {"data.source": "tfdata"}  # as a device that small has no room for the images either
    with pytest.raises(
        UserError, match=r"a step takes .* GiB of memory, .*: lower batch_size, data.image_size or the width"
    ):
        train(load("began", **fields), tmp_path)
    assert not RunDirectory(tmp_path).metrics.read()


def test_memory_that_runs_out_is_said(tmp_path, monkeypatch):
    full = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")
    with monkeypatch.context() as patch, pytest.raises(UserError, match="memory of .* is full: lower batch_size"):
        patch.setattr(parallel, "jit_init", lambda *_: (_ for _ in ()).throw(full))  # before the first step, too
        train(load("began"), tmp_path)
    with pytest.raises(UserError, match="memory of .* is full: lower batch_size"), parallel.full_memory_as_user_error():
        raise full
    with pytest.raises(jax.errors.JaxRuntimeError), parallel.full_memory_as_user_error():
        raise jax.errors.JaxRuntimeError("INTERNAL: another")
