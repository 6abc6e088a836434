"""The tables by which systems are compared, on whose pairs by seed the results rest."""

import importlib.util

import pytest
from support import ROOT

from jaxgan import benchmark

spec = importlib.util.spec_from_file_location("compare", ROOT / "tests" / "benchmarks" / "compare.py")
compare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare)


def test_differences_are_between_runs_of_one_seed():
    runs = {
        "began": {0: {"fd": 10.0}, 1: {"fd": 20.0}, 2: {"fd": 31.0}},
        "dcgan+r1=1": {2: {"fd": 30.0}, 0: {"fd": 5.0}, 1: {"fd": None}},
    }
    heads, _, first, second, less = compare.lines(runs, ["fd"])
    assert heads == "| system | seeds | fd |"
    assert first == f"| began | 3 | {benchmark.interval([10.0, 20.0, 31.0])} |"
    assert second == f"| dcgan | 2 | {benchmark.interval([5.0, 30.0])} |"
    assert less == f"| less began | 2 | {benchmark.interval([-5.0, -1.0])} |"


def test_systems_of_one_config_are_told_apart_and_what_fewer_seeds_have_is_said():
    runs = {"began": {0: {"a": 1.0, "b": 2.0}, 1: {"a": 1.0, "b": None}}, "began+gamma=1": {0: {"a": 1.0, "b": 5.0}}}
    *_, first, second, less = compare.lines(runs, ["a", "b"])
    assert first == "| began | 2 | 1 | 2 (n = 1) |"
    assert second == "| began+gamma=1 | 1 | 1 | 5 |"
    assert less == "| less began | 1 | 0 | 3 |"


def test_steps_are_those_that_fit_the_time_or_those_that_are_given(tmp_path, monkeypatch):
    options = compare.argparse.Namespace(systems=["began+gamma=1", "began+r1=1"], steps=None, minutes=2.0)
    options.costs = tmp_path / "costs.json"
    options.costs.write_text('{"began": 0.1, "began+r1=1": 0.24}')
    assert compare.steps_of(options) == {"began+gamma=1": 1200, "began+r1=1": 500}
    options.steps = 70
    assert compare.steps_of(options) == {"began+gamma=1": 70, "began+r1=1": 70}
    options.steps, options.systems = None, ["dcgan"]
    with pytest.raises(SystemExit, match="no step of dcgan has been timed"):
        compare.steps_of(options)
