"""A GAN among sparse codes: who learns when, R1 by finite differences, and that codes become those of the images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import Compiled, load, some_shapes

from jaxgan import images
from jaxgan.algorithms import sdpc_codes
from jaxgan.errors import UserError


@pytest.fixture(scope="module", params=[1, 2])
def compiled(request):
    return Compiled(load("sdpc_codes", code_layer=request.param))


@pytest.fixture(scope="module")
def system(compiled):
    return sdpc_codes.SdpcCodes(compiled.config)


@pytest.fixture(scope="module")
def state(compiled):
    return compiled.init(jax.random.key(0))


def changed(before, after):
    """Which of the networks differ."""
    parts = ("layers", "generator", "discriminator")
    same = lambda name: jax.tree.map(np.array_equal, getattr(before, name), getattr(after, name))
    return [name for name in parts if not all(jax.tree.leaves(same(name)))]


def test_layers_learn_first_and_then_the_adversaries(compiled, state):
    """Three steps of each; the adversaries' optimizers have not stirred before."""
    for step in range(6):
        after, _ = compiled.step(state, some_shapes(step), jax.random.key(step))
        assert changed(state, after) == (["layers"] if step < 3 else ["generator", "discriminator"])
        state = after
    assert state.generator.opt_state.count == 3


def test_the_unit_is_that_of_real_coefficients_above_zero(system, compiled, state):
    assert system.unit(state) == 1
    for step in range(3):
        codes = system.encode(state, images.to_float(some_shapes(step)["image"])).layers[system.layer + 1]
        state, _ = compiled.step(state, some_shapes(step), jax.random.key(step))
    still = codes[codes > 0]
    assert system.unit(state) == pytest.approx(float(jnp.sqrt(jnp.mean(still**2))), rel=0.3)


def test_the_discriminators_gradient_is_that_of_its_loss(system, compiled, state):
    """(L(x) + R1) / 2 + L(G(z)) / 2, whose R1 is half of r1 times D's squared slope at real codes."""
    state = state.replace(step=jnp.int32(3), hyper=state.hyper.replace(r1=jnp.float32(2)))
    batch, key = some_shapes(0), jax.random.key(1)
    after, metrics = compiled.step(state, batch, key)
    code = system.encode(state, images.to_float(batch["image"])).layers[system.layer + 1]
    real = code / system.unit(after)
    latent = system.sample_latent(jax.random.split(key)[1], 8)
    fake = system.generator.apply({"params": state.generator.params}, latent)

    def loss(params):
        judge = lambda code: system.discriminator.apply({"params": params}, code)
        slopes = jax.vmap(jax.grad(lambda code: judge(code[None])[0]))(real)
        penalty = jnp.mean(jnp.sum(slopes**2, (1, 2, 3)))
        return (jnp.mean(jax.nn.softplus(-judge(real))) + penalty + jnp.mean(jax.nn.softplus(judge(fake)))) / 2

    value, grads = jax.jit(jax.value_and_grad(loss))(state.discriminator.params)
    assert metrics["loss_d"] == pytest.approx(float(value), rel=1e-3)
    moments = jax.tree.map(lambda mu: mu / (1 - state.hyper.adam_b1), after.discriminator.opt_state.mu)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-5), moments, grads)


def test_codes_cost_what_they_weigh(compiled, state):
    state = state.replace(step=jnp.int32(3))
    heavy = state.replace(hyper=state.hyper.replace(code_weight=jnp.float32(50)))
    for step in range(20):
        state, light = compiled.step(state, some_shapes(step), jax.random.key(step))
        heavy, dear = compiled.step(heavy, some_shapes(step), jax.random.key(step))
    assert dear["active_fake"] < light["active_fake"]


def test_what_it_draws_is_rendered_by_its_dictionaries(system, state):
    latent = system.sample_latent(jax.random.key(2), 4)
    codes = system.codes(state, latent)
    assert jnp.all(codes >= 0) and codes.shape == (4, *system.shapes[system.layer])
    layers = [codes if layer == system.layer else jnp.zeros((4, *shape)) for layer, shape in enumerate(system.shapes)]
    drawn = system.drawings(state, layers)[system.layer]
    np.testing.assert_array_equal(system.generate(state, latent), jnp.clip(drawn, -1, 1))
    image = images.to_float(some_shapes(0)["image"])
    found = system.infer(state, image)[0]
    np.testing.assert_array_equal(system.reconstruct(state, image), system.render(state, found[system.layer]))


@pytest.mark.parametrize("layer", [0, 3])
def test_layers_that_there_are_not(layer):
    with pytest.raises(UserError, match=f"code_layer={layer}: there are layers 1 to 2"):
        sdpc_codes.make(load("sdpc_codes", code_layer=layer))
