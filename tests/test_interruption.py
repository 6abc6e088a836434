"""What runs do that are killed, told to stop, or whose terminal is closed."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from support import ROOT, assert_same, events, load, rows_without_times

from jaxgan.preemption import Preemption
from jaxgan.rundir import RunDirectory
from jaxgan.train import train


class Started:
    """A training in a process of its own that can be hit by a signal."""

    def __init__(self, workdir, **fields):
        self.run = RunDirectory(workdir)
        overrides = [f"--config.{field}={value}" for field, value in fields.items()]
        command = [sys.executable, "-m", "jaxgan.main", f"--config={ROOT}/configs/began.py:tiny", *overrides]
        self.process = subprocess.Popen(
            [*command, f"--workdir={workdir}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def when(self, condition, signum) -> tuple[int, str, str]:
        """Sends the signal as soon as `condition(run)` holds. Returns the exit code and what was said."""
        deadline = time.monotonic() + 120
        while not condition(self.run):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.001)
        self.process.send_signal(signum)
        out, error = self.process.communicate(timeout=60)
        return self.process.returncode, out, error


def rows_reach(step):
    return lambda run: any(row["step"] >= step for row in run.metrics.read())


def temporary_checkpoints(run):
    """Orbax writes into a folder of a temporary name and renames it when it is whole."""
    return set(run.checkpoints.glob("*tmp*"))


LONG = {"steps": 120, "log_every": 1, "checkpoint_every": 10, "sample_every": 120}


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("long") / "run"
    return workdir, train(load("began", **LONG), workdir)


def test_sigkill_loses_nothing(long_run, tmp_path):
    """At the start, between checkpoints, twice while one is written; then it runs to its end."""
    torn = []
    for condition in (rows_reach(1), rows_reach(50), None, None):
        left = temporary_checkpoints(RunDirectory(tmp_path))  # by the kill before
        writing = lambda run, left=left: temporary_checkpoints(run) - left
        code, _, _ = Started(tmp_path, **LONG).when(condition or writing, signal.SIGKILL)
        assert code == -signal.SIGKILL
        torn.append(temporary_checkpoints(RunDirectory(tmp_path)) - left)
    assert any(torn[2:])  # else no checkpoint was hit while it was written
    state = train(load("began", **LONG), tmp_path)
    assert "resume" in events(tmp_path)
    assert_same(state, long_run[1])
    assert rows_without_times(tmp_path) == rows_without_times(long_run[0])
    assert [row["step"] for row in rows_without_times(tmp_path)] == list(range(1, 121))
    assert not list((tmp_path / "checkpoints").glob("*tmp*"))


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_says_how_to_go_on(signum, code, tmp_path):
    returned, out, error = Started(tmp_path, **LONG | {"steps": 100_000}).when(rows_reach(5), signum)
    assert (returned, error) == (code, "")
    assert "the same command goes on from there" in out
    last = RunDirectory(tmp_path).events.read()[-1]
    assert (last["event"], last["signal"]) == ("preemption", signal.Signals(signum).name)
    assert (tmp_path / "checkpoints" / str(last["step"])).exists()


def test_a_reader_that_leaves_with_the_same_signal_hinders_nothing(tmp_path):
    """As `tee` does, behind a pipe."""
    started = Started(tmp_path, **LONG | {"steps": 100_000})

    def reader_leaves(run):
        goes = rows_reach(5)(run)
        if goes:
            started.process.stdout.close()
        return goes

    code, _, error = started.when(reader_leaves, signal.SIGINT)
    assert (code, error) == (130, "")
    last = RunDirectory(tmp_path).events.last()
    assert (last["event"], last["signal"]) == ("preemption", "SIGINT")
    assert (tmp_path / "checkpoints" / str(last["step"])).exists()


IN_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as the tests themselves may run under nohup
os.close(os.open(os.ttyname(0), os.O_RDWR))  # becomes the terminal of this session
os.execv(sys.executable, [sys.executable, "-m", "jaxgan.main", *sys.argv[1:]])
"""


def test_a_terminal_that_is_closed_saves_too(tmp_path):
    terminal, end = pty.openpty()
    arguments = [f"--config={ROOT}/configs/began.py:tiny", "--config.steps=100000", "--config.log_every=1"]
    command = [sys.executable, "-c", IN_TERMINAL, *arguments, f"--workdir={tmp_path}"]
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, start_new_session=True)
    os.close(end)
    try:
        while not rows_reach(5)(RunDirectory(tmp_path)):
            os.read(terminal, 1000)
        os.close(terminal)
        assert process.wait(60) == 129
    finally:
        process.kill()
    last = RunDirectory(tmp_path).events.last()
    assert (last["event"], last["signal"]) == ("preemption", "SIGHUP")
    assert (tmp_path / "checkpoints" / str(last["step"])).exists()


def test_a_second_signal_leaves_at_once():
    before = [signal.getsignal(signum) for signum in Preemption.SIGNALS]
    with Preemption() as preemption:
        os.kill(os.getpid(), signal.SIGINT)
        assert preemption.signum == signal.SIGINT
        for signum in Preemption.SIGNALS:
            assert signal.getsignal(signum) == signal.SIG_DFL  # the system's own: ends the process
    assert [signal.getsignal(signum) for signum in Preemption.SIGNALS] == before


BUSY = """
import ctypes
from jaxgan.preemption import Preemption
with Preemption():
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    print("busy", flush=True)
    libc.pthread_mutex_lock(mutex)  # never returns to Python, as a long compilation does not for a while
"""


@pytest.mark.skipif(sys.platform != "linux", reason="takes the size of a mutex for granted")
def test_a_second_signal_leaves_at_once_where_python_does_not_run():
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout.readline() == "busy\n"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (143, -signal.SIGTERM)  # the latter where the first came before it was busy
    finally:
        process.kill()


def test_a_signal_in_the_last_step_still_stops_what_would_follow(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxgan.logbook.Logbook.end", lambda self, start: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as error:
        train(load("began", steps=1), tmp_path)
    assert error.value.code == 143
