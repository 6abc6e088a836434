import re

import numpy as np
import pytest
import runfiles
from page import full_run, written
from runfiles import event, reading, write_evaluation, write_rows, write_run

from jaxgan.reporting.pictures import grids_each, spread

PLAIN = str.maketrans({"\xa0": " ", "\u202f": " "})


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
    assert [grids_each(runs) for runs in (1, 4, 6, 12, 100)] == [24, 24, 16, 8, 3]


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


def test_what_a_translator_translates_is_told(tmp_path):
    """And it is compared with those alone that translate the same."""
    one, two = (write_run(tmp_path / name, algorithm="cyclegan", origin=name) for name in ("sketches", "faces"))
    floors = {"identity": {"fd_probe": 200.0}, "nearest": {"fd_probe": 20.0, "character_kept": 0.25}}
    write_evaluation(one, fd_probe=30.0, character_kept=0.5, cycle=0.1, baselines=floors)
    for name in ("translations", "confusion"):
        runfiles.write_png(one / "samples" / f"000600-{name}.png", np.zeros((60, 118, 3), np.uint8))
    page, notes, _ = written(tmp_path, one, two)
    assert "sketches → toons: 320 training images" in page.text
    assert "faces → toons: 320 training images" in page.text
    (table,) = (table for table in page.tables if table[0][0] == "measure")
    assert table[0][4:6] == ["left as they are", "nearest training image"]
    assert {row[0].rstrip("↑↓ \xa0"): row[4:6] for row in table[1:]} == {
        "fd_probe": ["200", "20"],
        "character_kept": ["\N{EN DASH}", "0.25"],
        "cycle": ["\N{EN DASH}", "\N{EN DASH}"],
    }
    drawn = [image["alt"] for image in page.all("img") if image["alt"].endswith(", sketches")]
    assert drawn == ["Translations, sketches", "Who is taken for whom, sketches"]
    assert "data=sketches → toons" in notes
    assert "fd_probe 30 [29.9, 30.1], floor 0.6; left as they are: 200; nearest training image: 20" in notes


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


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (
            {"contrast": 0.0123, "k": 0.5},
            "le contraste dans les images vaut 1,23 % de celui des images réelles ; k vaut 0,5",
        ),
        ({"contrast": "much"}, "one colour"),  # in the words of the row
        (None, "one colour"),
    ],
)
def test_what_shows_a_collapse_is_told_in_the_report_s_language(tmp_path, figures, said):
    path = write_run(tmp_path / "one")
    write_rows(path / "events.jsonl", [event("collapse", 200, kind="flat", evidence="one colour", figures=figures)])
    page, notes, _ = written(tmp_path, path, lang="fr")
    assert f"Effondrement au pas 200 (aplat). {said}" in page.text.translate(PLAIN)
    assert f"effondrement au pas 200 (aplat) : {said}" in notes.translate(PLAIN)


def test_the_rows_tell_the_epoch(tmp_path):
    """A system with several discriminator steps goes through more images a step: 2 epochs in 100 steps, 5 in 250."""
    path = write_run(tmp_path / "one", steps=250)
    write_rows(path / "metrics.jsonl", [{"step": 0, "epoch": 0}, {"step": 100, "epoch": 2.0}])
    assert written(tmp_path, path)[0].rows()["one"]["steps"] == "250 epoch 5"


def test_a_run_by_epochs_is_as_long_as_its_discriminator_steps_leave_it(tmp_path):
    """320 images, 10 a batch, four of those for each step: 8 steps an epoch."""
    path = write_run(tmp_path / "one", algorithm="biggan", steps=None, epochs=25, batch_size=10)
    write_rows(path / "metrics.jsonl", [{"step": 200, "epoch": 25.0}])
    write_rows(path / "events.jsonl", [event("start", 0), event("end", 200)])
    assert written(tmp_path, path)[0].rows()["one"]["state"] == "finished"


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
