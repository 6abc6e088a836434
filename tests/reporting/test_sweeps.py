import re

import numpy as np
import pytest
import runfiles
from page import Page, written
from runfiles import event, reading, write_evaluation, write_png, write_rows, write_run, write_sweep

from jaxgan.reporting.language import Language
from jaxgan.reporting.report import gather
from jaxgan.reporting.sweeps import styles, sweeps

DASH = "\N{EN DASH}"


def watched(members, **measures):
    """The members with one reading of the monitor each; `measures` have a value for each member."""
    for place, member in enumerate(members):
        values = {name: known[place] for name, known in measures.items()}
        write_rows(member / "monitor.jsonl", [reading(600, **values)])
    return members


def charts(tmp_path):
    """The charts over the fields, by their description."""
    html = (tmp_path / "report.html").read_text()
    found = re.findall(r'<svg [^>]*aria-label="([^"]* over gamma[^"]*)">(.*?)</svg>', html)
    return dict(found)


def words(chart):
    return [text.strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", chart)]


def found(*paths):
    report = gather(paths, Language("en"))
    return report, [sweep for group in report.groups for sweep in sweeps(group)]


def test_a_sweep_stands_for_its_members_in_their_order(tmp_path):
    write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=[10, 2])
    (tmp_path / "sweep" / "members" / "notes.txt").write_text("no run")
    plain = write_run(tmp_path / "plain", gamma=0.7)
    member = tmp_path / "sweep" / "members" / "gamma=0.3,seed=2"
    page, notes, remarks = written(tmp_path, plain, tmp_path / "sweep", member)
    assert remarks == []
    names = ["gamma=0.3,seed=2", "gamma=0.3,seed=10", "gamma=0.5,seed=2", "gamma=0.5,seed=10"]
    assert list(page.rows(1)) == ["plain", *names]
    assert list(page.rows(0)) == ["gamma=0.3", "gamma=0.5"]  # the run that lies apart is no setting
    assert "sweep: 4 runs in 2 settings" in page.text
    assert re.findall(r"##### Test (\S+) in", notes) == ["plain", *names]
    assert f"<title>Experiments {DASH} plain, sweep</title>" in (tmp_path / "report.html").read_text()


def test_sweeps_of_one_member_are_compared_with_each_other(tmp_path):
    """As those of several systems with a seed each, run apart."""
    for gamma, seed in ((0.3, 0), (0.3, 1), (0.5, 0)):
        write_sweep(tmp_path / f"{gamma}-{seed}", gamma=[gamma], seed=[seed])
    page, _, _ = written(tmp_path, *sorted(tmp_path.iterdir()))
    assert {name: row["seeds"] for name, row in page.rows(0).items()} == {"gamma=0.3": "2", "gamma=0.5": "1"}


def test_a_directory_stands_for_the_runs_below_it(tmp_path):
    for seed in (2, 10):
        write_sweep(tmp_path / "runs" / "toons" / f"began-{seed}", gamma=[0.3], seed=[seed])
    write_run(tmp_path / "runs" / "alone")
    (tmp_path / "runs" / "nothing").mkdir()
    _, notes, remarks = written(tmp_path, tmp_path / "runs")
    assert re.findall(r"##### Test (\S+) in", notes) == ["alone", "gamma=0.3,seed=2", "gamma=0.3,seed=10"]
    assert remarks == []


@pytest.mark.parametrize("summary", [None, "{", '{"members": 3}', '{"config": "began", "members": []}'])
def test_members_are_compared_whatever_their_summary_is(tmp_path, summary):
    write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5])
    if summary:
        (tmp_path / "sweep" / "summary.json").write_text(summary)
    page, _, remarks = written(tmp_path, tmp_path / "sweep")
    assert remarks == []
    assert page.rows() == {
        name: {"setting": name, "seeds": "1", "collapsed": "0"} for name in ("gamma=0.3", "gamma=0.5")
    }
    assert "deviation" not in page.text  # there is no figure


def test_a_sweep_without_members_is_left_out(tmp_path):
    (tmp_path / "sweep" / "members").mkdir(parents=True)
    _, _, remarks = written(tmp_path, write_run(tmp_path / "one"), tmp_path / "sweep")
    assert remarks == [f"{tmp_path}/sweep: a sweep that has no members yet; left out"]


def test_a_damaged_member_is_left_out_of_its_setting(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=[0, 1])
    watched(members, fd_probe=[4.0, 6.0, 7.0, 9.0])
    (members[1] / "config.json").write_text("{")
    page, _, (remark,) = written(tmp_path, tmp_path / "sweep")
    assert remark == f"{members[1]}: config.json is damaged, it holds no JSON object"
    rows = page.rows()
    assert (rows["gamma=0.3"]["seeds"], rows["gamma=0.3"]["fd_probe"]) == ("1", "4★")
    assert (rows["gamma=0.5"]["seeds"], rows["gamma=0.5"]["fd_probe"]) == ("2", "8 ± 1.4")


def test_means_and_deviations_are_over_the_seeds(tmp_path):
    """Of 4, 6 and 8 the mean is 6 and the deviation sqrt((4 + 0 + 4) / 2) = 2; of 9, 10 and 11 it is 10 and 1."""
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=[0, 1, 2])
    watched(members, fd_probe=[4, 8, 6, 9, 11, 10], coverage=[0.25, 0.5, 0.75, 0.5, 0.5, 0.5])
    page, notes, _ = written(tmp_path, tmp_path / "sweep")
    heads = ["setting", "seeds", "collapsed", "fd_probe", "coverage", "diversity", "recognised", "effective_characters"]
    assert [head.rstrip("↑↓ \xa0") for head in page.tables[0][0]] == heads
    rows = page.rows()
    assert [row["seeds"] for row in rows.values()] == ["3", "3"]
    assert [row["fd_probe"] for row in rows.values()] == ["6★ ± 2", "10 ± 1"]
    assert [row["coverage"] for row in rows.values()] == ["0.5 ± 0.25", "0.5 ± 0"]  # equal means are not ranked
    assert "Mean and standard deviation over the seeds (n-1). The figures are the monitor's last readings." in page.text
    table = [line.replace("\xa0", " ") for line in notes.splitlines() if line.startswith("|")]
    arrows = ["fd_probe ↓", "coverage ↑", "diversity ↑", "recognised ↑", "effective_characters ↑"]
    assert table == [
        f"| {' | '.join([*heads[:3], *arrows])} |",
        "|---|---|---|---|---|---|---|---|",
        "| gamma=0.3 | 3 | 0 | 6 ± 2 ★ | 0.5 ± 0.25 | 0.9 ± 0 | 0.8 ± 0 | 2.8 ± 0 |",
        "| gamma=0.5 | 3 | 0 | 10 ± 1 | 0.5 ± 0 | 0.9 ± 0 | 0.8 ± 0 | 2.8 ± 0 |",
    ]
    assert "##### Tests sweep: 6 runs in 2 settings\n" in notes


def test_the_best_mean_is_marked_and_those_whose_deviations_meet_its_own(tmp_path):
    """The fd_probes are 5 ± 1.4, 8 ± 2.8 and 20 ± 1.4: 6.4 meets 5.2, not 18.6. More is better of coverage."""
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5, 0.7], seed=[0, 1])
    watched(members, fd_probe=[4, 6, 6, 10, 19, 21], coverage=[0.1, 0.2, 0.3, 0.4, 0.8, 0.9])
    rows = written(tmp_path, tmp_path / "sweep")[0].rows()
    assert [row["fd_probe"] for row in rows.values()] == ["5★ ± 1.4", "8≈ ± 2.8", "20 ± 1.4"]
    assert [row["coverage"][-13:] for row in rows.values()] == ["0.15 ± 0.071", "0.35 ± 0.071", "0.85★ ± 0.071"]


def test_evaluations_count_where_all_have_one(tmp_path):
    members = watched(write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5]), fd_probe=[1, 2])
    write_evaluation(members[0], fd_probe=30.0, recall=0.5)
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert [row["fd_probe"] for row in page.rows().values()] == ["1★", "2"]
    write_evaluation(members[1], fd_probe=20.0, recall=0.5)
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert [row["fd_probe"] for row in page.rows().values()] == ["30", "20★"]
    assert "recall" not in page.tables[0][0]
    assert "The figures are the evaluations'." in page.text
    write_evaluation(members[1], fd_probe=20.0, num=50)  # cannot be compared
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert [row["fd_probe"] for row in page.rows().values()] == ["1★", "2"]


def test_m_is_where_its_median_ends(tmp_path):
    """Of 80 values windows are of 2 (80 / 20 / 2) + 1 = 5; the last sees 3 of them, whose median is 0.2."""
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5])
    for member, last in zip(members, ([0.2, 9.0, 0.1], [0.4, 0.3, 0.3]), strict=True):
        values = [*np.linspace(1, 0.5, 77), *last]
        write_rows(member / "metrics.jsonl", [{"step": step, "m": m} for step, m in enumerate(values)])
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert [row["m"] for row in page.rows().values()] == ["0.2★", "0.3"]
    assert "monitor's last readings" not in page.text
    assert list(charts(tmp_path)) == ["m over gamma"]


def test_runs_without_last_figures_do_not_count(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3], lambda_k=[0.1, 0.2], seed=[0, 1, 2, 3])
    watched(members, fd_probe=[4, 8, 100, 200, 5, 5, 5, 5])
    write_rows(members[2] / "events.jsonl", [event("start", 0)])
    write_rows(members[3] / "events.jsonl", [event("start", 0), event("non-finite", 300, what="m")])
    page, notes, _ = written(tmp_path, tmp_path / "sweep")
    row = page.rows()["lambda_k=0.1"]
    assert (row["seeds"], row["fd_probe"]) == ("4 unfinished: 1", "6≈ ± 2.8 (n = 2)")
    assert row["collapsed"] == "diverged: 1"
    assert "Runs that have diverged or not yet ended do not count." in page.text
    assert "| 4, unfinished: 1 | diverged: 1 | 6 ± 2.8 (n = 2) ≈ |" in notes.replace("\xa0", " ")


def test_where_none_has_ended_all_count(tmp_path):
    members = watched(write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5]), fd_probe=[4, 5])
    for member in members:
        write_rows(member / "events.jsonl", [event("start", 0)])
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert [row["fd_probe"] for row in page.rows().values()] == ["4★", "5"]
    assert "do not count" not in page.text


def test_collapses_are_counted_with_their_kinds(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=[0, 1, 2])
    flat, few = event("collapse", 300, kind="flat"), event("collapse", 400, kind="few characters")
    write_rows(members[0] / "events.jsonl", [event("start", 0), flat, few, event("end", 600)])
    write_rows(members[1] / "events.jsonl", [event("start", 0), flat, event("end", 600)])
    for member in members[2:4]:
        write_rows(member / "events.jsonl", [event("start", 0), flat, event("recovery", 500, kind="flat")])
    rows = written(tmp_path, tmp_path / "sweep")[0].rows()
    assert [row["collapsed"] for row in rows.values()] == ["2 (flat, few characters)", "0"]


def test_two_fields_are_a_heat_map(tmp_path):
    """Where gamma is 0.7 and lambda_k 0.01 there is no run; the least fd_probe has the strongest colour."""
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5, 0.7], lambda_k=[0.01, 0.02], seed=[0, 1])
    watched(members, fd_probe=[4, 6, 10, 10, 20, 24, 9, 11, 1, 1, 30, 30], effective_characters=[2.8] * 12)
    for member in members[8:10]:
        (member / "config.json").unlink()
    written(tmp_path, tmp_path / "sweep")
    found = charts(tmp_path)
    assert list(found) == ["fd_probe over gamma and lambda_k", "effective_characters over gamma and lambda_k"]
    heat = found["fd_probe over gamma and lambda_k"].replace("\xa0", " ")
    axes = ["0.01", "0.02", "lambda_k", "0.3", "0.5", "0.7", "gamma"]  # lambda_k needs less room across
    assert words(heat) == [*axes, "5 ★", "± 1.4", "22", "± 2.8", "10", "± 0", "10", "± 1.4", "30", "± 0"]
    strengths = [float(alpha) for alpha in re.findall(r"fill: var\(--heat\); opacity: ([\d.]+)", heat)]
    assert strengths == pytest.approx([0.85, 0.85 - 0.73 * 17 / 25, 0.85 - 0.73 * 5 / 25, 0.85 - 0.73 * 5 / 25, 0.12])
    assert len(re.findall(r"fill: none; opacity: 0.25", heat)) == 1  # the empty cell
    equal = found["effective_characters over gamma and lambda_k"]
    assert set(re.findall(r"fill: var\(--heat\); opacity: ([\d.]+)", equal)) == {"0.485"}


def test_of_unlabelled_sets_diversity_is_drawn_and_more_is_better(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], lambda_k=[0.01, 0.02])
    for member, diversity in zip(members, (0.2, 0.9, 0.4, 0.6), strict=True):
        row = {"step": 600, "diversity": diversity}
        write_rows(member / "monitor.jsonl", [row])
    written(tmp_path, tmp_path / "sweep")
    ((description, heat),) = charts(tmp_path).items()
    assert description == "diversity over gamma and lambda_k"
    assert "0.9 ★" in words(heat)
    strengths = [float(alpha) for alpha in re.findall(r"fill: var\(--heat\); opacity: ([\d.]+)", heat)]
    assert (strengths[0], strengths[1]) == (0.12, 0.85)


def test_one_field_has_a_dot_for_each_seed(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=[0, 1])
    watched(members, fd_probe=[4, 6, 9, 11])
    write_rows(members[0] / "events.jsonl", [event("start", 0), event("collapse", 300, kind="flat"), event("end", 600)])
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    dots = charts(tmp_path)["fd_probe over gamma"]
    assert words(dots)[:3] == ["0.3", "0.5", "gamma"]
    assert "var(--heat)" not in dots
    assert "A dot is a run, a cross one that has collapsed" in page.text
    assert len(re.findall(r"<use [^>]*fill: var\(--run-0\)", dots)) == 4
    assert len(re.findall(r"<use [^>]*stroke-width: 1.8", dots)) == 1


def test_what_was_searched_is_drawn_over_each_number(tmp_path):
    members = write_sweep(tmp_path / "it", gamma=[0.3, 0.5, 0.7], lr_g=[1e-4, 1e-3, 1e-2])
    watched(members, fd_probe=[10, 20, 30, 11, 21, 31, 12, 22, 32])
    (tmp_path / "it" / "search.json").write_text("{}")
    page, _, _ = written(tmp_path, tmp_path / "it")
    drawn = charts(tmp_path)
    assert set(drawn) == {"fd_probe over gamma", "effective_characters over gamma"}
    assert "fd_probe over lr_g" in (tmp_path / "report.html").read_text()
    assert len(re.findall(r"<use [^>]*fill: var\(--run-0\)", drawn["fd_probe over gamma"])) == 9
    assert "A dot is a trial, a cross one that has collapsed; the larger, the longer it trained." in page.text


def test_three_fields_are_a_table_alone(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], lambda_k=[0.01, 0.02], k_max=[0.5, 1.0])
    watched(members, fd_probe=range(8))
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert len(page.rows()) == 8
    assert charts(tmp_path) == {}


def test_without_seeds_there_are_no_deviations(tmp_path):
    watched(write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5]), fd_probe=[4, 6])
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert [(row["seeds"], row["fd_probe"]) for row in page.rows().values()] == [("1", "4★"), ("1", "6")]
    assert "fd_probe over gamma" in charts(tmp_path)


def test_seeds_alone_are_one_setting(tmp_path):
    watched(write_sweep(tmp_path / "sweep", seed=[0, 1]), fd_probe=[4, 6])
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert "sweep: 2 runs of one setting" in page.text
    assert page.rows()[DASH]["fd_probe"] == "5 ± 1.4"
    assert charts(tmp_path) == {}


def test_runs_that_lie_apart_are_compared_where_they_differ_in_seeds_alone(tmp_path):
    paths = [write_run(tmp_path / "a", gamma=0.3), write_run(tmp_path / "b", gamma=0.5, seed=1, log_every=7)]
    watched(paths, fd_probe=[4, 6])
    page, notes, _ = written(tmp_path, *paths)
    assert "By setting" not in page.text and "settings" not in notes
    paths += watched([write_run(tmp_path / "c", gamma=0.3, seed=7)], fd_probe=[5])
    page, notes, _ = written(tmp_path, paths[1], paths[0], paths[2])
    assert "3 runs in 2 settings" in page.text and "3 runs in 2 settings" in notes
    settings = {"gamma=0.3": "4.5★ ± 0.71", "gamma=0.5": "6"}  # numbers ascend
    assert [(name, row["fd_probe"]) for name, row in page.rows().items()] == list(settings.items())


def test_runs_of_other_lengths_are_other_settings(tmp_path):
    members = write_sweep(tmp_path / "sweep", steps=[500, 1000], seed=[0, 1])
    watched(members, fd_probe=[4, 6, 7, 9])
    assert list(written(tmp_path, tmp_path / "sweep")[0].rows()) == ["steps=500", "steps=1000"]


def test_data_sets_are_not_mixed(tmp_path):
    watched(write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=[0, 1]), fd_probe=[4, 6, 7, 9])
    paths = [
        write_run(tmp_path / "other" / "members" / str(gamma), "dcgan", "f2", dropout=gamma) for gamma in (0.1, 0.2)
    ]
    watched(paths, fd_probe=[1, 2])
    page, _, _ = written(tmp_path, tmp_path / "sweep", tmp_path / "other")
    assert [row["fd_probe"] for row in page.rows(0).values()] == ["5★ ± 1.4", "8 ± 1.4"]
    assert [row["fd_probe"] for row in page.rows(1).values()] == ["1★", "2"]


def test_a_setting_has_one_colour(tmp_path):
    """Two fields: colours tell that with more values, dashes the other; a run apart has a colour of its own."""
    write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], lambda_k=[0.01, 0.02, 0.03], seed=[0, 1])
    report, swept = found(tmp_path / "sweep", write_run(tmp_path / "plain"))
    numbers = styles(report.runs, swept)
    looks = {label: (number % 8, number // 8) for label, number in numbers.items()}
    assert looks["gamma=0.3,lambda_k=0.02,seed=0"] == looks["gamma=0.3,lambda_k=0.02,seed=1"] == (1, 0)
    assert looks["gamma=0.5,lambda_k=0.02,seed=0"] == (1, 1)
    assert looks["gamma=0.5,lambda_k=0.03,seed=0"] == (2, 1)
    assert looks["plain"] == (3, 0)


def test_no_two_settings_share_a_number(tmp_path):
    """Of ten colours two repeat, and of five runs apart the last would look like the sweep's fifth setting."""
    write_sweep(tmp_path / "sweep", gamma=[number / 10 for number in range(10)], lambda_k=[0.01, 0.02])
    apart = [write_run(tmp_path / f"run{number}", width=number) for number in range(1, 30)]
    report, swept = found(tmp_path / "sweep", *apart)
    assert len(set(styles(report.runs, swept).values())) == 49


def test_the_legend_of_many_curves_names_settings(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=range(6))
    for member in members:
        write_rows(member / "monitor.jsonl", [reading(step, fd_probe=step / 100) for step in (100, 200, 300)])
    written(tmp_path, tmp_path / "sweep", write_run(tmp_path / "plain"))
    html = (tmp_path / "report.html").read_text()
    legend = Page(re.search(r'<div class="legend">.*?</div>', html, re.DOTALL)[0]).text
    assert legend.split() == ["gamma=0.3", "gamma=0.5", "plain"]
    chart = re.search(r'<svg [^>]*aria-label="fd_probe over the steps.*?</svg>', html)[0]
    widths = re.findall(r"stroke: var\(--run-[01]\)[^\"]*", chart)
    assert sum("stroke-opacity: 0.35" in style for style in widths) == 12  # the runs are faint
    assert sum("stroke-width: 1.8" in style for style in widths) == 2  # a strong line for each setting


def test_many_collapses_are_lines_without_words(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], seed=range(5))
    for place, member in enumerate(members):
        write_rows(member / "monitor.jsonl", [reading(step) for step in (100, 200)])
        collapse = event("collapse", 100 + place, kind="flat")
        write_rows(member / "events.jsonl", [event("start", 0), collapse, event("end", 600)])
    written(tmp_path, tmp_path / "sweep")
    html = (tmp_path / "report.html").read_text()
    assert "> flat<" not in html
    chart = re.search(r'<svg [^>]*aria-label="fd_probe over the steps.*?</svg>', html)[0]
    assert len(re.findall(r"stroke-dasharray: [^\"]*stroke-width: 1.2", chart)) == 10


def test_codes_are_compared_by_setting(tmp_path):
    members = write_sweep(tmp_path / "sweep", algorithm=["sdpc"], feedback=[0.0, 1.0], seed=[0, 1])
    for member, error in zip(members, (30, 32, 20, 21), strict=True):
        write_evaluation(member, error=error, error_1=5, accuracy_2=error / 100)
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    (without, fed) = page.rows().values()
    assert (without["error"], fed["error"]) == ("31 ± 1.4", "20.5★ ± 0.71")
    assert (without["error_1"], fed["accuracy_2"]) == ("5 ± 0", "0.205 ± 0.0071")
    assert "The figures are the evaluations'." in page.text
    assert 'aria-label="error over feedback"' in (tmp_path / "report.html").read_text()


def test_a_page_of_many_members_stays_small(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5, 0.7], lambda_k=[0.1, 0.2, 0.3, 0.4], seed=[0, 1, 2])
    for member in members:
        write_rows(member / "monitor.jsonl", [reading(step) for step in range(10, 600, 10)])
        write_rows(member / "metrics.jsonl", [runfiles.metrics_row("began", step) for step in range(1, 500)])
        for step in range(10, 600, 20):
            write_png(member / "samples" / f"{step:06}.png", np.zeros((28, 28, 3), np.uint8))
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert len(page.rows()) == 12
    assert len([image for image in page.all("img") if "data-step" in image]) == 3 * 36
    assert (tmp_path / "report.html").stat().st_size < 2_000_000


def test_french_settings(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5], lambda_k=[0.01, 0.02], seed=[0, 1])
    watched(members, fd_probe=[4, 6.5, 7, 9, 20, 21, 30, 30])
    write_rows(members[0] / "events.jsonl", [event("start", 0), event("collapse", 300, kind="flat"), event("end", 600)])
    write_rows(members[7] / "events.jsonl", [event("start", 0)])
    page, notes, _ = written(tmp_path, tmp_path / "sweep", lang="fr")
    assert "Par réglage" in page.text and "sweep\xa0: 8 essais en 4 réglages" in page.text
    row = page.rows()["gamma=0.3, lambda_k=0.01"]
    assert (row["graines"], row["effondrement"], row["fd_probe"]) == ("2", "1 (aplat)", "5,25★ ± 1,8")
    assert "inachevés : 1" in page.rows()["gamma=0.5, lambda_k=0.02"]["graines"]
    html = (tmp_path / "report.html").read_text()
    heat = re.search(r'aria-label="fd_probe selon gamma et lambda_k">(.*?)</svg>', html)[1].replace("\xa0", " ")
    assert words(heat)[6:8] == ["5,25 ★", "± 1,8"]
    assert "Plus la couleur est forte, mieux c" in page.text
    assert "| gamma=0.3, lambda_k=0.01 | 2 | 1 (aplat) | 5,25 ± 1,8 ★ |" in notes.replace("\xa0", " ")


def test_names_in_a_table_of_the_notes_are_text(tmp_path):
    paths = [
        write_run(tmp_path / str(place), data__dir=None, latent=latent, seed=place)
        for place, latent in enumerate(("a|b", "*c*", "*c*"))
    ]
    _, notes, _ = written(tmp_path, *watched(paths, fd_probe=[1, 2, 3]))
    assert r"| latent=a\|b | 1 | 0 | 1 ★ |" in notes
    assert r"| latent=\*c\* | 2 | 0 | 2.5 ± 0.71 |" in notes.replace("\xa0", " ")


def test_damaged_seeds_are_no_trouble(tmp_path):
    members = write_sweep(tmp_path / "sweep", gamma=[0.3, 0.5])
    content = (
        '{"config": {"algorithm": "began", "seed": [1], "gamma": %s}, "data": {"name": "toons", "fingerprint": "f1"}}'
    )
    for member, gamma in zip(members, ("[0.3]", "NaN"), strict=True):
        (member / "config.json").write_text(content % gamma)
    page, _, _ = written(tmp_path, tmp_path / "sweep")
    assert len(page.rows()) == 2
