"""What `evaluation.json` says of a run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.evaluation import LESS_IS_BETTER, Caveat
from jaxgan.reporting.reading import Remarks, count, number, read_object, shares, strings

OF_PROBE = ("kind", "classes", "accuracy", "digest")
OF_TRUNCATED = ("precision", "recall")  # what the report shows of samples of truncated latents


@dataclass(frozen=True)
class Measure:
    """A figure with its interval, and its floor: what as many real images score."""

    value: float
    low: float | None
    high: float | None
    floor: float | None


@dataclass(frozen=True)
class Reading:
    """The measures of one checkpoint; `characters` are shares among the recognised samples."""

    step: int
    measures: dict[str, Measure]
    characters: dict[str, float]


class Truncated(NamedTuple):
    """How right and how varied samples are whose latents lie within `truncation` of 0."""

    truncation: float
    precision: float
    recall: float


class Warned(NamedTuple):
    """When not to trust the figures: in English, and where the file says it so that any language can."""

    text: str
    caveat: Caveat | None


@dataclass(frozen=True)
class Evaluation(Reading):
    """The evaluation of one checkpoint, and what came of the others."""

    num: int | None  # samples
    fingerprint: str | None  # of the data that it was measured on
    probe: tuple  # what OF_PROBE names; only what one probe measured can be compared
    real_characters: dict[str, float]
    drawn: list[str]
    lost: list[str]
    summary: str
    warnings: list[Warned]
    baselines: dict[str, dict[str, float]]  # measures that need no learning, by what is done instead
    truncations: list[Truncated]  # ascending
    history: list[Reading]

    @property
    def history_measures(self) -> list[str]:
        """The measures that any of the history's readings has."""
        return order([name for reading in self.history for name in reading.measures])


def order(names: Iterable[str]) -> list[str]:
    """Returns measures' names, each once, in the order of the report; unknown ones come last."""
    names = dict.fromkeys(names)
    return [name for name in LESS_IS_BETTER if name in names] + [name for name in names if name not in LESS_IS_BETTER]


def read(path: Path, remarks: Remarks) -> Evaluation | None:
    """Returns a file's content; None where there is none or it is damaged, the latter with a remark."""
    content = read_object(path, remarks)
    if content is None:
        return None
    reading = _reading(content)
    if reading is None:
        remarks.add("no_evaluation", file=path.name)
        return None
    damaged = [name for name in content["measures"] if name not in reading.measures]
    damaged += [name for name in ("characters", "real_characters") if shares(content.get(name, {})) is None]
    if damaged:
        remarks.add("damaged_measures", file=path.name, names=", ".join(damaged))
    return Evaluation(
        step=reading.step,
        measures=reading.measures,
        characters=reading.characters,
        num=count(content.get("num")),
        fingerprint=_object(content.get("data")).get("fingerprint"),
        probe=tuple(str(_object(content.get("probe")).get(name, "")) for name in OF_PROBE),
        real_characters=shares(content.get("real_characters")) or {},
        drawn=strings(content.get("drawn")),
        lost=strings(content.get("lost")),
        summary=content["summary"] if isinstance(content.get("summary"), str) else "",
        warnings=_warnings(content.get("warnings")),
        baselines={name: _numbers(found) for name, found in _object(content.get("baselines")).items()},
        truncations=_truncations(content.get("truncation"), path, remarks),
        history=_history(content.get("history"), path, remarks),
    )


def _history(rows: Any, path: Path, remarks: Remarks) -> list[Reading]:
    known = _each(_reading, rows, "damaged_history", path, remarks)
    return sorted(known, key=lambda reading: reading.step)


def _truncations(rows: Any, path: Path, remarks: Remarks) -> list[Truncated]:
    return sorted(_each(_truncated, rows, "damaged_truncation", path, remarks))


def _warnings(found: Any) -> list[Warned]:
    """Those of a list; older files have texts in there."""
    warned = [Warned(text, None) for text in strings(found)]
    for content in map(_object, found if isinstance(found, list) else []):
        kind, figures, text = (content.get(name) for name in ("kind", "figures", "text"))
        if isinstance(text, str):
            warned.append(Warned(text, Caveat(str(kind), figures) if isinstance(figures, dict) else None))
    return warned


def _each(read: Callable[[Any], Any], rows: Any, remark: str, path: Path, remarks: Remarks) -> list:
    """Returns what a list's entries hold, if there is one, with a remark where some hold nothing."""
    if rows is None:
        return []
    found = [read(row) for row in rows] if isinstance(rows, list) else [None]
    known = [one for one in found if one]
    if len(known) < len(found):
        remarks.add(remark, file=path.name, count=len(found) - len(known))
    return known


def _reading(content: Any) -> Reading | None:
    content = _object(content)
    step, measures = count(content.get("step")), content.get("measures")
    if step is None or not isinstance(measures, dict):
        return None
    known = {name: _measure(_object(measures[name])) for name in order(measures)}
    known = {name: measure for name, measure in known.items() if measure}
    return Reading(step, known, shares(content.get("characters")) or {})


def _truncated(content: Any) -> Truncated | None:
    content = _object(content)
    truncation, found = number(content.get("truncation")), shares({name: content.get(name) for name in OF_TRUNCATED})
    return None if truncation is None or found is None else Truncated(truncation, **found)


def _measure(content: dict) -> Measure | None:
    value, low, high, floor = (number(content.get(name)) for name in ("value", "low", "high", "floor"))
    return None if value is None else Measure(value, low, high, floor)


def _numbers(content: Any) -> dict[str, float]:
    known = {name: number(value) for name, value in _object(content).items()}
    return {name: value for name, value in known.items() if value is not None}


def _object(value: Any) -> dict:
    return value if isinstance(value, dict) else {}
