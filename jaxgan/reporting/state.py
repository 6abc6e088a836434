"""How a run has gone, from its events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Collapse:
    """One collapse that the monitor saw, and how it ended."""

    kind: str
    step: int
    evidence: str
    ended: str = ""  # recovery or restore
    ended_step: int | None = None  # where it had recovered, or what was gone back to


@dataclass(frozen=True)
class State:
    """What a run has come to."""

    kind: str  # finished, stopped (it ended before its last step), open, interrupted or diverged
    step: int  # the last one that is known of
    steps: int | None  # how many it is to have
    collapses: tuple[Collapse, ...]

    @property
    def collapsed(self) -> list[Collapse]:
        """Those from which it has not recovered."""
        return [collapse for collapse in self.collapses if not collapse.ended]


def judge(events: Sequence[dict], last_step: int, steps: int | None) -> State:
    """Returns the state of a run whose rows reach `last_step` and that is to have `steps`.

    A collapse after the step at which the run is resumed no longer counts, since those steps are repeated.
    """
    kind, step, collapses = "open", last_step, []
    for row in events:
        name, at = row.get("event"), row["step"]
        if name in ("start", "resume"):
            kind, step = "open", max(last_step, at)
            collapses = [collapse for collapse in collapses if collapse.ended or collapse.step <= at]
        elif name in ("preemption", "non-finite"):
            kind, step = {"preemption": "interrupted", "non-finite": "diverged"}[name], at
        elif name == "end":
            kind, step = "finished" if steps is None or at >= steps else "stopped", at
        elif name == "collapse":
            collapses = _with(collapses, row)
        elif name in ("recovery", "restore"):
            collapses = [_ended(collapse, row) for collapse in collapses]
    return State(kind, step, steps, tuple(collapses))


def _with(collapses: list[Collapse], row: dict) -> list[Collapse]:
    found = Collapse(str(row.get("kind", "")), row["step"], str(row.get("evidence") or ""))
    known = [(collapse.kind, collapse.step) for collapse in collapses]
    return collapses if (found.kind, found.step) in known else [*collapses, found]


def _ended(collapse: Collapse, row: dict) -> Collapse:
    """A recovery ends the collapses of its kind, a restore all."""
    if collapse.ended or (row["event"] == "recovery" and row.get("kind", collapse.kind) != collapse.kind):
        return collapse
    return replace(collapse, ended=row["event"], ended_step=row["step"])
