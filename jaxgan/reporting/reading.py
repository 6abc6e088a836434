"""Reads the JSON of a run directory in whatever state it is: what does not fit becomes a remark, not an exception."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Remark:
    """One line about files that are missing or damaged: a key of the languages' texts, and what is filled in."""

    key: str
    fields: Mapping[str, Any]


class Remarks(list[Remark]):
    """The remarks on one run."""

    def add(self, key: str, **fields: Any) -> None:
        self.append(Remark(key, fields))


def number(value: Any) -> float | None:
    """Returns a number that float32 holds as float, and None for all else: beyond, charts cannot be drawn."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST
    return float(value) if fits else None


def count(value: Any) -> int | None:
    """Returns an int that is 0 or more, and None for all else."""
    return value if number(value) is not None and isinstance(value, int) and value >= 0 else None


def strings(value: Any) -> list[str]:
    """Returns the strings of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def shares(value: Any) -> dict[str, float] | None:
    """Returns names with their shares in [0, 1]; None where it is anything else."""
    if not isinstance(value, dict):
        return None
    known = {name: number(share) for name, share in value.items()}
    fits = all(share is not None and -1e-6 <= share <= 1 + 1e-6 for share in known.values())
    return known if fits else None


def read_object(path: Path, remarks: Remarks) -> dict | None:
    """Returns the JSON object that a file holds; None where there is none, with a remark where it is damaged."""
    text = _text(path, remarks)
    if text is None:
        return None
    content = _parse(text)
    if not isinstance(content, dict):
        remarks.add("invalid_json", file=path.name)
        return None
    return content


def read_rows(path: Path, remarks: Remarks) -> list[dict]:
    """Returns the rows, each with its `step`. A torn last line is a write in progress and needs no remark."""
    lines = (_text(path, remarks) or "").split("\n")[:-1]
    rows, damaged = [], []
    for place, line in enumerate(lines, 1):
        row = _parse(line)
        if isinstance(row, dict) and count(row.get("step")) is not None:
            rows.append(row)
        else:
            damaged.append(place)
    if damaged:
        remarks.add("damaged_lines", file=path.name, count=len(damaged), line=damaged[0])
    return rows


def keep_numbers(rows: list[dict], path: Path, remarks: Remarks, besides: Iterable[str] = ()) -> list[dict]:
    """Returns the rows with the values that are finite numbers, and the fields `besides` as they are.

    Lists and objects are no figures to draw, and are left out without a remark.
    """
    kept, lost = [], []
    for row in rows:
        fields = {name: row[name] if name in besides else number(value) for name, value in row.items()}
        gone = [name for name, value in fields.items() if value is None]
        lost += [(name, row["step"]) for name in gone if not isinstance(row[name], list | dict | None)]
        kept.append({name: value for name, value in fields.items() if value is not None})
    if lost:
        remarks.add("no_numbers", file=path.name, count=len(lost), name=lost[0][0], step=lost[0][1])
    return kept


def _text(path: Path, remarks: Remarks) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        remarks.add("unreadable", file=path.name, why=error.strerror)
        return None


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
