"""What the documentation says is what happens."""

import os
import re
import shutil

import numpy as np
from support import ROOT, run


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
