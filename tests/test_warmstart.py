import jax
import numpy as np
import pytest
from support import load

from jaxgan import sample
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory
from jaxgan.train import train


@pytest.fixture(scope="module")
def donor(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("donor") / "run"
    return workdir, train(load("began", steps=3), workdir)


def start(workdir, name, donor, **fields):
    """The state in which a run starts: that of one step with learning rates of 0."""
    still = {"steps": 1, "lr_g": 0.0, "lr_d": 0.0}
    return train(load(name, init_from=donor, **still, **fields), workdir)


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


def test_the_same_networks_are_taken_over_whole_and_nothing_else(donor, tmp_path, capsys):
    state = start(tmp_path, "began", donor[0], seed=5, ema_decay=0.9)
    assert "arrays of step 3 taken over\n" in capsys.readouterr().out
    assert_same(state.generator.params, donor[1].generator.params)
    assert_same(state.discriminator.params, donor[1].discriminator.params)
    ema, weights = state.generator.ema, donor[1].generator.params  # the donor keeps no average
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8), ema, weights)
    assert (state.step, state.generator.opt_state.count) == (1, 1)


def test_an_average_is_taken_over_as_an_average(tmp_path):
    averaged = train(load("began", steps=3, ema_decay=0.5), tmp_path / "donor")
    state = start(tmp_path / "run", "began", tmp_path / "donor", ema_decay=0.9)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), state.generator.params, averaged.generator.params
    )
    expected = jax.tree.map(
        lambda ema, param: 0.9 * ema + 0.1 * param, averaged.generator.ema, averaged.generator.params
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.generator.ema, expected)


def test_what_does_not_match_is_listed_and_stays(donor, tmp_path, capsys):
    state = start(tmp_path / "other", "began", donor[0], latent_dim=4)
    said = capsys.readouterr().out
    assert "arrays of step 3 taken over; 3 layers stay as initialised: " in said
    assert "generator.params.Dense_0.Dense_0 (kernel is 8x512 there and 4x512 here), discriminator" in said
    assert "discriminator.params.encoder.Dense_0.Dense_0 (bias is 8 there and 4 here, kernel is 1024x8 there" in said
    assert_same(state.generator.params["Conv_0"], donor[1].generator.params["Conv_0"])


def test_dictionaries_are_taken_over(tmp_path):
    before = train(load("sdpc"), tmp_path / "donor")
    still = {"layer_1__lr": 0.0, "layer_2__lr": 0.0, "lr_scale": 0.0, "layer_2__sparsity": 0.5}
    after = train(load("sdpc", steps=1, seed=5, init_from=tmp_path / "donor", **still), tmp_path / "run")
    for layer in ("layer_1", "layer_2"):
        for name, array in before.layers[layer].params.items():
            np.testing.assert_allclose(after.layers[layer].params[name], array, rtol=1e-6)


def test_a_gan_among_codes_takes_over_the_dictionaries_of_sdpc(tmp_path, capsys):
    """And keeps them, where it is to learn none itself."""
    plain = {"data__whiten_f0": 0.0, "data__contrast_size": 0, "data__standardise": False, "data__mask": False}
    before = train(load("sdpc", steps=3, layer_1__stride=4, layer_2__kernel=3, **plain), tmp_path / "donor")
    fields = {"steps": 2, "pretrain_steps": 0, "init_from": tmp_path / "donor"}
    after = train(load("sdpc_codes", **fields), tmp_path / "run")
    assert "layer_" not in capsys.readouterr().out.partition("stay as initialised")[2].partition("\n")[0]
    for layer in ("layer_1", "layer_2"):
        assert_same(after.layers[layer].params, before.layers[layer].params)


def test_nothing_in_common_is_an_error_and_leaves_nothing(donor, tmp_path):
    with pytest.raises(UserError, match=r"init_from=.*run: its networks at step 3 have nothing in common"):
        start(tmp_path / "run", "adcgan", donor[0])  # though some bias has the same place and shape
    assert not (tmp_path / "run").exists()
    with pytest.raises(UserError, match="is no run directory"):
        start(tmp_path / "run", "began", tmp_path / "nowhere")
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_does_not_start_over(donor, tmp_path):
    fields = {"init_from": donor[0], "log_every": 1}
    train(load("began", steps=4, **fields), tmp_path / "once")
    train(load("began", steps=2, **fields), tmp_path / "twice")
    state = train(load("began", steps=4, **fields), tmp_path / "twice")
    assert_same(state, sample.load(tmp_path / "once")[1])
    names = [row["event"] for row in RunDirectory(tmp_path / "twice").events.read()]
    assert names == ["start", "end", "resume", "end"]
