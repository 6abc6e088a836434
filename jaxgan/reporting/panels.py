"""The page's charts: which figures are drawn over which runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from jaxgan.reporting import charts, fieldcharts, sweeps, tradeoff, wording
from jaxgan.reporting.charts import CHARACTER_COLORS, Line, Mark, curve
from jaxgan.reporting.evaluation import OF_TRUNCATED, Reading
from jaxgan.reporting.fieldcharts import Cell, Dot, Point
from jaxgan.reporting.language import Language
from jaxgan.reporting.reading import number
from jaxgan.reporting.report import Group
from jaxgan.reporting.runs import Run
from jaxgan.reporting.sweeps import Setting, Sweep

GENERAL = frozenset(("step", "epoch", "seconds", "images_per_second"))  # columns of metrics.jsonl of no algorithm
SCORES = ("score_real", "score_fake", "critic_real", "critic_fake")
METRICS = ("loss_g", "loss_d", "loss_real", "loss_fake", "k", "m", *SCORES, "lr_g", "lr_d")
# What is drawn on an axis from 0 to 1.
SHARES = ("k", "likeness", "altered", "score_real", "score_fake", "recognised", "coverage")
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


def panels(group: Group, numbers: Mapping[str, int], language: Language) -> list[Panel]:
    """Returns the monitor's readings, then what the training logs, a panel for each family of algorithms.

    `numbers` are those of the runs' colours and dashes, by label.
    """
    drawn = [(language.text("readings"), group.runs, "monitor", wording.READINGS)]
    for names, runs in _families(group.runs).items():
        algorithms = language.several(list(dict.fromkeys(run.algorithm for run in runs)))
        drawn.append((language.text("losses", algorithms=algorithms), runs, "metrics", _telling(names, runs)))
    found = [Panel(title, _charts(runs, rows, names, numbers, language)) for title, runs, rows, names in drawn]
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


def _charts(
    runs: Sequence[Run], rows: str, names: Sequence[str], numbers: Mapping[str, int], language: Language
) -> list[Chart]:
    drawn = []
    for name in names:
        curves = [(run, curve(getattr(run, rows), name)) for run in runs]
        lines = [(run, Line(numbers[run.label], raw, noisy=rows == "metrics")) for run, raw in curves if raw.steps.size]
        if lines:
            drawn.append(_chart(name, lines, names, language))
    return drawn


def _chart(name: str, drawn: Sequence[tuple[Run, Line]], family: Sequence[str], language: Language) -> Chart:
    svg = charts.lines(
        [line for _, line in drawn],
        label=_unit(name, family, language),
        description=language.text("chart", name=name, runs=", ".join(run.label for run, _ in drawn)),
        language=language,
        marks=[mark for run, line in drawn for mark in _marks(run, line.number, language)],
        reference=REFERENCES.get(name),
        unit_range=name in SHARES,
    )
    return Chart(name, _title(name, language), Markup(svg))  # noqa: S704 (charts escapes what it is given)


def _title(name: str, language: Language) -> str:
    return language.find("metric", name) or language.find("measure", name) or ""


def _marks(run: Run, number: int, language: Language) -> list[Mark]:
    marks = [Mark(number, one.step, wording.kind(one.kind, language)) for one in run.state.collapses]
    return list(dict.fromkeys(marks))  # a run that goes back may collapse at the same step again


def _unit(name: str, family: Sequence[str], language: Language) -> str:
    """BEGAN's losses are reconstruction errors, DCGAN's cross entropies."""
    if name.startswith("loss_") and ("loss_real" in family or "score_real" in family):
        return language.text("unit_absolute" if "loss_real" in family else "unit_nats")
    return language.find("unit", name.partition("_")[0]) or language.find("unit", name) or wording.plain(name)


@dataclass(frozen=True)
class Character:
    """A character in the legend of the shares."""

    name: str
    drawn: float
    real: float | None  # None where it is unknown
    lost: bool


@dataclass(frozen=True)
class Shares:
    """The characters of a run: over time where there is more than one reading, and as figures."""

    svg: Markup | None
    legend: list[Character]  # in the order of their colours


def shares(run: Run, group: Group, language: Language) -> Shares | None:
    """Returns the characters' shares; None where nothing has recognised any."""
    readings, found = _readings(run), run.evaluation
    if not readings:
        return None
    real = _real(group)
    parts = _parts(_by_frequency(group, readings, real), language)
    now = found.characters if found and found.characters else readings[-1].characters
    legend = [
        Character(
            name=name,
            drawn=_sum(now, names),
            real=_sum(real, names) if real else None,
            lost=bool(found and name in found.lost),
        )
        for name, names in parts.items()
    ]
    return Shares(_areas(readings, parts, legend, run, language), legend)


def _readings(run: Run) -> list[Reading]:
    """Returns the monitor's readings of characters, or those of the evaluated checkpoints."""
    watched = [Reading(row["step"], {}, row["characters"]) for row in run.monitor if row["characters"]]
    if not any(any(reading.characters.values()) for reading in watched):
        watched = []  # no sample was ever recognised
    found = run.evaluation
    if len(watched) > 1 or not found:
        return watched
    judged = [reading for reading in found.history if reading.characters]
    return judged or watched or ([found] if found.characters else [])


def _real(group: Group) -> dict[str, float]:
    """Returns the real images' shares, which are the same for all runs on the set."""
    found = [run.evaluation for run in group.runs if run.evaluation]
    known = [one.real_characters for one in found if one.fingerprint in (None, group.runs[0].judged_on)]
    return next(filter(None, known), {})


def _by_frequency(group: Group, readings: Sequence[Reading], real: Mapping[str, float]) -> list[str]:
    """Returns the characters by real share, so that a character has the same place and colour in all runs."""
    names = [*group.data.names, *real, *(name for reading in readings for name in reading.characters)]
    return sorted(dict.fromkeys(names), key=lambda name: -real.get(name, 0.0))


def _parts(names: Sequence[str], language: Language) -> dict[str, list[str]]:
    """Returns what is drawn in a colour of its own: a character, and the rarest together where there are many."""
    alone = len(names) if len(names) <= CHARACTER_COLORS else CHARACTER_COLORS - 1
    parts = {name: [name] for name in names[:alone]}
    return parts | ({language.text("others"): list(names[alone:])} if names[alone:] else {})


def _sum(shares: Mapping[str, float], names: Sequence[str]) -> float:
    return sum(shares.get(name, 0.0) for name in names)


def _areas(
    readings: Sequence[Reading], parts: Mapping[str, list[str]], legend: list[Character], run: Run, language: Language
) -> Markup | None:
    """Returns the shares over the steps; None where there is but one."""
    steps = np.asarray([reading.step for reading in readings], float)
    if len(set(steps)) < 2:
        return None
    drawn = [np.asarray([_sum(one.characters, names) for one in readings]) for names in parts.values()]
    real = [one.real for one in legend if one.real is not None]
    described = language.text("shares_chart", run=run.label)
    svg = charts.areas(steps, drawn, real, language.text("shares_axis"), described, language)
    return Markup(svg)  # noqa: S704 (as above)


def truncations(run: Run, numbers: Mapping[str, int], language: Language) -> Markup | None:
    """Returns the chart of quality against coverage; None where fewer than two truncations were evaluated."""
    found = run.evaluation.truncations if run.evaluation else []
    if len(found) < 2:
        return None
    svg = tradeoff.tradeoff(
        found,
        numbers[run.label],
        labels=tuple(language.text(f"unit_{name}") for name in OF_TRUNCATED),
        description=language.text("truncation_chart", run=run.label, points=wording.truncations(found, language)),
        language=language,
    )
    return Markup(svg)  # noqa: S704 (as above)


def setting_charts(sweep: Sweep, language: Language) -> list[Chart]:
    """Returns the key measures over the fields that vary, where these are one or two; of a search over each number."""
    if sweep.searched:
        return [_over_number(name, field, sweep, language) for name in sweep.key_measures for field in _numbers(sweep)]
    draw = {1: _over_one, 2: _over_two}.get(len(sweep.fields))
    if not draw:
        return []
    drawn = {name: Markup(draw(name, sweep, language)) for name in sweep.key_measures}  # noqa: S704 (as above)
    return [Chart(name, _title(name, language), svg) for name, svg in drawn.items()]


def _numbers(sweep: Sweep) -> list[str]:
    """The fields that hold more than two numbers each, but for how long a run trained."""
    varied = {name: values for name, values in sweep.fields.items() if name not in sweeps.LENGTHS and len(values) > 2}
    return [name for name, values in varied.items() if all(number(value) is not None for value in values)]


def _over_number(name: str, field: str, sweep: Sweep, language: Language) -> Chart:
    known = [(run, setting) for setting in sweep.settings for run in setting.runs if run.label in setting.values(name)]
    longest = max(run.state.step for run, _ in known)
    svg = fieldcharts.points(
        [
            Point(
                run.fields[field],
                setting.values(name)[run.label],
                run.state.step / max(1, longest),
                bool(run.state.collapsed),
            )
            for run, setting in known
        ],
        labels=(wording.plain(field), _unit(name, (), language)),
        description=language.text("over_fields", name=name, fields=field),
        language=language,
    )
    return Chart(name, _title(name, language), Markup(svg))  # noqa: S704 (as above)


def _over_one(name: str, sweep: Sweep, language: Language) -> str:
    ((field, values),) = sweep.fields.items()
    known = {setting.places[0]: setting for setting in sweep.placed if setting.values(name)}
    return fieldcharts.dots(
        drawn=[dot for place, setting in known.items() for dot in _dots(place, setting, name)],
        means={place: setting.spread(name).mean for place, setting in known.items()},
        columns=_plain(values),
        labels=(wording.plain(field), _unit(name, (), language)),
        description=language.text("over_fields", name=name, fields=field),
        language=language,
    )


def _dots(column: int, setting: Setting, name: str) -> list[Dot]:
    values = setting.values(name)
    return [Dot(column, values[run.label], bool(run.state.collapsed)) for run in setting.runs if run.label in values]


def _over_two(name: str, sweep: Sweep, language: Language) -> str:
    """The field whose values need less room goes across."""
    names = [_plain(values) for values in sweep.fields.values()]
    across, down = sorted((0, 1), key=lambda field: len(names[field]) * max(map(len, names[field])))
    fields = list(sweep.fields)
    return fieldcharts.heat(
        {(places[across], places[down]): cell for places, cell in _cells(name, sweep, language).items()},
        columns=names[across],
        rows=names[down],
        labels=(wording.plain(fields[across]), wording.plain(fields[down])),
        description=language.text("over_fields", name=name, fields=language.several(fields)),
    )


def _cells(name: str, sweep: Sweep, language: Language) -> dict[tuple[int, ...], Cell]:
    """Returns the cells by the places of their fields' values; the better a mean, the stronger its cell's colour."""
    known = {setting.places: setting for setting in sweep.placed if setting.values(name)}
    means = np.asarray([setting.spread(name).mean for setting in known.values()])
    cells = {}
    for (places, setting), strength in zip(known.items(), _goodness(means, sweeps.LESS_IS_BETTER[name]), strict=True):
        rank = sweep.ranks.get((setting.name, name))
        cells[places] = Cell(wording.spread_lines(setting, name, language), strength, bool(rank and rank.best))
    return cells


def _goodness(means: np.ndarray, less_is_better: bool) -> np.ndarray:
    """Returns where means (N,) lie between the worst (0) and the best (1) of them; equal ones are in the middle."""
    scaled = np.log(means) if charts.needs_log(means) else means
    if np.ptp(scaled) == 0:
        return np.full(len(means), 0.5)
    shares = (scaled - scaled.min()) / np.ptp(scaled)
    return 1 - shares if less_is_better else shares


def _plain(values: Sequence) -> list[str]:
    return [wording.plain(str(value)) for value in values]
