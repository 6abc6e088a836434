"""The runs of one report, brought together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from jaxgan.errors import UserError
from jaxgan.reporting import wording
from jaxgan.reporting.comparing import Fields, Group, Rank, compare, group, rank
from jaxgan.reporting.language import Language
from jaxgan.reporting.pictures import Grids, Picture, grids, nearest
from jaxgan.reporting.reading import Remark, Remarks
from jaxgan.reporting.runs import Run, read_all


@dataclass(frozen=True)
class Report:
    """What the page and the notes are made of."""

    runs: list[Run]
    left_out: dict[Path, Remarks]  # directories that hold no run
    grids: dict[str, Grids]  # by run's label, as is what follows
    nearest: dict[str, Picture | None]
    pictures: dict[str, Remarks]  # on pictures
    language: Language
    date: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @cached_property
    def groups(self) -> list[Group]:
        return group(self.runs)

    @cached_property
    def fields(self) -> Fields:
        return compare(self.runs)

    @cached_property
    def columns(self) -> list[str]:
        """The fields in which runs differ and that their data set does not tell anyway."""
        told = all(len({run.fields.get("data.name") for run in one.runs}) == 1 for one in self.groups)
        return [name for name in self.fields.differing if not (told and name == "data.name")]

    @cached_property
    def ranks(self) -> dict[tuple[str, str], Rank]:
        return {key: value for one in self.groups for key, value in rank(one).items()}

    @property
    def remarks(self) -> list[tuple[Path, Remark]]:
        """All that could not be read, with its directory."""
        runs = [(run.path, one) for run in self.runs for one in self.all_remarks(run)]
        return [(path, one) for path, remarks in self.left_out.items() for one in remarks] + runs

    def all_remarks(self, run: Run) -> list[Remark]:
        """Returns the remarks on a run's rows and on its pictures."""
        return [*run.remarks, *self.pictures[run.label]]


def gather(directories: Sequence[str | Path], lang: str) -> Report:
    """Reads the run directories.

    Raises:
      UserError: none of them is a run.
    """
    runs, left_out = read_all([Path(directory).expanduser() for directory in directories])
    language = Language(lang)
    if not runs:
        said = [wording.remark(path, one, language) for path, remarks in left_out.items() for one in remarks]
        raise UserError("; ".join(said) or "name one run directory or more")
    pictures = {run.label: Remarks() for run in runs}
    return Report(
        runs=runs,
        left_out=left_out,
        grids={run.label: grids(run, pictures[run.label]) for run in runs},
        nearest={run.label: nearest(run, pictures[run.label]) for run in runs},
        pictures=pictures,
        language=language,
    )
