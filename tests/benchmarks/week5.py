"""The pages that claims.py writes, with their charts: the week's notes with measured results, in each language."""

import argparse
import statistics
from collections.abc import Sequence

import matplotlib
from compare import ROOT
from experiments import EXPERIMENTS, LESS, MORE, SAME, Claim, Experiment, said
from judging import FEWEST, MOST, Judged, Runs, judge, of_system
from matplotlib.figure import Figure

from jaxgan import config
from jaxgan.benchmark import interval
from jaxgan.reporting.language import LANGUAGES, Language
from jaxgan.reporting.notes import compact

WORDS = {
    "title": said("Summary of week 5 of the internship, measured", "Résumé de la semaine 5 de stage, mesuré"),
    "about": said(
        "The notes of a week of experiments, whose conclusions came from one run each and the eye, put to the test "
        "on other images: whole scenes of `simpsons_mnist` and toons, where the notes had cut faces. The presets "
        "`:quick` are far from the notes' size: batches of 16 where they had 32, a quarter of the channels, 10 and "
        "20 times their learning rates for BEGAN's kind, gamma 0.7 and not 0.5, averaged weights, and of the steps a "
        "sixth for ABEGAN and a fortieth to a sixtieth for the others. Seeds {seeds}, one core a run. Figures are "
        "means with 95 % intervals by Student's t, which with three seeds may leave what is possible. `drawing` is "
        "the share of the readings with two characters or more, a quarter of the samples recognised and no collapse, "
        "so that what starts late has less, too; a collapse at step 2,000, the first at which the alarm can ring, is "
        "of what has not begun to draw. `early` is what is read at a quarter of the steps, `last` at their end, all "
        "else of the best checkpoint, which is chosen by the held-out images that it is measured against. Verdicts "
        "need {fewest} seeds; why they are as they are is in [RESULTS.md]({results}). Written by `python "
        "tests/benchmarks/claims.py pages`.",
        "Les notes d'une semaine d'expériences, dont chaque conclusion tenait à un seul essai jugé à l'œil, mises à "
        "l'épreuve sur d'autres images : scènes entières de `simpsons_mnist` et toons, au lieu de visages découpés. "
        "Les préréglages `:quick` sont loin de l'échelle des notes : lots de 16 au lieu de 32, un quart des canaux, "
        "des taux d'apprentissage 10 et 20 fois plus grands pour la famille de BEGAN, gamma 0,7 et non 0,5, des "
        "poids moyennés, et un sixième des pas pour ABEGAN, un quarantième à un soixantième pour les autres. Graines "
        "{seeds}, un cœur par essai. Les chiffres sont des moyennes avec leur intervalle à 95 % selon Student, qui "
        "avec trois graines peut sortir du possible. `drawing` est la part des relevés qui montrent deux personnages "
        "ou plus, un quart des images reconnues et aucun effondrement, de sorte qu'un départ tardif la réduit aussi "
        "; un effondrement au pas 2 000, le premier où l'alarme peut sonner, est celui d'un essai qui n'a pas "
        "commencé à dessiner. `early` est ce qui est lu au quart des pas, `last` à la fin, et tout autre chiffre "
        "vient du meilleur point de reprise, choisi d'après les images réservées qui servent aussi à le mesurer. Un "
        "verdict demande {fewest} graines ; le pourquoi est dans [RESULTS.md]({results}). Écrit par `python "
        "tests/benchmarks/claims.py pages`.",
    ),
    "to_do": said("To do", "À faire"),
    "notes": said("Notes on experiments", "Notes d'expériences"),
    "test": said("Test of {title} in 32x32 {settings}", "Test {title} en 32x32 {settings}"),
    "noted": said("The notes: {noted}", "Les notes : {noted}"),
    "results": said("Results", "Résultats"),
    "conclusion": said("Conclusion", "Conclusion"),
    "best": said("at its best fd_probe {fd}, recall {recall}", "au mieux fd_probe {fd}, recall {recall}"),
    "last": said("at the end fd_probe {fd}, {number} characters", "à la fin fd_probe {fd}, {number} personnages"),
    "collapsed": said("collapse in {count} of {runs} runs", "effondrement dans {count} sur {runs} essais"),
    "first": said(", first at step {step}", ", au plus tôt au pas {step}"),
    "then": said("; ", " ; "),
    "pair": said(
        "{measure}: `{system}` {values}, `{other}` {beside}, difference {differences}",
        "{measure} : `{system}` {values} ; `{other}` {beside} ; différence {differences}",
    ),
    "bound": said("{measure}: {values}, claimed {sign} {bound}", "{measure} : {values}, annoncé {sign} {bound}"),
    "seeds": said("; {count} seeds would tell", " ; {count} graines trancheraient"),
    "no_seeds": said("; {count} seeds would not tell", " ; {count} graines ne trancheraient pas"),
    "next": said(
        "Next: more seeds where it is undecided, and the notes' own size.",
        "Next : plus de graines là où c'est indécis, et l'échelle des notes.",
    ),
    "untested": said("not yet tested", "pas encore testé"),
    "confirmed": said("confirmed", "confirmé"),
    "refuted": said("refuted", "réfuté"),
    "undecided": said("undecided", "indécis"),
}
SIGNS = {LESS: "<", MORE: ">", SAME: "="}
PAGES = {"en": "week5.md", "fr": "semaine5.md"}
RESULTS = "https://github.com/jaxgan/jaxgan/blob/main/RESULTS.md"
TO_DO = (  # and where in RESULTS.md it is done
    (said("Get the computer ready", "Mettre à jour l'ordinateur"), None),
    (said("Find a Simpsons data set", "Trouver un dataset Simpsons"), None),
    (said("Write a data set module", "Construire un module Dataset"), None),
    (said("Find a GAN that works on it", "Trouver un GAN efficace sur le dataset"), "a-recipe-for-small-data"),
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
        said("Find an architecture that fuses GAN and SDPC", "Trouver une architecture pour fusionner le GAN et SDPC"),
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

    def __init__(self, runs: Runs, lang: str):
        self.runs, self.lang = runs, lang
        self.language = Language(lang)

    def say(self, key: str, **values: object) -> str:
        return WORDS[key][self.lang].format(**values)

    def interval(self, values: Sequence[float]) -> str:
        return interval(values, self.language)

    def figure(self, values: Sequence[float]) -> str:
        """Their mean, with its interval where there are as many as by which claims are judged."""
        return self.interval(values if len(values) >= FEWEST else [statistics.fmean(values)])

    def lines(self, names: Sequence[str]) -> list[str]:
        seeds = ", ".join(map(str, sorted({row["seed"] for rows in self.runs.values() for row in rows})))
        about = self.say("about", seeds=seeds, fewest=FEWEST, results=RESULTS)
        lines = [f"# {self.say('title')}", "", about, "", f"## {self.say('to_do')}", ""]
        link = lambda text, section: f"[{text}]({RESULTS}#{section})" if section else text
        lines += [f"- [x] {link(task[self.lang], section)}" for task, section in TO_DO]
        lines += ["", f"## {self.say('notes')}"]
        for name in names:
            lines += ["", *self._experiment(name, EXPERIMENTS[name])]
        return [*lines, "", self.say("next")]

    def figures(self, claim: Claim, judged: Judged) -> str:
        """By which a claim is judged."""
        if not judged.values:
            return ""
        values = {"measure": f"`{claim.measure}`", "values": self.interval(judged.values)}
        if claim.other is None:
            sign = SIGNS[claim.expected]
            text = self.say("bound", sign=sign, bound=self.language.number(claim.bound), **values)
        else:
            beside, differences = self.interval(judged.beside), self.interval(judged.differences)
            values |= {"system": claim.system, "other": claim.other, "beside": beside, "differences": differences}
            text = self.say("pair", **values)
        if judged.verdict != "undecided":
            return text
        if judged.seeds is None:
            return text + self.say("no_seeds", count=self.language.count(MOST))
        return text + self.say("seeds", count=judged.seeds)

    def _experiment(self, name: str, tested: Experiment) -> list[str]:
        settings = settings_of(tested, tested.systems[0])
        lines = [f"### {self.say('test', title=tested.title[self.lang], settings=settings)}", ""]
        lines += [self.say("noted", noted=tested.noted[self.lang]), "", f"__{self.say('results')}__ :", ""]
        for system in tested.systems:
            lines += self._system(system, list(of_system(system, tested, self.runs).values()))
        lines += ["", f"__{self.say('conclusion')}__ :", ""]
        for claim in tested.claims:
            judged = judge(claim, tested, self.runs)
            figures = self.figures(claim, judged)
            lines.append(
                f"  - {claim.text[self.lang]} : **{self.say(judged.verdict)}**" + f" ({figures})" * bool(figures)
            )
        if charted(tested, self.runs):
            lines += ["", f"![{tested.title[self.lang]}](week5/{name}.svg)"]
        return lines

    def _system(self, system: str, rows: Sequence[dict]) -> list[str]:
        if not rows:
            return [f"  - `{system}` : {self.say('untested')}"]
        fallen = [row["collapsed_at"] for row in rows if row["collapsed_at"] is not None]
        of = lambda checkpoint, measure: self.figure([row[checkpoint][measure] for row in rows])
        collapsed = self.say("collapsed", count=len(fallen), runs=len(rows))
        collapsed += self.say("first", step=self.language.count(min(fallen))) if fallen else ""
        best = self.say("best", fd=of("best", "fd_probe"), recall=of("best", "recall"))
        last = self.say("last", fd=of("last", "fd_probe"), number=of("last", "effective_characters"))
        time = compact(statistics.fmean(row["minutes"] for row in rows) * 60)
        return [f"  - `{system}` : {self.say('then').join([best, last, collapsed])}  ", f"    Time={time}"]


def settings_of(tested: Experiment, system: str) -> str:
    """As the notes' titles have them."""
    name, *others = system.split("+")
    found, _ = config.load([f"--config={ROOT}/configs/{name}.py:quick", *(f"--config.{field}" for field in others)])
    shown = {"batchsize": found.batch_size, "steps": tested.steps, "lr_g": found.lr_g, "lr_d": found.lr_d}
    shown |= {"gamma": found.gamma} if "gamma" in found else {}
    shown |= {"data": tested.data}
    return " ".join(f"{name}={value}" for name, value in shown.items())


def charted(tested: Experiment, runs: Runs) -> bool:
    """Whether there is something to compare."""
    return sum(bool(of_system(system, tested, runs)) for system in tested.systems) > 1


def chart(tested: Experiment, runs: Runs) -> Figure:
    """fd_probe over the steps: a colour for each system, a thin line for each seed, a cross where the alarm rang."""
    figure = Figure((7, 3.5), layout="constrained")
    axes = figure.add_subplot(xlabel="steps", ylabel="fd_probe")
    for number, system in enumerate(tested.systems):
        style, rows = {"color": f"C{number}"}, list(of_system(system, tested, runs).values())
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
        text = "\n".join(Page(runs, lang).lines(options.experiments))
        (options.docs / PAGES[lang]).write_text(f"{text}\n", encoding="utf-8")
    (options.docs / "week5").mkdir(exist_ok=True)
    for name in options.experiments:
        tested = EXPERIMENTS[name]
        if charted(tested, runs):
            with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
                chart(tested, runs).savefig(options.docs / "week5" / f"{name}.svg", metadata={"Date": None})
