"""How runs over seeds judge a claim."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import compare
from experiments import LESS, SAME, Claim, Experiment
from scipy import stats

from jaxgan.benchmark import spread

Runs = dict[tuple[str, str, str], dict[int, dict]]  # rows by data, budget and system, and by seed

ALIKE = 0.15  # of a measure's mean, within which a difference counts as none
FEWEST = 3  # seeds by which a claim is judged
FINENESS = {"healthy": 1.5 / compare.READINGS}  # of measures that are told by readings: one apart is none apart
EARLY = 0.25  # of the steps, at which the start is judged
POWER, MOST = 0.8, 1000  # of the trials that would tell a difference, and seeds that are looked at


class Judged(NamedTuple):
    """Figures by seed, and what they say."""

    verdict: str  # confirmed, refuted, undecided or untested
    values: Sequence[float] = ()  # of the claim's system
    beside: Sequence[float] = ()  # of the other one, or the bound
    differences: Sequence[float] = ()
    seeds: int | None = None  # that would tell, where it is undecided


def of_system(system: str, tested: Experiment, runs: Runs) -> dict[int, dict]:
    """Its rows by seed."""
    return runs.get((tested.data, tested.budget, system), {})


def judge(claim: Claim, tested: Experiment, runs: Runs) -> Judged:
    """Holds one of the experiment's claims against its rows."""
    of = lambda system: {seed: measured(row, claim.measure) for seed, row in of_system(system, tested, runs).items()}
    own = of(claim.system)
    other = dict.fromkeys(own, claim.bound) if claim.other is None else of(claim.other)
    pairs = [(own[seed], other[seed]) for seed in sorted(own) if seed in other]
    if len(pairs) < FEWEST:
        return Judged("untested")
    values, beside = zip(*pairs, strict=True)
    differences = [one - two for one, two in pairs]
    alike = ALIKE * abs(statistics.fmean(beside))
    found = verdict(differences, claim.expected, alike, FINENESS.get(claim.measure, 0.0))
    wanted = alike if claim.expected == SAME else 0.0
    return Judged(
        found, values, beside, differences, seeds_that_tell(differences, wanted) if found == "undecided" else None
    )


def measured(row: dict, measure: str) -> float:
    """A measure of a run: of its best checkpoint, but for those of its course and of its end."""
    course = row["course"]
    match measure.split():
        case ["healthy"]:  # share of the readings that show no collapse
            return course["shows"].count(None) / len(course["shows"])
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


def seeds_that_tell(differences: Sequence[float], alike: float) -> int | None:
    """Seeds with which POWER of the trials would tell a difference of this mean and deviation from `alike`, 0 for none.

    None where more than MOST would be. Three seeds say little of their deviation, and so of this number.
    """
    effect = abs(abs(statistics.fmean(differences)) - alike)
    deviation = statistics.stdev(differences)
    for seeds in range(FEWEST, MOST + 1):
        bound = stats.t.ppf(0.975, seeds - 1)
        if deviation == 0 or stats.nct.sf(bound, seeds - 1, effect / deviation * seeds**0.5) >= POWER:
            return seeds
    return None
