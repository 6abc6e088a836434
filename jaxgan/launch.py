"""Trains a run in several processes of this machine: python -m jaxgan.launch --processes=4 --config=... [--workdir=DIR]

Each of them is python -m jaxgan.main with the arguments behind --processes, and has one of the machine's GPUs where it
has some. One process uses all devices of a machine by itself: this is for trying what several hosts do, see
docs/tpu-and-hosts.md. Where one process fails, the others are ended and the reason is said.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

from jaxgan import cli
from jaxgan.errors import UserError
from jaxgan.preemption import Preemption

POLL = 0.1  # seconds
GO_ON = "the same command goes on from the newest checkpoint"
GRACE = 40.0  # seconds in which the first one ends, where another has, and says why


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--processes", type=int, required=True, help="how many")
    options, rest = parser.parse_known_args(arguments)
    if options.processes < 1:
        raise UserError(f"--processes={options.processes}: it is 1 or more")
    port, signals = free_port(), []
    for signum in (*Preemption.SIGNALS, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, lambda signum, _: signals.append(signum))
    with contextlib.ExitStack() as stack:
        processes = []
        for number in range(options.processes):
            said = stack.enter_context(tempfile.TemporaryFile("w+")) if number else None
            where = f"localhost:{port},{options.processes},{number}"
            processes.append(stack.enter_context(_started([*rest, f"--distributed={where}"], number, said)))
        _wait(processes, signals)


class _Process(NamedTuple):
    child: subprocess.Popen
    said: TextIO | None  # on stderr, but for the first one, whose is this command's

    def last_line(self) -> str:
        if self.said is None:
            return ""
        self.said.seek(0)
        return (self.said.read().splitlines() or [""])[-1]


@contextlib.contextmanager
def _started(arguments: Sequence[str], number: int, said: TextIO | None) -> Iterator[_Process]:
    """A process that is killed at the end. All but the first one print nothing."""
    command = [sys.executable, "-m", "jaxgan.main", *arguments]
    environment = os.environ | {"JAX_LOCAL_DEVICE_IDS": str(number)}
    out = subprocess.DEVNULL if number else None
    # In a session of its own it hears a signal once, from here.
    child = subprocess.Popen(command, env=environment, stdout=out, stderr=said, start_new_session=True)  # noqa: S603
    try:
        yield _Process(child, said)
    finally:
        child.kill()
        child.wait()


def _wait(processes: Sequence[_Process], signals: Sequence[int]) -> None:
    """Waits for all to end, and passes on each of the signals as it comes: at the second they leave at once.

    Raises:
      UserError: one of them failed, for a reason that the first one has not said.
      SystemExit: all came to their ends, or the first one failed.
    """
    passed_on = 0
    while any(process.child.poll() is None for process in processes):
        time.sleep(POLL)
        for signum in signals[passed_on:]:
            passed_on += 1
            for process in processes:
                process.child.send_signal(signum)
        failed = first_to_fail([process.child.poll() for process in processes])
        if failed is not None and not signals:
            _fail(processes, failed, signals)
    codes = [process.child.returncode for process in processes]
    raise SystemExit(max(128 - code if code < 0 else code for code in codes))


def first_to_fail(codes: Sequence[int | None]) -> int | None:
    """The number of a process that has failed, if one has: sooner one that was killed than one that misses its peer."""
    failed = [number for number, code in enumerate(codes) if code]
    misses_a_peer = lambda number: codes[number] == -signal.SIGABRT  # so JAX ends where another has gone
    return min(failed, key=lambda number: (misses_a_peer(number), codes[number]), default=None)


def _fail(processes: Sequence[_Process], number: int, signals: Sequence[int]) -> None:
    until = time.monotonic() + GRACE
    while processes[0].child.poll() is None and time.monotonic() < until and not signals:
        time.sleep(POLL)
    code, first = processes[number].child.returncode, processes[0].child.returncode
    if code < 0:
        raise UserError(f"process {number} was killed by {signal.Signals(-code).name}; {GO_ON}")
    if first and first > 0:
        raise SystemExit(first)
    raise UserError(f"process {number} ended with {code}: {processes[number].last_line()}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return taken.getsockname()[1]


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
