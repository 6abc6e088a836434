"""The runs of one report: brought together, and compared within their data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from jaxgan import config as config_lib
from jaxgan.errors import UserError
from jaxgan.evaluation import LESS_IS_BETTER, OF_COPIES
from jaxgan.fields import base, flatten
from jaxgan.paths import expanded
from jaxgan.reporting.evaluation import Measure, order
from jaxgan.reporting.language import Language
from jaxgan.reporting.pictures import Grids, Picture, drawn, grids, grids_each
from jaxgan.reporting.reading import Remark, Remarks
from jaxgan.reporting.runs import DataSet, Run, read_all


@dataclass(frozen=True)
class Rank:
    """What a run's measure is among those it can be compared with."""

    best: bool  # if not, its interval meets a best one's
    level: list[str]  # for a best one: labels of the other runs whose intervals meet its own
    among: int  # runs


@dataclass(frozen=True)
class Group:
    """The runs on one data set."""

    data: DataSet
    runs: list[Run]

    @property
    def measures(self) -> list[str]:
        """The measures that any of the runs has."""
        return order(name for run in self.runs if run.evaluation for name in run.evaluation.measures)

    @cached_property
    def values(self) -> dict[str, list]:
        """The different values of each config field; a field that only some algorithms have counts for those."""
        values: dict[str, list] = {}
        for run in self.runs:
            for name, value in run.fields.items():
                known = values.setdefault(name, [])
                if value not in known:
                    known.append(value)
        return values

    @property
    def differing(self) -> list[str]:
        """The fields that differ in what the runs learn."""
        return [name for name, known in self.values.items() if len(known) > 1 and not _is_outward(name)]

    @property
    def columns(self) -> list[str]:
        """The fields of the comparison: the algorithm and what differs."""
        return ["algorithm", *(name for name in self.differing if name != "algorithm")]

    @property
    def outward(self) -> list[str]:
        """The fields that differ, but not in what the runs learn."""
        return [name for name, known in self.values.items() if len(known) > 1 and _is_outward(name)]

    @property
    def same(self) -> dict[str, object]:
        """The other fields, but the monitor's own where they are as usual."""
        usual = _monitor_defaults(self.runs[0])
        agreed = {name: known[0] for name, known in self.values.items() if len(known) == 1 and name != "algorithm"}
        return {name: value for name, value in agreed.items() if usual.get(name, ...) != value}

    @cached_property
    def ranks(self) -> dict[tuple[str, str], Rank]:
        """The ranks by run's label and measure.

        Only figures that the same probe took from as many samples are compared, where there are two or more and
        they are not all equal; nobody is the best at copying nothing, as what draws noise does.
        """
        ranks = {}
        for name in self.measures:
            if name in LESS_IS_BETTER and name not in OF_COPIES:
                for runs in self.comparable:
                    figures = {run.label: run.evaluation.measures.get(name) for run in runs}
                    measures = {label: figure for label, figure in figures.items() if figure}
                    ranks |= {(label, name): one for label, one in rank(measures, LESS_IS_BETTER[name]).items()}
        return ranks

    @property
    def comparable(self) -> list[list[Run]]:
        """The runs that were evaluated on the set, together where one probe saw as many samples of each."""
        sets: dict[tuple, list[Run]] = {}
        for run in self.runs:
            found = run.evaluation
            if found and found.fingerprint in (None, self.runs[0].judged_on):
                sets.setdefault((*found.probe, found.num), []).append(run)
        return list(sets.values())


@dataclass(frozen=True)
class Report:
    """What the page and the notes are made of."""

    groups: list[Group]  # in the order of their first runs
    runs: list[Run]
    left_out: dict[Path, Remarks]  # directories that hold no run
    grids: dict[str, Grids]  # by run's label, as is what follows
    drawn: dict[str, dict[str, Picture]]  # by evaluations, by what they show
    pictures: dict[str, Remarks]  # on pictures
    language: Language
    date: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def remarks(self) -> list[tuple[Path, Remark]]:
        """All that could not be read, with its directory."""
        runs = [(run.path, one) for run in self.runs for one in self.remarks_on(run)]
        return [(path, one) for path, remarks in self.left_out.items() for one in remarks] + runs

    def remarks_on(self, run: Run) -> list[Remark]:
        """Returns the remarks on a run's rows and on its pictures."""
        return [*run.remarks, *self.pictures[run.label]]


def gather(directories: Sequence[str | Path], language: Language) -> Report:
    """Reads the run directories; those that are none are left out."""
    runs, left_out = read_all([expanded(directory) for directory in directories])
    pictures = {run.label: Remarks() for run in runs}
    groups: dict[tuple, Group] = {}
    for run in runs:
        groups.setdefault((run.judged_on, run.data.origin), Group(run.data, [])).runs.append(run)
    return Report(
        groups=list(groups.values()),
        runs=runs,
        left_out=left_out,
        grids={run.label: grids(run, grids_each(len(runs)), pictures[run.label]) for run in runs},
        drawn={run.label: drawn(run, pictures[run.label]) for run in runs},
        pictures=pictures,
        language=language,
    )


def _is_outward(name: str) -> bool:
    """Whether a field says how long a run lasts, how it is watched, what it writes or where its images lie.

    The images themselves are told by their fingerprint. A monitor that sends a run back changes what it learns.
    """
    watched = name.startswith("monitor.") and name != "monitor.on_collapse"
    return name in config_lib.MUTABLE or name in ("data.dir", "data.a.dir", "data.b.dir") or watched


def _monitor_defaults(run: Run) -> dict[str, object]:
    try:
        fields = flatten(base(run.algorithm))
    except UserError:  # an algorithm that this version does not know
        return {}
    return {name: value for name, value in fields.items() if name.startswith("monitor.")}


def rank(measures: Mapping[str, Measure], less_is_better: bool) -> dict[str, Rank]:
    """Returns the ranks of the best and of those whose intervals meet theirs, by label."""
    values = {measure.value for measure in measures.values()}
    if len(values) < 2:
        return {}
    top = min(values) if less_is_better else max(values)
    best = [label for label, measure in measures.items() if measure.value == top]
    ranks = {}
    for label in best:
        level = [other for other in measures if other != label and _meet(measures[other], measures[label])]
        ranks |= {other: Rank(False, [], len(measures)) for other in level if other not in best}
        ranks[label] = Rank(True, level, len(measures))
    return ranks


def _meet(one: Measure, other: Measure) -> bool:
    """Whether two measures' intervals have a value in common; equal values do without any."""
    if None in (one.low, one.high, other.low, other.high):
        return one.value == other.value
    return one.low <= other.high and other.low <= one.high
