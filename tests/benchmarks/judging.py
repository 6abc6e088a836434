"""How runs over seeds judge a claim."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import compare
from experiments import FEW, LESS, SAME, Claim, Experiment
from scipy import stats

from jaxgan.benchmark import spread

Runs = dict[tuple[str, str, str], list[dict]]  # rows by data, budget and system

ALIKE = 0.15  # of a measure's mean, within which a difference counts as none
FEWEST = 3  # seeds by which a claim is judged
FINENESS = {"drawing": 1.5 / compare.READINGS}  # of measures that are told by readings: one apart is none apart
RECOGNISED = 0.25  # of the samples that show somebody, as in monitor.min_recognised
EARLY = 0.25  # of the steps, at which the start is judged
POWER, MOST = 0.8, 1000  # of the trials that would tell a difference, and seeds that are looked at


class Judged(NamedTuple):
    """Figures by seed, and what they say."""

    verdict: str  # confirmed, refuted, undecided or untested
    values: Sequence[float] = ()  # of the claim's system
    beside: Sequence[float] = ()  # of the other one, or the bound
    differences: Sequence[float] = ()
    seeds: int | None = None  # that would tell, where it is undecided; None where no number up to MOST would


def of_system(system: str, tested: Experiment, runs: Runs) -> dict[int, dict]:
    """Its rows by seed, of each the last."""
    return {row["seed"]: row for row in runs.get((tested.data, tested.budget, system), [])}


def paired(system: str, other: str, tested: Experiment, runs: Runs) -> list[tuple[dict, dict]]:
    """Rows of two systems that have one seed and were measured by one probe, of each seed the last."""
    of = lambda name: runs.get((tested.data, tested.budget, name), [])
    alike = lambda one, two: one["seed"] == two["seed"] and compare.same_probe(one["best"], two["best"])
    found = {one["seed"]: (one, two) for one in of(system) for two in of(other) if alike(one, two)}
    return [found[seed] for seed in sorted(found)]


def judge(claim: Claim, tested: Experiment, runs: Runs) -> Judged:
    """Holds one of the experiment's claims against its rows."""
    of = lambda row: measured(row, claim.measure)
    if claim.other is None:
        pairs = [(of(row), claim.bound) for _, row in sorted(of_system(claim.system, tested, runs).items())]
    else:
        pairs = [(of(one), of(two)) for one, two in paired(claim.system, claim.other, tested, runs)]
    if len(pairs) < FEWEST:
        return Judged("untested")
    values, beside = zip(*pairs, strict=True)
    differences = [one - two for one, two in pairs]
    alike = ALIKE * abs(statistics.fmean(beside))
    how = claim.expected, alike, FINENESS.get(claim.measure, 0.0)
    found = verdict(differences, *how)
    return Judged(
        found, values, beside, differences, seeds_that_tell(differences, *how) if found == "undecided" else None
    )


def measured(row: dict, measure: str) -> float:
    """A measure of a run: of its best checkpoint, but for those of its course and of its end."""
    course = row["course"]
    match measure.split():
        case ["drawing"]:  # share of the readings that show no collapse, somebody and more than one character
            readings = zip(course["shows"], course["recognised"], course["effective_characters"], strict=True)
            draws = lambda shows, recognised, number: shows is None and recognised >= RECOGNISED and number >= FEW
            return statistics.fmean(draws(*reading) for reading in readings)
        case ["early", name]:
            place = min(range(len(course["step"])), key=lambda i: abs(course["step"][i] - EARLY * row["steps"]))
            return course[name][place]
        case ["last", name]:
            return row["last"][name]
    return row["best"][measure]


def verdict(differences: Sequence[float], expected: str, alike: float, finest: float = 0.0) -> str:
    """What the 95 % interval of the differences says of an expectation.

    `alike` is how large those are that count as none, `finest` that which a measure can tell.
    """
    mean, reach = spread(differences)
    low, high = mean - max(reach, finest), mean + max(reach, finest)
    if expected == SAME:
        inside, outside = -alike < low and high < alike, low > alike or high < -alike
        return "confirmed" if inside else "refuted" if outside else "undecided"
    low, high = (-high, -low) if expected == LESS else (low, high)
    return "confirmed" if low > 0 else "refuted" if high < 0 else "undecided"


def seeds_that_tell(differences: Sequence[float], expected: str, alike: float, finest: float = 0.0) -> int | None:
    """Seeds with which POWER of the trials, or more, would end in a verdict, were this their mean and deviation.

    Takes what `verdict` does. Three seeds say little of the deviation, and so of this number.
    """
    mean, deviation = abs(statistics.fmean(differences)), statistics.stdev(differences)
    if expected != SAME:
        distances = [mean] if mean > finest else []
    else:  # both ends of an interval have to lie within, or one of them outside
        distances = [alike - mean, alike + mean] if mean < alike else [mean - alike]
    if not distances or not deviation:
        return None
    for seeds in range(FEWEST, MOST + 1):
        bound = stats.t.ppf(0.975, seeds - 1)
        missed = [stats.nct.cdf(bound, seeds - 1, distance / deviation * seeds**0.5) for distance in distances]
        missed.append(stats.norm.cdf((finest - mean) / deviation * seeds**0.5) if finest else 0.0)
        if 1 - sum(missed) >= POWER:
            return seeds
    return None
