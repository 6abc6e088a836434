"""The page's tables, as rows of what their cells show."""

from dataclasses import dataclass

from jaxgan.reporting import wording
from jaxgan.reporting.comparing import Group, Rank
from jaxgan.reporting.evaluation import LESS_IS_BETTER, Evaluation, Measure, order
from jaxgan.reporting.language import Language
from jaxgan.reporting.report import Report
from jaxgan.reporting.runs import Run

ABSENT = "\N{EN DASH}"
ARROWS = {True: "↓", False: "↑"}


@dataclass(frozen=True)
class Figure:
    """A measure's cell."""

    value: str
    interval: str = ""
    floor: str = ""
    mark: str = ""
    title: str = ""  # what the mark means


@dataclass(frozen=True)
class Head:
    """A measure's name with the arrow that says which way is better."""

    name: str
    arrow: str
    title: str


@dataclass(frozen=True)
class Row:
    """A run in the comparison."""

    run: Run
    fields: list[str]
    steps: str
    epochs: str
    time: str
    state: str
    figures: list[Figure]
    characters: str


def heads(names: list[str], language: Language) -> list[Head]:
    """Returns the measures' heads in their order."""

    def head(name: str) -> Head:
        if name not in LESS_IS_BETTER:
            return Head(name, "", "")
        less = LESS_IS_BETTER[name]
        better = language.text("better_low" if less else "better_high")
        return Head(name, ARROWS[less], f"{language.find('measure', name)}; {better}")

    return [head(name) for name in names]


def comparison(group: Group, report: Report) -> list[Row]:
    """Returns a row a run: the fields in which runs differ, how far it is and the measures."""
    return [_row(run, group, report) for run in group.runs]


def _row(run: Run, group: Group, report: Report) -> Row:
    language = report.language
    measures = run.evaluation.measures if run.evaluation else {}
    figures = [_figure(measures.get(name), report.ranks.get((run.label, name)), language) for name in group.measures]
    return Row(
        run=run,
        fields=[str(run.fields[name]) if name in run.fields else ABSENT for name in report.columns],
        steps=language.count(run.state.step),
        epochs="" if run.epoch is None else language.text("epochs", epochs=language.number(run.epoch)),
        time=ABSENT if run.seconds is None else language.duration(run.seconds),
        state=wording.state(run, language),
        figures=figures,
        characters=wording.drawn(run, language) or ABSENT,
    )


def _figure(figure: Measure | None, rank: Rank | None, language: Language) -> Figure:
    if figure is None:
        return Figure(ABSENT)
    floor = "" if figure.floor is None else language.text("floor", value=language.number(figure.floor))
    mark = {None: "", True: "best", False: "level"}[rank and rank.best]
    said = language.text(mark) if mark else ""
    return Figure(language.number(figure.value), wording.interval(figure, language), floor, mark, said)


@dataclass(frozen=True)
class MeasureRow:
    """A measure in a run's own table."""

    head: Head
    value: str
    interval: str
    floor: str
    meaning: str


def evaluation(found: Evaluation, language: Language) -> list[MeasureRow]:
    """Returns a row a measure."""
    rows = []
    for head, figure in zip(heads(list(found.measures), language), found.measures.values(), strict=True):
        rows.append(
            MeasureRow(
                head=head,
                value=language.number(figure.value),
                interval=wording.interval(figure, language) or ABSENT,
                floor=ABSENT if figure.floor is None else language.number(figure.floor),
                meaning=language.find("measure", head.name) or "",
            )
        )
    return rows


@dataclass(frozen=True)
class History:
    """The measures of several checkpoints: their heads, and a row a checkpoint."""

    heads: list[Head]
    rows: list[tuple[str, list[Figure]]]  # the step, and its figures


def history(found: Evaluation, language: Language) -> History | None:
    """Returns the evaluated checkpoints' measures; None where only one was evaluated."""
    if not found.history:
        return None
    names = order({name: None for reading in found.history for name in reading.measures})
    rows = [
        (language.count(reading.step), [_short(reading.measures.get(name), language) for name in names])
        for reading in found.history
    ]
    return History(heads(names, language), rows)


def _short(figure: Measure | None, language: Language) -> Figure:
    if figure is None:
        return Figure(ABSENT)
    return Figure(language.number(figure.value), wording.interval(figure, language))


def probe(found: Evaluation, language: Language) -> str:
    """Returns what measured the figures; empty where the file does not say it."""
    kind, classes, accuracy = found.probe
    text = language.find("probe", kind)
    try:
        share = language.percent(float(accuracy))
    except ValueError:
        return ""
    return text.format(classes=classes, accuracy=share) if text else ""
