import json
import os
import re

import pytest
from page import written
from runfiles import write, write_evaluation, write_run

from jaxgan import notebook, report
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory


def damage(name, content):
    def apply(path):
        (path / name).write_text(content)

    return apply


def append(name, content):
    def apply(path):
        with (path / name).open("a") as file:
            file.write(content)

    return apply


def evaluated(**changes):
    def apply(path):
        content = write_evaluation(path, fd_probe=1.0, recall=0.5) | changes
        (path / "evaluation.json").write_text(json.dumps(content))

    return apply


def with_config(**changes):
    def apply(path):
        content = json.loads((path / "config.json").read_text())
        content["config"] |= changes
        write(path / "config.json", content)

    return apply


# One that does not say what it translates.
TRANSLATOR = '{"config": {"algorithm": "cyclegan"}, "data": {"name": "toons", "fingerprint": "f1", "origin": {}}}'
ROW = '{"step": 650, "loss_g": %s}\n'


@pytest.mark.parametrize(
    ("apply", "said"),
    [
        (append("metrics.jsonl", '{"step": 65'), None),  # torn
        (append("metrics.jsonl", '{"step": 65\n' + ROW % 1), "lines are left out (1, the first is line 13)"),
        (append("metrics.jsonl", '[1]\n{"loss_g": 1}\n'), "lines are left out (2, the first is line 13)"),
        (append("metrics.jsonl", "[" * 100_000 + "\n"), "lines are left out (1, the first is line 13)"),
        (append("metrics.jsonl", '{"step": true}\n{"step": -1}\n'), "lines are left out (2, the first is line 13)"),
        (append("metrics.jsonl", ROW % "NaN"), "left out (1, the first loss_g at step 650)"),
        (append("metrics.jsonl", ROW % '"high"'), "left out (1, the first loss_g at step 650)"),
        (append("metrics.jsonl", ROW % ("9" * 400)), "left out (1, the first loss_g at step 650)"),
        (append("metrics.jsonl", ROW % "1e308" + ROW % "-1e308"), "left out (2, the first loss_g at step 650)"),
        (append("metrics.jsonl", ROW % '1, "$\\\\frac{\\ud800": 2'), None),  # no name that a chart can show
        (append("events.jsonl", "nonsense\n"), "events.jsonl: damaged lines are left out (1, the first is line 3)"),
        (damage("monitor.jsonl", '{"step": 5, "characters": [1]}\n'), "shares of characters are left out (1, "),
        (damage("monitor.jsonl", '{"step": 5, "diversity": NaN}\n'), "left out (1, the first diversity at step 5)"),
        (damage("monitor.jsonl", '{"step": 5, "trace": [1.0], "change": null}\n'), None),
        (damage("evaluation.json", "{"), "evaluation.json is damaged, it holds no JSON object"),
        (damage("evaluation.json", "[]"), "evaluation.json is damaged, it holds no JSON object"),
        (damage("evaluation.json", "{}"), "evaluation.json is damaged, it lacks a step or measures"),
        (evaluated(measures={"fd_probe": {"value": float("nan")}, "recall": 3}), "left out: fd_probe, recall"),
        (evaluated(characters={"bart": "many"}), "evaluation.json: damaged and left out: characters"),
        (evaluated(probe=3, data=[], lost=7, warnings={}, num="x", summary=1), None),
        (evaluated(baselines={"identity": 3, "nearest": {"cycle": "x"}}), None),
        (evaluated(data={"fingerprint": "another"}), "is of another data set than the run"),
        (with_config(algorithm="bigan"), "unknown algorithm 'bigan': no command repeats it"),
        (with_config(lr_g="high", batch_size=[1]), "config.json has fields of a wrong type"),
        (with_config(data={"name": [1]}), "config.json has fields of a wrong type"),
        (with_config(steps=None, epochs=1e308), "config.json has fields of a wrong type"),
        (damage("samples/000600.png", "no picture"), "samples/000600.png is no readable picture"),
        (damage("samples/000600-nearest.png", ""), "samples/000600-nearest.png is no readable picture"),
        (lambda path: (path / "metrics.jsonl").unlink(), "no rows yet, it has only just started"),
        (lambda path: [file.unlink() for file in (path / "samples").iterdir()], "no grids of samples"),
    ],
)  # fmt: skip
def test_damage_is_one_remark_and_the_rest_is_reported(tmp_path, apply, said):
    good, bad = (write_run(tmp_path / name, algorithm="dcgan", figures=["loss_g"]) for name in ("good", "bad"))
    apply(bad)
    page, notes, remarks = written(tmp_path, good, bad)
    assert list(page.rows()) == ["good", "bad"]
    assert "Test good" in notes and "Test bad" in notes
    if said is None:
        assert remarks == []
    else:
        (remark,) = remarks
        assert remark.startswith(f"{bad}: ") and said in remark and "\n" not in remark
        assert said in page.text and said in notes


def test_no_picture_is_handed_to_a_program(tmp_path, monkeypatch):
    """Pillow hands PostScript to Ghostscript, whatever a file is called."""
    called, ghostscript = tmp_path / "called", tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\ntouch {called}\n")
    ghostscript.chmod(0o700)
    monkeypatch.setenv("PATH", f"{ghostscript.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # so that Pillow looks for it now
    run = write_run(tmp_path / "one", figures=["loss_g"])
    damage("samples/000600.png", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n%%EndComments\nshowpage\n")(run)
    _, _, remarks = written(tmp_path, run)
    assert remarks == [f"{run}: samples/000600.png is no readable picture"]
    notebook.curves(RunDirectory(run))
    assert not called.exists()


def test_only_a_config_is_a_run_that_has_just_started(tmp_path):
    path = write_run(tmp_path / "one")
    for file in ("metrics.jsonl", "events.jsonl"):
        (path / file).unlink()
    for file in (path / "samples").iterdir():
        file.unlink()
    page, notes, remarks = written(tmp_path, path)
    assert page.rows()["one"]["state"] == "running or interrupted at step 0 of 600"
    assert remarks == [f"{path}: no rows yet, it has only just started"]
    assert "    Time=\n" in notes
    assert "nothing has judged its images" in notes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no run directory, it has no config.json; left out"),
        ("{", "config.json is damaged, it holds no JSON object"),
        ("7", "config.json is damaged, it holds no JSON object"),
        ("{}", "config.json lacks the config's algorithm or the data's name and fingerprint; left out"),
        ('{"config": {"algorithm": "began"}, "data": {"name": 3}}', "config.json lacks the config's algorithm"),
        (TRANSLATOR, "config.json lacks the config's algorithm or the data's name and fingerprint; left out"),
        ('{"config": {"algorithm": 5}, "data": {}}', "config.json lacks the config's algorithm"),
    ],
)
def test_what_is_no_run_is_left_out_or_refused(tmp_path, content, said):
    bad = tmp_path / "bad"
    bad.mkdir()
    if content:
        (bad / "config.json").write_text(content)
    page, notes, (remark,) = written(tmp_path, write_run(tmp_path / "good"), bad)
    assert said in remark and said in page.text and said in notes
    assert list(page.rows()) == ["good"]
    with pytest.raises(UserError, match=re.escape(said)):
        report.write([bad], tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_a_name_that_is_no_text(tmp_path):
    page, _, _ = written(tmp_path, write_run(tmp_path / "one\udcff", figures=["loss_g"]))
    assert list(page.rows()) == ["one?"]
