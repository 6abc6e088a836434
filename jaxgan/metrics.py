"""What a run says of itself: rows of JSON, and TensorBoard's files."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from jaxgan.errors import UserError, naming
from jaxgan.quiet import has_tensorflow, import_tensorflow, tensorflow_full_disk_as_os_error
from jaxgan.writing import write_whole


class JsonLines:
    """A file of one JSON object a line, which have the `needed` names and integers by "step", where that is needed.

    Only its last line can be torn by a crash, and reading drops that.
    """

    def __init__(self, path: Path, *needed: str):
        self.path, self.needed = path, needed

    def read(self) -> list[dict]:
        """All whole rows. Raises UserError where one is damaged."""
        return [self._row(number, line) for number, line in enumerate(self._lines(), start=1)]

    def last(self) -> dict | None:
        """The last whole row, without making sense of those before it. Raises UserError where it is damaged."""
        lines = self._lines()
        return self._row(len(lines), lines[-1]) if lines else None

    def _lines(self) -> list[bytes]:
        """The whole ones."""
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        return [line for line in lines if line.endswith(b"\n")]

    def _row(self, number: int, line: bytes) -> dict:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{self.path}, line {number} is damaged ({error}): delete it") from None
        lacking = [name for name in self.needed if not isinstance(row, dict) or name not in row]
        if not lacking and "step" in self.needed and not isinstance(row["step"], int):
            lacking = ["whole step"]
        if lacking:
            raise UserError(f"{self.path}, line {number} is damaged (it has no {lacking[0]}): delete it")
        return row

    def append(self, row: Mapping) -> None:
        """Writes one row, which is on the disk when this returns."""
        with naming(self.path), self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def keep(self, wanted: Callable[[dict], bool]) -> None:
        """Drops the rows that are not wanted, and a torn one, in one go."""
        self.replace(row for row in self.read() if wanted(row))

    def replace(self, rows: Iterable[Mapping]) -> None:
        """Writes these rows in the place of all, where there is a file."""
        if self.path.exists():
            write_whole(self.path, "".join(json.dumps(row) + "\n" for row in rows).encode())


class TensorBoard:
    """TensorBoard's files through clu; writes nothing where TensorFlow is missing or it is turned off."""

    def __init__(self, folder: Path, enabled: bool):
        self._folder, self._writer = folder, None
        if enabled and not has_tensorflow():
            print("TensorFlow is not installed: TensorBoard is off", flush=True)
        elif enabled:
            import_tensorflow()
            from clu import metric_writers

            self._writer = metric_writers.SummaryWriter(str(folder))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._call("write_scalars", step, values)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """uint8 (H, W, C)."""
        self._call("write_images", step, {name: image[None]})

    def flush(self) -> None:
        self._call("flush")

    def _call(self, method: str, *arguments) -> None:
        if self._writer is not None:
            with tensorflow_full_disk_as_os_error(self._folder):
                getattr(self._writer, method)(*arguments)
