"""The page about the runs: HTML that needs nothing but itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import jaxgan
from jaxgan.reporting import charts, tables, wording
from jaxgan.reporting.commands import Commands, commands, experiments
from jaxgan.reporting.comparing import Group
from jaxgan.reporting.language import Language
from jaxgan.reporting.panels import Panel, Shares, panels, shares
from jaxgan.reporting.reading import number
from jaxgan.reporting.report import Report
from jaxgan.reporting.runs import Run

TEMPLATES = Path(__file__).parent / "templates"
ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Event:
    """A row of `events.jsonl` in words."""

    time: str
    text: str
    evidence: str


@dataclass(frozen=True)
class GroupView:
    """What the page shows of a data set's runs together."""

    group: Group
    heads: list[tables.Head]
    rows: list[tables.Row]
    panels: list[Panel]


@dataclass(frozen=True)
class RunView:
    """What the page shows of one run alone."""

    run: Run
    extent: str
    duration: str
    remarks: list[str]
    shares: Shares | None
    events: list[Event]
    measures: list[tables.MeasureRow]
    probe: str
    characters: tuple[str, str]  # the drawn ones, and the lost
    history: tables.History | None
    commands: Commands


def render(report: Report) -> str:
    """Returns the page as HTML, with its style, script and pictures inside."""
    language, known = report.language, experiments()
    numbers = {run.label: number for number, run in enumerate(report.runs)}
    return ENVIRONMENT.get_template("page.html").render(
        report=report,
        language=language,
        t=language.text,
        color=lambda run: numbers[run.label] % charts.RUN_COLORS,
        dash=lambda run: charts.dash(numbers[run.label]),
        anchor=lambda run: f"run-{numbers[run.label] + 1}",
        groups=[_group(group, report) for group in report.groups],
        runs=[_run(run, group, report, known) for group in report.groups for run in group.runs],
        remarks=[wording.remark(path, one, language) for path, one in report.remarks],
        version=jaxgan.__version__,
        date=language.date(report.date),
    )


def _group(group: Group, report: Report) -> GroupView:
    heads = tables.heads(group.measures, report.language)
    return GroupView(group, heads, tables.comparison(group, report), panels(group, report))


def _run(run: Run, group: Group, report: Report, known: Mapping[str, dict]) -> RunView:
    language, found = report.language, run.evaluation
    return RunView(
        run=run,
        extent=wording.extent(run, language),
        duration="" if run.seconds is None else language.duration(run.seconds),
        remarks=[language.text(one.key, **one.fields) for one in report.all_remarks(run)],
        shares=shares(run, group, report),
        events=[_event(row, language) for row in run.events],
        measures=tables.evaluation(found, language) if found else [],
        probe=tables.probe(found, language) if found else "",
        characters=(wording.drawn(run, language), wording.lost(run, language)),
        history=tables.history(found, language) if found else None,
        commands=commands(run, known),
    )


def _event(row: dict, language: Language) -> Event:
    evidence = row.get("evidence")
    return Event(_time(row.get("time"), language), wording.event(row, language), str(evidence) if evidence else "")


def _time(seconds: object, language: Language) -> str:
    """Returns when an event was; empty where the file holds no time."""
    try:
        return language.date(datetime.fromtimestamp(number(seconds)).astimezone())
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
