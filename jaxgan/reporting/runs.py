"""Reads run directories, each into one record that says how the run has gone."""

import itertools
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaxgan import config as config_lib
from jaxgan.errors import UserError
from jaxgan.fields import flatten
from jaxgan.reporting import evaluation as evaluation_lib
from jaxgan.reporting.evaluation import Evaluation
from jaxgan.reporting.reading import Remarks, count, keep_numbers, number, read_object, read_rows, shares, strings

MEMBERS = "members"  # the folder of a sweep's runs
CONFIG = "config.json"  # of a run
SEARCH = "search.json"  # beside it where their values were looked for
PICTURES = ("translations", "confusion", "nearest")


@dataclass(frozen=True)
class DataSet:
    """The images that a run learned from."""

    name: str
    fingerprint: str
    size: int | None  # training images
    names: list[str]  # of the characters
    origin: str | None = None  # fingerprint of the images that a translator translates to these


@dataclass(frozen=True)
class Collapse:
    """One collapse that the monitor saw, and how it ended."""

    kind: str
    step: int
    evidence: str  # in English
    figures: object = None  # what it tells, as the file has it
    ended: str = ""  # recovery or restore
    ended_step: int | None = None  # where it had recovered, or what was gone back to


@dataclass(frozen=True)
class State:
    """What a run has come to."""

    kind: str  # finished, stopped (it ended before its last step), open, interrupted or diverged
    step: int  # the last one that is known of
    steps: int | None  # how many it is to have
    collapses: tuple[Collapse, ...]

    @property
    def collapsed(self) -> list[Collapse]:
        """Those from which it has not recovered."""
        return [collapse for collapse in self.collapses if not collapse.ended]


@dataclass(frozen=True)
class Run:
    """What one run directory holds, as far as it can be read."""

    path: Path  # as the user typed it
    label: str  # short, and different from the other runs'
    config: dict  # as stored
    fields: dict  # by dotted name, with the defaults of those that the stored config lacks
    data: DataSet
    metrics: list[dict]
    monitor: list[dict]
    events: list[dict]
    evaluation: Evaluation | None
    samples: dict[int, Path]  # grids by step, ascending
    pictures: dict[str, Path]  # that an evaluation has drawn, by those of PICTURES that there are
    state: State
    remarks: Remarks

    @property
    def algorithm(self) -> str:
        return self.config["algorithm"]

    @property
    def judged_on(self) -> str:
        """The fingerprint of the images that it is measured against: for a translator those of its evaluation."""
        found = self.evaluation.fingerprint if self.evaluation and self.data.origin else None
        return found or self.data.fingerprint

    @property
    def seconds(self) -> float | None:
        """Of training, so far."""
        times = [row["seconds"] for row in (*self.metrics, *self.monitor) if "seconds" in row]
        return max(times, default=None)

    @property
    def epoch(self) -> float | None:
        """Passes over the training images, so far; the last row that was logged may be some steps behind."""
        known = [row for row in self.metrics if row["step"] and "epoch" in row]
        return known[-1]["epoch"] * self.state.step / known[-1]["step"] if known else None


def read_all(paths: Sequence[Path]) -> tuple[list[Run], dict[Path, Remarks]]:
    """Returns the runs in the order of their directories, and the remarks on those that hold none.

    A sweep stands for its members, and a directory that is no run for those below. One that is given twice counts once.
    """
    unique: dict[Path, Path] = {}
    for path in itertools.chain.from_iterable(map(_members, paths)):
        unique.setdefault(path.resolve(), path)
    paths = list(unique.values())
    labels = dict(zip(paths, _labels(paths), strict=True))
    read = {path: _read(path, labels[path]) for path in paths}
    runs = [run for run in read.values() if isinstance(run, Run)]
    return runs, {path: remarks for path, remarks in read.items() if isinstance(remarks, Remarks)}


def _members(path: Path) -> list[Path]:
    """Returns the runs of a sweep's directory, or below any other, with the numbers in their names ascending.

    What is a run itself, or holds none, stands for itself.
    """
    try:
        found = [member for member in (path / MEMBERS).iterdir() if member.is_dir()]
    except OSError:
        found = [] if (path / CONFIG).exists() else _below(path)
    return sorted(found, key=lambda member: _ascending(str(member))) or [path]


def _below(path: Path) -> list[Path]:
    """Returns the runs, without looking into them."""
    found = []
    for folder, inner, files in os.walk(path):
        if CONFIG in files:
            found.append(Path(folder))
            inner.clear()
    return found


def _ascending(name: str) -> list:
    """Returns letters and numbers in turn, so that seed=2 comes before seed=10."""
    parts = re.split(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", name)
    return [float(part) if place % 2 else part for place, part in enumerate(parts)]


def _labels(paths: Sequence[Path]) -> list[str]:
    """Returns as many of each path's last parts as tell it from the others."""
    parts = [path.resolve().parts for path in paths]
    longest = max(map(len, parts), default=0)

    def label(own: tuple[str, ...]) -> str:
        tails = ([other[-length:] for other in parts] for length in range(1, longest + 1))
        length = next(length for length, ends in enumerate(tails, 1) if ends.count(own[-length:]) == 1)
        return "/".join(own[-length:])

    return [label(own) for own in parts]


def _read(path: Path, label: str) -> Run | Remarks:
    remarks = Remarks()
    content = read_object(path / CONFIG, remarks)
    if content is None:
        if not remarks:
            remarks.add(_absence(path))
        return remarks
    config, data = content.get("config"), _data(content.get("data"))
    if not isinstance(config, dict) or not isinstance(config.get("algorithm"), str) or data is None:
        remarks.add("no_config", file=CONFIG)
        return remarks
    return _record(path, label, config, data, remarks)


def _absence(path: Path) -> str:
    """Returns the key of what a directory without a config is."""
    if (path / MEMBERS).is_dir():
        return "no_members"
    return "no_run" if path.is_dir() else "no_directory"


def _record(path: Path, label: str, config: dict, data: DataSet, remarks: Remarks) -> Run:
    fields = _fields(config, remarks)
    metrics, monitor, events = _rows(path, remarks)
    last_step = max((row["step"] for row in (*metrics, *monitor)), default=0)
    if not metrics and not monitor:
        remarks.add("empty")
    samples = _numbered(path, r"(\d+)\.png")
    if metrics and not samples:
        remarks.add("no_samples")
    evaluation = evaluation_lib.read(path / "evaluation.json", remarks)
    if evaluation and not data.origin and evaluation.fingerprint not in (None, data.fingerprint):
        remarks.add("other_data", file="evaluation.json")
    return Run(
        path=path,
        label=label,
        config=config,
        fields=fields,
        data=data,
        metrics=metrics,
        monitor=monitor,
        events=events,
        evaluation=evaluation,
        samples=samples,
        pictures={name: found for name in PICTURES if (found := _last(path, name))},
        state=judge(events, last_step, _steps(fields, data)),
        remarks=remarks,
    )


def _rows(path: Path, remarks: Remarks) -> tuple[list[dict], list[dict], list[dict]]:
    """Returns the rows of the training, of the monitor and of the events."""
    metrics, monitor, events = (path / f"{name}.jsonl" for name in ("metrics", "monitor", "events"))
    no_figures = ["step", "characters", "k_at_bound", "shows"]
    readings = keep_numbers(read_rows(monitor, remarks), monitor, remarks, besides=no_figures)
    drawn = [{**row, "characters": shares(row.get("characters", {}))} for row in readings]
    damaged = [row["step"] for row in drawn if row["characters"] is None]
    if damaged:
        remarks.add("damaged_characters", file=monitor.name, count=len(damaged), step=damaged[0])
    drawn = [{**row, "characters": row["characters"] or {}} for row in drawn]
    trained = keep_numbers(read_rows(metrics, remarks), metrics, remarks, besides=["step"])
    return trained, drawn, read_rows(events, remarks)


def _data(content: object) -> DataSet | None:
    if not isinstance(content, dict) or not all(isinstance(content.get(key), str) for key in ("name", "fingerprint")):
        return None
    origin = _data(content.get("origin"))
    if "origin" in content and not origin:
        return None
    name = f"{origin.name} → {content['name']}" if origin else content["name"]
    size, names = count(content.get("size")), strings(content.get("names"))
    return DataSet(name, content["fingerprint"], size, names, origin and origin.fingerprint)


def _fields(config: dict, remarks: Remarks) -> dict:
    try:
        return flatten(config_lib.from_dict(config))
    except UserError:
        remarks.add("unknown_algorithm", algorithm=config["algorithm"])
    except (TypeError, ValueError, AttributeError, KeyError):  # ml_collections' complaints of a wrong type
        remarks.add("strange_config", file=CONFIG)
    return flatten(config)


def _steps(fields: dict, data: DataSet) -> int | None:
    """Returns how many steps the config asks for."""
    epochs, batch_size = number(fields.get("epochs")), number(fields.get("batch_size"))
    if fields.get("steps") is None and epochs and batch_size and data.size:
        return math.ceil(epochs * data.size / (batch_size * (count(fields.get("d_steps")) or 1)))
    return count(fields.get("steps"))


def _numbered(path: Path, pattern: str) -> dict[int, Path]:
    """Returns the pictures whose names fit, by their steps, ascending."""
    try:
        files = list((path / "samples").iterdir())
    except OSError:
        return {}
    named = ((re.fullmatch(pattern, file.name), file) for file in files)
    found = {int(match[1]): file for match, file in named if match}
    return dict(sorted(found.items()))


def _last(path: Path, name: str) -> Path | None:
    return next(reversed(_numbered(path, rf"(\d+)-{name}\.png").values()), None)


def judge(events: Sequence[dict], last_step: int, steps: int | None) -> State:
    """Returns the state of a run whose rows reach `last_step` and that is to have `steps`.

    A collapse after the step at which the run is resumed no longer counts, since those steps are repeated.
    """
    kind, step, collapses = "open", last_step, []
    for row in events:
        name, at = row.get("event"), row["step"]
        if name in ("start", "resume"):
            kind, step = "open", max(last_step, at)
            collapses = [collapse for collapse in collapses if collapse.ended or collapse.step <= at]
        elif name in ("preemption", "non-finite"):
            kind, step = {"preemption": "interrupted", "non-finite": "diverged"}[name], at
        elif name == "end":
            kind, step = "finished" if steps is None or at >= steps else "stopped", at
        elif name == "collapse":
            collapses = _with(collapses, row)
        elif name in ("recovery", "restore"):
            collapses = [_ended(collapse, row) for collapse in collapses]
            if name == "restore":
                kind, step = "open", max(last_step, at)
    return State(kind, step, steps, tuple(collapses))


def _with(collapses: list[Collapse], row: dict) -> list[Collapse]:
    found = Collapse(str(row.get("kind", "")), row["step"], str(row.get("evidence") or ""), row.get("figures"))
    known = [(collapse.kind, collapse.step) for collapse in collapses if not collapse.ended]
    return collapses if (found.kind, found.step) in known else [*collapses, found]


def _ended(collapse: Collapse, row: dict) -> Collapse:
    """A recovery ends the collapses of its kind, a restore all."""
    if collapse.ended or (row["event"] == "recovery" and row.get("kind", collapse.kind) != collapse.kind):
        return collapse
    return replace(collapse, ended=row["event"], ended_step=row["step"])
