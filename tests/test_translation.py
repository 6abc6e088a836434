import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image
from support import ROOT, load

from jaxgan import evaluate, images, prepare, sample, translation
from jaxgan.checkpoint import saved_steps
from jaxgan.errors import UserError
from jaxgan.evaluation import OF_TRANSLATIONS, pose
from jaxgan.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("translated") / "run"
    limits = {"data__a__limit": 150, "data__b__limit": 150}  # leave enough held-out images
    train(load("sketch2toon", monitor__every=3, monitor__num=100, monitor__warmup=3, **limits), workdir)
    return workdir


def photo(path, size, color=(200, 30, 60)):
    Image.new("RGB", size, color).save(path)
    return path


def test_a_photo_of_any_size_is_translated(run, tmp_path, capsys):
    path = photo(tmp_path / "me.jpg", (60, 90))
    sample.main([f"--workdir={run}", f"--input={path}", f"--npz={tmp_path}/out.npz"])
    said = capsys.readouterr().out
    assert "me.jpg: of 60x90 pixels the centre square is taken" in said
    assert f"wrote {run}/samples/000006-ab-me.png" in said
    algorithm, state, _ = sample.load(run)
    given = translation.read_photos(path, (32, 32, 3), "crop")
    there = translation.translate(algorithm, state, given, "ab")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["images"], images.to_uint8(there))
    np.testing.assert_allclose(there, algorithm.translate(state, images.to_float(given), "ab"), atol=1e-4)


def test_many_that_are_not_square_are_one_line(tmp_path, capsys):
    for number in range(3):
        photo(tmp_path / f"{number}.png", (32, 40))
    assert translation.read_photos(tmp_path, (32, 32, 3), "crop").shape == (3, 32, 32, 3)
    assert "of 3 images that are not square the centre is taken" in capsys.readouterr().out


def test_a_file_that_no_memory_holds_is_not_read(tmp_path):
    with (tmp_path / "me.png").open("wb") as file:
        file.truncate(2**40)  # and takes no room
    said = r"me.png is not a readable image \(1,099,511,627,776 bytes are more than 536,870,912\); give another"
    with pytest.raises(UserError, match=said):
        translation.read_photos(tmp_path / "me.png", (32, 32, 3), "crop")


def test_a_folder_is_translated_the_other_way(run, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        photo(folder / f"{number}.png", (32, 32), (80 * number, 10, 10))
    sample.main([f"--workdir={run}", f"--input={folder}", "--direction=ba", f"--npz={tmp_path}/out.npz"])
    algorithm, state, _ = sample.load(run)
    expected = translation.translate(algorithm, state, translation.read_photos(folder, (32, 32, 3), "crop"), "ba")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["images"], images.to_uint8(expected))
    assert Image.open(run / "samples" / "000006-ba-photos.png").height > 3 * 32


def test_a_run_that_does_not_say_what_it_translates_is_damaged(run, tmp_path):
    stored = json.loads((run / "config.json").read_text())
    del stored["data"]["origin"]
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text(json.dumps(stored))
    with pytest.raises(UserError, match="config.json is damaged: it does not say what is translated"):
        evaluate.main([f"--workdir={tmp_path}/run"])


def test_inception_judges_no_translations(run):
    with pytest.raises(UserError, match="leave out --inception"):
        evaluate.main([f"--workdir={run}", "--inception"])


def test_without_input_held_out_images_are_shown(run, capsys):
    sample.main([f"--workdir={run}", "--num=4"])
    assert "000006-seed0.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--input={tmp}/none.jpg"], "none.jpg: there is no such file or folder"),
        (["--input={tmp}/broken.jpg"], "broken.jpg is not a readable image"),
        (["--input={tmp}/empty"], "holds no image"),
        (["--input={tmp}/bad"], "none of its files is a readable image"),
        (["--direction=ba"], "--direction is for images that are translated: add --input=FILE"),
        (["--input={tmp}/broken.jpg", "--direction=up"], "invalid choice: 'up'"),
        (["--input={tmp}/broken.jpg", "--num=3"], "--input translates all that is there"),
        (["--interpolate=slerp"], "draws no samples"),
        (["--grid=layers"], "has no sparse layers"),
    ],
)
def test_mistakes_are_a_line(run, tmp_path, flags, said):
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=said):
        sample.main([f"--workdir={run}", *(flag.format(tmp=tmp_path) for flag in flags)])


def test_what_cannot_translate_says_so(tmp_path):
    train(load("began"), tmp_path / "run")
    with pytest.raises(UserError, match="--input: the run's algorithm translates no images"):
        sample.main([f"--workdir={tmp_path}/run", f"--input={photo(tmp_path / 'me.png', (32, 32))}"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"data__a__name": "folder"}, "data.a.name=folder needs data.a.dir=FOLDER"),
        ({"data__a__name": "sketch"}, "no data set 'sketch': data.a.name is one of"),
        ({"data__b__name": "folder", "data__b__dir": "/nowhere"}, "point data.b.dir at the data set's archive"),
        ({"data__b__limit": 4}, "fewer than batch_size=8"),
        ({"data__paired": True}, "data.paired: the images of sketches and toons are no partners"),
        ({"data__b__name": "colourings", "data__paired": True, "data__a__limit": 60}, "colourings are no partners"),
        ({"steps": 34}, "34 steps: the learning rates have fallen to 0 by step 33"),
        ({"data__a__name": "folder", "data__a__dir": "{tmp}"}, "holds no image"),
        (
            {"data__a__name": "arrays", "data__a__dir": "{tmp}/few.npz", "monitor__every": 3},
            "arrays has 4 held-out images",
        ),
    ],
)
def test_sets_that_cannot_be_meant(fields, said, tmp_path):
    held_out = np.arange(40) >= 36
    np.savez(tmp_path / "few.npz", image=np.zeros((40, 32, 32, 3), np.uint8), held_out=held_out)
    fields = {name: value.format(tmp=tmp_path) if isinstance(value, str) else value for name, value in fields.items()}
    with pytest.raises(UserError, match=said):
        train(load("sketch2toon", **fields), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_stopped_and_resumed_is_bit_identical(tmp_path):
    """Pools included, which are full by step 1, and with the batches of both sets."""
    whole = train(load("sketch2toon", steps=4), tmp_path / "whole")
    train(load("sketch2toon", steps=2), tmp_path / "broken")
    broken = train(load("sketch2toon", steps=4), tmp_path / "broken")
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(broken), jax.device_get(whole))
    assert int(whole.pool_a.count) == 4


def test_another_set_to_translate_is_another_run(tmp_path):
    train(load("sketch2toon", steps=2), tmp_path / "run")
    with pytest.raises(UserError, match="data.a.limit: 64 -> 70"):
        train(load("sketch2toon", steps=2, data__a__limit=70), tmp_path / "run")


def test_readings_are_of_held_out_images_translated(run):
    rows = [json.loads(row) for row in (run / "monitor.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 6]
    assert all(row["fd_probe"] > 0 for row in rows)


def evaluated(run, *flags):
    recipe, pose.RECIPE = pose.RECIPE, pose.Recipe(scenes=128, width=4, epochs=2)
    try:
        evaluate.main([f"--workdir={run}", *flags])
    finally:
        pose.RECIPE = recipe
    return json.loads((run / "evaluation.json").read_text())


def test_an_evaluation_says_how_right_translations_are(run):
    content = evaluated(run)
    assert content["of"] == "translations"
    found = content["measures"]
    assert set(OF_TRANSLATIONS) < set(found)
    for name, floor in (("pixel_error", 0), ("similarity", 1)):
        assert found[name]["floor"] == pytest.approx(floor, abs=1e-6)
    assert 0 < found["pixel_error"]["value"] < 2
    assert 0 < found["cycle"]["value"] < 2
    assert np.sum(content["confusion"]) == content["num"]
    identity = content["baselines"]["identity"]
    assert set(identity) == {"fd_probe", "character_kept", "pixel_error", "similarity", "pose_error"}
    for name in ("nearest", "translations", "confusion"):
        assert (run / "samples" / f"000006-{name}.png").exists()


def test_every_checkpoint_of_a_translator_is_measured(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "run")
    steps = saved_steps(tmp_path / "run" / "checkpoints")
    content = evaluated(tmp_path / "run", "--num=20", "--all")
    assert [one["step"] for one in content["history"]] == sorted(steps)
    assert content["measures"] == content["history"][-1]["measures"]
    assert len(steps) > 1
    assert "character_kept" in capsys.readouterr().out


def test_two_sets_are_not_written_to_one_file(tmp_path):
    config = f"--config={ROOT}/configs/sketch2toon.py:tiny"
    with pytest.raises(UserError, match="a translator has two sets; prepare each with a config that has one"):
        prepare.main([config, f"--out={tmp_path}/both.npz"])
    assert not list(tmp_path.iterdir())


def test_a_translator_that_learns_from_partners_is_judged_as_the_others(tmp_path):
    """By the toons, and without a pool."""
    fields = {"data__paired": True, "paired": 10.0, "cycle": 0.0, "pool": 0, "data__b__name": "colourings"}
    limits = {"data__a__limit": 150, "data__b__limit": 150}
    state = train(load("sketch2toon", steps=2, **fields, **limits), tmp_path / "run")
    assert state.pool_a is None
    content = evaluated(tmp_path / "run")
    assert content["data"]["name"] == "toons"
    assert content["partners"]
