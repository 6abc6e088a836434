"""Long trainings and many images, at a hundredth of the size at which the benchmarks look for what grows."""

import importlib
import subprocess
import sys

import pytest
from support import ROOT

sys.path.append(str(ROOT / "tests" / "benchmarks"))
large, preparing = (importlib.import_module(name) for name in ("large", "preparing"))


def host_memory():
    """A module that needs psutil, of the extra `bench`."""
    pytest.importorskip("psutil")
    return importlib.import_module("host_memory")


def test_growing_memory_and_files_left_open_are_told():
    module = host_memory()
    flat = [module.Figures(500.0 + tenth % 3, 21 if tenth in (2, 7) else 10) for tenth in range(10)]
    warming = [module.Figures(400.0, 9), *flat[1:]]
    leaking = [figures._replace(memory=500.0 + 10 * tenth) for tenth, figures in enumerate(flat)]
    left_open = [figures._replace(files=figures.files + 2 * tenth) for tenth, figures in enumerate(flat)]
    assert module.grown(flat) is module.grown(warming) is None
    assert module.grown(leaking).startswith("in half of the steps 50.0 MiB")
    assert " and 10 open files " in module.grown(left_open)
    assert "raise --steps" in module.grown(flat[:2])


def test_a_figure_out_of_bounds_ends_a_benchmark(monkeypatch):
    large.say("a report", 1.0, "s", most=1.0)
    with pytest.raises(SystemExit, match="a report: that is more than 1 s"):
        large.say("a report", 2.0, "s", most=1.0)
    monkeypatch.setattr(preparing, "draw_all", lambda *_: None)
    monkeypatch.setattr(preparing, "prepare", lambda *_: (1.0, 600.0))
    monkeypatch.setattr(sys, "argv", ["preparing.py"])
    with pytest.raises(SystemExit, match="600 MiB are more than the 512 MiB"):
        preparing.main()


@pytest.mark.slow
@pytest.mark.parametrize("source", ["device", "tfdata"])
def test_a_training_keeps_neither_memory_nor_files(source):
    """500 steps with 50 grids and checkpoints."""
    host_memory()
    command = [sys.executable, "tests/benchmarks/host_memory.py", "--steps=500", f"--source={source}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_images_are_prepared_in_the_memory_of_a_few(tmp_path):
    """Of 1,000 that take 47 MiB prepared."""
    memory = []
    for count in (100, 1000):
        folder = tmp_path / str(count)
        folder.mkdir()
        preparing.draw_all(folder, count)
        memory.append(preparing.prepare(folder, 128)[1])
    assert memory[1] - memory[0] < 16
