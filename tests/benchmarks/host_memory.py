"""Memory and open files of a long training: python tests/benchmarks/host_memory.py [--config=FILE:preset --steps=20000]

Trains as users do, in a process of its own, and prints the memory that it has resident, and how many files it has
open, at every tenth of the steps. Another process compiles before, as what compiling took would hide a leak. Ends with
a line where either grows: of 50,000 steps by a leak of 1.4 KB a step.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[2]
MARKS = 10  # figures printed
MOST_GROWTH, MOST_MORE_FILES = 32, 8  # MiB, and open files, in half of the steps


class Figures(NamedTuple):
    """What a process has at one moment."""

    memory: float  # MiB that are resident
    files: int  # open


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=f"{ROOT}/configs/began.py:tiny")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--source", choices=["device", "tfdata"], default="device", help="of the batches")
    options = parser.parse_args()
    often = {"log_every": 200, "sample_every": 50, "checkpoint_every": 50}  # times in all the steps
    fields = {name: max(1, options.steps // times) for name, times in often.items()}
    overrides = [f"--config.{name}={value}" for name, value in (fields | {"data.source": options.source}).items()]
    command = [sys.executable, "-m", "jaxgan.main", f"--config={options.config}", *overrides]
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, f"--workdir={folder}/first", "--config.steps=1"], check=True, **quiet)
        run = RunDirectory(f"{folder}/run")
        process = subprocess.Popen([*command, f"--workdir={run.path}", f"--config.steps={options.steps}"], **quiet)
        sys.exit(grown(watch(process, run, options.steps)))


def watch(process: subprocess.Popen, run: RunDirectory, steps: int) -> list[Figures]:
    """Prints the figures whenever another tenth of the steps has been logged, while the process runs."""
    memory, figures = psutil.Process(process.pid), []
    while process.poll() is None:
        time.sleep(0.2)
        rows = run.metrics.read()
        step = rows[-1]["step"] if rows else 0
        if step >= (len(figures) + 1) * steps / MARKS and memory.status() != psutil.STATUS_ZOMBIE:
            figures.append(Figures(memory.memory_info().rss / 2**20, memory.num_fds()))
            print(f"step {step:,}: {figures[-1].memory:.1f} MiB, {figures[-1].files} files open", flush=True)
    if process.returncode:
        sys.exit(f"training ended with {process.returncode}")
    return figures


def grown(figures: Sequence[Figures]) -> str | None:
    """What has grown too much in the second half, if anything has: of the files those that are open at any time."""
    earlier, later = figures[: len(figures) // 2], figures[len(figures) // 2 :]
    if len(figures) < MARKS // 2:
        return "the training was over before its memory was read: raise --steps"
    memory = max(each.memory for each in later) - earlier[-1].memory
    files = min(each.files for each in later) - min(each.files for each in earlier)
    if memory > MOST_GROWTH or files > MOST_MORE_FILES:
        return f"in half of the steps {memory:.1f} MiB and {files} open files have come in addition"
    return None


if __name__ == "__main__":
    main()
