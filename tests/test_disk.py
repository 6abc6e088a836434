"""File systems that are full, limited, slow, or gone."""

import resource
import shutil
import subprocess
import sys
import time

import pytest
from support import ROOT, load

from jaxgan import checkpoint, cli
from jaxgan.checkpoint import Checkpoints, saved_steps
from jaxgan.data.dataset import prepare
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory
from jaxgan.train import train

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


READ_ONLY = """
mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} || exit 77
{python} -m jaxgan.sample --workdir={folder}/run --out={out}/sample.png || exit 1
{python} -m jaxgan.report {folder}/run --out={out}/report.html || exit 1
{main} --workdir={folder}/run --config.steps=8
echo $? > {out}/code
{main} --workdir={folder}/new
echo $? >> {out}/code
"""


def namespaces() -> bool:
    """Whether a process may mount a file system that only it sees."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


own_mounts = pytest.mark.skipif(not namespaces(), reason="needs a user namespace in which it may mount a tmpfs")


def in_a_namespace(script: str) -> list[str]:
    """Runs a shell script that may mount, and returns the lines of stderr."""
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


@own_mounts
@pytest.mark.parametrize("tensorboard", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_full_disk_stops_the_run_with_a_line_and_its_last_checkpoint_whole(tensorboard, tmp_path):
    prepare(load("began").data)
    folder, out = tmp_path / "disk", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    main = f"{sys.executable} -m jaxgan.main --config=configs/began.py:tiny --workdir={folder}/run"
    main += f" --config.log_every=1 --config.keep=1000 --config.tensorboard={tensorboard}"
    script = FILL_AND_GO_ON.format(folder=folder, out=out, python=sys.executable, main=main)
    (line,) = in_a_namespace(script)
    assert (out / "code").read_text() == "1\n"
    assert line.startswith(f"jaxgan: {folder}/run/")
    assert line.endswith(": No space left on device; make room or choose another directory")
    assert (out / "sample.png").exists()
    assert '"event": "resume"' in (out / "events.jsonl").read_text()
    steps = [int(row.split()[1].rstrip(",")) for row in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1))


@own_mounts
def test_a_read_only_run_is_read_and_not_written(tmp_path):
    """Also where a new run is to begin; prepared images and whatever else is cached lie elsewhere."""
    folder, out = tmp_path / "folder", tmp_path / "out"
    out.mkdir()
    train(load("began", steps=2), folder / "run")
    main = f"{sys.executable} -m jaxgan.main --config=configs/began.py:tiny"
    lines = in_a_namespace(READ_ONLY.format(folder=folder, out=out, python=sys.executable, main=main))
    assert (out / "code").read_text() == "1\n1\n"
    assert len(lines) == 2
    for line, name in zip(lines, ("run", "new"), strict=True):
        assert line.startswith(f"jaxgan: {folder}/{name}")
        assert line.endswith(": Read-only file system; choose a place where you may write")
    assert (out / "sample.png").exists() and (out / "report.html").exists()
    assert saved_steps(folder / "run" / "checkpoints") == [2]


def test_a_limit_on_the_size_of_files_is_one_line_and_the_run_goes_on_without_it(tmp_path):
    """As a quota is, which leaves room on the disk: the write itself fails, in one of Orbax's threads."""
    train(load("began", steps=2, sample_every=100), tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(SystemExit, match="checkpoints: File too large; raise the limit that your system sets"):
            cli.run(lambda: train(load("began", steps=8, sample_every=100), tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert saved_steps(tmp_path / "checkpoints") == [2]
    train(load("began", steps=8, sample_every=100), tmp_path)
    run = RunDirectory(tmp_path)
    assert [(row["event"], row["step"]) for row in run.events.read()][-2:] == [("resume", 2), ("end", 8)]
    assert saved_steps(run.checkpoints)[-1] == 8


@pytest.mark.parametrize("next_to_write", ["log", "sample", "checkpoint"])
def test_a_run_directory_that_is_deleted_meanwhile_is_one_line(next_to_write, tmp_path):
    every = {f"{kind}_every": 1 if kind in (next_to_write, "log") else 100 for kind in ("log", "sample", "checkpoint")}
    workdir = tmp_path / "run"
    with pytest.raises(UserError, match="run was deleted or moved while the run wrote to it: leave it where it is"):
        train(load("began", steps=4, **every), workdir, heard=lambda: shutil.rmtree(workdir))
    assert not workdir.exists()


@pytest.mark.parametrize("next_to_write", ["log", "sample", "checkpoint"])
def test_another_run_that_has_begun_in_its_place_is_left_alone(next_to_write, tmp_path):
    every = {f"{kind}_every": 1 if kind in (next_to_write, "log") else 100 for kind in ("log", "sample", "checkpoint")}
    workdir, other = tmp_path / "run", tmp_path / "other"
    train(load("began", steps=1), other)

    def begin_another():
        shutil.rmtree(workdir)
        shutil.copytree(other, workdir)

    with pytest.raises(UserError, match="run was deleted or moved while the run wrote to it: leave it where it is"):
        train(load("began", steps=4, **every), workdir, heard=begin_another)
    theirs, found = ({path.relative_to(at): path for path in at.rglob("*")} for at in (other, workdir))
    assert found.keys() == theirs.keys()
    assert all(found[name].read_bytes() == path.read_bytes() for name, path in theirs.items() if path.is_file())


def test_checkpoints_that_are_deleted_meanwhile_are_one_line(tmp_path):
    delete = lambda: shutil.rmtree(tmp_path / "checkpoints")
    with pytest.raises(UserError, match="was deleted or moved while the run wrote to it: leave it where it is"):
        train(load("began", steps=2, log_every=2), tmp_path, heard=delete)


def test_checkpoints_wait_for_a_slow_disk(tmp_path, monkeypatch):
    """They are written beside the training, which begins none before the last one is there: none pile up in memory."""
    order, seal, save = [], checkpoint.sealing.seal, Checkpoints.save

    def slow_seal(folder):
        time.sleep(0.5)
        seal(folder)
        order.append("written")

    def noted_save(self, *arguments, **more):
        save(self, *arguments, **more)
        order.append("begun")

    monkeypatch.setattr(checkpoint.sealing, "seal", slow_seal)
    monkeypatch.setattr(Checkpoints, "save", noted_save)
    train(load("began", steps=4, checkpoint_every=1, keep=4), tmp_path)
    assert order == ["begun", "written"] * 4
    assert saved_steps(tmp_path / "checkpoints") == [1, 2, 3, 4]
