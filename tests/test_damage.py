"""Checkpoints that are no longer what was written."""

import errno
import hashlib
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from support import load

from jaxgan import restoring, sample, sealing
from jaxgan.checkpoint import saved_steps
from jaxgan.errors import UserError
from jaxgan.logbook import Logbook
from jaxgan.rundir import RunDirectory
from jaxgan.train import train


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole") / "run"
    return workdir, train(load("began", log_every=1), workdir)


@pytest.fixture
def run(whole, tmp_path):
    """A copy, with checkpoints of steps 2, 4 and 6."""
    shutil.copytree(whole[0], tmp_path / "run")
    return tmp_path / "run"


def largest(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def flip(folder):
    path = largest(folder / "state")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(folder):
    path = largest(folder / "state")
    path.write_bytes(path.read_bytes()[:-1])


def lose(folder):
    largest(folder / "state").unlink()


def empty_config(folder):
    (folder / "config" / "metadata").write_text("")


def empty_sums(folder):
    (folder / "checksums.json").write_text("{")


def other_sums(folder):
    (folder / "checksums.json").write_text("[]")


DAMAGES = {
    flip: "is not what was written",
    truncate: "is not what was written",
    lose: "is missing",
    empty_config: "config/metadata is not what was written",
    empty_sums: "checksums.json is not readable",
    other_sums: "checksums.json is not readable",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_the_checkpoint_before_is_used_and_said(damage, run, capsys):
    damage(run / "checkpoints" / "6")
    _, _, step = sample.load(run)
    assert step == 4
    said = capsys.readouterr().err
    assert said.startswith("checkpoint 6 is damaged (")
    assert DAMAGES[damage] in said
    assert said.endswith("), using 4\n")
    with pytest.raises(UserError, match=r"checkpoint 6 is damaged \(.*\) in .*: name another step"):
        sample.load(run, 6)


@pytest.mark.parametrize("damage", [flip, lose])
def test_a_training_goes_on_from_there_and_comes_to_the_same_end(damage, run, whole, capsys):
    damage(run / "checkpoints" / "6")
    state = train(load("began", log_every=1), run)
    assert "checkpoint 6 is damaged" in capsys.readouterr().err
    same = lambda a, b: np.testing.assert_array_equal(a, b)
    jax.tree.map(same, jax.device_get(state), jax.device_get(whole[1]))
    assert [row["step"] for row in RunDirectory(run).metrics.read()] == [1, 2, 3, 4, 5, 6]
    assert sorted(int(path.name) for path in (run / "checkpoints").iterdir()) == [2, 4, 6]
    assert [path.name.split("-")[0] for path in (run / "damaged").iterdir()] == ["6"]  # nothing is thrown away
    assert sample.load(run)[2] == 6
    assert capsys.readouterr().err == ""


def test_a_start_that_fails_after_that_leaves_what_is_whole(run, monkeypatch):
    flip(run / "checkpoints" / "6")
    monkeypatch.setattr(RunDirectory, "claim", lambda *_: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        train(load("began", log_every=1, keep=1), run)
    assert saved_steps(run / "checkpoints") == [2, 4]


def test_a_block_that_the_disk_cannot_read_is_damage(run, monkeypatch, capsys):
    digest = lambda path: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")) if "/6/" in str(path) else ""
    monkeypatch.setattr(sealing, "_digest", lambda path: digest(path) or hashlib.sha256(path.read_bytes()).hexdigest())
    assert sample.load(run)[2] == 4
    assert "cannot be read), using 4" in capsys.readouterr().err


def test_where_none_is_whole_it_is_a_line(run):
    for step in (2, 4, 6):
        flip(run / "checkpoints" / str(step))
    everywhere = lambda: list(restoring.load_all(run))
    with pytest.raises(UserError, match="checkpoint 6 is damaged"):
        everywhere()
    for call in (lambda: sample.load(run), lambda: train(load("began", log_every=1), run)):
        with pytest.raises(UserError, match=r"checkpoint 2 is damaged \(.*\) in .*: train anew in another directory"):
            call()
    assert sorted(int(path.name) for path in (run / "checkpoints").iterdir()) == [2, 4, 6]


def test_all_that_are_whole_are_drawn(run, capsys):
    flip(run / "checkpoints" / "4")
    assert [step for _, _, step in restoring.load_all(run)] == [2, 6]
    assert "checkpoint 4 is damaged" in capsys.readouterr().err


def unseal(folder):
    """As a version left it that kept no checksums."""
    (folder / "checksums.json").unlink()
    config = folder / "config" / "metadata"
    content = json.loads(config.read_text())
    config.write_text(json.dumps({name: content[name] for name in ("config", "data", "seconds")}))


def test_one_of_a_version_that_kept_no_checksums_is_read(run, whole):
    unseal(run / "checkpoints" / "6")
    assert sample.load(run)[2] == 6
    lose(run / "checkpoints" / "6")  # what Orbax itself stumbles over
    assert sample.load(run)[2] == 4
    shutil.rmtree(run / "checkpoints" / "6")
    unseal(run / "checkpoints" / "4")
    state = train(load("began", log_every=1), run)
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(state), jax.device_get(whole[1]))


def test_one_that_has_lost_its_checksums_is_damaged(run, capsys):
    (run / "checkpoints" / "6" / "checksums.json").unlink()
    assert sample.load(run)[2] == 4
    assert capsys.readouterr().err == "checkpoint 6 is damaged (checksums.json is missing), using 4\n"


@pytest.mark.parametrize("known_by", ["rows", "events"])
def test_a_run_whose_checkpoints_are_gone_keeps_its_rows(known_by, run):
    shutil.rmtree(run / "checkpoints")
    rows = run / ("events.jsonl" if known_by == "rows" else "metrics.jsonl")
    rows.write_text("")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(UserError, match="has had checkpoints, by its rows, and has none any more: put them back, or"):
        train(load("began", log_every=1), run)
    assert {path: path.read_bytes() for path in before} == before


def test_a_run_that_died_before_its_first_checkpoint_begins_again(whole, tmp_path, monkeypatch):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(whole[0], run.path, ignore=shutil.ignore_patterns("checkpoints"))
    run.metrics.keep(lambda row: row["step"] <= 4)  # the second was begun, and the first not ended by then
    run.events.keep(lambda row: row["event"] == "start")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no room"):  # it says no more of checkpoints then
        patch.setattr(Logbook, "rewind", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        train(load("began", log_every=1, checkpoint_every=1), run.path)
    train(load("began", log_every=1), run.path)
    assert [row["step"] for row in run.metrics.read()] == [1, 2, 3, 4, 5, 6]


def test_arrays_of_another_shape_are_a_line(run):
    config = json.loads((run / "config.json").read_text())
    config["config"]["width"] *= 2
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="checkpoint 6 in .* is of a version of jaxgan whose state had other arrays"):
        sample.load(run)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """With the monitor on, whose readings choose the best checkpoint."""
    workdir = tmp_path_factory.mktemp("measured") / "run"
    train(load("began", **WATCHED), workdir)
    return workdir


WATCHED = {"monitor__every": 2, "monitor__num": 100, "data__limit": 200}


def test_measures_of_a_version_that_kept_no_checksums(measured, tmp_path):
    shutil.copytree(measured, tmp_path / "run")
    unseal(tmp_path / "run/checkpoints/4")
    (tmp_path / "run/checkpoints/4/metrics/metrics").write_text("{")
    assert sample.load(tmp_path / "run")[2] == 6
    assert sample.load(tmp_path / "run", "best")[2] in (2, 6)


def test_checksums_that_the_disk_cannot_read_are_damage(run, monkeypatch, capsys):
    read_text = Path.read_text

    def fail(path, *arguments, **more):
        if path == run / "checkpoints/6/checksums.json":
            raise OSError(errno.EIO, "Input/output error")
        return read_text(path, *arguments, **more)

    monkeypatch.setattr(Path, "read_text", fail)
    assert sample.load(run)[2] == 4
    assert "checkpoint 6 is damaged (checksums.json cannot be read), using 4" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["copies", "shows", "fd_probe"])
def test_a_reading_that_lacks_a_measure_is_a_line(name, measured, tmp_path):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(measured, run.path)
    first, *others = run.monitor.read()
    run.monitor.replace([{key: value for key, value in first.items() if key != name}, *others])
    with pytest.raises(UserError, match=rf"monitor.jsonl, line 1 is damaged \(it has no {name}\): delete it"):
        train(load("began", steps=7, **WATCHED), run.path)


@pytest.mark.parametrize(
    "content", ["", '{"fd_probe": 1', '{"fd_probe": 1e-9, "healthy": 1.0}', '{"fd_probe": 9.0}', "3"]
)
def test_measures_that_are_not_readable(content, measured, tmp_path, capsys):
    """The checkpoint counts as one that was not measured, and is damaged where it is wanted."""
    shutil.copytree(measured, tmp_path / "run")
    (tmp_path / "run/checkpoints/4/metrics/metrics").write_text(content)
    assert sample.load(tmp_path / "run")[2] == 6
    assert sample.load(tmp_path / "run", "best")[2] in (2, 6)
    with pytest.raises(UserError, match="checkpoint 4 is damaged .metrics/metrics is not what was written"):
        sample.load(tmp_path / "run", 4)
    train(load("began", steps=7, **WATCHED), tmp_path / "run")
    assert sample.load(tmp_path / "run")[2] == 7
