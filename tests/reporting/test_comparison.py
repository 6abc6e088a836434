import re

import pytest
from page import full_run, written
from runfiles import reading, write, write_evaluation, write_rows, write_run


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
        write_evaluation(write_run(tmp_path / name), fd_probe=value)
    rows = written(tmp_path, *(tmp_path / name for name in "abc"))[0].rows()
    assert [rows[name]["fd_probe"].split(" [")[0] for name in "abc"] == ["0.2★", "0.2★", "5"]


def test_nobody_wins_at_copying_nothing(tmp_path):
    """As a generator of noise does."""
    for name, value in {"noise": 0.0, "good": 0.1}.items():
        write_evaluation(write_run(tmp_path / name), memorisation=value, copies=value)
    page, notes, _ = written(tmp_path, tmp_path / "noise", tmp_path / "good")
    assert not re.search(
        "[★≈]", "".join(row[name] for row in page.rows().values() for name in ("memorisation", "copies"))
    )
    assert "best memorisation" not in notes


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


def test_runs_of_one_name_are_told_by_their_paths(tmp_path):
    paths = [write_run(tmp_path / folder / "run") for folder in ("a", "b")]
    page, _, _ = written(tmp_path, *paths, paths[0], write_run(tmp_path / "c"))
    assert list(page.rows()) == ["a/run", "b/run", "c"]


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


def test_evaluated_checkpoints_have_a_table(tmp_path):
    path = full_run(tmp_path / "one")
    content = write_evaluation(path, fd_probe=5.0, coverage=0.4)
    row = {name: content[name] for name in ("num", "measures", "characters")}
    write(path / "evaluation.json", content | {"history": [row | {"step": 600}, row | {"step": 300}, "damaged"]})
    page, _, remarks = written(tmp_path, path)
    table = next(table for table in page.tables if table[0][0] == "step")
    assert [row[0] for row in table[1:]] == ["300", "600"]
    assert remarks == [f"{path}: evaluation.json: damaged entries of the history are left out (1)"]
