"""Which runs can be compared, in what they differ, and which one is best."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxgan.config import MUTABLE
from jaxgan.reporting.evaluation import LESS_IS_BETTER, order
from jaxgan.reporting.runs import DataSet, Run


@dataclass(frozen=True)
class Group:
    """The runs on one data set."""

    data: DataSet
    runs: list[Run]

    @property
    def measures(self) -> list[str]:
        """The measures that any of the runs has."""
        return order({name: None for run in self.runs if run.evaluation for name in run.evaluation.measures})


def group(runs: Sequence[Run]) -> list[Group]:
    """Returns the runs by data set, in the order of first appearance."""
    groups: dict[str, Group] = {}
    for run in runs:
        groups.setdefault(run.data.fingerprint, Group(run.data, [])).runs.append(run)
    return list(groups.values())


@dataclass(frozen=True)
class Fields:
    """The configs' fields by dotted name."""

    differing: list[str]  # in what the runs learn
    outward: list[str]  # that differ, but not in what the runs learn
    same: dict[str, object]  # for all runs that have them


def compare(runs: Sequence[Run]) -> Fields:
    """A field that only some algorithms have counts as the same where those agree on it."""
    values: dict[str, list] = {}
    for run in runs:
        for name, value in run.fields.items():
            known = values.setdefault(name, [])
            if value not in known:
                known.append(value)
    several = [name for name, known in values.items() if len(known) > 1]
    same = {name: known[0] for name, known in values.items() if len(known) == 1}
    outward = [name for name in several if _is_outward(name)]
    return Fields([name for name in several if name not in outward], outward, same)


def _is_outward(name: str) -> bool:
    """Whether a field says how long a run lasts, how it is watched, what it writes or where its images lie.

    The images themselves are told by their fingerprint. A monitor that sends a run back changes what it learns.
    """
    watched = name.startswith("monitor.") and name != "monitor.on_collapse"
    return name in MUTABLE or name == "data.dir" or watched


@dataclass(frozen=True)
class Rank:
    """What a run's measure is among those it can be compared with."""

    best: bool
    level: list[str]  # of the best: labels of the runs whose interval meets its own; else empty
    among: int  # runs


def rank(group: Group) -> dict[tuple[str, str], Rank]:
    """Returns the ranks by run's label and measure.

    Only figures that the same probe took from as many samples are compared, where there are two or more and
    they are not all equal.
    """
    ranks = {}
    for name in group.measures:
        if name in LESS_IS_BETTER:
            for runs in _comparable(group.runs, name):
                ranks |= _rank(runs, name)
    return ranks


def _comparable(runs: Sequence[Run], name: str) -> list[list[Run]]:
    sets: dict[tuple, list[Run]] = {}
    for run in runs:
        found = run.evaluation
        if found and name in found.measures and found.fingerprint in (None, run.data.fingerprint):
            sets.setdefault((*found.probe, found.num), []).append(run)
    return list(sets.values())


def _rank(runs: Sequence[Run], name: str) -> dict[tuple[str, str], Rank]:
    measures = {run.label: run.evaluation.measures[name] for run in runs}
    values = [measure.value for measure in measures.values()]
    if len(set(values)) < 2:
        return {}
    top = min(values) if LESS_IS_BETTER[name] else max(values)
    best = next(label for label, measure in measures.items() if measure.value == top)
    level = [label for label, measure in measures.items() if label != best and _meet(measure, measures[best])]
    return {(label, name): Rank(label == best, level if label == best else [], len(runs)) for label in [best, *level]}


def _meet(one, other) -> bool:
    """Whether two measures' intervals have a value in common; equal values do without any."""
    bounds = (one.low, one.high, other.low, other.high)
    if None in bounds:
        return one.value == other.value
    return one.low <= other.high and other.low <= one.high
