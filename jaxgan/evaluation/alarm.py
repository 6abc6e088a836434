"""The collapse alarm: what is wrong with a generator, told from the monitor's readings.

Each kind of collapse has a severity, above 1 where a reading shows it. Some kinds bring others with
them, as what is flat is also all alike, so only the first in KINDS that a reading shows can fire. It
does where `patience` readings in a row have shown it, and is taken back (a recovery) where as many in
a row are clear of it by a margin, so that noise does neither.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from ml_collections import ConfigDict

from jaxgan.reporting.evidence import SHOWN_BY, worded
from jaxgan.reporting.language import HARD, Language

KINDS = ("flat", "all alike", "repeating", "memorising", "few characters", "diverging", "frozen")
FALLING = ("fd_probe", "m")  # measures that training brings down: where they rise again, it diverges
ENGLISH = Language("en")


class Event(NamedTuple):
    """What a row of events.jsonl says."""

    event: str  # collapse or recovery
    step: int
    kind: str
    since: int  # step of the first of the readings that made it fire
    evidence: str  # a sentence
    figures: dict  # what the sentence tells, for other languages


class Alarm:
    """Folds readings, in their order, into events: what it holds follows from the readings so far."""

    def __init__(self, limits: ConfigDict, real_characters: float | None):
        """Takes `config.monitor`, and the effective number of characters in real images (None without labels)."""
        self._limits, self._real_characters = limits, real_characters
        self._best: dict[str, float] = {}
        self._worst: dict[str, float] = {}
        self._shown: dict[str, list[int]] = {kind: [] for kind in KINDS}  # steps of a run of readings that show it
        self._clear: dict[str, list[int]] = {kind: [] for kind in KINDS}  # and of one that is clear of it
        self.active: dict[str, Event] = {}  # by kind, what has fired and is not taken back
        self.shown: str | None = None  # the kind that the last reading shows

    def update(self, row: Mapping) -> list[Event]:
        """Takes the next row of `monitor.jsonl` and returns what it fires."""
        for name in FALLING:
            if name in row:
                self._best[name] = min(row[name], self._best.get(name, math.inf))
                self._worst[name] = max(row[name], self._worst.get(name, -math.inf))
        severities = self._severities(row)
        self.shown = next((kind for kind in KINDS if severities[kind] > 1), None)
        if row["step"] < self._limits.warmup:
            return []
        events = [self._follow(kind, severities[kind], row) for kind in KINDS]
        return [event for event in events if event]

    def _follow(self, kind: str, severity: float, row: Mapping) -> Event | None:
        step, patience = row["step"], self._limits.patience
        self._shown[kind] = [*self._shown[kind], step] if severity > 1 else []
        self._clear[kind] = [*self._clear[kind], step] if severity * self._limits.margin < 1 else []
        if kind == self.shown and kind not in self.active and len(self._shown[kind]) >= patience:
            since = self._shown[kind][-patience]
            self.active[kind] = self._event("collapse", kind, since, row)
            return self.active[kind]
        if kind in self.active and len(self._clear[kind]) >= patience:
            del self.active[kind]
            return self._event("recovery", kind, self._clear[kind][-patience], row)
        return None

    def _severities(self, row: Mapping) -> dict[str, float]:
        """By kind; NaN where the reading does not say."""
        limits = self._limits
        return {
            "flat": _lack(row["contrast"], limits.min_contrast),
            "all alike": _lack(row["diversity"], limits.min_diversity),
            "repeating": _lack(row["distinct"], limits.min_distinct),
            "memorising": row["copies"] / limits.max_copies,
            "few characters": _lack(self._character_entropy(row), limits.min_characters),
            "diverging": max(self._relapse(name, row[name]) for name in self._best),
            "frozen": _lack(row["change"], limits.min_change),
        }

    def _character_entropy(self, row: Mapping) -> float | None:
        """Entropy of the characters drawn over that of the real ones; None where most samples are nobody."""
        if self._real_characters is None or row["recognised"] < self._limits.min_recognised:
            return None
        return math.log(row["effective_characters"]) / math.log(self._real_characters)

    def _relapse(self, name: str, value: float) -> float:
        """How far a measure has risen over its best, by the factor and as a part of the way back to its worst."""
        best, worst = self._best[name], self._worst[name]
        growth, way_back = value / max(best, 1e-12), (value - best) / max(worst - best, 1e-12)
        return min(growth / self._limits.max_growth, way_back / self._limits.max_relapse)

    def _event(self, name: str, kind: str, since: int, row: Mapping) -> Event:
        figures = self._figures(kind, row)
        return Event(name, row["step"], kind, since, worded(kind, figures, ENGLISH).replace(HARD, " "), figures)

    def _figures(self, kind: str, row: Mapping) -> dict:
        """What shows a kind of collapse, or that it is over."""
        match kind:
            case "few characters":
                figures = {"effective_characters": row["effective_characters"], "characters": _most(row["characters"])}
                figures["real_characters"] = self._real_characters
            case "diverging":
                name = max(self._best, key=lambda name: self._relapse(name, row[name]))
                figures = {"measure": name, "value": row[name], "best": self._best[name]}
            case _:
                figures = {SHOWN_BY[kind]: row[SHOWN_BY[kind]]}
        return figures | {name: row[name] for name in ("k", "k_at_bound") if name in row}


def _lack(value: float | None, least: float) -> float:
    """How many times too small a value is."""
    if value is None:
        return math.nan
    return least / value if value > 0 else math.inf


def _most(characters: Mapping[str, float], count: int = 3) -> dict[str, float]:
    drawn = [(name, share) for name, share in characters.items() if share > 0]
    return dict(sorted(drawn, key=lambda item: -item[1])[:count])
