"""What a run says of itself: rows of JSON, and TensorBoard's files."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from jaxgan.errors import naming
from jaxgan.quiet import has_tensorflow, import_tensorflow, tensorflow_full_disk_as_os_error
from jaxgan.writing import write_whole


class JsonLines:
    """A file of one JSON object a line. Only its last line can be torn by a crash, and reading drops that."""

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> list[dict]:
        if not self.path.exists():
            return []
        rows = []
        for line in self.path.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            rows.append(json.loads(line))
        return rows

    def last(self) -> dict | None:
        """The last whole row, without making sense of those before it."""
        lines = self.path.read_text().splitlines(keepends=True) if self.path.exists() else []
        whole = [line for line in lines[-2:] if line.endswith("\n")]
        return json.loads(whole[-1]) if whole else None

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
