"""The page about the runs: HTML that needs nothing but itself."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import jaxgan
from jaxgan.evaluation import LESS_IS_BETTER
from jaxgan.reporting import charts, wording
from jaxgan.reporting.commands import commands, experiments
from jaxgan.reporting.panels import panels, shares
from jaxgan.reporting.report import Report

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
SENTENCES = ("remark", "state", "extent", "drawn", "lost", "interval", "probe", "event", "when")  # of `wording`


def render(report: Report) -> str:
    """Returns the page as HTML, with its style, script and pictures inside."""
    language, known = report.language, experiments()
    places = {run.label: place for place, run in enumerate(report.runs)}
    return TEMPLATES.get_template("page.html").render(
        report=report,
        language=language,
        t=language.text,
        say=SimpleNamespace(**{name: partial(getattr(wording, name), language=language) for name in SENTENCES}),
        color=lambda run: places[run.label] % charts.RUN_COLORS,
        dash=lambda run: charts.dash(places[run.label]),
        anchor=lambda run: f"run-{places[run.label] + 1}",
        drawn=[(group, panels(group, report)) for group in report.groups],
        shares={run.label: shares(run, group, language) for group in report.groups for run in group.runs},
        commands={run.label: commands(run, known) for run in report.runs},
        less_is_better=LESS_IS_BETTER,
        version=jaxgan.__version__,
        date=language.date(report.date),
    )
