"""The page about the runs: HTML that needs nothing but itself."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import jaxgan
from jaxgan.reporting import charts, wording
from jaxgan.reporting.commands import commands, experiments
from jaxgan.reporting.panels import panels, setting_charts, shares, truncations
from jaxgan.reporting.report import Group, Report
from jaxgan.reporting.runs import Run
from jaxgan.reporting.sweeps import LESS_IS_BETTER, Sweep, styles, sweeps

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
SENTENCES = (  # of `wording`
    *("remark", "state", "extent", "drawn", "lost", "interval", "baseline", "probe", "event", "evidence", "when"),
    *("sweep", "explanation", "collapses", "spread_lines"),
)


def render(report: Report) -> str:
    """Returns the page as HTML, with its style, script and pictures inside."""
    language, known = report.language, experiments()
    anchors = {run.label: f"run-{place}" for place, run in enumerate(report.runs, 1)}
    found = [(group, sweeps(group)) for group in report.groups]
    numbers = styles(report.runs, [sweep for _, swept in found for sweep in swept])
    return TEMPLATES.get_template("page.html").render(
        names=_names(report, [sweep for _, swept in found for sweep in swept]),
        report=report,
        language=language,
        t=language.text,
        say=SimpleNamespace(**{name: partial(getattr(wording, name), language=language) for name in SENTENCES}),
        color=lambda run: numbers[run.label] % charts.RUN_COLORS,
        dash=lambda run: charts.dash(numbers[run.label]),
        anchor=lambda run: anchors[run.label],
        sweeps=[(group, sweep, setting_charts(sweep, language)) for group, swept in found for sweep in swept],
        drawn=[(group, _legend(group, swept), panels(group, numbers, language)) for group, swept in found],
        shares={run.label: shares(run, group, language) for group in report.groups for run in group.runs},
        truncations={run.label: truncations(run, numbers, language) for run in report.runs},
        commands={run.label: commands(run, known) for run in report.runs},
        less_is_better=LESS_IS_BETTER,
        version=jaxgan.__version__,
        date=language.date(report.date),
    )


def _names(report: Report, found: list[Sweep]) -> list[str]:
    """Returns what the page is about: sweeps by their directories, and other runs."""
    folders = {run.label: sweep.folder.name for sweep in found if sweep.folder for run in sweep.group.runs}
    return list(dict.fromkeys(folders.get(run.label, run.label) for run in report.runs))


def _legend(group: Group, found: list[Sweep]) -> list[tuple[Run, str]]:
    """Returns a run for each colour of a group's curves, and what has that colour: a setting or the run alone."""
    settings = [setting for sweep in found if sweep.colored for setting in sweep.settings]
    named = {run.label for setting in settings for run in setting.runs}
    apart = [(run, run.label) for run in group.runs if run.label not in named]
    return [(setting.runs[0], setting.name) for setting in settings] + apart
