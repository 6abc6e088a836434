import pytest
from support import CONFIGS, ROOT, load, one_config_per_algorithm

from jaxgan import algorithms
from jaxgan import config as config_lib
from jaxgan.errors import UserError
from jaxgan.fields import flatten
from jaxgan.presets import TINY, TINY_BIGGAN, TINY_CODES, TINY_CRITIC, TINY_R3GAN, TINY_TRANSLATION


def began(*arguments):
    return config_lib.load([f"--config={ROOT}/configs/began.py", *arguments])[0]


def test_name_of_the_experiment_is_file_and_preset():
    assert config_lib.load([f"--config={ROOT}/configs/abegan.py"])[1] == "abegan"
    assert config_lib.load(["--config", f"{ROOT}/configs/abegan.py:quick"])[1] == "abegan-quick"


def test_overrides_have_the_fields_types():
    config = began("--config.gamma=0.3", "--config.steps=5", "--config.data.flip", "--config.data.dir=/somewhere")
    assert (config.gamma, config.steps, config.data.flip, config.data.dir) == (0.3, 5, True, "/somewhere")


def test_typed_epochs_win_over_the_presets_steps():
    arguments = [f"--config={ROOT}/configs/began.py:quick", "--config.epochs=3"]
    assert config_lib.load(arguments)[0].steps is None
    assert config_lib.load([*arguments, "--config.steps=7"])[0].steps == 7


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--config.gama=1", "'gama' for algorithm began; did you mean gamma?"),
        ("--config.image_size=64", "did you mean data.image_size?"),
        ("--config.data.nmae=x", "did you mean data.name?"),
        ("--config.dropout=0.5", "no field 'dropout' for algorithm began"),
        ("--config.gamma=abc", "--config.gamma=abc"),
        ("--config.steps=1e3", "--config.steps=1e3"),
        ("--config.gamma=nan", "gamma=nan"),
        ("--config.data.dir=", "data.dir is empty: give a path, or leave it out"),
        ("--config.batch_size=0", "batch_size=0"),
        ("--config.width=100000", "width=100000: it is a number from 1 and below 100000"),
        ("--config.data.image_size=48", "data.image_size=48: images are square, their side is one of 32, 64, 128"),
        ("--config.activation=tanh", "activation=tanh: it is one of elu"),
        ("--config.algorithm=dcgan", "choose a config of that algorithm"),
        ("--config.algorithm=bigan", "no algorithm 'bigan': there are began, sabegan, adcgan, dcgan"),
        ("--config.plateau_factor=1.0", "plateau_factor=1.0: it is a number from 1e-06 and below 1"),
        ("--config.data.seed=-1", "data.seed=-1"),
        ("--config.ema_decay=1.5", "ema_decay=1.5"),
        ("--config.lr_g=-1", "lr_g=-1.0: it is a number from 0"),
        ("--config.k_min=2", "k_min=2.0 is above k_max=1.0"),
        ("--workdri=x", "workdri"),
        ("stray", "'stray'"),
    ],
)
def test_mistakes_are_repeated_with_the_remedy(argument, said):
    with pytest.raises(UserError) as error:
        began(argument)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", one_config_per_algorithm())
def test_whatever_a_field_is_given_is_refused_in_a_line_or_makes_the_algorithm(name):
    huge = "99999999999999999999"
    for field, usual in flatten(load(name)).items():
        no_finite = ("nan", "inf", "-inf", "1e400") if isinstance(usual, float) else ()
        for value in ("", "x", "-1", "0", huge, *no_finite):
            try:
                algorithms.make(load(name, **{field.replace(".", "__"): value}))
            except UserError as error:
                assert "\n" not in str(error), field
                assert field.rpartition(".")[2] in str(error), value
            else:
                assert value not in no_finite, field
                assert type(usual) is not int or value != huge, field  # which neither memory nor JAX's 32 bits hold


@pytest.mark.parametrize(
    ("field", "said"), [("kernel=4", "odd"), ("width=6", "multiple of 4"), ("dropout=1", "below 1")]
)
def test_dcgans_own_mistakes(field, said):
    with pytest.raises(UserError, match=said):
        config_lib.load([f"--config={ROOT}/configs/dcgan.py", f"--config.{field}"])


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("configs/began.py:fast", "no preset 'fast': there are quick, tiny, or none"),
        ("configs/beagn.py", "did you mean configs/began.py?"),
        ("nowhere/began.py", "no config file 'nowhere/began.py'"),
    ],
)
def test_missing_file_or_preset(file, said, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        config_lib.load([f"--config={file}"])


def test_experiments_that_come_with_the_project_are_found_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for file in ("abegan.py:tiny", "configs/abegan.py:tiny"):
        config, name = config_lib.load([f"--config={file}"])
        assert (config.k_min, name) == (0.005, "abegan-tiny")
    (tmp_path / "abegan.py").write_text(
        "from jaxgan.fields import base\n\n\ndef get_config(_=None):\n    return base('dcgan')\n"
    )
    assert config_lib.load(["--config=abegan.py"])[0].algorithm == "dcgan"
    with pytest.raises(UserError, match=r"no config file 'other/abegan.py'; did you mean abegan.py\?"):
        config_lib.load(["--config=other/abegan.py"])


@pytest.mark.parametrize("arguments", [[], ["--config"], ["--config="]])
def test_no_config_is_named(arguments):
    with pytest.raises(UserError, match="configs/abegan.py:quick"):
        config_lib.load(arguments)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("preset", ["", ":quick", ":tiny"])
def test_every_config_has_every_preset_and_survives_json(name, preset):
    config, _ = config_lib.load([f"--config={ROOT}/configs/{name}.py{preset}"])
    stored = config_lib.to_dict(config)
    assert config_lib.to_dict(config_lib.from_dict(stored)) == stored
    assert config_lib.difference(stored, config) == []


def test_presets_only_reduce():
    """No preset changes what an experiment is about."""
    for name in CONFIGS:
        plain, tiny = (config_lib.load([f"--config={ROOT}/configs/{name}.py{p}"])[0] for p in ("", ":tiny"))
        changed = {field for field, value in flatten(tiny).items() if flatten(plain)[field] != value}
        known = {*TINY, *TINY_CODES, *TINY_CRITIC, *TINY_TRANSLATION, *TINY_BIGGAN, *TINY_R3GAN}
        assert changed <= {*known, "data.name", "data.image_size", "data.image_width"}


def test_difference_ignores_what_may_change():
    stored = config_lib.to_dict(load("began"))
    free = {"steps": 99, "log_every": 1, "sample_every": 1, "checkpoint_every": 1, "keep": 9, "data__dir": "/elsewhere"}
    assert config_lib.difference(stored, load("began", **free)) == []
    assert config_lib.difference(stored, load("began", gamma=0.3, seed=1)) == ["gamma: 0.5 -> 0.3", "seed: 0 -> 1"]


def test_older_runs_get_the_defaults_of_newer_fields():
    stored = config_lib.to_dict(load("began"))
    del stored["gamma"]
    assert config_lib.from_dict(stored).gamma == 0.5
