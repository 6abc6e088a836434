"""Large sweeps and long records: python tests/benchmarks/large.py [--members=1000] [--rows=1000000]

Prints how long a sweep of so many members takes to be planned, and its summary to be written, first and again; and
what `report` takes for a run of so many rows: seconds, and the largest memory that the process had resident.
Ends with a line where one of these is out of bounds, which are wide for up to the default numbers.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jaxgan import config as config_lib
from jaxgan import sweep
from jaxgan.members import Member, Summary

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))
from runfiles import event, metrics_row, write_rows, write_run  # noqa: E402

ROWS_EACH = 12  # of a member
MOST_PLANNING, MOST_SUMMARY, MOST_REPORT = 60.0, 5.0, 180.0  # seconds
MOST_MEMORY = 4096.0  # MiB of the report


def say(what: str, figure: float, unit: str, most: float) -> None:
    print(f"{what}: {figure:,.2f} {unit}", flush=True)
    if figure > most:
        sys.exit(f"{what}: that is more than {most:g} {unit}")


def summarise(count: int, folder: Path) -> None:
    arguments = [f"--config={ROOT}/configs/began.py:tiny"]
    start = time.perf_counter()
    settings = sweep.settings(arguments, f"seed={','.join(map(str, range(count)))}")
    members = [Member.prepare(*setting, folder / setting.name) for setting in settings]
    say(f"{count:,} members, planned", time.perf_counter() - start, "s", MOST_PLANNING)
    for member in members:
        member.run.path.mkdir(parents=True)
        rows = [metrics_row("began", step) for step in range(1, ROWS_EACH + 1)]
        write_rows(member.run.metrics.path, rows)
        write_rows(member.run.events.path, [event("start", 0)])
    summary = Summary(folder / "summary.json", config_lib.load(arguments)[0], members)
    for time_ in ("first", "again"):
        start = time.perf_counter()
        summary.write()
        say(f"summary, {time_}", time.perf_counter() - start, "s", MOST_SUMMARY)


def report(count: int, folder: Path) -> None:
    run = write_run(folder / "run", steps=count)
    write_rows(run / "metrics.jsonl", (metrics_row("began", step) for step in range(1, count + 1)))
    command = [sys.executable, "-m", "jaxgan.report", str(run), f"--out={folder}/report.html"]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("report failed")
    say(f"report of {count:,} rows", time.perf_counter() - start, "s", MOST_REPORT)
    say(f"report of {count:,} rows", usage.ru_maxrss / 2**10, "MiB", MOST_MEMORY)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        summarise(options.members, Path(folder))
        report(options.rows, Path(folder))


if __name__ == "__main__":
    main()
