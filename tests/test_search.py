import itertools
import json
import sys

import numpy as np
import pytest
from support import ROOT, run

from jaxgan import config as config_lib
from jaxgan import groups, parallel, search, sweep
from jaxgan.errors import UserError
from jaxgan.lock import held
from jaxgan.rundir import RunDirectory

TINY = f"--config={ROOT}/configs/abegan.py:tiny"
FIELDS = ["--config.width=4", "--config.steps=9", "--config.monitor.every=1", "--config.monitor.num=100"]
WHERE = "gamma=0.3..1 lr_g=1e-5..1e-2:log"


def search_in(workdir, text=WHERE, trials=9, *overrides):
    command = [TINY, *FIELDS, *overrides, f"--search={text}", f"--trials={trials}", f"--workdir={workdir}"]
    sweep.main([argument for argument in command if argument])


def members(workdir):
    return json.loads((workdir / "summary.json").read_text())["members"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("search") / "it"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(parallel, "members_together", lambda: True)
        search_in(workdir)
    return workdir


def test_a_third_goes_on_each_time_and_it_is_the_best(searched):
    found = members(searched)
    by_steps = {steps: [one for one in found if one["steps"] >= steps] for steps in (1, 3, 9)}
    assert [len(going) for going in by_steps.values()] == [9, 3, 1]
    assert sorted(one["state"] for one in found) == ["dropped"] * 8 + ["finished"]
    assert all(one["step"] == one["steps"] for one in found)
    for steps in (1, 3):
        best = {
            one["name"]: min(
                row["fd_probe"]
                for row in RunDirectory(searched / "members" / one["name"]).monitor.read()
                if row["step"] <= steps
            )
            for one in by_steps[steps]
        }
        on = {one["name"] for one in by_steps[steps * 3]}
        assert len(set(best.values())) > 2
        assert max(best[name] for name in on) <= min(best[name] for name in best.keys() - on)


def book(workdir):
    return json.loads((workdir / "search.json").read_text())


def test_what_was_searched_is_not_trained_again_and_more_trials_follow(searched, monkeypatch, capsys):
    before, decided = members(searched), book(searched)
    monkeypatch.setattr("jaxgan.groups.train", lambda *_: pytest.fail("trains again"))
    search_in(searched)
    assert members(searched) == before
    assert f"best: --config.gamma={before[0]['fields']['gamma']} --config.lr_g=" in capsys.readouterr().out
    monkeypatch.setattr("jaxgan.groups.train", lambda *_: sys.exit(143))  # as if a signal came
    for trials in (18, 9):  # those that have begun go on in any case
        with pytest.raises(SystemExit):
            search_in(searched, trials=trials)
        assert members(searched)[: len(before)] == before
    proposed = book(searched)["rounds"]
    assert proposed[:1] == decided["rounds"]
    assert len(proposed[1]) == 9
    assert not [one for one in proposed[1] if one["fields"] in [known["fields"] for known in proposed[0]]]


def test_one_that_is_stopped_comes_to_the_same(searched, tmp_path, monkeypatch):
    """Before its second and its third comparison; what was decided stays so."""
    monkeypatch.setattr(parallel, "members_together", lambda: True)
    train, calls = groups.train, []

    def stopped(group, hear):
        calls.append(group)
        if len(calls) in (2, 4):
            sys.exit(143)
        train(group, hear)

    monkeypatch.setattr(groups, "train", stopped)
    for _ in range(2):
        with pytest.raises(SystemExit):
            search_in(tmp_path / "it")
    search_in(tmp_path / "it")
    assert len(calls) == 5
    assert book(tmp_path / "it")["rounds"] == book(searched)["rounds"][:1]
    ours, theirs = (
        {one["name"]: (one["state"], one["step"]) for one in members(at)} for at in (tmp_path / "it", searched)
    )
    assert ours.items() <= theirs.items()


def test_one_that_collapses_ends_even_where_it_was_to_be_compared(tmp_path, monkeypatch, capsys):
    """Its first reading, at the step of the first comparison, rings the alarm."""
    monkeypatch.setattr(parallel, "members_together", lambda: True)
    with pytest.raises(UserError, match="no trial has come to its end: search elsewhere"):
        search_in(tmp_path, WHERE, 9, "--config.monitor.warmup=0", "--config.monitor.patience=1")
    found = members(tmp_path)
    assert {one["state"] for one in found} == {"stopped"}
    assert {one["step"] for one in found} == {1}
    assert capsys.readouterr().out.count("collapsed at step 1\n") == 9
    assert {one["ended"] for one in book(tmp_path)["rounds"][0]} == {"collapsed at step 1"}


def test_what_no_trial_is_to_blame_for_ends_the_search(tmp_path, monkeypatch):
    def fails(group, hear):
        with group[0].guarded():
            raise UserError("the device's memory is full")

    monkeypatch.setattr(groups, "train", fails)
    with pytest.raises(UserError, match="gamma=.*: the device's memory is full"):
        search_in(tmp_path)
    assert not [one for one in book(tmp_path)["rounds"][0] if one["reached"] or one["ended"]]


def test_a_second_search_in_its_directory_leaves(tmp_path):
    with held(tmp_path), pytest.raises(UserError, match="is in use by process"):
        search_in(tmp_path)


def test_readings_are_as_often_as_they_are_to_be_compared():
    for name in ("dcgan", "abegan", "small32"):
        config, _ = config_lib.load([f"--config={ROOT}/configs/{name}.py:quick"])
        every, config.monitor.every = config.monitor.every, search.readings_every(config, config.steps)
        assert config.monitor.every <= every
        assert config.monitor.every % config.log_every == 0
        first, second, last = search.rungs(config, config.steps)
        assert first % config.monitor.every == second % config.monitor.every == 0
        assert 0 <= last // 9 - first < config.monitor.every
        assert 0 <= last // 3 - second < config.monitor.every
        assert last == config.steps


def test_readings_that_log_every_does_not_allow_are_taken_all_the_same():
    config, _ = config_lib.load([f"--config={ROOT}/configs/dcgan.py:quick", "--config.log_every=1000"])
    assert search.readings_every(config, 3500) == 388


def test_trials_that_were_compared_otherwise_are_not_held_against_new_ones(searched):
    for field, value in (("best_metric", "coverage"), ("num", "150")):
        with pytest.raises(UserError, match=f"trials so far were compared with monitor.{field}="):
            search_in(searched, WHERE, 18, f"--config.monitor.{field}={value}")


def test_what_shows_a_collapse_teaches_as_the_worst():
    """The lower the rate, the better it measures; with those that are sound as the only ones that count, the higher."""
    where = {"lr_g": search.Span(1e-5, 1e-1, True)}

    def proposed(sound):
        tried = [
            search.Trial({"lr_g": 10 ** (-1 - number / 6)}, {1: (float(number < sound), -1.0 / (1 + number))})
            for number in range(24)
        ]
        return np.median([np.log10(one["lr_g"]) for one in search.propose(where, tried, 0)])

    assert proposed(sound=24) < -4
    assert proposed(sound=6) > -2.5


def test_what_is_compared_has_begun_to_learn(tmp_path):
    arguments = [f"--config={ROOT}/configs/sdpc_codes.py:tiny", "--config.steps=18", "--config.monitor.every=2"]
    with pytest.raises(UserError, match="first compares trials at step 2: pretrain_steps=3: steps=2 leave none"):
        sweep.main([*arguments, "--search=lr_g=1e-4..1e-2:log", f"--workdir={tmp_path}"])


def test_another_search_in_its_place_is_refused(searched):
    with pytest.raises(UserError, match=r"is of --search='gamma=0.3..1 lr_g=1e-5..1e-2:log' to 9 steps: repeat"):
        search_in(searched, "gamma=0.3..0.9")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gama=0.3..1", "no field 'gama' for algorithm began; did you mean gamma?"),
        ("gamma=1..0.3", "gamma=1..0.3: 1.0 is not below 0.3"),
        ("gamma=0..1:log", "the logarithm of 0.0 is no number"),
        ("gamma=-1..1", "gamma=-1.0: it is a number from 0"),
        ("gamma=0.3..x", "gamma=x"),
        ("gamma=0.3", "gamma wants LOW..HIGH or different values with commas"),
        ("gamma=0.3,0.3", "gamma wants LOW..HIGH or different values with commas"),
        ("activation=elu..relu", "it is no number; name the values with commas"),
        ("gamma", "--search: 'gamma' is no field=value,value"),
        ("width=4..8", "width is in --search and in --config.width"),
        ("gamma=0.3..1 gamma=1,2", "'gamma=1,2' names gamma again"),
        ("gamma=0.3..1,2", "gamma=0.3..1"),
        ("init_from=../a", "init_from wants LOW..HIGH or different values"),
        ("keep=4..9", "keep changes how a run is followed, not what it learns"),
        ("monitor.margin=1,2", "monitor.margin changes how a run is followed"),
        ("seed=0,1,2", "--search: the best seed is luck"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(text, said, tmp_path):
    with pytest.raises(UserError) as error:
        search_in(tmp_path / "search", text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize(
    ("trials", "override", "said"),
    [
        (10, "", "--trials=10: it is a multiple of 9"),
        (0, "", "--trials=0: it is a multiple of 9"),
        (9, "--config.monitor.every=0", "compares readings: set monitor.every"),
        (9, "--config.monitor.every=2", "monitor.every=2: no reading falls into the first ninth of 9 steps"),
    ],
)
def test_it_needs_readings_and_thirds(trials, override, said, tmp_path):
    with pytest.raises(UserError) as error:
        search_in(tmp_path / "search", WHERE, trials, override)
    assert said in str(error.value)
    assert not (tmp_path / "search").exists()


def test_a_sweep_or_a_search(tmp_path):
    done = run("sweep", TINY, "--sweep=gamma=1,2", "--search=gamma=1..2", f"--workdir={tmp_path}")
    assert done.stderr == "jaxgan: argument --search: not allowed with argument --sweep; see --help\n"
    assert "one of the arguments --sweep --search is required" in run("sweep", TINY, f"--workdir={tmp_path}").stderr


SPACE = {"rate": search.Span(1e-5, 1e-2, log=True), "width": search.Span(4, 32, log=False), "kind": ["a", "b"]}


def rounds_on(value, count=4):
    """Proposals of so many rounds, of which each is told what `value` says of it; None ends a trial."""
    tried, rounds = [], []
    for number in range(count):
        rounds.append(search.propose(SPACE, tried, number))
        for fields in rounds[-1]:
            found = value(fields)
            ended = None if found is not None else "collapsed"
            tried.append(search.Trial(fields, {} if ended else {1: (1.0, -found)}, ended))
    return rounds


def test_proposals_lie_within_and_repeat():
    rounds = rounds_on(lambda fields: fields["rate"])
    for fields in itertools.chain(*rounds):
        assert 1e-5 <= fields["rate"] <= 1e-2
        assert len(f"{fields['rate']:g}".partition("e")[0].replace(".", "").lstrip("0")) <= 4
        assert fields["width"] in range(4, 33)
        assert fields["kind"] in ("a", "b")
    assert rounds == rounds_on(lambda fields: fields["rate"])


def test_few_settings_are_proposed_once_each():
    small = {"kind": ["a", "b"], "width": search.Span(1, 2, log=False)}
    proposed = search.propose(small, [], 0)
    assert len(proposed) == 4
    assert search.propose(small, [search.Trial(fields) for fields in proposed], 1) == []


def test_a_narrow_span_has_many_values():
    space = {"decay": search.Span(0.999, 0.9999, log=False)}
    assert len({fields["decay"] for fields in search.propose(space, [], 0)}) == 9


def test_what_does_not_go_together_is_not_proposed():
    def check(fields):
        if fields["width"] % 4:
            raise UserError("width is a multiple of 4")

    proposed = search.propose(SPACE, [], 0, check)
    assert len(proposed) == 9
    assert not [fields for fields in proposed if fields["width"] % 4]
    with pytest.raises(UserError, match="multiple of 4"):
        search.propose({"width": search.Span(5, 7, log=False)}, [], 0, check)


def test_proposals_learn():
    """Those of later rounds come near to what was best, and far from what ended."""
    off = lambda fields: abs(np.log10(fields["rate"] / 1e-3)) + (fields["kind"] == "a")
    first, *later = ([off(fields) for fields in proposed] for proposed in rounds_on(off, 10))
    assert np.median(later[4:]) < 0.3 * np.median(first)
    told = rounds_on(lambda fields: None if fields["kind"] == "a" else 1.0, 10)
    assert sum(fields["kind"] == "a" for fields in itertools.chain(*told[5:])) < 9
