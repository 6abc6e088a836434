import json
import shutil
import signal

import jax
import numpy as np
import pytest
from support import load

from jaxgan import restoring, sample
from jaxgan.checkpoint import Checkpoints
from jaxgan.errors import UserError
from jaxgan.evaluation.alarm import Alarm, Event
from jaxgan.logbook import Logbook
from jaxgan.rundir import RunDirectory
from jaxgan.train import leave, train

FIELDS = {"monitor__every": 2, "monitor__num": 100, "monitor__warmup": 0, "steps": 8, "log_every": 1}


def rows(workdir):
    return [{name: row[name] for name in row if name != "seconds"} for row in RunDirectory(workdir).monitor.read()]


def events(workdir, *names):
    return [row for row in RunDirectory(workdir).events.read() if row["event"] in names]


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """At these few steps its images are flat still, so the alarm rings at the third reading."""
    workdir = tmp_path_factory.mktemp("watched") / "run"
    return workdir, train(load("began", **FIELDS), workdir)


def test_readings_are_kept_and_the_alarm_is_heard(watched):
    workdir, _ = watched
    assert [row["step"] for row in rows(workdir)] == [2, 4, 6, 8]
    assert set(rows(workdir)[-1]["characters"]) == set(RunDirectory(workdir).stored()["data"]["names"])
    last = RunDirectory(workdir).metrics.read()[-1]
    assert rows(workdir)[-1]["k"] == last["k"]
    assert not rows(workdir)[-1]["k_at_bound"]
    (collapse,) = events(workdir, "collapse", "recovery")
    assert (collapse["step"], collapse["kind"], collapse["since"]) == (6, "flat", 2)
    assert "contrast within samples" in collapse["evidence"]


def test_watching_changes_nothing_in_training(watched, tmp_path):
    assert_same(train(load("began", **FIELDS | {"monitor__every": 0}), tmp_path), watched[1])
    assert not (tmp_path / "monitor.jsonl").exists()


def test_a_resumed_run_is_watched_as_if_it_had_never_stopped(watched, tmp_path):
    """Stopped at 6, gone on from 4: what was read and heard at 6 is read and heard again, and once."""
    train(load("began", **FIELDS | {"steps": 6}), tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "6")
    train(load("began", **FIELDS), tmp_path)
    assert rows(tmp_path) == rows(watched[0])
    heard = [{name: row[name] for name in row if name != "time"} for row in events(tmp_path, "collapse", "recovery")]
    assert heard == [{n: r[n] for n in r if n != "time"} for r in events(watched[0], "collapse", "recovery")]


def test_the_best_checkpoint_stays_and_can_be_named(tmp_path):
    """A reading that is the best so far is saved there and then, whatever `checkpoint_every` is."""
    train(load("began", **FIELDS | {"steps": 12, "keep": 1, "checkpoint_every": 100}), tmp_path)
    measured = {row["step"]: row["fd_probe"] for row in rows(tmp_path)}
    assert None not in {row["shows"] for row in rows(tmp_path)}  # all as bad: the measure decides
    best = min(measured, key=measured.get)
    assert best not in (12, max(measured))  # else the newest would do
    kept = sorted(int(path.name) for path in (tmp_path / "checkpoints").iterdir())
    assert kept == [best, 12]
    assert restoring.load(tmp_path, "best")[2] == best
    sample.main([f"--workdir={tmp_path}", "--step=best", "--num=4"])
    assert (tmp_path / "samples" / f"{best:06}-seed0.png").exists()


def test_the_best_is_chosen_by_any_of_the_measures(tmp_path):
    def measures(coverage, healthy=1.0):
        return {"coverage": coverage, "fd_probe": coverage, "healthy": healthy}

    with Checkpoints(tmp_path, keep=1, best_metric="coverage") as checkpoints:
        for step, found in enumerate([measures(0.1), measures(0.3), None, measures(0.9, 0.0), measures(0.2)], start=1):
            checkpoints.save(step, {"a": np.zeros(3)}, {}, found)
        checkpoints.wait()
        assert checkpoints.steps() == [2, 5]
        assert (checkpoints.best(), checkpoints.best(before=2)) == (2, None)
    with Checkpoints(tmp_path, best_metric="fd_probe", read_only=True) as checkpoints:
        assert (checkpoints.best(), checkpoints.best(before=5)) == (5, 2)


def test_what_shows_a_collapse_is_the_best_only_where_all_does(tmp_path):
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for step, fd in ((1, 5.0), (2, 3.0), (3, 4.0)):
            checkpoints.save(step, {"a": np.zeros(3)}, {}, {"fd_probe": fd, "healthy": 0.0})
        checkpoints.wait()
        assert (checkpoints.best(), checkpoints.best(before=4)) == (2, None)


def test_a_run_without_readings_has_no_best(tmp_path):
    train(load("began", steps=2), tmp_path)
    with pytest.raises(UserError, match="was measured in training: name a step"):
        restoring.load(tmp_path, "best")


def test_a_collapse_can_stop_the_run_and_goes_on_stopping_it(tmp_path):
    stop = FIELDS | {"monitor__on_collapse": "stop"}
    for _ in range(2):
        with pytest.raises(UserError, match="stopped at step 6: flat, contrast .*; no good checkpoint yet; to go on"):
            train(load("began", **stop), tmp_path)
        assert [(row["step"], row["reason"]) for row in events(tmp_path, "end")[-1:]] == [(6, "collapse")]
    train(load("began", **FIELDS), tmp_path)
    assert events(tmp_path, "end")[-1]["step"] == 8


def ring(monkeypatch, times):
    """An alarm that finds all well, but at step 6, so many times."""
    rung = []

    def update(self, row):
        if row["step"] != 6 or len(rung) >= times:
            return []
        rung.append(row["step"])
        self.active["flat"] = Event("collapse", 6, "flat", 5, "as the test wants it", {})
        return [self.active["flat"]]

    monkeypatch.setattr(Alarm, "update", update)


BACK = FIELDS | {"monitor__on_collapse": "restore"}


@pytest.fixture(scope="module")
def went_back(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("back") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        ring(monkeypatch, 1)
        return workdir, train(load("began", **BACK), workdir)


def test_a_collapse_can_send_the_run_back(went_back, watched):
    workdir, state = went_back
    measured = {row["step"]: row["fd_probe"] for row in rows(watched[0]) if row["step"] < 5}
    good = min(measured, key=measured.get)
    (restore,) = events(workdir, "restore")
    assert (restore["step"], restore["from"]) == (good, 6)
    assert [row["step"] for row in RunDirectory(workdir).metrics.read()] == list(range(1, 9))
    assert np.all(np.diff([row["seconds"] for row in RunDirectory(workdir).metrics.read()]) > 0)
    kept = [row["fd_probe"] for row in rows(workdir) if row["step"] <= good]
    assert kept == [measured[step] for step in sorted(measured) if step <= good]
    with pytest.raises(AssertionError):  # other noise leads elsewhere
        assert_same(state, watched[1])


def test_a_run_that_went_back_resumes_exactly(went_back, monkeypatch, tmp_path):
    ring(monkeypatch, 0)
    shutil.copytree(went_back[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "8")
    given_up = RunDirectory(tmp_path / "run").sample(99)
    given_up.touch()
    assert_same(train(load("began", **BACK), tmp_path / "run"), went_back[1])
    assert not given_up.exists()
    assert rows(tmp_path / "run") == rows(went_back[0])
    assert len(events(tmp_path / "run", "collapse")) == 1


def test_a_run_that_collapses_again_and_again_stops(monkeypatch, tmp_path):
    ring(monkeypatch, 9)
    with pytest.raises(UserError, match="stopped at step 6: flat, as the test wants it; the best checkpoint is"):
        train(load("began", **BACK, monitor__restores=1), tmp_path)
    assert len(events(tmp_path, "restore")) == 1


def test_a_collapse_that_a_signal_hid_is_acted_on_when_the_run_goes_on(tmp_path, monkeypatch):
    ring(monkeypatch, 1)
    record = Logbook.record

    def interrupted(self, step, state, metrics, signum):
        record(self, step, state, metrics, signum)
        if step == 6:
            self.interrupt(step, signal.SIGTERM)
            leave(self.progress, step, signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Logbook, "record", interrupted)
        with pytest.raises(SystemExit):
            train(load("began", **BACK), tmp_path)
    ring(monkeypatch, 1)  # as the readings are folded again
    train(load("began", **BACK), tmp_path)
    assert [row["from"] for row in events(tmp_path, "restore")] == [6]


def test_too_few_held_out_images_are_a_line(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        image=np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8),
        held_out=np.arange(100) < 5,
    )
    fields = FIELDS | {"data__name": "arrays", "data__dir": tmp_path / "a.npz"}
    with pytest.raises(UserError, match="more than 5 held-out images, and arrays has 5: turn it off with"):
        train(load("began", **fields), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_m_is_the_mean_since_the_last_reading(watched):
    logged = {row["step"]: row["m"] for row in RunDirectory(watched[0]).metrics.read()}
    for row in rows(watched[0])[:4]:
        assert row["m"] == pytest.approx((logged[row["step"] - 1] + logged[row["step"]]) / 2)


def test_characters_cannot_choose_where_there_are_no_labels(tmp_path):
    np.savez(tmp_path / "a.npz", image=np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8))
    fields = {"data__name": "arrays", "data__dir": tmp_path / "a.npz", "monitor__best_metric": "effective_characters"}
    with pytest.raises(UserError, match="arrays has no labels; take fd_probe"):
        train(load("began", **FIELDS | fields), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_monitor_may_change_when_a_run_is_resumed(watched):
    train(load("began", **FIELDS | {"monitor__every": 4, "monitor__min_diversity": 0.1}), watched[0])
    assert json.loads(RunDirectory(watched[0]).config_file.read_text())["config"]["monitor"]["every"] == 4
