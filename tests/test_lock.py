import os
import signal
import subprocess
import sys

import pytest
from support import ROOT, load, run

from jaxgan import lock
from jaxgan.errors import UserError
from jaxgan.train import train

HOLDER = """
import sys, time
from pathlib import Path
from jaxgan import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(300)
"""


def test_a_second_process_leaves_and_one_that_died_is_no_hindrance(tmp_path):
    workdir = tmp_path / "run"
    train(load("began", steps=1), workdir)
    before = (workdir / "events.jsonl").read_text()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER, workdir]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        assert holder.stdout.readline() == "held\n"
        done = run("main", f"--config={ROOT}/configs/began.py:tiny", f"--workdir={workdir}", "--config.steps=2")
        assert done.returncode == 1
        assert f"jaxgan: {workdir} is in use by process {holder.pid} on " in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert (workdir / "events.jsonl").read_text() == before
        holder.send_signal(signal.SIGKILL)
    assert train(load("began", steps=2), workdir).step == 2


def test_a_lock_is_given_back(tmp_path):
    for _ in range(2):
        with lock.held(tmp_path), pytest.raises(UserError, match=f"in use by process {os.getpid()}"):  # noqa: SIM117
            with lock.held(tmp_path):
                pass


def test_where_there_are_no_locks_it_goes_on_and_says_so_once(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with lock.held(tmp_path), lock.held(tmp_path):
        pass
    (said,) = capsys.readouterr().err.splitlines()
    assert "without locks (Function not implemented): nothing keeps a second process away" in said
