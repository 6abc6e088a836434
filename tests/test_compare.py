"""The tables by which systems are compared and claims judged, on whose pairs by seed the results rest."""

import argparse
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image
from support import ROOT
from test_documentation import anchors

from jaxgan import benchmark
from jaxgan.data import dataset

sys.path.append(str(ROOT / "tests" / "benchmarks"))
compare, claims, experiments, judging, week5 = (
    importlib.import_module(name) for name in ("compare", "claims", "experiments", "judging", "week5")
)


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
    runs["dcgan+r1=1"][0]["probe"] = "another"
    assert list(compare.lines(runs, ["fd"]))[-1] == f"| less began | 1 | {benchmark.interval([-1.0])} |"


def test_real_images_have_a_line_where_rows_measure_them():
    runs = {"began": {seed: {"fd": 10.0, "steps": 5, "real": {"fd": 0.28123}} for seed in (0, 1)}}
    *_, first, real = compare.lines(runs, ["fd", "steps"])
    assert (first, real) == ("| began | 2 | 10 | 5 |", "| real images | | 0.281 |  |")
    assert "real" not in "".join(compare.lines(runs, ["steps"]))


def test_systems_of_one_config_are_told_apart_and_what_fewer_seeds_have_is_said():
    runs = {"began": {0: {"a": 1.0, "b": 2.0}, 1: {"a": 1.0, "b": None}}, "began+gamma=1": {0: {"a": 1.0, "b": 5.0}}}
    *_, first, second, less = compare.lines(runs, ["a", "b"])
    assert first == "| began | 2 | 1 | 2 (n = 1) |"
    assert second == "| began+gamma=1 | 1 | 1 | 5 |"
    assert less == "| less began | 1 | 0 | 3 |"


def test_steps_are_those_that_fit_the_time_or_those_that_are_given(tmp_path, monkeypatch):
    options = argparse.Namespace(systems=["began+gamma=1", "began+r1=1"], steps=None, minutes=2.0)
    options.costs = tmp_path / "costs.json"
    options.costs.write_text('{"began": 0.1, "began+r1=1": 0.24}')
    assert compare.steps_of(options) == {"began+gamma=1": 1200, "began+r1=1": 500}
    options.steps = 70
    assert compare.steps_of(options) == {"began+gamma=1": 70, "began+r1=1": 70}
    options.steps, options.systems = None, ["dcgan"]
    with pytest.raises(SystemExit, match="no step of dcgan has been timed"):
        compare.steps_of(options)


@pytest.mark.parametrize(
    ("differences", "expected", "verdict"),
    [
        ([1.0, 1.1, 0.9], experiments.MORE, "confirmed"),
        ([1.0, 1.1, 0.9], experiments.LESS, "refuted"),
        ([-1.0, -1.1, -0.9], experiments.LESS, "confirmed"),
        ([1.0, 3.0, -2.0], experiments.MORE, "undecided"),
        ([0.0, 0.0, 0.0], experiments.MORE, "undecided"),  # as where none collapses
        ([0.1, -0.1, 0.0], experiments.SAME, "confirmed"),
        ([1.0, 1.1, 0.9], experiments.SAME, "refuted"),
        ([0.4, 0.5, 0.6], experiments.SAME, "undecided"),
        ([0.1, -2.0, 3.0], experiments.SAME, "undecided"),
    ],
)
def test_a_verdict_is_where_the_whole_interval_lies(differences, expected, verdict):
    assert judging.verdict(differences, expected, alike=0.5) == verdict


def run_of(collapsed_at=None, fd_probe=10.0, characters=3.0, recognised=0.3):
    course = {"step": [100, 200, 300, 400], "fd_probe": [50.0, 40.0, 30.0, 20.0]}
    course["shows"] = [None if collapsed_at is None or step < collapsed_at else "flat" for step in course["step"]]
    course |= {"effective_characters": [characters] * 4, "recognised": [0.3, 0.3, 0.3, recognised]}
    found = {"fd_probe": fd_probe, "effective_characters": 3.0, "diversity": 0.9, "recall": 0.5}
    return {"steps": 400, "minutes": 8.0, "collapsed_at": collapsed_at, "course": course, "best": found, "last": found}


def seeded(rows):
    return [row | {"seed": seed} for seed, row in rows.items()]


def of_steps(steps):
    return experiments.Experiment(experiments.said("", ""), experiments.said("", ""), steps, [], [], "toons")


def test_claims_are_judged_by_pairs_of_one_seed_and_of_one_length():
    elu = seeded({0: run_of(), 1: run_of(), 2: run_of(300), 3: run_of()})
    relu = seeded({2: run_of(100), 0: run_of(210), 1: run_of(200), 7: run_of(1)})
    runs = {("toons", "400 steps", "elu"): elu, ("toons", "400 steps", "relu"): relu}
    runs |= {("toons", "4 steps", "elu"): elu, ("toons", "4 steps", "relu"): seeded({3: run_of(4)})}
    claim = experiments.Claim(experiments.said("", ""), "drawing", "elu", experiments.MORE, "relu")
    judged = judging.judge(claim, of_steps(400), runs)
    assert judged == ("confirmed", (1.0, 1.0, 0.5), (0.5, 0.25, 0.0), [0.5, 0.75, 0.5], None)
    assert judging.judge(claim, of_steps(4), runs).verdict == "untested"
    values, beside, differences = map(benchmark.interval, judged[1:4])
    figures = f"`drawing`: `elu` {values}, `relu` {beside}, difference {differences}"
    assert week5.Page(runs, "en").figures(claim, judged) == figures


def test_runs_are_paired_that_one_probe_has_measured():
    """Of a seed that was made again the last."""
    by = lambda probe, fd: run_of(fd_probe=fd) | {"best": {"fd_probe": fd, "probe": probe}}
    one = [*seeded({0: run_of(fd_probe=1.0), 1: run_of(fd_probe=2.0)}), *seeded({0: by("b", 3.0), 2: by("b", 4.0)})]
    other = seeded({0: by("b", 10.0), 1: run_of(fd_probe=20.0), 2: run_of(fd_probe=30.0)})
    tested = of_steps(400)
    runs = {("toons", "400 steps", "one"): one, ("toons", "400 steps", "other"): other}
    pairs = judging.paired("one", "other", tested, runs)
    assert [(a["best"]["fd_probe"], b["best"]["fd_probe"]) for a, b in pairs] == [(3.0, 10.0), (2.0, 20.0)]
    assert [row["best"]["fd_probe"] for row in judging.of_system("one", tested, runs).values()] == [3.0, 2.0, 4.0]


@pytest.mark.parametrize(("expected", "sign", "verdict"), [("less", "<", "refuted"), ("more", ">", "confirmed")])
def test_claims_with_a_bound(expected, sign, verdict):
    claim = experiments.Claim(experiments.said("", ""), "early fd_probe", "elu", expected, bound=45.0)
    runs = {("toons", "400 steps", "elu"): seeded({seed: run_of() for seed in range(3)})}
    judged = judging.judge(claim, of_steps(400), runs)
    assert judged.verdict == verdict
    assert week5.Page(runs, "en").figures(claim, judged) == f"`early fd_probe`: 50, claimed {sign} 45"


def test_what_draws_nobody_or_one_character_does_not_draw():
    assert judging.measured(run_of(recognised=0.2), "drawing") == 0.75
    assert judging.measured(run_of(300), "drawing") == 0.5
    assert judging.measured(run_of(300, characters=1.9), "drawing") == 0.0


def test_seeds_are_counted_that_would_tell():
    """By the power of Student's t test: 34 seeds for half a deviation (Cohen 1988), and none for next to nothing."""
    for mean, expected, alike in [(0.5, experiments.MORE, 0.0), (10.5, experiments.SAME, 10.0)]:
        assert judging.seeds_that_tell([mean - 1, mean, mean + 1], expected, alike) == 34
    assert judging.seeds_that_tell([-1.0, 1.0, 0.01], experiments.LESS, 0.0) is None
    assert judging.seeds_that_tell([0.04, 0.05, 0.09], experiments.MORE, 0.0, finest=0.075) is None


@pytest.mark.parametrize(("mean", "how"), [(0.0, (experiments.SAME, 15.0, 0.0)), (9.0, (experiments.MORE, 0.0, 8.0))])
def test_seeds_that_would_tell_do(mean, how):
    """That two are alike, for which both ends of the interval have to lie within, and where a measure is coarse."""
    seeds = judging.seeds_that_tell([mean - 10, mean, mean + 10], *how)
    trials = np.random.default_rng(0).normal(mean, 10, (1000, seeds))
    found = [judging.verdict(list(differences), *how) for differences in trials]
    assert 0.78 < found.count("confirmed") / len(found) < 0.95


def test_no_verdict_is_finer_than_the_measure():
    assert judging.verdict([0.05, 0.05, 0.05], experiments.MORE, alike=0, finest=0.075) == "undecided"
    assert judging.verdict([0.1, 0.1, 0.1], experiments.MORE, alike=0, finest=0.075) == "confirmed"


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "recall 0.5; at the end fd_probe 10, 3 characters; collapse in 1 of 3 runs, first at step 200"),
        ("fr", "à la fin fd_probe 10, 3 personnages ; effondrement dans 1 sur 3 essais, au plus tôt au pas 200"),
    ],
)
def test_the_pages_have_every_experiment_in_the_form_of_the_notes(tmp_path, lang, said):
    runs = {
        ("simpsons_mnist", "8000 steps", name): seeded({0: run_of(), 1: run_of(200), 2: run_of()})
        for name in ("began", "began_relu")
    }
    week5.pages(runs, argparse.Namespace(docs=tmp_path, experiments=list(experiments.EXPERIMENTS)))
    page = (tmp_path / week5.PAGES[lang]).read_text()
    assert page.count("### Test") == len(experiments.EXPERIMENTS)
    assert said in page and "Time=8m" in page
    for name in re.findall(r"\((week5/.*?)\)", page):
        assert (tmp_path / name).read_text().count(">began<") == 1  # in its legend


def test_claims_are_of_systems_that_are_trained_and_to_dos_of_what_is_there():
    for experiment in experiments.EXPERIMENTS.values():
        assert {claim.system for claim in experiment.claims} <= set(experiment.systems)
        assert {claim.other for claim in experiment.claims} - {None} <= set(experiment.systems)
    assert {section for _, section in week5.TO_DO} - {None} <= anchors((ROOT / "RESULTS.md").read_text())


def test_systems_of_the_experiments_are_settings_that_there_are():
    for tested in experiments.EXPERIMENTS.values():
        assert all(f"steps={tested.steps}" in week5.settings_of(tested, system) for system in tested.systems)


def test_the_pages_are_those_of_the_rows(tmp_path):
    subprocess.run([sys.executable, "tests/benchmarks/claims.py", "pages", f"--docs={tmp_path}"], cwd=ROOT, check=True)
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        kept = (ROOT / "docs" / path.relative_to(tmp_path)).read_text()
        if path.suffix == ".md" or f"Matplotlib v{matplotlib.__version__}," in kept:  # which draws as others do not
            assert path.read_text() == kept, path.name


def test_each_run_is_made_once_and_seed_by_seed():
    runs = claims.runs_of([experiments.EXPERIMENTS[name] for name in ("init", "relu")], seeds=[0, 1])
    assert len(runs) == len(set(runs)) == 6
    assert [run.seed for run in runs] == [0, 0, 0, 1, 1, 1]


def test_a_run_is_near_at_the_first_reading_that_is():
    course = {"step": [100, 200, 300], "seconds": [45.0, 75.0, 110.0], "fd_probe": [None, 50.0, 20.0]}
    row = {"data": "simpsons_mnist", "steps": 300, "minutes": 2.0, "course": course}
    assert compare.in_short(row) == {"steps_a_second": 2.5, "step_near": 200, "minutes_near": 1.25}
    assert compare.in_short(row | {"course": course | {"fd_probe": [None, None, 60.0]}})["step_near"] is None


PEER = """#!/usr/bin/env python
import argparse, json, numpy as np
p = argparse.ArgumentParser()
p.add_argument("script")
for flag in ("--width", "--lr-g", "--steps", "--seed", "--images", "--samples"):
    p.add_argument(flag, required=True)
a = p.parse_args()
assert a.script.endswith("peers/torch_began.py") and (a.width, a.lr_g, a.steps, a.seed) == ("16", "0.001", "30", "4")
np.savez(a.samples, images=255 - np.load(a.images)["image"])
print("a warning")
print(json.dumps({"seconds": 60.0, "version": "2.1"}))
"""


def test_pytorch_learns_from_the_same_images_and_has_a_row(tmp_path, monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3), np.uint8)
    split = dataset.Split(image, np.zeros(70, np.int32))
    monkeypatch.setattr(compare, "prepare", lambda data: argparse.Namespace(train=split))
    measured = {}

    def measure(samples, workdir, core, fields):
        measured.update(fields=fields, images=np.load(samples)["images"])
        return {"seed": 0, "last": {"fd_probe": 3.0}}

    monkeypatch.setattr(compare, "measure", measure)
    python = tmp_path / "python"
    python.write_text(PEER.replace("/usr/bin/env python", sys.executable))
    python.chmod(0o755)
    options = argparse.Namespace(peer=str(python), data="toons", workdir=tmp_path, fields=["--config.data.limit=9"])
    run = compare.Run("torch_began+width=16+lr_g=0.001", 4, "30 steps", 30)
    row = compare.run_peer(run, options, min(os.sched_getaffinity(0)))
    spent = {"steps": 30, "minutes": 1.0, "versions": {"torch": "2.1"}}
    assert row == {"seed": 4, "last": {"fd_probe": 3.0}} | spent
    np.testing.assert_array_equal(measured["images"], 255 - image)
    assert measured["fields"] == ["--config.data.name=toons", "--config.data.limit=9"]
    with Image.open(compare.sample_grid(options, run, "last")) as grid:
        np.testing.assert_array_equal(np.asarray(grid)[:8, :8], 255 - image[0])


def test_the_peer_takes_what_it_is_given():
    """By its text, as PyTorch is not there."""
    text = (ROOT / "tests/benchmarks/peers/torch_began.py").read_text()
    assert set(re.findall(r'"(--[a-z-]+)"', PEER)) <= set(re.findall(r'add_argument\("(--[a-z-]+)"', text))
    for shared in ('np.load(path)["image"]', "np.savez(a.samples, images=", '"seconds": ', '"version": '):
        assert shared in text


def test_systems_without_rows_are_said(capsys):
    with pytest.raises(SystemExit, match="no rows"):
        list(compare.lines({"began": {}}, ["fd"]))
