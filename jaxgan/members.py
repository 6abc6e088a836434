"""The members of a sweep: ordinary runs, how far each has come, and what is written of them all."""

import contextlib
import dataclasses
import enum
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict
from tqdm import tqdm

from jaxgan import config as config_lib
from jaxgan import experiment as experiments
from jaxgan.checkpoint import saved_steps
from jaxgan.errors import UserError
from jaxgan.evaluation import LESS_IS_BETTER
from jaxgan.experiment import Experiment
from jaxgan.logbook import Collapsed
from jaxgan.reporting.runs import judge
from jaxgan.rundir import RunDirectory
from jaxgan.writing import write_whole

COURSE = ("m", "error")  # of metrics.jsonl, by which members are compared without readings: BEGAN's and SDPC's
INTERVAL = 5.0  # seconds between two summaries while members train


class State(enum.StrEnum):
    """What has become of a member."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"  # by an error, as where it diverges
    STOPPED = "stopped"  # before its end: it has collapsed, or a signal came
    DROPPED = "dropped"  # by a search, as others did better


@dataclasses.dataclass(eq=False)
class Member:
    """One run of a sweep."""

    name: str
    fields: dict[str, Any]  # those that the sweep varies
    experiment: Experiment
    run: RunDirectory
    start: int  # step of its newest checkpoint
    state: State
    error: str | None = None

    @classmethod
    def prepare(cls, name: str, fields: dict[str, Any], config: ConfigDict, workdir: Path) -> "Member":
        """Checks, without writing to `workdir`, that the run can begin there or go on. Raises UserError."""
        experiment, run = experiments.prepare(config), RunDirectory(workdir)
        run.check(config, experiment.dataset, experiment.origin)
        start = max(saved_steps(run.checkpoints), default=0)
        ended = start >= experiment.steps and (run.events.last() or {}).get("event") == "end"
        state = State.FINISHED if ended else State.WAITING
        return cls(name, fields, experiment, run, start, state)

    def go_on(self, steps: int) -> None:
        """Sets what the run is to come to. Raises UserError."""
        config = self.experiment.config.copy_and_resolve_references()
        config.steps = steps
        goal = Member.prepare(self.name, self.fields, config, self.run.path)
        self.experiment, self.start, self.state, self.error = goal.experiment, goal.start, goal.state, None

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Takes note of what the user can mend, so that it ends this member and no other."""
        try:
            yield
        except Collapsed as error:
            self.state, self.error = State.STOPPED, str(error)
        except UserError as error:
            self.state, self.error = State.FAILED, str(error)


def record(member: Member) -> dict:
    """What summary.json says of a member, read from its run directory."""
    row, reading = (rows.last() or {} for rows in (member.run.metrics, member.run.monitor))
    measures = _numbers({name: row.get(name) for name in COURSE} | reading)
    step = max(row.get("step", 0), reading.get("step", 0))
    collapses = judge(member.run.events.read(), step, member.experiment.steps).collapses
    return {
        "name": member.name,
        "fields": member.fields,
        "step": step,
        "steps": member.experiment.steps,
        "state": member.state,
        "error": member.error,
        "seconds": row.get("seconds", 0.0),
        "measures": {name: value for name, value in measures.items() if name not in ("step", "seconds")},
        "shows": reading.get("shows"),
        "collapses": [dataclasses.asdict(collapse) for collapse in collapses],
    }


def _numbers(row: Mapping) -> dict[str, float]:
    is_number = lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    return {name: value for name, value in row.items() if is_number(value)}


class Summary:
    """A sweep's summary.json, always whole, and its table: the members in order, the best first."""

    def __init__(self, path: Path, config: ConfigDict, members: Sequence[Member]):
        """Takes the config without the fields that the sweep varies, and writes nothing yet."""
        self.path, self._config, self._members = path, config, members
        self._records: dict[str, dict] = {}
        self._written = -math.inf

    def hear(self) -> None:
        """Writes the file where it is some seconds old."""
        if time.monotonic() - self._written >= INTERVAL:
            self.write()

    def write(self) -> None:
        self._refresh()
        content = {
            "config": config_lib.to_dict(self._config),
            "sweep": self._sweep(),
            "measure": self._measure(),
            "members": self._ordered(),
        }
        write_whole(self.path, json.dumps(content, indent=2).encode())
        self._written = time.monotonic()

    def table(self, most: int | None = None) -> str:
        """A line for each member, or for the best `most`, and one above them that says what they show."""
        self._refresh()
        known = [name for name in COURSE if any(name in one["measures"] for one in self._records.values())]
        measures = list(dict.fromkeys(filter(None, (self._measure(), *known))))
        rows = [("member", "state", "step", "time", *measures, "shows")]
        for one in self._ordered()[:most]:
            values = [f"{one['measures'][name]:.4g}" if name in one["measures"] else "" for name in measures]
            step, spent = f"{one['step']:,}/{one['steps']:,}", tqdm.format_interval(one["seconds"])
            rows.append((one["name"], one["state"], step, spent, *values, one["shows"] or ""))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        if left_out := len(self._members) - len(rows) + 1:
            lines.append(f"and {left_out:,} more in {self.path}")
        return "\n".join(lines)

    def _sweep(self) -> dict[str, list]:
        fields = self._members[0].fields
        return {field: list(dict.fromkeys(member.fields[field] for member in self._members)) for field in fields}

    def _measure(self) -> str | None:
        """What members are compared by: the measure of the best checkpoint, else of COURSE, as far as any has it."""
        known = {name for one in self._records.values() for name in one["measures"]}
        return next((name for name in (self._config.monitor.best_metric, *COURSE) if name in known), None)

    def _ordered(self) -> list[dict]:
        """Those that show a collapse come after the sound ones, then those that failed, and last those unmeasured."""
        measure = self._measure()

        def rank(one: dict) -> tuple:
            value, faults = one["measures"].get(measure), (one["error"] is not None, one["shows"] is not None)
            if value is None:
                return (True, *faults, 0.0)
            return (False, *faults, value if LESS_IS_BETTER.get(measure, True) else -value)

        return sorted(self._records.values(), key=rank)

    def _refresh(self) -> None:
        """Reads the members that may have changed since."""
        for member in self._members:
            known = self._records.get(member.name)
            now = (member.state, member.experiment.steps)
            if known is None or member.state is State.RUNNING or now != (known["state"], known["steps"]):
                with member.guarded():
                    self._records[member.name] = record(member)
