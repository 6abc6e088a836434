"""Sweeps: runs brought together by setting, which is all that they learn by but the seed."""

import itertools
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jaxgan import evaluation
from jaxgan.reporting.charts import DASHES, RUN_COLORS, curve, end
from jaxgan.reporting.evaluation import Measure
from jaxgan.reporting.reading import number
from jaxgan.reporting.report import Group, Rank, rank
from jaxgan.reporting.runs import MEMBERS, SEARCH, Run

OF_SAMPLES = ("fd_probe", "coverage", "diversity", "recognised", "effective_characters")
MEASURES = (*OF_SAMPLES, *evaluation.OF_CODES)
LESS_IS_BETTER = evaluation.LESS_IS_BETTER | {"m": True}  # m is BEGAN's own
LENGTHS = ("steps", "epochs")  # what runs learn depends on them, though they can be changed


@dataclass(frozen=True)
class Spread:
    """A measure over a setting's runs."""

    mean: float
    deviation: float | None  # over n - 1; a single run has none
    count: int

    @property
    def measure(self) -> Measure:
        """The mean with an interval of one deviation to both sides."""
        low, high = (None, None) if self.deviation is None else (self.mean - self.deviation, self.mean + self.deviation)
        return Measure(self.mean, low, high, floor=None)


@dataclass(frozen=True)
class Setting:
    """Runs that differ in their seeds alone."""

    fields: dict[str, object]  # of those that the sweep varies
    places: tuple[int, ...]  # of the fields' values among the sweep's; -1 where the runs lack a field
    runs: list[Run]
    readings: dict[str, dict[str, float]]  # by run's label and measure; a run that does not count has none

    @property
    def name(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.fields.items()) or "\N{EN DASH}"

    @property
    def seeds(self) -> int:
        return len({str(run.fields.get("seed")) for run in self.runs})

    @property
    def collapsed(self) -> list[Run]:
        return [run for run in self.runs if run.state.collapsed]

    @property
    def diverged(self) -> list[Run]:
        return [run for run in self.runs if run.state.kind == "diverged"]

    @property
    def unfinished(self) -> list[Run]:
        return [run for run in self.runs if run.state.kind in ("open", "interrupted")]

    def values(self, measure: str) -> dict[str, float]:
        """Returns what there is of a measure, by run's label."""
        return {label: found[measure] for label, found in self.readings.items() if measure in found}

    def spread(self, measure: str) -> Spread | None:
        """Returns a measure over the runs that have it; None where none has."""
        values = list(self.values(measure).values())
        if not values:
            return None
        return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Sweep:
    """Runs on one data set, compared by setting."""

    folder: Path | None  # whose members they are; None where they lie apart
    group: Group  # of these runs alone

    @cached_property
    def fields(self) -> dict[str, list]:
        """The values of each field that varies, but for the seed; numbers ascend."""
        lengths = [name for name in self.group.outward if name in LENGTHS]
        varied = [name for name in (*self.group.differing, *lengths) if name != "seed"]
        return {name: _ascending(self.group.values[name]) for name in varied}

    @cached_property
    def settings(self) -> list[Setting]:
        """The settings in the order of their values."""
        runs: dict[tuple, list[Run]] = {}
        for run in self.group.runs:
            runs.setdefault(self._places(run), []).append(run)
        return [self._setting(places, runs[places]) for places in sorted(runs)]

    @property
    def placed(self) -> list[Setting]:
        """The settings that have a value in each of the fields."""
        return [setting for setting in self.settings if -1 not in setting.places]

    @property
    def searched(self) -> bool:
        """Whether the values were looked for, and the runs train for as long as they do well."""
        return self.folder is not None and (self.folder / SEARCH).exists()

    @property
    def colored(self) -> bool:
        """Whether all runs of a setting have its colour."""
        return self.folder is not None and len(self.settings) > 1

    @cached_property
    def counted(self) -> list[Run]:
        """The runs whose last figures are what has come of them; all where there is none."""
        return [run for run in self.group.runs if run.state.kind in ("finished", "stopped")] or self.group.runs

    @cached_property
    def evaluated(self) -> list[Run]:
        """Runs whose evaluations can be compared; none where a monitor has watched more."""
        most = max(Group(self.group.data, self.counted).comparable, key=len, default=[])
        return most if len(most) >= sum(bool(run.monitor) for run in self.counted) else []

    @cached_property
    def readings(self) -> dict[str, dict[str, float]]:
        """The measures of the runs that count, by label: of evaluations or of last readings, and where m ends."""
        figures = {run.label: run.monitor[-1] for run in self.counted if run.monitor}
        if self.evaluated:
            measures = {run.label: run.evaluation.measures for run in self.evaluated}
            figures = {label: {name: one.value for name, one in found.items()} for label, found in measures.items()}
        return {run.label: _known(figures.get(run.label, {})) | _m(run) for run in self.counted}

    @cached_property
    def measures(self) -> list[str]:
        """The measures that any of the settings has."""
        found = {name for readings in self.readings.values() for name in readings}
        return [name for name in (*MEASURES, "m") if name in found]

    @property
    def key_measures(self) -> list[str]:
        """The measures that are drawn over the fields."""
        characters = "effective_characters" if "effective_characters" in self.measures else "diversity"
        return [name for name in ("fd_probe", characters, "m", "error") if name in self.measures]

    @cached_property
    def ranks(self) -> dict[tuple[str, str], Rank]:
        """The ranks of the means by setting's name and measure."""
        ranks = {}
        for name in self.measures:
            spreads = {setting.name: setting.spread(name) for setting in self.settings}
            means = {setting: spread.measure for setting, spread in spreads.items() if spread}
            ranks |= {(setting, name): one for setting, one in rank(means, LESS_IS_BETTER[name]).items()}
        return ranks

    def _places(self, run: Run) -> tuple[int, ...]:
        return tuple(known.index(run.fields[name]) if name in run.fields else -1 for name, known in self.fields.items())

    def _setting(self, places: tuple[int, ...], runs: list[Run]) -> Setting:
        fields = {name: runs[0].fields[name] for name in self.fields if name in runs[0].fields}
        return Setting(fields, places, runs, {run.label: self.readings.get(run.label, {}) for run in runs})


def _known(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: figures[name] for name in MEASURES if name in figures}


def _m(run: Run) -> dict[str, float]:
    found = curve(run.metrics, "m")
    return {"m": end(found)} if found.values.size else {}


def sweeps(group: Group) -> list[Sweep]:
    """Returns the members of sweeps, and other runs together where some of them differ in their seeds alone.

    A sweep of which there is one member counts as one of those others.
    """
    folders = [run.path.resolve().parent for run in group.runs]
    members = Counter(folders)
    sources: dict[Path | None, list[Run]] = {}
    for run, folder in zip(group.runs, folders, strict=True):
        belongs = folder.name == MEMBERS and members[folder] > 1
        sources.setdefault(folder.parent if belongs else None, []).append(run)
    found = [Sweep(folder, Group(group.data, runs)) for folder, runs in sources.items() if len(runs) > 1]
    return [sweep for sweep in found if sweep.folder or any(setting.seeds > 1 for setting in sweep.settings)]


def styles(runs: Sequence[Run], found: Iterable[Sweep]) -> dict[str, int]:
    """Returns the number of each run's colour and dashes, by its label.

    The settings of a sweep's directory have one each. Where two fields vary, colours tell that with more values.
    """
    numbers: dict[str, int] = {}
    used = 0  # colours
    for sweep in found:
        if sweep.colored:
            looks = [_color_and_dash(place, setting, sweep) for place, setting in enumerate(sweep.settings)]
            for setting, (color, dash) in zip(sweep.settings, looks, strict=True):
                number = _free((used + color) % RUN_COLORS + RUN_COLORS * dash, numbers)
                numbers |= dict.fromkeys((run.label for run in setting.runs), number)
            used += len({color for color, _ in looks})
    apart = [run.label for run in runs if run.label not in numbers]
    for number, label in enumerate(apart, used):
        numbers[label] = _free(number, numbers)
    return numbers


def _free(number: int, numbers: Mapping[str, int]) -> int:
    """Returns a number that is not taken and looks like this one: colours and dashes repeat."""
    return next(one for one in itertools.count(number, RUN_COLORS * len(DASHES)) if one not in numbers.values())


def _color_and_dash(place: int, setting: Setting, sweep: Sweep) -> tuple[int, int]:
    if len(sweep.fields) != 2:
        return place % RUN_COLORS, place // RUN_COLORS
    first, second = map(len, sweep.fields.values())
    return setting.places if first >= second else setting.places[::-1]


def _ascending(values: Sequence) -> list:
    """Returns numbers in their order, and all else in that in which it came."""
    return sorted(values) if all(number(value) is not None for value in values) else list(values)
