"""Memory and open files of a long training: python tests/benchmarks/host_memory.py [--config=FILE:preset --steps=20000]

Trains as users do, in a process of its own, and prints the memory that it has resident, and how many
files it has open, at every tenth of the steps. A leak of a few hundred bytes a step would show.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from jaxgan.rundir import RunDirectory

ROOT = Path(__file__).parents[2]
MARKS = 10  # figures printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=f"{ROOT}/configs/began.py:tiny")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--source", choices=["device", "tfdata"], default="device", help="of the batches")
    options = parser.parse_args()
    fields = {"steps": options.steps, "log_every": 100, "sample_every": 1000, "checkpoint_every": 1000}
    overrides = [f"--config.{name}={value}" for name, value in fields.items()]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jaxgan.main", f"--config={options.config}", f"--workdir={folder}", *overrides]
        command.append(f"--config.data.source={options.source}")
        watch(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL), RunDirectory(folder), options.steps)


def watch(process: subprocess.Popen, run: RunDirectory, steps: int) -> None:
    """Prints the figures whenever another tenth of the steps has been logged, while the process runs."""
    memory, mark = psutil.Process(process.pid), 1
    while process.poll() is None:
        time.sleep(0.2)
        rows = run.metrics.read()
        step = rows[-1]["step"] if rows else 0
        if step >= mark * steps / MARKS and memory.status() != psutil.STATUS_ZOMBIE:
            files = memory.num_fds()
            print(f"step {step:,}: {memory.memory_info().rss / 2**20:.1f} MiB, {files} files open", flush=True)
            mark += 1
    if process.returncode:
        sys.exit(f"training ended with {process.returncode}")


if __name__ == "__main__":
    main()
