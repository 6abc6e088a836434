"""The notebooks of colab/, executed as they are but for sizes."""

import json
import os
import tomllib

import jax
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from support import ROOT, load, random_batches

from jaxgan import algorithms, images, parallel, train

NOTEBOOKS = sorted(path.stem for path in (ROOT / "colab").glob("*.ipynb"))


def read(name):
    return nbformat.read(ROOT / "colab" / f"{name}.ipynb", as_version=4)


def executed(name, runs, **forms):
    """The notebook with other values in its forms: what it wrote, and what else it shows."""
    notebook = read(name)
    for form, value in {"RUNS": str(runs), **forms}.items():
        lines = [line for cell in notebook.cells for line in cell.source.splitlines() if line.startswith(f"{form} = ")]
        assert len(lines) == 1, form
        for cell in notebook.cells:
            cell.source = cell.source.replace(lines[0], f"{form} = {value!r}")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(runs)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.get("text", "") for output in outputs)
    return said, "".join(str(content) for output in outputs for content in output.get("data", {}).items())


@pytest.fixture
def here(tmp_path, monkeypatch):
    """As in Jupyter beside the project: the kernel starts in a folder of a copy of it."""
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    return tmp_path


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_stored_without_outputs_and_opens_in_colab(name):
    url = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    notebook = read(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert f'REPOSITORY = "{url}"' in code[0].source
    page = url.replace("https://github.com", "https://colab.research.google.com/github")
    assert f"({page}/blob/main/colab/{name}.ipynb)" in notebook.cells[0].source


def test_training_shows_its_losses_and_samples(here):
    said, shown = executed("train", here, EXPERIMENT="configs/began.py:tiny", FIELDS="steps=4 data.limit=200")
    assert "JAX runs on 1 x cpu" in said
    assert "effective_characters" in said
    assert "image/png" in shown
    rows = (here / "began-tiny-toons" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [2, 4]
    assert "training 4/4 steps" in shown  # which takes the place of what stood there
    assert said.count("\n") < 60


def test_a_run_is_drawn_from(here):
    train.train(load("began", steps=1), here / "tiny")
    images.save_png(here / "me.png", np.zeros((32, 32, 3), np.uint8))
    said, shown = executed("sample", here, RUN="tiny", IMAGE=str(here / "me.png"))
    assert "data:image/png;base64," in shown
    assert "data:image/gif;base64," in shown
    assert "searching the latents 200/200 steps" in shown
    assert "held out" in said
    written = {path.name for path in (here / "tiny" / "samples").iterdir()}
    assert {"samples.npz", "walk.gif", "inverted.npz", "generator.stablehlo"} <= written


def test_settings_are_compared(here):
    _, shown = executed(
        "sweep_and_report", here, EXPERIMENT="configs/began.py:tiny", VALUES="gamma=0.5,0.7", NAME="two"
    )
    assert "text/html" in shown
    assert "<iframe srcdoc=" in shown
    assert "gamma" in (here / "two.html").read_text()


def test_all_cores_train(here, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8")
    said, shown = executed("tpu", here, EXPERIMENT="configs/abegan.py:tiny", BATCH_FOR_EACH_CORE=1, STEPS=2)
    assert "8 cores, 8 images a step" in said
    assert "weights: 8 copies" in said
    assert "image/png" in shown


def test_the_step_of_the_tpu_notebook_is_lowered_for_a_tpu(monkeypatch):
    """Which is not the hardware itself: eight cores, bfloat16, several steps a call."""
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    config = load("abegan", precision="bfloat16", batch_size=8)
    algorithm = algorithms.make(config)
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    automatic = (jax.sharding.AxisType.Auto,)  # as those of a mesh of devices
    mesh = jax.sharding.AbstractMesh((8,), (parallel.DATA_AXIS,), axis_types=automatic)
    placed = lambda tree, place: jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place(mesh)), tree
    )
    batches = placed(random_batches(config, 0, 1), parallel.split)
    key = placed(jax.eval_shape(lambda: jax.random.key(0)), parallel.replicated)
    train_steps = parallel.jit_steps(algorithm.train_step, mesh)
    lowered = jax.export.export(train_steps, platforms=["tpu"])(placed(state, parallel.replicated), batches, key)
    assert lowered.platforms == ("tpu",)
    assert lowered.nr_devices == 8
    assert "bf16" in lowered.mlir_module()
    assert "stablehlo.while" in lowered.mlir_module()
