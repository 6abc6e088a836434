"""What the documentation says is what happens."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib

import numpy as np
import pytest
from support import ROOT, run

from jaxgan import config as config_lib
from jaxgan import search

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_the_gan_that_is_added_works(tmp_path):
    """Each file of the text, word by word, in a copy of the project."""
    text = (ROOT / "docs" / "adding-a-gan.md").read_text()
    files = dict(re.findall(r"^`([\w/]+\.py)`\n\n```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    assert sorted(files) == ["configs/lsgan.py", "jaxgan/algorithms/lsgan.py", "jaxgan/models/lsgan.py"]
    for folder in ("jaxgan", "configs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in files.items():
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(content)
    here = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(tmp_path)}}
    (first, *_) = re.findall(r"^python -m jaxgan.main (.*)$", text, re.MULTILINE)
    for steps in (4, 6):  # it goes on where it stopped
        done = run("main", *first.split(), f"--config.steps={steps}", **here)
        assert done.returncode == 0, done.stderr
    workdir = "--workdir=runs/lsgan-tiny"
    assert run("sample", workdir, "--num=4", "--npz=drawn.npz", **here).returncode == 0
    assert np.ptp(np.load(tmp_path / "drawn.npz")["images"]) > 0
    assert run("export", workdir, "--out=g.stablehlo", **here).returncode == 0
    done = run("main", *first.split(), "--config.leek=0.1", **here)
    assert "did you mean leak?" in done.stderr


def test_the_repository_has_one_address():
    """That of pyproject.toml; tests/test_notebook.py holds the notebooks to it."""
    url = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    for path in (ROOT / "CITATION.cff", *PAGES):
        named = re.findall(r"https://github.com/[\w-]+/jaxgan", path.read_text())
        assert set(named) <= {url}, path


def anchors(text):
    """Of its headings, as GitHub and MyST name them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert there.exists(), target
            assert not anchor or anchor in anchors(there.read_text()), target


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (1, False), (143, True)])
def test_the_slurm_script_queues_again_what_its_time_has_stopped(code, requeued, tmp_path):
    """With an srun that ends as the processes do, and an scontrol that says what it is told."""
    text = (ROOT / "docs" / "tpu-and-hosts.md").read_text()
    (script,) = re.findall(r"^```sh\n(#!/bin/bash\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for name, line in (("srun", f"exit {code}"), ("scontrol", "echo $*")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "requeue 7\n" if requeued else "")


def test_commands_name_fields_and_flags_that_there_are():
    """Of every command of the pages, `main`'s config with its overrides; and of the others each flag."""
    modules = "sample", "evaluate", "report", "export", "prepare", "sweep", "benchmark"
    helps = {module: set(re.findall(r"--[\w-]+", run(module, "--help").stdout)) for module in modules}
    for path in PAGES:
        for module, rest in re.findall(r"^.*python -m jaxgan\.(\w+) (.*)$", path.read_text(), re.MULTILINE):
            arguments = shlex.split(re.sub(r"[\[\]$]", " ", rest), comments=True)
            if module == "main" and "lsgan" not in rest and ".py" in rest and "FILE.py" not in rest:
                overrides = [argument for argument in arguments if argument.startswith("--config")]
                config_lib.load(list(map(plain, overrides)))
            if looked := re.search(r"--search='([^']*)'", rest):
                overrides = [argument for argument in arguments if argument.startswith("--config")]
                config, _ = config_lib.load(overrides)
                search.space(overrides, looked[1])
                config.monitor.every = search.readings_every(config, config.steps)
                search.rungs(config, config.steps)
            if module in helps:
                for flag in [argument.partition("=")[0] for argument in arguments if argument.startswith("--")]:
                    assert flag in helps[module] or flag.startswith("--config"), f"{path.name}: {module} {flag}"


def plain(argument):
    """A command-line argument whose value may stand for the user's own."""
    name, _, value = argument.partition("=")
    return f"{name}={value.rstrip('.')}" if value else argument
