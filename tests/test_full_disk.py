import shutil
import subprocess
import sys

import pytest
from support import ROOT, load

from jaxgan.data.dataset import prepare

# A small file system of its own, which ends with the process.
FILL_AND_GO_ON = """
mount -t tmpfs -o size=4m tmpfs {folder} || exit 77
{main} --config.steps=1000
echo $? > {out}/code
cp {folder}/run/metrics.jsonl {out}
{python} -m jaxgan.sample --workdir={folder}/run --out={out}/sample.png || exit 1
mount -o remount,size=30m {folder}
step=$(tail -n 1 {out}/metrics.jsonl | sed 's/[^0-9]*\\([0-9]*\\).*/\\1/')
{main} --config.steps=$((step + 2)) || exit 1
cp {folder}/run/events.jsonl {folder}/run/metrics.jsonl {out}
"""


def namespaces() -> bool:
    """Whether a process may mount a file system that only it sees."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.skipif(not namespaces(), reason="needs a user namespace in which it may mount a tmpfs")
@pytest.mark.parametrize("tensorboard", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_full_disk_stops_the_run_with_a_line_and_its_last_checkpoint_whole(tensorboard, tmp_path):
    prepare(load("began").data)
    folder, out = tmp_path / "disk", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    main = f"{sys.executable} -m jaxgan.main --config=configs/began.py:tiny --workdir={folder}/run"
    main += f" --config.log_every=1 --config.keep=1000 --config.tensorboard={tensorboard}"
    script = FILL_AND_GO_ON.format(folder=folder, out=out, python=sys.executable, main=main)
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (out / "code").read_text() == "1\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"jaxgan: {folder}/run/")
    assert line.endswith(": No space left on device; make room or choose another directory")
    assert (out / "sample.png").exists()
    assert '"event": "resume"' in (out / "events.jsonl").read_text()
    steps = [int(row.split()[1].rstrip(",")) for row in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1))
