"""The page's charts: which figures are drawn over which runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from jaxgan.reporting import charts, wording
from jaxgan.reporting.charts import CHARACTER_COLORS, Line, Mark
from jaxgan.reporting.comparing import Group
from jaxgan.reporting.curves import curve
from jaxgan.reporting.evaluation import Reading
from jaxgan.reporting.language import Language
from jaxgan.reporting.report import Report
from jaxgan.reporting.runs import Run

GENERAL = frozenset(("step", "epoch", "seconds", "images_per_second"))  # columns of metrics.jsonl of no algorithm
METRICS = ("loss_g", "loss_d", "loss_real", "loss_fake", "k", "m", "score_real", "score_fake", "lr_g", "lr_d")
SHARES = ("k", "score_real", "score_fake", "recognised", "coverage")  # drawn on an axis from 0 to 1
REFERENCES = {"diversity": 1.0}  # what real images have


@dataclass(frozen=True)
class Chart:
    """A chart under its title."""

    name: str
    title: str
    svg: Markup


@dataclass(frozen=True)
class Panel:
    """Charts that belong together."""

    title: str
    charts: list[Chart]


def panels(group: Group, report: Report) -> list[Panel]:
    """Returns the monitor's readings, then what the training logs, a panel for each family of algorithms."""
    language = report.language
    drawn = [(language.text("readings"), group.runs, "monitor", wording.READINGS)]
    for names, runs in _families(group.runs).items():
        algorithms = language.several(list(dict.fromkeys(run.algorithm for run in runs)))
        drawn.append((language.text("losses", algorithms=algorithms), runs, "metrics", _telling(names, runs)))
    found = [Panel(title, _charts(runs, rows, names, report)) for title, runs, rows, names in drawn]
    return [panel for panel in found if panel.charts]


def _families(runs: Sequence[Run]) -> dict[frozenset, list[Run]]:
    """Returns the runs by the figures that their training logs."""
    families: dict[frozenset, list[Run]] = {}
    for run in runs:
        names = frozenset(name for row in run.metrics for name in row) - GENERAL
        if names:
            families.setdefault(names, []).append(run)
    return families


def _telling(names: frozenset, runs: Sequence[Run]) -> list[str]:
    """Leaves out learning rates that never change, and one loss that is another under its own name."""
    ordered = [name for name in METRICS if name in names] + sorted(names.difference(METRICS))
    if all(np.array_equal(curve(run.metrics, "loss_g").values, curve(run.metrics, "loss_fake").values) for run in runs):
        ordered = [name for name in ordered if name != "loss_fake"]
    return [name for name in ordered if not name.startswith("lr_") or _changes(runs, name)]


def _changes(runs: Sequence[Run], name: str) -> bool:
    return any(len(np.unique(curve(run.metrics, name).values)) > 1 for run in runs)


def _charts(runs: Sequence[Run], rows: str, names: Sequence[str], report: Report) -> list[Chart]:
    drawn = []
    for name in names:
        lines = [Line(report.runs.index(run), curve(getattr(run, rows), name), noisy=rows == "metrics") for run in runs]
        lines = [line for line in lines if len(line.raw.steps)]
        if lines:
            drawn.append(_chart(name, lines, names, report))
    return drawn


def _chart(name: str, lines: Sequence[Line], family: Sequence[str], report: Report) -> Chart:
    language = report.language
    runs = [report.runs[line.number] for line in lines]
    svg = charts.lines(
        lines,
        label=_unit(name, family, language),
        description=language.text("chart", name=name, runs=", ".join(run.label for run in runs)),
        language=language,
        marks=[mark for line in lines for mark in _marks(report.runs[line.number], line.number, language)],
        reference=REFERENCES.get(name),
        unit_range=name in SHARES,
    )
    title = language.find("metric", name) or language.find("measure", name) or ""
    return Chart(name, title, Markup(svg))


def _marks(run: Run, number: int, language: Language) -> list[Mark]:
    return [Mark(number, one.step, wording.kind(one.kind, language)) for one in run.state.collapses]


def _unit(name: str, family: Sequence[str], language: Language) -> str:
    """BEGAN's losses are reconstruction errors, DCGAN's cross entropies."""
    if name.startswith("loss_") and ("loss_real" in family or "score_real" in family):
        return language.text("unit_l1" if "loss_real" in family else "unit_nats")
    return language.find("unit", name.partition("_")[0]) or language.find("unit", name) or name


@dataclass(frozen=True)
class Character:
    """A character in the legend of the shares."""

    color: int
    name: str
    drawn: str
    real: str
    lost: bool


@dataclass(frozen=True)
class Shares:
    """The characters of a run: over time where there is more than one reading, and as figures."""

    svg: Markup | None
    legend: list[Character]


def shares(run: Run, group: Group, report: Report) -> Shares | None:
    """Returns the characters' shares; None where nothing has recognised any."""
    readings = _readings(run)
    if not readings:
        return None
    real = _real(group, run)
    names = _by_frequency(group, readings)
    shown, rest = names[:CHARACTER_COLORS], names[CHARACTER_COLORS:]
    if rest:
        shown, rest = names[: CHARACTER_COLORS - 1], names[CHARACTER_COLORS - 1 :]
    others = {report.language.text("others"): rest} if rest else {}
    parts = {**{name: [name] for name in shown}, **others}
    steps = np.asarray([reading.step for reading in readings], float)
    svg = _areas(steps, readings, parts, real, run, report.language) if len(set(steps)) > 1 else None
    return Shares(svg, _legend(run, readings[-1], parts, real, report.language))


def _readings(run: Run) -> list[Reading]:
    """Returns the monitor's readings of characters, or those of the evaluated checkpoints."""
    watched = [Reading(row["step"], {}, row["characters"]) for row in run.monitor if row["characters"]]
    found = run.evaluation
    if len(watched) > 1 or not found:
        return watched
    judged = [reading for reading in found.history if reading.characters]
    return judged or watched or ([found] if found.characters else [])


def _real(group: Group, run: Run) -> dict[str, float]:
    """Returns the real images' shares, which are the same for all runs on the set."""
    own = [run, *group.runs]
    return next(
        (one.evaluation.real_characters for one in own if one.evaluation and one.evaluation.real_characters), {}
    )


def _by_frequency(group: Group, readings: Sequence[Reading]) -> list[str]:
    """Returns the characters by real share, so that a character has the same place and colour in all runs."""
    real = _real(group, group.runs[0])
    names = [*group.data.names, *real, *(name for reading in readings for name in reading.characters)]
    return sorted(dict.fromkeys(names), key=lambda name: -real.get(name, 0.0))


def _sum(shares: Mapping[str, float], names: Sequence[str]) -> float:
    return sum(shares.get(name, 0.0) for name in names)


def _areas(steps: np.ndarray, readings, parts: Mapping[str, list[str]], real, run: Run, language: Language) -> Markup:
    drawn = {name: np.asarray([_sum(one.characters, names) for one in readings]) for name, names in parts.items()}
    beside = {name: _sum(real, names) for name, names in parts.items()} if real else {}
    label, described = language.text("shares_axis"), language.text("shares_chart", run=run.label)
    return Markup(charts.areas(steps, drawn, beside, label, described, language))


def _legend(run: Run, last: Reading, parts, real: Mapping[str, float], language: Language) -> list[Character]:
    found = run.evaluation
    now = found.characters if found and found.characters else last.characters
    lost = found.lost if found else []
    return [
        Character(
            color=color,
            name=name,
            drawn=language.percent(_sum(now, names)),
            real=language.percent(_sum(real, names)) if real else "",
            lost=name in lost,
        )
        for color, (name, names) in enumerate(parts.items())
    ]
