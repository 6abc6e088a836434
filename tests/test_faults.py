"""The harness that kills commands, whose three hundred kills of all commands are a command of their own."""

import importlib
import random
import subprocess
import sys

import pytest
from support import ROOT

sys.path.append(str(ROOT / "tests" / "faults"))
kill = importlib.import_module("kill")


def test_a_preparation_that_is_killed_leaves_nothing_wrong():
    command = [sys.executable, "tests/faults/kill.py", "--kills=3", "--commands=prepare"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("prepare: 3 kills, ")


def rows(path, *steps):
    path.write_text("".join(f'{{"step": {step}, "seconds": {random.random()}}}\n' for step in steps))


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (lambda folder: rows(folder / "metrics.jsonl", 1, 2), None),  # the times are others
        (lambda folder: rows(folder / "metrics.jsonl", 1, 2, 2), "metrics.jsonl"),
        (lambda folder: rows(folder / "metrics.jsonl", 2), "metrics.jsonl"),
        (lambda folder: (folder / "000002.png").write_bytes(b"other"), "000002.png"),
        (lambda folder: (folder / "000002.png").unlink(), "000002.png"),
        (lambda folder: (folder / "000002.png.part").write_bytes(b""), "000002.png.part"),
    ],
)
def test_the_harness_sees_what_is_lost_doubled_or_left_over(spoil, seen, tmp_path, monkeypatch):
    def finished(command, folder):
        rows(folder / "metrics.jsonl", 1, 2)
        (folder / "000002.png").write_bytes(b"picture")
        return 5

    monkeypatch.setattr(kill, "finished", finished)
    place = kill.Place(kill.Command("main", lambda folder: [], 1.0), tmp_path)
    place.clear()
    finished(place.command, place.folder)
    spoil(place.folder)
    assert place.faults(kill.Ending(0, "")) == ([] if seen is None else [f"{seen} is not what it was to be"])
    assert place.faults(kill.Ending(1, "why")) == ["ended with 1: why"]
