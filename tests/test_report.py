import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import runfiles
from runfiles import event, measure, reading, write, write_evaluation, write_rows, write_run

from jaxgan import report
from jaxgan.errors import UserError
from jaxgan.reporting.notes import compact, escape
from jaxgan.reporting.pictures import grids_each, spread


class Page(HTMLParser):
    """The page as a reader sees it."""

    VOID = {"meta", "img", "input", "wbr", "br"}

    def __init__(self, html):
        super().__init__()
        self.tables, self.tags, self.open, self.text, self._cell = [], [], [], "", None
        self.feed(html)
        assert not self.open  # every element is closed

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = ""

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.tables[-1][-1].append(" ".join(self._cell.split()))
            self._cell = None

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text += data
        if self._cell is not None:
            self._cell += data

    def rows(self, table=0):
        """The rows of a table, by their first cell, as dictionaries by the heads without arrows."""
        heads, *rows = self.tables[table]
        return {row[0]: dict(zip([head.rstrip("↑↓ \xa0") for head in heads], row, strict=True)) for row in rows}

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def written(tmp_path, *paths, lang="en"):
    """The page, the notes and the remarks."""
    remarks = report.write(paths, tmp_path / "report.html", lang)
    return Page((tmp_path / "report.html").read_text()), (tmp_path / "report.md").read_text(), remarks


def full_run(path, **fields):
    """A run with all that the report shows."""
    write_run(path, **fields)
    write_rows(path / "monitor.jsonl", [reading(step) for step in range(100, 700, 100)])
    collapse = event("collapse", 300, kind="flat", evidence="one colour in 95 % of the samples.")
    write_rows(path / "events.jsonl", [event("start", 0), collapse, event("end", 600)])
    write_evaluation(path, fd_probe=measure(12.3, 0.55), coverage=0.4)
    runfiles.write_png(path / "samples" / "000600-nearest.png", np.zeros((60, 118, 3), np.uint8))
    return path


def test_a_row_says_how_the_run_went(tmp_path):
    page, _, remarks = written(tmp_path, full_run(tmp_path / "runs" / "one"))
    assert remarks == []
    row = page.rows()["one"]
    assert row["steps"] == "600 epoch 60"
    assert row["time"] == "5 h 45"
    assert row["state"] == "finished, collapsed (flat, step 300)"
    assert row["fd_probe"] == "12.3 [11.8, 12.9], floor 0.6"
    assert row["characters"] == "draws 2 of 3 characters: bart 70 %, lisa 30 %"


def test_only_fields_that_differ_are_columns(tmp_path):
    one = write_run(tmp_path / "one", gamma=0.3)
    two = write_run(tmp_path / "two", gamma=0.5, log_every=7, monitor__every=5)
    other = write_run(tmp_path / "other", algorithm="dcgan")
    page, _, _ = written(tmp_path, one, two, other)
    heads = page.tables[0][0]
    assert heads == ["run", "algorithm", "gamma", "steps", "time", "state", "characters"]
    assert [row["gamma"] for row in page.rows().values()] == ["0.3", "0.5", "\N{EN DASH}"]
    codes = " ".join(page.text.split()).partition("Curves")[0]
    assert "k_max=1.0" in codes and "kernel=3" in codes  # the same in all that have it
    assert "gamma=" not in codes
    assert "monitor.margin=" not in codes  # as it usually is
    assert re.search(r"where its images lie log_every monitor.every\b", codes)
    (settings,) = page.all("details")
    assert "open" not in settings


def test_a_monitors_own_bounds_are_told(tmp_path):
    page, _, _ = written(tmp_path, write_run(tmp_path / "one", monitor__margin=2.0))
    codes = " ".join(page.text.split()).partition("Curves")[0]
    assert "monitor.margin=2.0" in codes and "monitor.patience=" not in codes
    assert "the same in all" not in codes.lower()  # there is but one


def test_the_best_is_marked_and_what_cannot_be_told_from_it(tmp_path):
    values = {"best": 5.0, "near": 5.1, "far": 9.0}
    for name, value in values.items():
        write_evaluation(write_run(tmp_path / name), fd_probe=value, coverage=value, copies=0.0)
    page, notes, _ = written(tmp_path, *(tmp_path / name for name in values))
    rows = page.rows()
    assert [rows[name]["fd_probe"].split(" [")[0] for name in values] == ["5★", "5.1≈", "9"]
    assert [rows[name]["coverage"].split(" [")[0] for name in values] == ["5", "5.1", "9★"]
    assert "★" not in "".join(row["copies"] for row in rows.values())  # all equal
    assert "best fd_probe of the 3 runs on this set" in notes
    assert "in fd_probe it cannot be told from near: the intervals meet" in notes


def test_equal_figures_are_equally_good(tmp_path):
    for name, value in {"a": 0.2, "b": 0.2, "c": 5.0}.items():
        write_evaluation(write_run(tmp_path / name), copies=value)
    rows = written(tmp_path, *(tmp_path / name for name in "abc"))[0].rows()
    assert [rows[name]["copies"].split(" [")[0] for name in "abc"] == ["0.2★", "0.2★", "5"]


@pytest.mark.parametrize("difference", [{"num": 50}, {"accuracy": 0.5}])
def test_figures_of_another_probe_or_number_of_samples_are_not_compared(tmp_path, difference):
    write_evaluation(write_run(tmp_path / "one"), fd_probe=1.0)
    write_evaluation(write_run(tmp_path / "two"), fd_probe=2.0, **difference)
    page, _, _ = written(tmp_path, tmp_path / "one", tmp_path / "two")
    assert "★" not in page.rows()["one"]["fd_probe"]


def test_data_sets_stand_apart(tmp_path):
    for name, fingerprint, value in (("a", "f1", 3.0), ("b", "f2", 1.0), ("c", "f1", 2.0)):
        path = write_run(tmp_path / name, fingerprint=fingerprint, gamma=value / 10)
        write_evaluation(path, fingerprint=fingerprint, fd_probe=value)
    page, notes, _ = written(tmp_path, *(tmp_path / name for name in "abc"))
    assert list(page.rows(0)) == ["a", "c"]
    assert list(page.rows(1)) == ["b"]
    assert "gamma" in page.tables[0][0] and "gamma" not in page.tables[1][0]  # differs within the first
    assert "★" in page.rows(0)["c"]["fd_probe"]
    assert "★" not in page.rows(1)["b"]["fd_probe"]
    for text in (page.text, notes):
        assert "The runs are on 2 data sets. Figures are compared within a set only." in text


def test_the_page_needs_nothing_but_itself(tmp_path):
    page, _, _ = written(tmp_path, full_run(tmp_path / "one"))
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset"):
            value = attributes.get(name) or ""
            assert value.startswith(("data:", "#")) or not value
    html = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    assert html.startswith("<!DOCTYPE html>")


def test_curves_take_the_pages_colours_and_mark_collapses(tmp_path):
    paths = [
        full_run(tmp_path / "one", figures=runfiles.BEGAN),
        write_run(tmp_path / "two", algorithm="dcgan", figures=runfiles.DCGAN),
    ]
    written(tmp_path, *paths)
    html = (tmp_path / "report.html").read_text()
    titles = re.findall(r"<figcaption><code>(\w+)</code>", html)
    readings = ["diversity", "effective_characters", "recognised", "fd_probe", "coverage"]
    began = ["loss_g", "loss_d", "loss_real", "k", "m", "lr_d"]  # loss_fake is loss_g, lr_g never changes
    assert titles == [*readings, *began, "loss_g", "loss_d", "score_real", "score_fake"]
    charts = re.findall(r"<svg viewBox.*?</svg>", html)
    charts = [chart for chart in charts if "aria-label" in chart]
    assert sum("> flat<" in chart for chart in charts) == len(readings) + len(began)
    assert all("currentColor" in chart and "#0" not in chart.replace("&#0", "") for chart in charts[:-1])
    assert "var(--run-0)" in charts[0] and "var(--run-1)" in charts[12]


def test_collapses_at_one_step_are_one_mark_and_one_conclusion(tmp_path):
    path = write_run(tmp_path / "one", figures=["loss_g"])
    again = [event("collapse", 300, kind="flat", evidence=""), event("restore", 200, **{"from": 300})]
    write_rows(path / "events.jsonl", [event("start", 0), *again, *again])
    _, notes, _ = written(tmp_path, path)
    assert (tmp_path / "report.html").read_text().count("> flat<") == 1
    assert notes.partition("Conclusion")[2].count("collapsed at step 300 (flat), went back to step 200") == 1


def test_ids_of_charts_do_not_collide(tmp_path):
    written(tmp_path, full_run(tmp_path / "one"), full_run(tmp_path / "two"))
    ids = re.findall(r'\bid="([^"]+)"', (tmp_path / "report.html").read_text())
    assert len(ids) == len(set(ids))


def test_a_long_runs_page_stays_small(tmp_path):
    path = write_run(tmp_path / "long")
    losses = np.random.default_rng(0).uniform(size=6160)
    write_rows(path / "metrics.jsonl", [{"step": 50 * row, "loss_g": loss} for row, loss in enumerate(losses)])
    written(tmp_path, path)
    assert (tmp_path / "report.html").stat().st_size < 60_000


def test_the_slider_goes_over_the_grids(tmp_path):
    path = full_run(tmp_path / "one")
    for step in range(10, 600, 10):
        runfiles.write_png(path / "samples" / f"{step:06}.png", np.zeros((28, 28, 3), np.uint8))
    page, _, _ = written(tmp_path, path)
    grids = [image for image in page.all("img") if "data-step" in image]
    assert len(grids) == 24
    assert (grids[0]["data-step"], grids[-1]["data-step"]) == ("step 0", "step 600")
    assert ["hidden" in grid for grid in grids] == [True] * 23 + [False]
    assert {grid["width"] for grid in grids} == {"28"}  # without the real images beside the first
    (slider,) = (tag for tag in page.all("input") if tag["type"] == "range")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "23", "23")
    assert [image["alt"] for image in page.all("img")][24:] == ["real images", "Nearest training images, one"]


def test_pages_of_many_runs_have_fewer_grids_each():
    assert [grids_each(runs) for runs in (1, 4, 6, 12, 100)] == [24, 24, 16, 8, 8]


def test_grids_are_spread_over_the_training():
    assert spread([0, 1, 2], 24) == [0, 1, 2]
    assert spread([0, 1, 2, 3, 100, 200], 3) == [0, 100, 200]


def test_characters_stand_beside_the_real_ones(tmp_path):
    page, _, _ = written(tmp_path, full_run(tmp_path / "one"))
    shares = next(table for table in page.tables if table[0][0] == "character")
    assert shares[1:] == [["homer lost", "0 %", "20 %"], ["lisa", "30 %", "30 %"], ["bart", "70 %", "50 %"]]
    assert "Characters' shares over the steps of one" in (tmp_path / "report.html").read_text().replace("&#x27;", "'")


def test_where_none_is_recognised_there_are_no_shares(tmp_path):
    path = write_run(tmp_path / "one")
    nobody = dict.fromkeys(runfiles.NAMES, 0.0)
    write_rows(path / "monitor.jsonl", [reading(step, characters=nobody) for step in (100, 200)])
    page, _, _ = written(tmp_path, path)
    assert len(page.tables) == 1


def test_many_characters_are_drawn_as_others(tmp_path):
    path = write_run(tmp_path / "one", names=[f"c{number}" for number in range(14)])
    row = reading(100, characters={f"c{number}": 1 / 14 for number in range(14)})
    write_rows(path / "monitor.jsonl", [row, row | {"step": 200}])
    page, _, _ = written(tmp_path, path)
    shares = next(table for table in page.tables if table[0][0] == "character")
    assert len(shares) == 1 + 10
    assert shares[1][:2] == ["others", "36 %"]


def test_evaluated_checkpoints_have_a_table(tmp_path):
    path = full_run(tmp_path / "one")
    content = write_evaluation(path, fd_probe=5.0, coverage=0.4)
    row = {name: content[name] for name in ("num", "measures", "characters")}
    write(path / "evaluation.json", content | {"history": [row | {"step": 600}, row | {"step": 300}, "damaged"]})
    page, _, remarks = written(tmp_path, path)
    table = next(table for table in page.tables if table[0][0] == "step")
    assert [row[0] for row in table[1:]] == ["300", "600"]
    assert remarks == [f"{path}: evaluation.json: damaged entries of the history are left out (1)"]


def test_events_are_told_in_words(tmp_path):
    path = write_run(tmp_path / "one")
    rows = [
        event("start", 0, init_from="runs/other"),
        event("collapse", 200, kind="all alike", evidence="distance 0.01"),
        event("recovery", 250, kind="all alike"),
        event("restore", 100, **{"from": 260}),
        event("non-finite", 300, what="loss_g is nan"),
        event("invented", 310),
        {"event": "end", "step": 320, "time": 1e300},
    ]
    write_rows(path / "events.jsonl", rows)
    page, _, _ = written(tmp_path, path)
    for said in (
        "Started from the networks of runs/other.",
        "Collapse at step 200 (all alike). distance 0.01",
        "Recovered at step 250 (all alike).",
        "Went back to step 100, giving up step 260.",
        "Diverged at step 300: loss_g is nan.",
        "invented at step 310.",
        "Ended at step 320.",
    ):
        assert said in page.text


def test_notes_have_the_form_of_the_users_page(tmp_path):
    path = full_run(tmp_path / "runs" / "one", gamma=0.3)
    _, notes, _ = written(tmp_path, path)
    section = notes[notes.index("#####") :]
    assert section.replace("\xa0", " ") == (
        "##### Test one in 32x32 batchsize=32 steps=600 lr=0.0001 gamma=0.3 data=toons\n"
        "\n"
        "__Results__ :\n"
        "\n"
        "  - BEGAN : finished, 600 steps (epoch 60)  \n"
        "    Time=5h45\n"
        "  - collapsed at step 300 (flat): one colour in 95 % of the samples\n"
        "  - draws 2 of 3 characters: bart 70 %, lisa 30 %\n"
        "  - lost: homer (real 20 %)\n"
        "  - evaluated at step 600:\n"
        "      - fd_probe 12.3 [11.8, 12.9], floor 0.6\n"
        "      - coverage 0.4 [0.3, 0.5], floor 0.6\n"
        "\n"
        "__Conclusion__ :\n"
        "\n"
        "  - collapsed at step 300 (flat)\n"
        "  - draws 2 of 3 characters\n"
        "\n"
        '![one, step 600](runs/one/samples/000600.png "one")\n'
    )


def test_notes_name_what_the_runs_differ_in(tmp_path):
    paths = [write_run(tmp_path / "a", lr_d=2e-4), write_run(tmp_path / "b", activation="relu", steps=None, epochs=3)]
    _, notes, _ = written(tmp_path, *paths)
    assert "Test a in 32x32 batchsize=32 steps=600 lr_g=0.0001 lr_d=0.0002 gamma=0.5 data=toons activation=elu" in notes
    assert "Test b in 32x32 batchsize=32 epochs=3 lr=0.0001 gamma=0.5 data=toons activation=relu" in notes


def test_french(tmp_path):
    path = full_run(tmp_path / "un")
    page, notes, remarks = written(tmp_path, path, tmp_path / "rien", lang="fr")
    assert page.all("html") == [{"lang": "fr"}]
    row = page.rows()["un"]
    assert row["état"] == "terminé, mode collapse (aplat, pas 300)"
    assert row["fd_probe"] == "12,3 [11,8\u202f; 12,9], plancher 0,6".replace("\u202f", " ")
    for said in ("Comparaison", "Courbes", "Évaluation", "Personnages au fil du temps"):
        assert said in page.text
    for said in (
        "##### Test un en 32x32",
        "__Résultats__ :",
        "__Conclusion__ :",
        "mode collapse au pas 300 (aplat)",
    ):
        assert said in notes
    assert remarks == [f"{tmp_path}/rien\xa0: ce dossier n\u2019existe pas\u202f; laissé de côté"]


NASTY = "<script>alert(1)</script>"


def test_names_from_files_are_text(tmp_path):
    names = [NASTY, "[x](javascript:y) *b* `c`", '"&\ud800\0_ {{ 7*7 }} $x_2$']
    path = write_run(tmp_path / "a'\"&quot;<u>_x_", names=names)
    rows = [reading(step, names=names) for step in (100, 200)]
    write_rows(path / "monitor.jsonl", rows)
    write_evaluation(path, names=names, fd_probe=1.0, **{NASTY: 2.0})
    collapse = event("collapse", 300, kind=f"$\\frac{{1}}${NASTY}\0", evidence=NASTY)
    write_rows(path / "events.jsonl", [event("start", 0), collapse, event(NASTY, 3)])
    page, notes, _ = written(tmp_path, path)
    assert not page.all("u")
    assert len(page.all("script")) == 1
    assert page.text.count(NASTY) > 4
    assert "{{ 7*7 }}" in page.text
    assert "a'\"&quot;<u>_x_" in page.text
    assert "<" not in notes
    assert r"\[x\](" not in notes and r"[x\](javascript:y) \*b\* \`c\`" in notes
    assert "(a%27%22%26quot%3B%3Cu%3E_x_/samples/000600.png" in notes
    assert r""".png "a'&quot;&amp;quot;&lt;u&gt;\_x\_")""" in notes  # the picture's title


def test_markdown_is_escaped_only_where_it_would_be_read():
    assert escape("fd_probe 5 [4, 6]") == "fd_probe 5 [4, 6]"
    assert escape("_a_ *b*\n# c") == r"\_a\_ \*b\* # c"
    assert escape("# a") == r"\# a"
    assert escape("1. a") == r"1\. a"
    assert escape("<b> & c") == "&lt;b&gt; &amp; c"
    assert escape("~~a~~ $x$") == r"\~\~a\~\~ \$x\$"


@pytest.mark.parametrize(
    ("seconds", "said"), [(20_700, "5h45"), (3000, "50m"), (40, "40s"), (3599, "1h00"), (59.9, "60s"), (None, "")]
)
def test_times_are_written_as_in_the_users_notes(seconds, said):
    assert compact(seconds) == said


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


def test_runs_of_one_name_are_told_by_their_paths(tmp_path):
    paths = [write_run(tmp_path / folder / "run") for folder in ("a", "b")]
    page, _, _ = written(tmp_path, *paths, paths[0], write_run(tmp_path / "c"))
    assert list(page.rows()) == ["a/run", "b/run", "c"]


def test_a_name_that_is_no_text(tmp_path):
    page, _, _ = written(tmp_path, write_run(tmp_path / "one\udcff", figures=["loss_g"]))
    assert list(page.rows()) == ["one?"]


def test_the_rows_tell_the_epoch(tmp_path):
    """A system with several discriminator steps goes through more images a step: 2 epochs in 100 steps, 5 in 250."""
    path = write_run(tmp_path / "one", steps=250)
    write_rows(path / "metrics.jsonl", [{"step": 0, "epoch": 0}, {"step": 100, "epoch": 2.0}])
    assert written(tmp_path, path)[0].rows()["one"]["steps"] == "250 epoch 5"


def test_an_unlabelled_set(tmp_path):
    path = write_run(tmp_path / "one", names=[])
    row = reading(100, characters={}, recognised=None, effective_characters=None)
    write_rows(path / "monitor.jsonl", [row, row | {"step": 200}])
    content = write_evaluation(path, fd_probe=2.0)
    probe = {"kind": "transformations", "accuracy": 0.9, "classes": 4}
    write(path / "evaluation.json", content | {"characters": {}, "real_characters": {}, "lost": [], "probe": probe})
    page, notes, remarks = written(tmp_path, path)
    assert remarks == []
    assert "toons: 320 training images, without labels" in page.text
    assert "4 transformations of held-out images" in page.text
    assert "the monitor saw no collapse up to step 200" in notes
    (path / "monitor.jsonl").unlink()
    assert "there is nothing to compare its figures with" in written(tmp_path, path)[1]


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    path = write_run(tmp_path / "one")
    report.main([str(path), str(tmp_path / "nothing"), f"--out={tmp_path}/new/page.html"])
    captured = capsys.readouterr()
    assert captured.out == f"wrote {tmp_path}/new/page.html\nwrote {tmp_path}/new/page.md\n"
    assert captured.err == f"{tmp_path}/nothing: no such directory; left out\n"
    assert "](../one/samples/000600.png" in (tmp_path / "new" / "page.md").read_text()
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["page.html", "page.md"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: DIR"),
        (["x", "--lang=de"], "invalid choice: 'de'"),
        (["x", "--out=report.pdf"], "report.pdf: name a file that ends in .html"),
        (["/nowhere/run"], "/nowhere/run: no such directory; left out"),
    ],
)
def test_mistakes_are_one_line(arguments, said):
    with pytest.raises(UserError) as error:
        report.main(arguments)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_neither_jax_nor_tensorflow_is_imported():
    code = "import sys, jaxgan.report; sys.exit(bool({'jax', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
