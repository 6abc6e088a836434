import shlex
from pathlib import Path

import pytest
from runfiles import write_evaluation, write_run
from support import CONFIGS, ROOT

from jaxgan import config as config_lib
from jaxgan.fields import base
from jaxgan.reporting import commands as commands_lib
from jaxgan.reporting.commands import commands, experiments, training_arguments
from jaxgan.reporting.runs import read_all


@pytest.fixture(scope="module")
def known():
    return experiments()


def loaded(arguments):
    """What main gets from these arguments in the checkout."""
    file, *rest = arguments
    return config_lib.load([file.replace("--config=", f"--config={ROOT}/"), *rest])[0]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("preset", ["", ":quick", ":tiny"])
def test_every_experiment_is_repeated_without_an_override(name, preset, known):
    config, _ = config_lib.load([f"--config={ROOT}/configs/{name}.py{preset}"])
    arguments, exact = training_arguments(config_lib.to_dict(config), known)
    assert exact
    assert len(arguments) == 1
    assert config_lib.to_dict(loaded(arguments)) == config_lib.to_dict(config)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("preset", ["", ":quick", ":tiny"])
def test_overrides_are_repeated(name, preset, known):
    folder, steps = ("data.b.dir", 30) if name in ("cyclegan", "sketch2toon") else ("data.dir", 7700)
    overrides = [
        "seed=3",
        "monitor.min_change=1.25e-05",
        f"steps={steps}",
        "data.flip=True",
        f"{folder}=some where/it's $HOME",
        "keep_every=5",
    ]
    typed = [f"--config={ROOT}/configs/{name}.py{preset}", *(f"--config.{one}" for one in overrides)]
    config, _ = config_lib.load(typed)
    arguments, exact = training_arguments(config_lib.to_dict(config), known)
    assert exact
    assert config_lib.to_dict(loaded(arguments)) == config_lib.to_dict(config)


def test_typed_epochs_are_repeated(known):
    config, _ = config_lib.load([f"--config={ROOT}/configs/abegan.py:quick", "--config.epochs=3"])
    arguments, exact = training_arguments(config_lib.to_dict(config), known)
    assert exact
    assert arguments == ["--config=configs/abegan.py:quick", "--config.epochs=3"]


def test_fields_of_a_later_version_have_no_command(known):
    stored = config_lib.to_dict(base("began")) | {"invented": 1}
    assert training_arguments(stored, known) == ([], False)
    assert training_arguments({"algorithm": "bigan"}, known) == ([], False)
    assert training_arguments({"algorithm": "began", "gamma": "high"}, known) == ([], False)


def test_without_the_configs_the_defaults_are_the_measure(monkeypatch, tmp_path):
    monkeypatch.setattr(commands_lib, "CONFIGS", tmp_path / "configs")
    stored = config_lib.to_dict(base("began")) | {"gamma": 0.3}
    assert training_arguments(stored, experiments()) == (["--config=configs/began.py", "--config.gamma=0.3"], False)


@pytest.mark.parametrize(
    ("typed", "again"),
    [(".", "{whole}-again"), ("..", "{parent}-again"), ("../a", "../a-again"), ("link", "{whole}-again")],
)
def test_the_new_run_lies_beside_the_old_one(typed, again, tmp_path, monkeypatch, known):
    parent = write_run(tmp_path / "runs")
    whole = write_run(parent / "a")
    (whole / "link").symlink_to(whole)
    monkeypatch.chdir(whole)
    (run,), _ = read_all([Path(typed)])
    assert commands(run, known).train[-1] == f"--workdir={again.format(whole=whole, parent=parent)}"


def test_commands_are_quoted_for_a_shell(tmp_path, known):
    path = write_run(tmp_path / "it's a run", data__dir="a b")
    write_evaluation(path, fd_probe=1.0)
    (run,), _ = read_all([path])
    found = commands(run, known)
    train = shlex.split(" ".join(found.train))
    assert train[:3] == ["python", "-m", "jaxgan.main"]
    assert train[-1] == f"--workdir={path}-again"
    assert config_lib.to_dict(loaded(train[3:-1])) == run.config
    evaluate = ["python", "-m", "jaxgan.evaluate", f"--workdir={path}", "--num=1000", "--step=600"]
    assert shlex.split(" ".join(found.evaluate)) == evaluate
    assert shlex.split(" ".join(found.sample)) == ["python", "-m", "jaxgan.sample", f"--workdir={path}"]
