import subprocess
import sys

from support import ROOT


def test_a_preparation_that_is_killed_leaves_nothing_wrong():
    """The harness itself, whose three hundred kills of all commands are a command of their own."""
    command = [sys.executable, "tests/faults/kill.py", "--kills=3", "--commands=prepare"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("prepare: 3 kills, ")
