"""Reports read as their readers do."""

from html.parser import HTMLParser

import numpy as np
import runfiles
from runfiles import event, measure, reading, write_evaluation, write_rows, write_run

from jaxgan import report


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
