"""Run directories that this version did not write."""

import json
import zipfile
from pathlib import Path

import pytest
from support import load

from jaxgan import report, sample
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory
from jaxgan.train import train

# BEGAN's tiny preset of the project's first commit, with networks of width 2, after 4 steps.
FIRST_VERSION = Path(__file__).with_name("fixtures") / "run_of_the_first_version.zip"


@pytest.fixture
def old(tmp_path):
    with zipfile.ZipFile(FIRST_VERSION) as archive:
        archive.extractall(tmp_path / "old")
    return tmp_path / "old"


def content(folder) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_checkpoint_with_other_arrays_is_left_as_it_is(old):
    before = content(old)
    said = "checkpoint 4 in .* is of a version of jaxgan whose state had other arrays"
    with pytest.raises(UserError, match=said):
        train(load("began", width=2, steps=6), old)
    with pytest.raises(UserError, match=said):
        sample.load(old)
    assert content(old) == before


def test_what_an_older_version_wrote_is_reported(old, tmp_path):
    report.main([str(old), f"--out={tmp_path / 'report.html'}"])
    page = (tmp_path / "report.html").read_text()
    assert "began" in page
    assert page.count("<svg") >= 3


def test_another_programs_checkpoints_are_left_alone(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step_1.orbax-checkpoint-tmp-2").mkdir()
    with pytest.raises(UserError, match="has checkpoints of another program, without a config.json: give another"):
        train(load("began"), tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["checkpoints", "step_1.orbax-checkpoint-tmp-2"]


@pytest.mark.parametrize("name", ["metrics.jsonl", "events.jsonl", "monitor.jsonl", "samples/000007.png"])
def test_another_programs_rows_and_pictures_are_left_alone(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"loss": 1.0}\n')
    with pytest.raises(UserError, match=f"has {path.relative_to(tmp_path).parts[0]} of another program, without a con"):
        train(load("began"), tmp_path)
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


@pytest.mark.parametrize(
    "stored",
    [
        {"model": "resnet"},
        [1],
        {"config": 3, "data": {}},
        {"config": {"algorithm": ["began"]}, "data": {}},
        {"config": {"algorithm": "began", "data": 3}, "data": {}},
        {"config": {"algorithm": "began", "lr_g": "fast"}, "data": {"name": "toons", "fingerprint": "0"}},
        {"config": {"algorithm": "began"}, "data": {"name": 3}},
    ],
)
def test_another_programs_directory_is_named(stored, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(stored))
    with pytest.raises(UserError, match=f"{tmp_path}/config.json was not written by jaxgan: name a run directory"):
        RunDirectory(tmp_path).stored()
    with pytest.raises(UserError, match="was not written by jaxgan"):
        train(load("began"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    "damaged",
    [
        {"names": None},
        {"names": "pip"},
        {"names": ["pip", 3]},
        {"origin": {"name": "sketches", "names": []}},
        {"origin": "sketches"},
    ],
)
def test_a_config_that_does_not_say_all_of_its_images_is_damaged(damaged, tmp_path):
    stored = {"config": {"algorithm": "began"}, "data": {"name": "toons", "fingerprint": "0", "names": ["pip"]}}
    (tmp_path / "config.json").write_text(json.dumps(stored))
    assert RunDirectory(tmp_path).stored() == stored
    stored["data"] |= damaged
    (tmp_path / "config.json").write_text(json.dumps(stored))
    with pytest.raises(UserError, match=f"{tmp_path}/config.json is damaged .*the labels' names of its images.: mend"):
        RunDirectory(tmp_path).stored()
