"""What the notes of the first week found by eye, tested: python tests/benchmarks/claims.py run|table|pages ...

  run [--experiments=init,relu,...] [--seeds=0,1,2] [--jobs=2] [--workdir=DIR] [--config.data.dir=...]
                      trains the systems of each experiment, a row for each run, as compare.py does
  table               each claim, the figures by which it is judged, and the verdict
  pages [--docs=DIR]  the notes in the form of that week's, with measured results, in English and in French, and the
                      charts in them

All take --data=toons|simpsons_mnist and --rows=FILE.jsonl. Systems are written as for compare.py; those of an
experiment make the same number of steps on the same batches. A claim says what a measure of one system is to be beside
that of another, over seeds: it is confirmed where the 95 % interval of the differences between runs of one seed
(Student's t) lies where it says, refuted where it lies elsewhere, and undecided where it meets both.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import compare
import matplotlib
from matplotlib.figure import Figure

from jaxgan.benchmark import spread
from jaxgan.metrics import JsonLines
from jaxgan.reporting.language import LANGUAGES, Language
from jaxgan.reporting.notes import compact

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


WORDS = {
    "title": said("Summary of week 5, measured", "Résumé de la semaine 5, mesuré"),
    "about": said(
        "The notes of a week of experiments, whose conclusions came from one run each and the eye, put to the test on "
        "{data}, 32x32: presets `:quick` (batches of 16, 16 channels for BEGAN's kind), seeds {seeds}, one core a run. "
        "Figures are means with 95 % intervals: of a system, of that beside it, of their differences by seed. "
        "`lasted` is the share of the steps before the alarm rings, `early` what is read at a quarter of them, `last` "
        "at their end, all others of the best checkpoint. Verdicts need {fewest} seeds; why they are as they are is in "
        "[RESULTS.md]({results}). Written by `python tests/benchmarks/claims.py pages`.",
        "Les notes d'une semaine d'expériences, dont chaque conclusion tenait à un seul essai jugé à l'œil, mises à "
        "l'épreuve sur {data}, en 32x32 : préréglages `:quick` (lots de 16, 16 canaux pour la famille de BEGAN), "
        "graines {seeds}, un cœur par essai. Les chiffres sont des moyennes avec leur intervalle à 95 % : d'un "
        "système, de celui d'à côté, de leurs différences par graine. `lasted` est la part des pas avant que l'alarme "
        "ne sonne, `early` ce qui est lu au quart de ceux-ci, `last` à la fin, et tout autre chiffre vient du meilleur "
        "point de reprise. Un verdict demande {fewest} graines ; le pourquoi est dans [RESULTS.md]({results}). Écrit "
        "par `python tests/benchmarks/claims.py pages`.",
    ),
    "to_do": said("To do", "À faire"),
    "notes": said("Notes on experiments", "Notes d'expériences"),
    "test": said("Test of {title} in 32x32 steps={steps}", "Test {title} en 32x32 steps={steps}"),
    "results": said("Results", "Résultats"),
    "conclusion": said("Conclusion", "Conclusion"),
    "best": said("at its best fd_probe {fd}, recall {recall}", "au mieux fd_probe {fd}, rappel {recall}"),
    "last": said("at the end fd_probe {fd}, {number} characters", "à la fin fd_probe {fd}, {number} personnages"),
    "collapsed": said("collapsed in {count} of {runs}", "effondré dans {count} sur {runs}"),
    "first": said(", first at step {step}", ", au plus tôt au pas {step}"),
    "then": said("; ", " ; "),
    "untested": said("not yet tested", "pas encore testé"),
    "confirmed": said("confirmed", "confirmé"),
    "refuted": said("refuted", "réfuté"),
    "undecided": said("undecided", "indécis"),
}
PAGES = {"en": "week5.md", "fr": "semaine5.md"}
RESULTS = "https://github.com/jaxgan/jaxgan/blob/main/RESULTS.md"
TO_DO = (  # and where in RESULTS.md it is done
    (
        said("Tune the GAN until the result is conclusive", "Tuner le GAN jusqu'à avoir un résultat concluant"),
        "a-recipe-for-small-data",
    ),
    (
        said("Try CycleGAN on human faces", "Tester CycleGAN pour transformer des visages humains en Simpsons"),
        "faces-to-simpsons",
    ),
    (said("Get to know SDPC", "Prendre en main SDPC"), "sdpc-what-feedback-changes"),
    (
        said("Find an architecture that fuses the two", "Trouver une architecture pour fusionner le GAN et SDPC"),
        "gan-and-sdpc-fused-is-it-worth-it",
    ),
    (
        said("Evaluate whether it is worth it", "Évaluer l'intérêt de l'architecture"),
        "gan-and-sdpc-fused-is-it-worth-it",
    ),
    (said("Try BigGAN", "Tester BigGAN"), "a-recipe-for-small-data"),
)


class Page:
    """The notes in a language, as lines of Markdown."""

    def __init__(self, runs: Runs, data: str, lang: str):
        self.runs, self.data, self.lang = runs, data, lang
        self.language = Language(lang)

    def say(self, key: str, **values: object) -> str:
        return WORDS[key][self.lang].format(**values)

    def lines(self, names: Sequence[str]) -> list[str]:
        seeds = ", ".join(map(str, sorted({seed for own in self.runs.values() for seed in own})))
        about = self.say("about", data=self.data, seeds=seeds, fewest=FEWEST, results=RESULTS)
        lines = [f"# {self.say('title')}", "", about, "", f"## {self.say('to_do')}", ""]
        lines += [f"- [x] [{task[self.lang]}]({RESULTS}#{section})" for task, section in TO_DO]
        lines += ["", f"## {self.say('notes')}"]
        for name in names:
            lines += ["", *self._experiment(name, EXPERIMENTS[name])]
        return lines

    def _experiment(self, name: str, tested: Experiment) -> list[str]:
        lines = [f"### {self.say('test', title=tested.title[self.lang], steps=tested.steps)}", ""]
        lines += [f"__{self.say('results')}__ :", ""]
        for system in tested.systems:
            lines += self._system(system, list(self.runs.get((system, tested.budget), {}).values()))
        lines += ["", f"__{self.say('conclusion')}__ :", ""]
        for claim in tested.claims:
            figures, found = judge(claim, self.runs, tested.budget, self.language)
            lines.append(f"  - {claim.text[self.lang]} : **{self.say(found)}**" + f" ({figures})" * bool(figures))
        if any(self.runs.get((system, tested.budget)) for system in tested.systems):
            lines += ["", f"![{tested.title[self.lang]}](week5/{name}.svg)"]
        return lines

    def _system(self, system: str, rows: Sequence[dict]) -> list[str]:
        if not rows:
            return [f"  - `{system}` : {self.say('untested')}"]
        fallen = [row["collapsed_at"] for row in rows if row["collapsed_at"] is not None]
        of = lambda checkpoint, measure: interval([row[checkpoint][measure] for row in rows], self.language)
        collapsed = self.say("collapsed", count=len(fallen), runs=len(rows))
        collapsed += self.say("first", step=self.language.count(min(fallen))) if fallen else ""
        best = self.say("best", fd=of("best", "fd_probe"), recall=of("best", "recall"))
        last = self.say("last", fd=of("last", "fd_probe"), number=of("last", "effective_characters"))
        time = compact(statistics.fmean(row["minutes"] for row in rows) * 60)
        return [f"  - `{system}` : {self.say('then').join([best, last, collapsed])}  ", f"    Time={time}"]


def chart(tested: Experiment, runs: Runs) -> Figure:
    """fd_probe over the steps: a colour for each system, a thin line for each seed, a cross where the alarm rang."""
    figure = Figure((7, 3.5), layout="constrained")
    axes = figure.add_subplot(xlabel="steps", ylabel="fd_probe")
    for number, system in enumerate(tested.systems):
        style, rows = {"color": f"C{number}"}, list(runs.get((system, tested.budget), {}).values())
        curves = [(row["course"]["step"], row["course"]["fd_probe"]) for row in rows]
        for row, (steps, values) in zip(rows, curves, strict=True):
            axes.plot(steps, values, linewidth=0.7, alpha=0.5, **style)
            if row["collapsed_at"] in steps:
                axes.plot(row["collapsed_at"], values[steps.index(row["collapsed_at"])], "x", **style)
        if curves:
            steps = curves[0][0]
            axes.plot(steps, [statistics.median(at) for at in zip(*(values for _, values in curves), strict=True)],
                      linewidth=2, label=system, **style)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def pages(runs: Runs, options: argparse.Namespace) -> None:
    for lang in LANGUAGES:
        text = "\n".join(Page(runs, options.data, lang).lines(options.experiments))
        (options.docs / PAGES[lang]).write_text(f"{text}\n", encoding="utf-8")
    (options.docs / "week5").mkdir(exist_ok=True)
    for name in options.experiments:
        tested = EXPERIMENTS[name]
        if any(runs.get((system, tested.budget)) for system in tested.systems):
            with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
                chart(tested, runs).savefig(options.docs / "week5" / f"{name}.svg", metadata={"Date": None})


def table(runs: Runs, options: argparse.Namespace) -> None:
    """A line for each claim."""
    print("| claim | steps | measured | verdict |", "|---|---|---|---|", sep="\n")
    for experiment in (EXPERIMENTS[name] for name in options.experiments):
        for claim in experiment.claims:
            figures, found = judge(claim, runs, experiment.budget, Language("en"))
            title = f"{experiment.title['en']}: {claim.text['en']}"
            print(f"| {title} | {experiment.steps:,} | {figures} | {found} |")


def runs_of(options: argparse.Namespace) -> list[compare.Run]:
    """Those of each seed before those of the next, so that a part of them has figures of all."""
    found = {
        compare.Run(system, seed, EXPERIMENTS[name].budget, EXPERIMENTS[name].steps): None
        for seed in options.seeds
        for name in options.experiments
        for system in EXPERIMENTS[name].systems
    }
    return list(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table", "pages"])
    parser.add_argument("--experiments", type=lambda text: text.split(","), default=list(EXPERIMENTS))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--data", choices=["toons", "simpsons_mnist"], default="simpsons_mnist")
    parser.add_argument("--rows", type=Path, default=Path("results/claims.jsonl"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--workdir", type=Path, default=Path("runs/claims"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options, options.fields = parser.parse_known_args()
    if unknown := [field for field in options.fields if not field.startswith("--config.data.dir=")]:
        parser.error(f"unknown: {' '.join(unknown)}")
    if missing := [name for name in options.experiments if name not in EXPERIMENTS]:
        parser.error(f"no experiment {missing[0]}: there are {', '.join(EXPERIMENTS)}")
    if options.what == "run":
        compare.train(runs_of(options), options)
        return
    runs: Runs = {}
    for row in JsonLines(options.rows).read():
        if row["data"] == options.data and row["seed"] in options.seeds:
            runs.setdefault((row["system"], row["budget"]), {})[row["seed"]] = row
    (pages if options.what == "pages" else table)(runs, options)


if __name__ == "__main__":
    main()
