"""The notes on the runs, in Markdown: a section for each experiment."""

import html
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from jaxgan.reporting import wording
from jaxgan.reporting.language import Language
from jaxgan.reporting.reading import number
from jaxgan.reporting.report import Group, Report
from jaxgan.reporting.runs import Collapse, Run
from jaxgan.reporting.sweeps import LESS_IS_BETTER, Setting, Sweep, sweeps

# What the title of an experiment tells anyway, in words of its own.
TITLE_FIELDS = ("data.image_size", "batch_size", "steps", "epochs", "lr_g", "lr_d", "gamma", "data.name", "algorithm")

PIPE = r"\|"  # in a table's cell


def render(report: Report, folder: Path) -> str:
    """Returns the notes as they lie in `folder`, from where they link to the pictures."""
    language = report.language
    lines = [f"# {language.text('notes_title')}", "", language.text("on", date=language.date(report.date))]
    if len(report.groups) > 1:
        lines += ["", language.text("several_sets", count=len(report.groups))]
    if report.left_out:
        left_out = [(path, one) for path, remarks in report.left_out.items() for one in remarks]
        lines += ["", f"__{language.text('remarks')}__ :", ""]
        lines += [f"  - {escape(wording.remark(path, one, language))}" for path, one in left_out]
    for group in report.groups:
        for sweep in sweeps(group):
            lines += ["", *_by_setting(sweep, language)]
        for run in group.runs:
            lines += ["", *_experiment(run, group, report, folder)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Returns a text that Markdown shows as it is, on one line. Brackets are no link unless something follows them."""
    text = html.escape(wording.one_line(text), quote=False)
    text = re.sub(r"[\\`*~$]|](?=[(\[:])", r"\\\g<0>", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)  # inside a word it is plain
    return re.sub(
        r"^[#+-]|^(\d+)(?=[.)](?:\s|$))", lambda match: f"{match[1] or ''}\\{'' if match[1] else match[0]}", text
    )


def settings(run: Run, group: Group) -> str:
    """Returns what identifies an experiment: size, batch, length, rates, and in what the set's runs differ."""
    fields = {name: value for name, value in run.fields.items() if value is not None}
    length = "steps" if "steps" in fields else "epochs"
    shown = {"batchsize": fields.get("batch_size"), length: fields.get(length), **_rates(fields)}
    shown |= {"gamma": fields.get("gamma"), "data": run.data.name}
    shown |= {name: fields[name] for name in group.differing if name in fields and name not in TITLE_FIELDS}
    said = [f"{name}={_plain(value)}" for name, value in shown.items() if value is not None]
    return " ".join([_size(fields.get("data.image_size", "?")), *said])


def _size(size: object) -> str:
    height, width = size if isinstance(size, list) and len(size) == 2 else (size, size)
    return f"{height}x{width}"


def _rates(fields: Mapping) -> dict[str, object]:
    rates = {name: fields[name] for name in ("lr_g", "lr_d") if name in fields}
    return {"lr": rates["lr_g"]} if len(rates) == 2 and rates["lr_g"] == rates["lr_d"] else rates


def _plain(value: object) -> str:
    """Writes 0.0001 and not 1e-04, as the notes have it."""
    small = isinstance(value, float) and number(value) is not None and 1e-7 < abs(value) < 1e-3
    return f"{value:.10f}".rstrip("0") if small else str(value)


def _by_setting(sweep: Sweep, language: Language) -> list[str]:
    """Returns a table with a row for each setting, and what its figures are."""
    heads = [language.text(name) for name in ("setting", "seeds", "collapsed_column")]
    heads += [f"{name} {'↓' if LESS_IS_BETTER[name] else '↑'}" for name in sweep.measures]
    rows = [_row([setting.name, *_cells(setting, sweep, language)]) for setting in sweep.settings]
    title = language.text("experiments", runs=wording.sweep(sweep, language))
    table = [_row(heads), f"|{'---|' * len(heads)}", *rows]
    return [f"##### {escape(title)}", "", *table, "", escape(wording.explanation(sweep, language))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape(cell).replace('|', PIPE) for cell in cells)} |"


def _cells(setting: Setting, sweep: Sweep, language: Language) -> list[str]:
    """Returns what stands in a setting's row behind its name."""
    seeds = [language.count(setting.seeds)]
    if setting.unfinished:
        seeds.append(language.text("unfinished_count", count=len(setting.unfinished)))
    return [
        ", ".join(seeds),
        wording.collapses(setting, language),
        *(_mean(setting, name, sweep, language) for name in sweep.measures),
    ]


def _mean(setting: Setting, name: str, sweep: Sweep, language: Language) -> str:
    rank = sweep.ranks.get((setting.name, name))
    mark = ("★" if rank.best else "≈") if rank else ""
    return " ".join([*wording.spread_lines(setting, name, language), *mark])


def _experiment(run: Run, group: Group, report: Report, folder: Path) -> list[str]:
    language = report.language
    title = language.text("experiment", run=run.label, settings=settings(run, group))
    head = escape(f"{run.algorithm.upper()} : {wording.extent(run, language)}")
    lines = [f"##### {escape(title)}", "", f"__{language.text('results')}__ :", ""]
    lines += [f"  - {head}  ", f"    Time={compact(run.seconds)}"]  # two spaces at its end break a line
    lines += [f"  - {escape(text)}" for text in _results(run, report)]
    lines += [*_figures(run, language), "", f"__{language.text('conclusion')}__ :", ""]
    concluded = wording.conclusions(run, group.ranks, language)
    lines += [f"  - {escape(text)}" for text in concluded]
    return [*lines, *_picture(run, language, folder)]


def _results(run: Run, report: Report) -> list[str]:
    """Returns collapses with their evidence, characters, warnings and remarks."""
    language, found = report.language, run.evaluation
    said = [_collapse(one, language) for one in run.state.collapses]
    said += [wording.drawn(run, language), wording.lost(run, language)]
    said += [language.text("warning", text=wording.warning(one, language)) for one in (found.warnings if found else ())]
    said += [language.text(one.key, **one.fields) for one in report.remarks_on(run)]
    if run.monitor and not found:
        said.append(_last_reading(run.monitor[-1], language))
    return [text for text in said if text]


def _collapse(one: Collapse, language: Language) -> str:
    said, evidence = wording.collapse(one, language), wording.evidence(vars(one), language)
    return language.text("evidence", collapse=said, evidence=evidence.rstrip(".")) if evidence else said


def _figures(run: Run, language: Language) -> list[str]:
    """Returns the measures, each on a line below that of their step."""
    found = run.evaluation
    if not found or not found.measures:
        return []
    figures = [
        escape(f"{name} {wording.measure(figure, language)}{wording.baselines(found, name, language)}")
        for name, figure in found.measures.items()
    ]
    return [
        f"  - {language.text('evaluated', step=language.count(found.step))}",
        *(f"      - {one}" for one in figures),
    ]


def _last_reading(row: Mapping, language: Language) -> str:
    figures = "; ".join(f"{name} {language.number(row[name])}" for name in wording.READINGS if name in row)
    return language.text("step_reading", step=language.count(row["step"]), figures=figures)


def compact(seconds: float | None) -> str:
    """Writes a training time as the notes have it: 5h45, 50m, 40s; empty where it is unknown."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60}h{minutes % 60:02}"
    return f"{minutes}m" if seconds >= 60 else f"{round(seconds)}s"


def _picture(run: Run, language: Language, folder: Path) -> list[str]:
    if not run.samples:
        return []
    step, path = list(run.samples.items())[-1]
    link = quote(os.fsencode(os.path.relpath(path.resolve(), folder)))
    text = escape(language.text("last_grid", run=run.label, step=language.count(step)))
    title = escape(run.label).replace('"', "&quot;")
    return ["", f'![{text}]({link} "{title}")']
