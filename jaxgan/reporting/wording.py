"""What a run has come to, in words; the page and the notes share them."""

import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from jaxgan.reporting import summary
from jaxgan.reporting.evaluation import Evaluation, Measure, Truncated, Warned
from jaxgan.reporting.evidence import worded
from jaxgan.reporting.language import HARD, NARROW, Language
from jaxgan.reporting.reading import Remark, number
from jaxgan.reporting.report import Rank
from jaxgan.reporting.runs import Collapse, Run
from jaxgan.reporting.sweeps import Setting, Sweep

READINGS = ("diversity", "effective_characters", "recognised", "fd_probe", "coverage")
LONGEST_NAME = 24  # letters of one that this version does not know


def remark(path: Path, one: Remark, language: Language) -> str:
    """Returns one line that names the directory and what is wrong there."""
    return one_line(language.text("remark", path=path, text=language.text(one.key, **one.fields)))


def one_line(text: str) -> str:
    """Returns a text without line breaks; spaces at which no line may end stay."""
    return re.sub(rf"[^\S{HARD}{NARROW}]+", " ", text).strip()


def plain(name: str) -> str:
    """Returns a name from a file, short and in letters that every font has, so that a chart can show it."""
    letters = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)
    return one_line(letters)[:LONGEST_NAME] or "?"


def kind(name: str, language: Language) -> str:
    """Returns a collapse's kind; one that this version does not know stays as it is."""
    return language.find("kind", name) or plain(name)


def state(run: Run, language: Language) -> str:
    """Returns how far the run is, and the collapses from which it has not recovered."""
    collapses = [
        language.text("collapsed", kind=kind(one.kind, language), step=language.count(one.step))
        for one in run.state.collapsed
    ]
    return ", ".join([progress(run, language), *collapses])


def progress(run: Run, language: Language) -> str:
    """Returns whether a run is finished, and at which step where it is not."""
    steps = run.state.steps
    total = language.text("unknown_steps") if steps is None else language.count(steps)
    return language.text(f"state_{run.state.kind}", step=language.count(run.state.step), steps=total)


def extent(run: Run, language: Language) -> str:
    """Returns how far the run is, in steps and epochs."""
    said = progress(run, language)
    if run.state.kind == "finished":
        said = language.text("ran", state=said, steps=language.count(run.state.step))
    epochs = "" if run.epoch is None else f" ({language.text('epochs', epochs=language.number(run.epoch))})"
    return said + epochs


def collapse(one: Collapse, language: Language) -> str:
    """Returns a collapse, and how it ended where it did."""
    said = language.text("collapsed_words", kind=kind(one.kind, language), step=language.count(one.step))
    if not one.ended:
        return said
    key = {"recovery": "recovered", "restore": "restored"}[one.ended]
    return language.text(key, collapse=said, step=language.count(one.ended_step))


def event(row: Mapping, language: Language) -> str:
    """Returns a row of `events.jsonl` as a sentence, without the evidence."""
    name, source = str(row.get("event")), number(row.get("from"))
    key = f"event_{name}" if language.find("event", name) and name != "other" else "event_other"
    if name == "start" and row.get("init_from"):
        key = "event_start_from"
    return language.text(
        key,
        step=language.count(row["step"]),
        event=name,
        run=row.get("init_from"),
        signal=row.get("signal", "?"),
        kind=kind(str(row.get("kind", "")), language),
        source="?" if source is None else language.count(source),
        what=row.get("what", "?"),
    )


def evidence(row: Mapping, language: Language) -> str:
    """Returns what shows a collapse, in English where the row has no figures for another language; empty if nothing."""
    try:
        return worded(row["kind"], row["figures"], language)
    except (KeyError, TypeError, ValueError, AttributeError):
        return str(row.get("evidence") or "")


def when(row: Mapping, language: Language) -> str:
    """Returns the time of a row of `events.jsonl`; empty where the file holds none."""
    try:
        return language.date(datetime.fromtimestamp(number(row.get("time"))).astimezone())
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


def measure(figure: Measure, language: Language) -> str:
    """Returns the value with its interval and its floor, as far as they are known."""
    said = " ".join(filter(None, (language.number(figure.value), interval(figure, language))))
    return said if figure.floor is None else f"{said}, {language.text('floor', value=language.number(figure.floor))}"


def baseline(name: str, language: Language) -> str:
    """Returns what is done instead of learning; what this version does not know stays as it is."""
    return language.find("baseline", name) or plain(name)


def baselines(found: Evaluation, name: str, language: Language) -> str:
    """Returns what a measure is of what takes no learning; empty where there is none."""
    known = {other: values[name] for other, values in found.baselines.items() if name in values}
    return "".join(f"; {baseline(other, language)}: {language.number(value)}" for other, value in known.items())


def interval(figure: Measure, language: Language) -> str:
    """Returns `[low, high]`; empty where it is unknown."""
    return "" if None in (figure.low, figure.high) else language.interval(figure.low, figure.high)


def probe(found: Evaluation, language: Language) -> str:
    """Returns what measured the figures; empty where the file does not say it."""
    kind, classes, accuracy, _ = found.probe
    try:
        share = language.percent(float(accuracy))
    except ValueError:
        return ""
    return language.text(f"probe_{kind}", classes=classes, accuracy=share) if language.find("probe", kind) else ""


def truncations(found: Sequence[Truncated], language: Language) -> str:
    """Returns each truncation with its precision and recall, for those who cannot see them."""
    numbers = [{name: language.number(value) for name, value in one._asdict().items()} for one in found]
    return "; ".join(language.text("truncation_point", **one) for one in numbers)


def drawn(run: Run, language: Language) -> str:
    """Returns how many of the characters are drawn, and their shares; without characters, what the figures say."""
    found = run.evaluation
    if not found or not found.characters:
        return _without_characters(found, language) if found else ""
    shares = sorted(found.characters.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{name} {language.percent(share)}" for name, share in shares if name in found.drawn)
    return language.text("draws", **_counts(run), shares=shown or "\N{EN DASH}")


def _without_characters(found: Evaluation, language: Language) -> str:
    """Returns what the file says in English where its figures do not say it."""
    if "coverage" in found.measures:
        return summary.of_coverage(found.measures["coverage"], language)
    try:
        return summary.of_codes(found.measures, language) or found.summary
    except KeyError:
        return found.summary


def warning(one: Warned, language: Language) -> str:
    """Returns when not to trust the figures, in English where the file has no figures for another language."""
    try:
        return summary.of_caveat(one.caveat, language)
    except (KeyError, AttributeError, TypeError, ValueError):
        return one.text


def _counts(run: Run) -> dict[str, int]:
    """Returns how many characters are drawn, and how many there are."""
    found = run.evaluation
    total = len(found.real_characters) or len(run.data.names) or len(found.characters)
    return {"count": len(found.drawn), "real": total}


def lost(run: Run, language: Language) -> str:
    """Returns the lost characters with their real shares; empty where none is."""
    found = run.evaluation
    names = [
        language.text("lost_one", name=name, share=language.percent(found.real_characters[name]))
        if name in found.real_characters
        else name
        for name in (found.lost if found else ())
    ]
    return language.text("lost", names=", ".join(names)) if names else ""


def conclusions(run: Run, ranks: Mapping[tuple[str, str], Rank], language: Language) -> list[str]:
    """Returns what the figures alone say, without a cause."""
    said = list(dict.fromkeys(collapse(one, language) for one in run.state.collapses))
    if run.state.kind == "diverged":
        said.append(progress(run, language))
    if run.monitor and not said:
        said.append(language.text("no_collapse", step=language.count(run.monitor[-1]["step"])))
    if run.evaluation and run.evaluation.characters:
        said.append(language.text("draws_count", **_counts(run)))
    own = {name: rank for (label, name), rank in ranks.items() if label == run.label}
    said += [
        language.text("best_of", measures=language.several(names), count=count)
        for count, names in _inverted({name: rank.among for name, rank in own.items() if rank.best}).items()
    ]
    said += [
        language.text("level_with", measures=language.several(names), runs=language.several(level))
        for level, names in _inverted({name: tuple(rank.level) for name, rank in own.items() if rank.level}).items()
    ]
    if not run.monitor and not run.evaluation:
        said.append(language.text("unwatched"))
    return said or [language.text("undecided")]


def sweep(one: Sweep, language: Language) -> str:
    """Returns what runs a sweep has."""
    key = "sweep_settings" if len(one.settings) > 1 else "sweep_setting"
    said = language.text(key, runs=len(one.group.runs), settings=len(one.settings))
    return language.text("sweep", name=one.folder.name, runs=said) if one.folder else said


def explanation(one: Sweep, language: Language) -> str:
    """Returns what the figures by setting are; empty where there is none."""
    keys = {
        "means": one.measures,
        "by_evaluation": one.evaluated,
        "by_reading": not one.evaluated and set(one.measures) - {"m"},
        "m_explained": "m" in one.measures,
        "not_counted": one.measures and len(one.counted) < len(one.group.runs),
        "legend_means": one.ranks,
    }
    return " ".join(language.text(key) for key, holds in keys.items() if holds)


def collapses(setting: Setting, language: Language) -> str:
    """Returns how many of a setting's runs have collapsed, how, and how many have diverged."""
    kinds = {kind(one.kind, language): None for run in setting.collapsed for one in run.state.collapsed}
    said = [language.text("collapsed_count", count=len(setting.collapsed), kinds=", ".join(kinds))] if kinds else []
    if setting.diverged:
        said.append(language.text("diverged_count", count=len(setting.diverged)))
    return ", ".join(said) or "0"


def spread_lines(setting: Setting, measure: str, language: Language) -> list[str]:
    """Returns a measure's mean, its deviation where there is one, and over how many runs where it is not all."""
    found = setting.spread(measure)
    if found is None:
        return ["\N{EN DASH}"]
    said = [language.number(found.mean)]
    if found.deviation is not None:
        said.append(f"±{HARD}{language.number(found.deviation, 2)}")
    if found.count < len(setting.runs):
        said.append(f"(n{HARD}={HARD}{found.count})")
    return said


def _inverted(values: Mapping[str, Hashable]) -> dict[Hashable, list[str]]:
    """Returns the names by their value."""
    names: dict[Hashable, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return names
