"""The experiments of the first week's notes, what each claims, and how runs over seeds judge it."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import compare

from jaxgan.benchmark import spread
from jaxgan.reporting.language import Language

Runs = dict[tuple[str, str], dict[int, dict]]  # rows by system and budget, and by seed

ALIKE = 0.15  # of a measure's mean, within which a difference counts as none
FEWEST = 3  # seeds by which a claim is judged
FINENESS = {"lasted": 1.5 / compare.READINGS}  # of measures that are told by readings: one apart is none apart
EARLY = 0.25  # of the steps, at which the start is judged
LESS, MORE, SAME = "less", "more", "same"


class Claim(NamedTuple):
    """That a measure of `system` is less or more than, or the same as, that of `other`, or than `bound`."""

    text: dict[str, str]  # by language
    measure: str
    system: str
    expected: str
    other: str | None = None
    bound: float | None = None


class Experiment(NamedTuple):
    """A section of the notes."""

    title: dict[str, str]
    steps: int
    systems: Sequence[str]
    claims: Sequence[Claim]

    @property
    def budget(self) -> str:
        """As rows have it."""
        return f"{self.steps} steps"


def said(english: str, french: str) -> dict[str, str]:
    return {"en": english, "fr": french}


PYTORCH = "+init=fan_in_uniform"
LOW, HIGH = (0.1, 0.3, 0.5), (0.9,)  # gamma, beside that of the preset
DROPOUTS = [f"dcgan+dropout={dropout}" for dropout in (0, 0.5, 0.75)]
TRANSPOSED = "dcgan+upsampling=transposed"
KERNELS = [f"dcgan+kernel={kernel}" for kernel in (5, 9)]

EXPERIMENTS = {
    "init": Experiment(
        said("the initialisation", "init"),
        8000,
        ["began", "began" + PYTORCH],
        [
            Claim(
                said("BEGAN starts better with ours", "avec la nôtre, BEGAN démarre mieux"),
                "early fd_probe", "began", LESS, "began" + PYTORCH,
            ),
            Claim(
                said("ours delays collapse", "la nôtre retarde l'effondrement"),
                "lasted", "began", MORE, "began" + PYTORCH,
            ),
        ],
    ),
    "init_dcgan": Experiment(
        said("the initialisation of DCGAN", "init de DCGAN"),
        8000,
        ["dcgan", "dcgan" + PYTORCH],
        [
            Claim(
                said("ours changes nothing for DCGAN", "la nôtre ne change rien pour DCGAN"),
                "fd_probe", "dcgan", SAME, "dcgan" + PYTORCH,
            )
        ],
    ),
    "relu": Experiment(
        said("ReLU", "ReLU"),
        8000,
        ["began", "began_relu"],
        [Claim(said("ELU delays collapse", "ELU retarde l'effondrement"), "lasted", "began", MORE, "began_relu")],
    ),
    "abegan": Experiment(
        said("ABEGAN", "ABEGAN"),
        10000,
        ["abegan", "abegan_k0"],
        [
            Claim(said("few characters", "peu de personnages"), "effective_characters", "abegan", LESS, bound=2.0),
            Claim(said("its images differ", "ses images diffèrent"), "diversity", "abegan", MORE, bound=0.5),
            Claim(
                said("k kept above 0 is no good idea", "forcer k au-dessus de 0 n'est pas une bonne idée"),
                "fd_probe", "abegan", MORE, "abegan_k0",
            ),
        ],
    ),
    "sabegan": Experiment(
        said("SABEGAN", "SABEGAN"),
        8000,
        ["sabegan_seed", "sabegan"],
        [
            Claim(
                said("it turns flat with the notes' loss", "ses images deviennent unies avec la perte des notes"),
                "last diversity", "sabegan_seed", LESS, bound=0.1,
            ),
            Claim(
                said("and not with the repaired one", "mais pas avec la perte corrigée"),
                "last diversity", "sabegan", MORE, bound=0.5,
            ),
            Claim(
                said("the repaired loss delays collapse", "la perte corrigée retarde l'effondrement"),
                "lasted", "sabegan", MORE, "sabegan_seed",
            ),
        ],
    ),
    "gamma": Experiment(
        said("gamma", "gamma"),
        8000,
        ["began", *(f"began+gamma={gamma}" for gamma in (*LOW, *HIGH))],
        [
            Claim(
                said(f"{gamma} delays collapse", f"{gamma} retarde l'effondrement"),
                "lasted", f"began+gamma={gamma}", MORE, "began",
            )
            for gamma in LOW
        ],
    ),
    "decay": Experiment(
        said("the learning rates", "taux d'apprentissage"),
        8000,
        ["began", "began+plateau_every=0", "began+plateau_rtol=1e9"],
        [
            Claim(
                said(
                    "to lower them where m stalls is better than not to",
                    "mieux vaut les baisser quand m stagne que ne pas les baisser",
                ),
                "fd_probe", "began", LESS, "began+plateau_every=0",
            ),
            Claim(
                said("and than to lower them in any case", "et que les baisser dans tous les cas"),
                "fd_probe", "began", LESS, "began+plateau_rtol=1e9",
            ),
        ],
    ),
    "dcgan": Experiment(
        said("DCGAN's settings", "réglages de DCGAN"),
        8000,
        ["dcgan", *DROPOUTS, *KERNELS, TRANSPOSED, "dcgan+label_smoothing=0", "dcgan+data.noise=0.1"],
        [
            Claim(
                said(
                    "transposed convolutions are better than upsampling",
                    "mieux valent des convolutions transposées que le suréchantillonnage",
                ),
                "fd_probe", TRANSPOSED, LESS, "dcgan",
            ),
        ],
    ),
}  # fmt: skip


def measured(row: dict, measure: str) -> float:
    """A measure of a run: of its best checkpoint, but for those of its course and of its end."""
    course = row["course"]
    match measure.split():
        case ["lasted"]:  # share of the steps before the alarm rang, which it can only some readings after its warmup
            return (row["steps"] if row["collapsed_at"] is None else row["collapsed_at"]) / row["steps"]
        case ["early", name]:
            place = min(range(len(course["step"])), key=lambda i: abs(course["step"][i] - EARLY * row["steps"]))
            return course[name][place]
        case ["last", name]:
            return row["last"][name]
    return row["best"][measure]


def judge(claim: Claim, runs: Runs, budget: str, language: Language) -> tuple[str, str]:
    """The figures by which a claim is judged, and the verdict."""
    of = lambda system: {seed: measured(row, claim.measure) for seed, row in runs.get((system, budget), {}).items()}
    own, other = of(claim.system), of(claim.other)
    if claim.other is None:
        other = dict.fromkeys(own, claim.bound)
    pairs = [(own[seed], other[seed]) for seed in sorted(own) if seed in other]
    if len(pairs) < FEWEST:
        return "", "untested"
    values, beside = zip(*pairs, strict=True)
    differences = [one - two for one, two in pairs]
    alike, finest = ALIKE * abs(statistics.fmean(beside)), FINENESS.get(claim.measure, 0.0)
    found = verdict(differences, claim.expected, alike, finest)
    figures = f"{claim.measure} {interval(values, language)}"
    if claim.other is None:
        return f"{figures}, {'<' if claim.expected == LESS else '>'} {language.number(claim.bound)}?", found
    return f"{figures}, {interval(beside, language)}, {interval(differences, language)}", found


def interval(values: Sequence[float], language: Language) -> str:
    """Their mean and, where they differ, its 95 % interval."""
    mean, reach = spread(values)
    return (
        f"{language.number(mean)} {language.interval(mean - reach, mean + reach)}" if reach else language.number(mean)
    )


def verdict(differences: Sequence[float], expected: str, alike: float, finest: float = 0.0) -> str:
    """What differences say of an expectation.

    `alike` is how large those are that count as none, `finest` that which a measure can tell.
    """
    mean, reach = spread(differences)
    low, high = mean - max(reach, finest), mean + max(reach, finest)
    if expected == SAME:
        inside, outside = -alike < low and high < alike, low > alike or high < -alike
        return "confirmed" if inside else "refuted" if outside else "undecided"
    low, high = (-high, -low) if expected == LESS else (low, high)
    return "confirmed" if low > 0 else "refuted" if high < 0 else "undecided"
