"""The pages that claims.py writes, with their charts: the week's notes with measured results, in each language."""

import argparse
import statistics
from collections.abc import Sequence

import matplotlib
from experiments import EXPERIMENTS, FEWEST, Experiment, Runs, interval, judge, said
from matplotlib.figure import Figure

from jaxgan.reporting.language import LANGUAGES, Language
from jaxgan.reporting.notes import compact

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
