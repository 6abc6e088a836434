import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest
from support import ROOT, load, run

from jaxgan import config as config_lib
from jaxgan import drawing, groups, parallel, sample, sweep
from jaxgan import members as members_lib
from jaxgan.errors import UserError
from jaxgan.evaluation.alarm import Alarm, Event
from jaxgan.logbook import Logbook
from jaxgan.members import Member, State, Summary, record
from jaxgan.rundir import READING, RunDirectory
from jaxgan.train import train

TINY = f"--config={ROOT}/configs/abegan.py:tiny"
FIELDS = ["--config.width=4", "--config.log_every=1"]
PAIRS = "gamma=0.3,0.5 lr_d=1e-4,2e-4"
NAMES = ["gamma=0.3,lr_d=0.0001", "gamma=0.3,lr_d=0.0002", "gamma=0.5,lr_d=0.0001", "gamma=0.5,lr_d=0.0002"]
BROKEN = "gamma=0.3,0.5 lr_d=1e-4,1e30"
TIMES = ("seconds", "images_per_second")


def sweep_in(workdir, text, *overrides):
    sweep.main([TINY, *FIELDS, *overrides, f"--sweep={text}", f"--workdir={workdir}"])


def rows(workdir):
    found = RunDirectory(workdir).metrics.read()
    return [{name: value for name, value in row.items() if name not in TIMES} for row in found]


def events(workdir):
    return [row["event"] for row in RunDirectory(workdir).events.read()]


def summary_of(workdir):
    return json.loads((workdir / "summary.json").read_text())


def states(workdir):
    return {member["name"]: member["state"] for member in summary_of(workdir)["members"]}


def assert_same_run(ours, theirs):
    """Rows and last checkpoints, to the bit."""
    assert rows(ours) == rows(theirs)
    a, b = (jax.device_get(sample.load(workdir)[1]) for workdir in (ours, theirs))
    jax.tree.map(np.testing.assert_array_equal, a, b)


def assert_rows_alike(ours, theirs):
    """But for rounding, as groups are of other sizes."""
    for row, same in zip(rows(ours), rows(theirs), strict=True):
        assert row == pytest.approx(same, rel=1e-4)


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory):
    """One after the other, as on a CPU."""
    workdir = tmp_path_factory.mktemp("in_turn") / "sweep"
    sweep_in(workdir, PAIRS)
    return workdir


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """At once, as on an accelerator."""
    workdir = tmp_path_factory.mktemp("together") / "sweep"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(parallel, "members_together", lambda: True)
        sweep_in(workdir, PAIRS)
    return workdir


@pytest.fixture
def accelerator(monkeypatch):
    monkeypatch.setattr(parallel, "members_together", lambda: True)


def test_settings_are_the_product_of_the_values():
    found = sweep.settings([TINY, "--config.width=4"], "seed=0,1 data.noise=0,1e-1 activation=relu")
    assert [setting.name for setting in found] == [
        "activation=relu,data.noise=0.0,seed=0",
        "activation=relu,data.noise=0.1,seed=0",
        "activation=relu,data.noise=0.0,seed=1",
        "activation=relu,data.noise=0.1,seed=1",
    ]
    assert found[1].fields == {"seed": 0, "data.noise": 0.1, "activation": "relu"}
    config = found[3].config
    assert (config.seed, config.data.noise, config.activation, config.width) == (1, 0.1, "relu", 4)
    assert config_lib.difference(config_lib.to_dict(config), load("abegan", width=4, seed=1, activation="relu")) == [
        "data.noise: 0.1 -> 0.0"
    ]


def test_names_are_folders():
    (setting,) = sweep.settings([TINY], "data.dir=/my/faces.zip")
    assert setting.name == "data.dir=%2Fmy%2Ffaces.zip"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gama=0.3,0.5", "no field 'gama' for algorithm began; did you mean gamma?"),
        ("noise=0,0.1", "did you mean data.noise?"),
        ("gamma=0.3,abc", "gamma=abc"),
        ("gamma=0.3,-1", "gamma=-1.0: it is a number from 0"),
        ("batch_size=8,1.5", "batch_size=1.5"),
        ("gamma=0.3,,0.5", "'gamma=0.3,,0.5' has an empty value"),
        ("gamma=", "'gamma=' is no field=value,value"),
        ("gamma", "'gamma' is no field=value,value"),
        ("gamma=0.3, 0.5", "'gamma=0.3,' has an empty value"),
        ("seed=0,1,0", "seed=0 is there twice"),
        ("gamma=0.5,0.50", "gamma=0.50 is there twice"),
        ("seed=0 seed=1", "'seed=1' names seed again"),
        ("width=4,8", "width is in --sweep and in --config.width"),
        ("batch_size=8,100", "toons has 64 images to train on, fewer than batch_size=100"),
        (" ", "--sweep names no field"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(text, said, tmp_path):
    with pytest.raises(UserError) as error:
        sweep_in(tmp_path / "sweep", text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "sweep").exists()


def test_the_command_says_so_too(tmp_path):
    done = run("sweep", TINY, "--sweep=gama=1", f"--workdir={tmp_path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jaxgan: no field 'gama' for algorithm began; did you mean gamma?\n"
    assert "--workdir" in run("sweep", TINY, "--sweep=gamma=1").stderr


def test_a_member_is_the_run_that_main_makes(in_turn, tmp_path):
    train(load("abegan", width=4, log_every=1, gamma=0.3, lr_d=2e-4), tmp_path)
    assert_same_run(in_turn / "members" / NAMES[1], tmp_path)
    assert sorted(path.name for path in (in_turn / "members").iterdir()) == NAMES


def test_members_together_are_those_in_turn(in_turn, together):
    """In float32 and a few steps: the same sums in another order."""
    for name in NAMES:
        ours, theirs = (rows(workdir / "members" / name) for workdir in (together, in_turn))
        assert [row["step"] for row in ours] == [1, 2, 3, 4, 5, 6]
        for our, their in zip(ours, theirs, strict=True):
            assert our == pytest.approx(their, rel=1e-3)
        run = RunDirectory(together / "members" / name)
        assert events(run.path) == ["start", "end"]
        assert sorted(int(path.name) for path in run.checkpoints.iterdir()) == [2, 4, 6]
        assert run.sample(3).exists()
        algorithm, state, _ = sample.load(run.path)
        assert drawing.sample(algorithm, state, 2, seed=0).shape == (2, 32, 32, 3)


@pytest.mark.parametrize("which", ["in_turn", "together"])
def test_the_summary_compares_them(which, request):
    workdir = request.getfixturevalue(which)
    found = summary_of(workdir)
    assert found["sweep"] == {"gamma": [0.3, 0.5], "lr_d": [1e-4, 2e-4]}
    assert found["config"]["width"] == 4
    assert found["measure"] == "m"
    assert {member["name"]: member["fields"] for member in found["members"]} == {
        name: {"gamma": gamma, "lr_d": lr_d}
        for name, (gamma, lr_d) in zip(NAMES, [(0.3, 1e-4), (0.3, 2e-4), (0.5, 1e-4), (0.5, 2e-4)], strict=True)
    }
    measured = [member["measures"]["m"] for member in found["members"]]
    assert measured == sorted(measured)
    for member in found["members"]:
        assert (member["state"], member["step"], member["steps"], member["error"]) == ("finished", 6, 6, None)
        assert member["measures"]["m"] == rows(workdir / "members" / member["name"])[-1]["m"]
        assert member["seconds"] > 0
        assert member["collapses"] == []


def test_a_member_that_died_before_its_last_word_has_it_at_the_next_start(in_turn):
    events = RunDirectory(in_turn / "members" / NAMES[0]).events
    *rows, end = events.read()
    events.replace(rows)
    assert end["event"] == "end"
    sweep_in(in_turn, PAIRS)
    *_, last = events.read()
    assert last | {"time": None} == end | {"time": None}
    assert states(in_turn)[NAMES[0]] == "finished"


def test_members_are_added_and_the_finished_ones_left_alone(in_turn, capsys):
    before = RunDirectory(in_turn / "members" / NAMES[0]).events.path.read_text()
    sweep_in(in_turn, "gamma=0.3 lr_d=1e-4,2e-4,3e-4")
    assert states(in_turn) == dict.fromkeys([*NAMES[:2], "gamma=0.3,lr_d=0.0003"], "finished")
    assert RunDirectory(in_turn / "members" / NAMES[0]).events.path.read_text() == before
    sweep_in(in_turn, PAIRS)
    assert states(in_turn) == dict.fromkeys(NAMES, "finished")
    *_, table, _, _, _, _, wrote = capsys.readouterr().out.splitlines()
    assert table.split() == ["member", "state", "step", "time", "m", "shows"]
    assert wrote == f"wrote {in_turn}/summary.json"


def test_another_config_is_refused_before_anything_is_written(in_turn):
    before = (in_turn / "summary.json").read_bytes()
    with pytest.raises(UserError, match=r"gamma=0.3,lr_d=0.0001 holds a run that differs \(lr_g: 0.0001 -> 0.001\)"):
        sweep_in(in_turn, "lr_d=5e-4,1e-4 gamma=0.3", "--config.lr_g=1e-3")
    assert (in_turn / "summary.json").read_bytes() == before
    assert not (in_turn / "members" / "gamma=0.3,lr_d=0.0005").exists()


def prepared(tmp_path, text, *overrides, start=0):
    members = []
    for setting in sweep.settings([TINY, "--config.width=4", *overrides], text):
        members.append(Member.prepare(*setting, tmp_path / setting.name))
        members[-1].start = start
    return members


def test_groups_are_those_of_one_program(accelerator, tmp_path):
    """Told by the program alone: no field is listed anywhere."""
    group = prepared(tmp_path, "gamma=0.3,0.5") + prepared(tmp_path, "seed=1 lr_g=1e-3 k_min=0.1 adam_b1=0.9")
    group += prepared(tmp_path, "log_every=6 init=normal_002 tensorboard=true")
    apart = ["activation=relu", "ema_decay=0.9", "deterministic=true", "steps=7"]
    apart += ["batch_size=4", "data.seed=1"]
    others = [member for text in apart for member in prepared(tmp_path, text)]
    others += prepared(tmp_path, "seed=0", start=2)
    noisy = prepared(tmp_path, "data.noise=0.1,0.2")
    assert groups.plan([*others, *group, *noisy]) == [*([other] for other in others), group, noisy]


def test_members_that_read_the_same_are_lowered_once(monkeypatch, tmp_path):
    """The rate and the seed are read from the state; the penalty's weight makes a program where it is not 0."""
    lowered, lower = [], groups._lower
    monkeypatch.setattr(groups, "_lower", lambda *arguments: lowered.append(arguments) or lower(*arguments))
    members = prepared(tmp_path, "seed=0,1 lr_g=1e-3,1e-4 r1=0,1")
    programs = groups.Programs()
    found = {member.name: programs.of(member.experiment) for member in members}
    assert len(lowered) == 2
    assert all((found[name] == found[members[0].name]) == ("r1=0" in name) for name in found)


def test_on_a_cpu_each_member_is_a_group(tmp_path):
    assert [len(group) for group in groups.plan(prepared(tmp_path, "seed=0,1,2"))] == [1, 1, 1]


def test_groups_fit_the_device():
    """Four fifths of 100 bytes hold eight members of 10."""
    assert groups.share_out(8, 10, 100) == [8]
    assert groups.share_out(9, 10, 100) == [5, 4]
    assert groups.share_out(25, 10, 100) == [7, 6, 6, 6]
    assert groups.share_out(3, 90, 100) == [1, 1, 1]
    assert groups.share_out(401, 1, 10**9) == [134, 134, 133]  # more would have too many files open


def test_a_group_is_split_by_the_memory_that_a_step_takes(accelerator, monkeypatch, tmp_path):
    members = prepared(tmp_path, "seed=0,1,2")
    takes = parallel.step_memory(groups.lower(members[0].experiment).compile())
    assert takes > 8 * 32 * 32 * 3 * 4  # the batch alone, in float32
    monkeypatch.setattr(parallel, "device_memory", lambda: 3 * takes)
    assert [len(group) for group in groups.plan(members)] == [2, 1]


def test_a_group_that_takes_more_memory_than_was_thought_trains_in_halves(accelerator, monkeypatch, tmp_path, capsys):
    """Of three there is room for one, which the program of two tells only once it is compiled."""
    takes = parallel.step_memory(groups.lower(prepared(tmp_path, "seed=0")[0].experiment).compile())
    monkeypatch.setattr(parallel, "device_memory", lambda: int(1.5 * takes))
    monkeypatch.setattr(groups, "share_out", lambda count, *_: [count])
    sweep_in(tmp_path / "sweep", "seed=0,1,2")
    assert [member["state"] for member in summary_of(tmp_path / "sweep")["members"]] == ["finished"] * 3
    said = capsys.readouterr().out
    assert "3 members at once are more than the device's memory holds: 2 at a time" in said
    assert "2 members at once are more than the device's memory holds: 1 at a time" in said


def test_a_member_that_has_gone_on_since_is_not_taken_back(together, accelerator, tmp_path):
    """As by another process, between the plan and the group's turn."""
    shutil.copytree(together, tmp_path / "sweep")
    for name in NAMES:
        shutil.rmtree(tmp_path / "sweep" / "members" / name / "checkpoints" / "6")
    members = [
        Member.prepare(*setting, tmp_path / "sweep" / "members" / setting.name)
        for setting in sweep.settings([TINY, *FIELDS], PAIRS)
    ]
    ahead = members[0].run.checkpoints / "6"
    shutil.copytree(together / "members" / NAMES[0] / "checkpoints" / "6", ahead)
    groups.train(members, lambda: None)
    assert [member.state for member in members] == [State.FINISHED] * len(members)
    assert_same_run(tmp_path / "sweep" / "members" / NAMES[0], together / "members" / NAMES[0])
    for name in NAMES:
        assert_rows_alike(tmp_path / "sweep" / "members" / name, together / "members" / name)


@pytest.mark.parametrize("which", [pytest.param("in_turn", marks=pytest.mark.slow), "together"])
def test_a_member_that_fails_leaves_the_others_alone(which, request, monkeypatch, tmp_path):
    whole = request.getfixturevalue(which)
    monkeypatch.setattr(parallel, "members_together", lambda: which == "together")
    with pytest.raises(UserError, match=r"2 of 4 members did not finish: gamma=0.3,lr_d=1e\+30: training diverged: "):
        sweep_in(tmp_path, BROKEN)
    for name in (NAMES[0], NAMES[2]):
        assert_same_run(tmp_path / "members" / name, whole / "members" / name)
    broken = tmp_path / "members" / "gamma=0.5,lr_d=1e+30"
    assert events(broken)[-1] == "non-finite"
    assert all(np.isfinite(list(row.values())).all() for row in rows(broken))
    found = summary_of(tmp_path)["members"]
    assert [member["state"] for member in found] == ["finished", "finished", "failed", "failed"]
    assert "training diverged" in found[-1]["error"]


def test_a_member_whose_newest_checkpoint_is_damaged_goes_on_alone_from_the_one_before(together, accelerator, tmp_path):
    shutil.copytree(together, tmp_path / "sweep")
    for name in NAMES:
        shutil.rmtree(tmp_path / "sweep" / "members" / name / "checkpoints" / "6")
    (tmp_path / "sweep" / "members" / NAMES[1] / "checkpoints" / "4" / "checksums.json").write_text("{")
    sweep_in(tmp_path / "sweep", PAIRS)
    for name in NAMES:
        assert_rows_alike(tmp_path / "sweep" / "members" / name, together / "members" / name)


@pytest.mark.parametrize("which", [pytest.param("in_turn", marks=pytest.mark.slow), "together"])
def test_an_interrupted_sweep_goes_on(which, request, monkeypatch, tmp_path):
    """A signal in the third step, of the second member where they come in turn."""
    whole = request.getfixturevalue(which)
    monkeypatch.setattr(parallel, "members_together", lambda: which == "together")
    record = Logbook.record

    def interrupted(self, step, *rest):
        record(self, step, *rest)
        if step == 3 and self.run.path.name == NAMES[1]:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Logbook, "record", interrupted)
        with pytest.raises(SystemExit) as error:
            sweep_in(tmp_path, PAIRS)
    assert error.value.code == 143
    stopped = NAMES if which == "together" else [NAMES[1]]
    assert sorted(name for name, state in states(tmp_path).items() if state == "stopped") == stopped
    for name in stopped:
        assert events(tmp_path / "members" / name) == ["start", "preemption"]
        assert (tmp_path / "members" / name / "checkpoints" / "4").exists()
    sweep_in(tmp_path, PAIRS)
    assert states(tmp_path) == dict.fromkeys(NAMES, "finished")
    for name in NAMES:
        assert_same_run(tmp_path / "members" / name, whole / "members" / name)


def test_a_member_that_collapses_goes_back_alone(accelerator, monkeypatch, tmp_path):
    """Its alarm rings at step 4 once; the other goes on in the group."""
    rung = []

    def update(self, row):
        if row["step"] != 4 or rung:
            return []
        rung.append(row["step"])
        self.active["flat"] = Event("collapse", 4, "flat", 3, "as the test wants it", {})
        return [self.active["flat"]]

    monkeypatch.setattr(Alarm, "update", update)
    monitor = {"every": 2, "num": 100, "warmup": 0, "on_collapse": "restore"}
    sweep_in(tmp_path, "seed=0,1", *(f"--config.monitor.{field}={value}" for field, value in monitor.items()))
    first, second = (tmp_path / "members" / name for name in ("seed=0", "seed=1"))
    assert events(first) == ["start", "collapse", "restore", "resume", "end"]
    assert events(second) == ["start", "end"]
    for workdir in (first, second):
        assert [row["step"] for row in rows(workdir)] == [1, 2, 3, 4, 5, 6]
    found = {member["name"]: member for member in summary_of(tmp_path)["members"]}
    assert [member["state"] for member in found.values()] == ["finished", "finished"]
    assert [collapse["ended"] for collapse in found["seed=0"]["collapses"]] == ["restore"]
    assert summary_of(tmp_path)["measure"] == "fd_probe"


def test_a_member_that_diverges_goes_back_alone(accelerator, monkeypatch, tmp_path):
    log = Logbook.log

    def faltering(self, step, metrics):
        first = step == 4 and self.run.path.name == "seed=0" and not self.restores()
        log(self, step, metrics | {"m": np.nan} if first else metrics)

    monkeypatch.setattr(Logbook, "log", faltering)
    sweep_in(tmp_path, "seed=0,1", "--config.on_nonfinite=restore")
    first, second = (tmp_path / "members" / name for name in ("seed=0", "seed=1"))
    assert events(first) == ["start", "non-finite", "restore", "resume", "end"]
    assert events(second) == ["start", "end"]
    rates = [[row["lr_g"] for row in rows(workdir)] for workdir in (first, second)]
    assert [was / now for now, was in zip(*rates, strict=True)] == pytest.approx([1, 1, 2, 2, 2, 2])


def test_the_best_member_comes_first(tmp_path, monkeypatch):
    members = prepared(tmp_path, "seed=0,1,2,3", "--config.monitor.best_metric=coverage")
    for member, (coverage, shows) in zip(members, [(0.2, None), (0.9, "flat"), (0.5, None)], strict=False):
        member.run.path.mkdir()
        reading = {"step": 2, "seconds": 1.0, "coverage": coverage, "shows": shows, "k_at_bound": True}
        member.run.monitor.append(dict.fromkeys(READING) | reading)
    config = config_lib.load([TINY, "--config.monitor.best_metric=coverage"])[0]
    summary = Summary(tmp_path / "summary.json", config, members)
    summary.write()
    found = summary_of(tmp_path)
    assert found["measure"] == "coverage"
    assert [member["name"] for member in found["members"]] == ["seed=2", "seed=0", "seed=1", "seed=3"]
    assert found["members"][0]["measures"] == {"coverage": 0.5}
    assert summary.table().splitlines()[1].split() == ["seed=2", "waiting", "2/6", "00:00", "0.5"]
    assert [line.split()[0] for line in summary.table(2).splitlines()] == ["member", "seed=2", "seed=0", "and"]
    assert summary.table(2).endswith(f"and 2 more in {tmp_path}/summary.json")
    read = []
    monkeypatch.setattr(members_lib, "record", lambda member: read.append(member.name) or record(member))
    members[1].state = State.RUNNING
    summary.write()
    assert read == ["seed=1"]  # what has not changed is not read again, be there a thousand


def test_what_has_no_readings_is_compared_by_its_own_course(tmp_path, capsys):
    """SDPC's members by their prediction errors, all layers'."""
    arguments = [f"--config={ROOT}/configs/sdpc.py:tiny", "--sweep=layer_1.sparsity=0.5,0.1", f"--workdir={tmp_path}"]
    sweep.main(arguments)
    found = summary_of(tmp_path)
    assert found["measure"] == "error"
    errors = {member["name"]: member["measures"]["error"] for member in found["members"]}
    assert errors == {name: rows(tmp_path / "members" / name)[-1]["error"] for name in errors}
    assert list(errors.values()) == sorted(errors.values())
    header, best, *_ = capsys.readouterr().out.splitlines()[-4:]
    assert header.split() == ["member", "state", "step", "time", "error", "shows"]
    assert best.split()[0] == next(iter(errors))
