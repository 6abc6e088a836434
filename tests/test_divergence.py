"""Values that are not finite: what stops a run, and what sends it back."""

import shutil

import jax
import numpy as np
import pytest
from support import load

from jaxgan import sample
from jaxgan.checkpoint import Checkpoints, saved_steps
from jaxgan.errors import UserError
from jaxgan.logbook import Logbook
from jaxgan.rundir import RunDirectory
from jaxgan.train import train


def rows_without_times(workdir):
    rows = RunDirectory(workdir).metrics.read()
    return [{name: row[name] for name in row if name not in ("seconds", "images_per_second")} for row in rows]


def events(workdir):
    return [row["event"] for row in RunDirectory(workdir).events.read()]


def test_divergence_stops_with_the_last_good_checkpoint(tmp_path):
    config = load("began", steps=50, log_every=1, lr_g=1e30, lr_d=1e30, checkpoint_every=1, plateau_every=0)
    with pytest.raises(UserError, match=r"training diverged: .* at step \d+; the last good checkpoint is \S+/1; lower"):
        train(config, tmp_path)
    assert events(tmp_path)[-1] == "non-finite"
    assert all(np.isfinite(list(row.values())).all() for row in rows_without_times(tmp_path))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["1"]
    _, state, _ = sample.load(tmp_path)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.generator.params))


def test_a_number_of_the_state_that_is_infinite_ends_the_run(monkeypatch, tmp_path):
    save = Logbook.save
    infinite = lambda self, step, state, reading: save(self, step, state.replace(k=state.k + np.inf), reading)
    monkeypatch.setattr(Logbook, "save", infinite)
    with pytest.raises(UserError, match="training diverged: k is not finite at step 2; no checkpoint yet; lower the"):
        train(load("began", steps=2, plateau_every=2), tmp_path)  # whose best value is infinite before the first mean


def test_a_weight_that_is_not_finite_is_not_saved(monkeypatch, tmp_path):
    save = Logbook.save
    broken = lambda tree: jax.tree.map(lambda leaf: leaf.at[(0,) * leaf.ndim].set(np.nan), tree)

    def with_one_broken(self, step, state, reading):
        if step == 4:
            bias = state.generator.params["Conv_0"]
            state = state.replace(
                generator=state.generator.replace(params=state.generator.params | {"Conv_0": broken(bias)})
            )
        save(self, step, state, reading)

    monkeypatch.setattr(Logbook, "save", with_one_broken)
    with pytest.raises(
        UserError,
        match=r"generator.params.Conv_0.bias \(and 1 more\) is not finite at step 4; the last good checkpoint is \S+/2",
    ):
        train(load("began", steps=6, checkpoint_every=2), tmp_path)


def test_a_sample_that_is_not_finite_ends_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr("jaxgan.watch.sampler", lambda *_: lambda state: np.full((4, 32, 32, 3), np.nan))
    monitored = {"monitor__every": 2, "monitor__warmup": 0}
    with pytest.raises(UserError, match=r"a sample is not finite at step 2; no checkpoint yet;"):
        train(load("began", steps=6, checkpoint_every=6, **monitored), tmp_path)


def test_lost_events_do_not_raise_the_rates(recovered, tmp_path):
    """A checkpoint of a run that went back, copied without the record that it did."""
    shutil.copytree(recovered[0], tmp_path / "run", ignore=shutil.ignore_patterns("events.jsonl"))
    state = train(load("began", steps=10, keep=9, **RESTORED), tmp_path / "run")
    assert state.hyper.lr_g == pytest.approx(recovered[1].hyper.lr_g)
    (tmp_path / "run" / "events.jsonl").unlink()
    train(load("began", steps=10, keep=9, **RESTORED), tmp_path / "run")  # has nothing left to do


RESTORED = {"on_nonfinite": "restore", "log_every": 1, "checkpoint_every": 2}


def falter(monkeypatch, at, times):
    """Losses that are NaN when they are read at step `at`, so many times."""
    log, faltered = Logbook.log, []

    def faltering(self, step, metrics):
        if step == at and len(faltered) < times:
            faltered.append(step)
            metrics = metrics | {"loss_g": np.nan}
        log(self, step, metrics)

    monkeypatch.setattr(Logbook, "log", faltering)


@pytest.fixture(scope="module")
def recovered(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("recovered") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        falter(monkeypatch, at=5, times=2)
        return workdir, train(load("began", steps=8, keep=9, **RESTORED), workdir)


def test_divergence_can_send_the_run_back(recovered):
    """At step 5 to the checkpoint of step 4, the second time to that before it; each time at half the rates."""
    workdir, state = recovered
    restores = [row for row in RunDirectory(workdir).events.read() if row["event"] == "restore"]
    assert [(row["step"], row["from"], row["reason"]) for row in restores] == [
        (4, 5, "non-finite"),
        (2, 5, "non-finite"),
    ]
    first, rate = rows_without_times(workdir)[0]["lr_g"], state.hyper.lr_g
    assert rate == pytest.approx(first / 4)
    assert [row["lr_g"] / first for row in rows_without_times(workdir)] == pytest.approx([1.0] * 2 + [0.25] * 6)


@pytest.mark.parametrize("left", [(2,), (2, 4)], ids=["before", "behind"])
def test_a_run_that_was_sent_back_resumes_exactly(recovered, tmp_path, left):
    """Whether its newest checkpoint was made at the first rates or at the lower ones."""
    shutil.copytree(recovered[0], tmp_path / "run")
    for step in {2, 4, 6, 8}.difference(left):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / str(step))
    state = train(load("began", steps=8, keep=9, **RESTORED), tmp_path / "run")
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(state), jax.device_get(recovered[1]))
    assert rows_without_times(tmp_path / "run") == rows_without_times(recovered[0])


def test_a_kill_while_it_goes_back_changes_nothing(recovered, monkeypatch, tmp_path):
    """Once before what is later is dropped, and once while it is: the second time that the run goes back."""
    drop_after, dropped = Checkpoints.drop_after, []

    def dies(self, step):
        dropped.append(step)
        if dropped == [4, 2]:
            raise KeyboardInterrupt
        drop_after(self, step)

    falter(monkeypatch, at=5, times=2)
    monkeypatch.setattr(Checkpoints, "drop_after", dies)
    with pytest.raises(KeyboardInterrupt):
        train(load("began", steps=8, keep=9, **RESTORED), tmp_path)
    assert saved_steps(tmp_path / "checkpoints") == [2, 4]
    state = train(load("began", steps=8, keep=9, **RESTORED), tmp_path)
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(state), jax.device_get(recovered[1]))
    assert rows_without_times(tmp_path) == rows_without_times(recovered[0])


def test_a_damaged_checkpoint_is_not_gone_back_to(recovered, monkeypatch, tmp_path, capsys):
    """But to the one before it."""
    falter(monkeypatch, at=5, times=1)
    restore = Checkpoints.restore

    def damaged(self, state, wanted=None):
        next((tmp_path / "checkpoints" / "4" / "state").rglob("manifest.ocdbt")).write_bytes(b"")
        return restore(self, state, wanted)

    monkeypatch.setattr(Checkpoints, "restore", damaged)
    train(load("began", steps=8, keep=9, **RESTORED), tmp_path)
    assert "checkpoint 4 is damaged" in capsys.readouterr().err
    restores = [row for row in RunDirectory(tmp_path).events.read() if row["event"] == "restore"]
    assert [(row["step"], row["from"]) for row in restores] == [(2, 5)]


def test_a_run_that_diverges_again_and_again_stops(monkeypatch, tmp_path):
    falter(monkeypatch, at=3, times=9)
    with pytest.raises(UserError, match="training diverged: loss_g is nan at step 3; the last good checkpoint is"):
        train(load("began", steps=8, nonfinite_restores=1, **RESTORED), tmp_path)
    assert events(tmp_path) == ["start", "non-finite", "restore", "non-finite"]
