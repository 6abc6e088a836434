import itertools
import json

import numpy as np
import pytest
from support import ROOT, run

from jaxgan import parallel, search, sweep
from jaxgan.errors import UserError
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


def test_what_was_searched_is_not_trained_again_and_more_trials_follow(searched, monkeypatch, capsys):
    before = members(searched)
    rounds = json.loads((searched / "search.json").read_text())["rounds"]
    monkeypatch.setattr("jaxgan.groups.train", lambda *_: pytest.fail("trains again"))
    search_in(searched)
    assert members(searched) == before
    best = next(one for one in before if one["state"] == "finished")
    assert f"best: --config.gamma={best['fields']['gamma']} --config.lr_g=" in capsys.readouterr().out
    monkeypatch.setattr("jaxgan.groups.train", lambda *_: (_ for _ in ()).throw(SystemExit(143)))
    with pytest.raises(SystemExit):  # as if a signal came
        search_in(searched, trials=18)
    more = json.loads((searched / "search.json").read_text())["rounds"]
    assert more[:1] == rounds
    assert len(more[1]) == 9
    assert not [fields for fields in more[1] if fields in more[0]]


def test_another_search_in_its_place_is_refused(searched):
    with pytest.raises(UserError, match=r"is of --search='gamma=0.3..1 lr_g=1e-5..1e-2:log': repeat that, or give"):
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
        (9, "--config.monitor.every=0", "compares readings, of which began takes none: monitor.every=0"),
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
    """Proposals of so many rounds, of which each is told what `value` says of it."""
    tried, rounds = [], []
    for number in range(count):
        rounds.append(search.propose(SPACE, tried, number))
        tried += [(fields, {1: value(fields)}) for fields in rounds[-1]]
    return rounds


def test_proposals_lie_within_and_repeat():
    rounds = rounds_on(lambda fields: fields["rate"])
    for fields in itertools.chain(*rounds):
        assert 1e-5 <= fields["rate"] <= 1e-2
        assert float(f"{fields['rate']:.3g}") == fields["rate"]
        assert fields["width"] in range(4, 33)
        assert fields["kind"] in ("a", "b")
    assert rounds == rounds_on(lambda fields: fields["rate"])
    small = {"kind": ["a", "b"], "width": search.Span(1, 2, log=False)}
    assert len(search.propose(small, [], 0)) == 4  # all that there are
    assert search.propose(small, [(fields, {}) for fields in search.propose(small, [], 0)], 1) == []


def test_proposals_learn():
    """Those of later rounds come near to what was best, and far from what had no value."""
    off = lambda fields: abs(np.log10(fields["rate"] / 1e-3)) + (fields["kind"] == "a")
    first, *later = ([off(fields) for fields in proposed] for proposed in rounds_on(off, 10))
    assert np.median(later[4:]) < 0.3 * np.median(first)
