"""The user's mistakes, as the user makes them: one line on stderr, a non-zero exit, no traceback."""

import errno
import os
import re
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest
from support import ROOT, load, run

from jaxgan import cli
from jaxgan.errors import UserError
from jaxgan.train import train

TINY = f"--config={ROOT}/configs/began.py:tiny"


def test_a_reader_that_leaves_is_no_fault():
    command = [sys.executable, "-c", "from jaxgan import cli; cli.run(lambda: print('a' * 10**6, flush=True))"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == (b"", 141)


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("main", [TINY, "--config.gama=1"], "no field 'gama' for algorithm began; did you mean gamma?"),
        ("main", ["--config=configs/began.py:fast"], "no preset 'fast'"),
        ("main", ["--config=configs/beagn.py"], "did you mean configs/began.py?"),
        (
            "main",
            [TINY, "--config.algorithm=bigan"],
            "no algorithm 'bigan': there are began, sabegan, adcgan, dcgan, sdpc",
        ),
        ("prepare", [TINY, "--config.data.name=toon"], "no data set 'toon'"),
        ("prepare", [TINY, "--out=/tmp/set.png"], "/tmp/set.png: name a file that ends in .npz"),
        ("sample", [], "--workdir"),
        ("sample", ["--workdir=/nowhere"], "/nowhere is no run directory"),
        ("sample", ["--workdir=~nobody-here"], "~nobody-here: no user has that name; for a folder"),
        ("prepare", [TINY, "--config.data.name=folder", "--config.data.dir=~nobody-here"], "~nobody-here: no user has"),
        ("sample", ["--workdir=/nowhere", "--num=0"], "--num=0"),
        ("sample", ["--workdir=/nowhere", "--num=ten"], "ten"),
    ],
)
def test_mistakes(module, arguments, said):
    done = run(module, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_sampling_a_run_without_that_checkpoint(tmp_path):
    assert run("main", TINY, "--config.steps=1", f"--workdir={tmp_path}/run").returncode == 0
    done = run("sample", f"--workdir={tmp_path}/run", "--step=7")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"jaxgan: no checkpoint 7 in {tmp_path}/run/checkpoints: there are 1\n"


def jaxgan(*arguments):
    """The same commands under one name."""
    return subprocess.run([sys.executable, "-m", "jaxgan", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_one_name_for_all_commands():
    done = jaxgan("--help")
    assert done.returncode == 0
    for name in ("train", "prepare", "sample", "evaluate", "report", "sweep", "export"):
        assert re.search(rf"^  {name} +\w.*[^.]$", done.stdout, re.MULTILINE), name
    assert jaxgan("sample", "--help").stdout.startswith("usage: jaxgan sample ")
    for arguments, said in (
        (["trian"], "no command 'trian': there are train, prepare"),
        (["train", "--config=beagn.py"], "no config file 'beagn.py'; did you mean began.py?"),
    ):
        done = jaxgan(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_installed_package_has_its_experiments(tmp_path):
    """Built from the sources, unpacked and run where no working copy is near."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", f"--wheel-dir={tmp_path}", str(ROOT)]
    subprocess.run(build, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    arguments = ["--config=abegan.py:tiny", "--config.steps=1", f"--workdir={tmp_path}/run"]
    done = run("main", *arguments, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert run("report", f"{tmp_path}/run", cwd=tmp_path, env=environment).returncode == 0  # which has templates


def test_help_shows_the_command():
    done = run("main", "--help")
    assert done.returncode == 0
    assert "--config=configs/abegan.py" in done.stdout


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_one_line(code, tmp_path, monkeypatch):
    """As the system reports it, as it is seen before a checkpoint is begun, and as Orbax reports it."""
    with pytest.raises(SystemExit, match=f"{os.strerror(code)}; make room"):
        cli.run(raising(OSError(code, os.strerror(code), "/runs/a")))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
        with pytest.raises(SystemExit, match="checkpoints: No space left on device; make room"):
            cli.run(lambda: train(load("began", steps=2), tmp_path))
    full = ValueError(f"RESOURCE_EXHAUSTED: Error writing ... [source locations='...' os_error_code='{code}']")
    monkeypatch.setattr("orbax.checkpoint.CheckpointManager.save", lambda *_, **__: raising(full)())
    with pytest.raises(SystemExit, match=f"checkpoints: {os.strerror(code)}; make room"):
        cli.run(lambda: train(load("began", steps=2), tmp_path))


def test_a_file_in_the_place_of_a_directory(tmp_path):
    (tmp_path / "file").write_text("")
    for module, arguments in (("main", [TINY]), ("sample", [])):
        done = run(module, *arguments, f"--workdir={tmp_path}/file")
        assert done.returncode == 1
        assert f"{tmp_path}/file" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_faults_of_ours_keep_their_traceback():
    for error in (ValueError("bug"), OSError(errno.EBADF, "bug"), KeyError("bug")):
        with pytest.raises(type(error), match="bug"):
            cli.run(raising(error))
    with pytest.raises(SystemExit, match="jaxgan: yours"):
        cli.run(raising(UserError("yours")))


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", cli.MALLOC_TUNABLES),
        ("glibc.rtld.nns=4", f"glibc.rtld.nns=4:{cli.MALLOC_TUNABLES}"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_trainings_keep_memory_unless_told_otherwise(before, after):
    code = (
        "import os, sys; from jaxgan import cli; cli.with_kept_memory(); print(os.environ['GLIBC_TUNABLES'], sys.argv)"
    )
    environment = os.environ | {"GLIBC_TUNABLES": before}
    done = subprocess.run([sys.executable, "-c", code, "--x"], env=environment, capture_output=True, text=True)
    assert done.stdout == f"{after} ['-c', '--x']\n"
