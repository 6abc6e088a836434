"""The curve of truncated latents: quality against coverage in a run's section."""

import json
import re

import pytest
from page import full_run, written
from runfiles import write

CURVE = [(0.5, 0.8, 0.2), (1.0, 0.6, 0.4), (2.0, 0.4, 0.3)]  # truncation, precision and recall
TITLE = "Quality against coverage"


def row(truncation, precision, recall, **others):
    return {"truncation": truncation, "fd_probe": 9.0, "precision": precision, "recall": recall, **others}


def truncated(path, table):
    """A run whose evaluation has such a table."""
    full_run(path)
    content = json.loads((path / "evaluation.json").read_text())
    write(path / "evaluation.json", content | {"truncation": table})
    return path


def chart(tmp_path):
    """What stands under the curve's title; None where there is none."""
    _, title, section = (tmp_path / "report.html").read_text().partition(f"<h5>{TITLE}</h5>")
    return section[: section.index("</svg>")] if title else None


def points(svg):
    """Where the marks stand, the upper left corner being (0, 0)."""
    marks = re.findall(r'<use href="[^"]*" x="([^"]*)" y="([^"]*)" style="fill: var\(--run-\d\)"/>', svg)
    return [(float(x), float(y)) for x, y in marks]


def words(svg):
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_recall_stands_over_precision_at_each_truncation(tmp_path):
    """In the order of the truncations, and linear: 0.8, 0.6 and 0.4 are evenly apart, 0.3 is amid 0.2 and 0.4."""
    path = truncated(tmp_path / "one", [row(*point) for point in reversed(CURVE)])
    page, _, remarks = written(tmp_path, path)
    assert remarks == [] and TITLE in page.text
    svg = chart(tmp_path)
    assert "0.5: precision 0.8, recall 0.2; 1: precision 0.6, recall 0.4; 2: precision 0.4, recall 0.3" in svg
    (right, low), (middle, high), (left, between) = points(svg)
    assert right - middle == pytest.approx(middle - left, abs=0.2) and left < middle
    assert low - between == pytest.approx(between - high, abs=0.2) and high < low  # downwards
    (line,) = re.findall(r'<path d="([^"]*)"[^>]*stroke: var\(--run-0\); stroke-width: 1\.8', svg)
    assert [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", line)] == points(svg)
    assert {"precision, share of the samples", "recall, share of the real images"} < set(words(svg))
    assert words(svg)[-3:] == ["0.5", "1", "2"]
    assert "currentColor" in svg and not re.search(r"#[0-9a-f]{6}\b", svg)


def test_each_run_has_its_own_curve_in_its_own_colour(tmp_path):
    one, two = (truncated(tmp_path / name, [row(*point) for point in CURVE]) for name in ("one", "two"))
    written(tmp_path, one, two, full_run(tmp_path / "three"))
    _, first, second = (tmp_path / "report.html").read_text().split(f"<h5>{TITLE}</h5>")
    first, second = (section[: section.index("</svg>")] for section in (first, second))
    assert "var(--run-0)" in first and "var(--run-1)" not in first
    assert "var(--run-1)" in second and "of two, by truncation" in second


@pytest.mark.parametrize("table", [None, [], [row(*CURVE[0])]])
def test_without_two_points_there_is_no_curve(tmp_path, table):
    _, _, remarks = written(tmp_path, truncated(tmp_path / "one", table))
    assert remarks == [] and chart(tmp_path) is None


NAN = float("nan")


@pytest.mark.parametrize(
    ("damaged", "count"),
    [
        ([row("0.7", 0.5, 0.5)], 1),
        ([row(0.7, "much", 0.5), row(NAN, 0.5, 0.5), row(0.7, 0.5, NAN)], 3),
        ([row(0.7, float("inf"), 0.5), row(0.7, 0.5, 10**400), row(0.7, 1.5, 0.5), row(0.7, -1, 0.5)], 4),
        ([{"truncation": 0.7, "precision": 0.5}, {}, None, [1], "<b>", row([], {}, True)], 6),
    ],
)
def test_what_is_no_point_is_a_remark_and_the_rest_is_drawn(tmp_path, damaged, count):
    path = truncated(tmp_path / "one", [*damaged, row(*CURVE[0], recognised=NAN), row(*CURVE[1])])
    page, notes, (remark,) = written(tmp_path, path)
    said = f"evaluation.json: damaged entries of the truncation curve are left out ({count})"
    assert said in remark and said in page.text and said in notes
    assert len(points(chart(tmp_path))) == 2


@pytest.mark.parametrize("table", ["<script>", {"truncation": 0.7}, [row(0.5, NAN, 0.5), row(1.0, "x", 0.5)]])
def test_what_is_no_curve_is_a_remark(tmp_path, table):
    page, _, (remark,) = written(tmp_path, truncated(tmp_path / "one", table))
    assert "damaged entries of the truncation curve" in remark
    assert chart(tmp_path) is None
    assert page.rows()["one"]["fd_probe"].startswith("12.3")


@pytest.mark.parametrize("point", [(0.0, 0.0), (1.0, 1e-300)])
def test_points_that_coincide_share_a_word(tmp_path, point):
    path = truncated(tmp_path / "one", [row(truncation, *point) for truncation in (0.3, 0.5, 2.0)])
    written(tmp_path, path)
    assert words(chart(tmp_path))[-1] == "0.3\N{EN DASH}2"
    assert len(set(points(chart(tmp_path)))) == 1


def test_of_very_many_points_some_are_named(tmp_path):
    zigzag = [row(0.01 * n, n / 1000, n % 2) for n in range(1, 1000)]
    written(tmp_path, truncated(tmp_path / "one", zigzag))
    assert len(points(chart(tmp_path))) == 999
    assert len(words(chart(tmp_path))) < 30


def test_in_french(tmp_path):
    path = truncated(tmp_path / "un", [row(*point) for point in CURVE])
    page, _, _ = written(tmp_path, path, lang="fr")
    html = (tmp_path / "report.html").read_text()
    assert "<h5>Qualité contre couverture</h5>" in html
    assert "sa troncature\xa0: ses images" in page.text and "à côté d\u2019un point" in page.text
    assert "0,5\xa0: précision 0,8, rappel 0,2; 1\xa0: précision 0,6" in html
    assert "rappel, part des images réelles" in html and ">0,5</text>" in html
