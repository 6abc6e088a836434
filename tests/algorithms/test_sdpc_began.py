import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import Compiled, load, some_shapes

from jaxgan import algorithms, images
from jaxgan.algorithms import sdpc_began
from jaxgan.errors import UserError


@pytest.fixture(scope="module", params=["sdpc_began", "sdpc_shared"])
def compiled(request):
    return Compiled(load(request.param))


def same(ours, theirs):
    """Whether two networks have had the same gradients, which Adam's moments tell."""
    pairs = zip(jax.tree.leaves(ours.opt_state.mu), jax.tree.leaves(theirs.opt_state.mu), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_each_loss_trains_its_own(compiled):
    """What weighs in one's loss alone is nothing to the other, even where the decoder is shared."""
    state = compiled.init(jax.random.key(0)).replace(k=jnp.float32(0.2))
    after = lambda state: compiled.step(state, some_shapes(0), jax.random.key(1))[0]
    one, other_k = after(state), after(state.replace(k=jnp.float32(0.7)))
    assert same(one.generator, other_k.generator) and not same(one.discriminator, other_k.discriminator)
    dear = after(state.replace(hyper=state.hyper.replace(code_weight=jnp.float32(9))))
    assert same(one.discriminator, dear.discriminator)
    assert same(one.generator, dear.generator) == (compiled.config.code_layer == 0)


def test_the_critics_gradient_is_that_of_its_loss_with_images_held(compiled):
    """Adam's first moment is (1 - b1) of d (L(x) - k L(G(z))) / d D: rendering G's codes adds nothing to it."""
    state = compiled.init(jax.random.key(0)).replace(k=jnp.float32(0.4))
    batch, key = some_shapes(0), jax.random.key(1)
    after, metrics = compiled.step(state, batch, key)
    algorithm, system = compiled.algorithm, sdpc_began.make(compiled.config).init.__self__
    latent = algorithm.sample_latent(jax.random.split(key, 3)[0], 8)
    real, fake = images.to_float(batch["image"]), algorithm.generate(state, latent)
    explain = lambda params, image: system.critic(params, state, image, method="explain")

    def loss(params):
        error = lambda image: jnp.abs(jnp.subtract(*explain(params, image))).mean()
        return error(real) - 0.4 * error(fake), error(fake)

    (value, fakes), grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(state.discriminator.params)
    assert metrics["loss_d"] == pytest.approx(float(value), rel=1e-4)
    assert metrics["loss_fake"] == pytest.approx(float(fakes), rel=1e-4)
    moments = jax.tree.map(lambda mu: mu / (1 - state.hyper.adam_b1), after.discriminator.opt_state.mu)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-6), moments, grads)


def test_codes_cost_what_they_weigh():
    compiled = Compiled(load("sdpc_shared"))
    state, batch, key = compiled.init(jax.random.key(0)), some_shapes(0), jax.random.key(1)
    heavy = state.replace(hyper=state.hyper.replace(code_weight=jnp.float32(3), lr_g=jnp.float32(1e-3)))
    (_, free), (_, dear) = (compiled.step(one, batch, key) for one in (state, heavy))
    assert free["loss_g"] == free["loss_fake"] == dear["loss_fake"] < dear["loss_g"]
    for number in range(30):
        heavy, last = compiled.step(heavy, batch, jax.random.key(number))
    assert last["loss_g"] - last["loss_fake"] < 0.8 * (dear["loss_g"] - dear["loss_fake"])


def test_what_a_sweep_varies_is_no_part_of_the_program():
    def program(**fields):
        config = load("sdpc_shared", **fields)
        algorithm = algorithms.make(config)
        state = jax.eval_shape(algorithm.init, jax.random.key(0))
        batch = {"image": jax.ShapeDtypeStruct((8, 32, 32, 3), np.uint8)}
        return jax.jit(algorithm.train_step).lower(state, batch, jax.random.key(0)).as_text()

    varied = {"feedback": 0.0, "code_weight": 0.1, "gamma": 0.3} | {f"layer_{n}__sparsity": 0.7 for n in (1, 2)}
    assert program() == program(**varied)
    assert program() != program(inference_steps=3)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layer_1__kernel": 33}, "layer 1's atoms of 33x33 are larger than the 32x32 that lie below it; change"),
        ({"gradient": "straight"}, "gradient=straight: it is one of unrolled, implicit"),
        ({"inference_steps": 0}, "inference_steps=0"),
        ({"layer_4__stride": 2}, "layer_4.stride=2: there are 2 layers; set layers=4"),
    ],
)
def test_fields_that_cannot_be_meant(fields, said):
    with pytest.raises(UserError, match=said):
        algorithms.make(load("sdpc_began", **fields))


def test_what_it_shows(compiled):
    state, image = compiled.init(jax.random.key(0)), images.to_float(some_shapes(0, 5)["image"])
    shown = compiled.algorithm.show(state, image)
    assert {title: drawn.shape for title, drawn in shown.items()} == {
        "images": (5, 32, 32, 3),
        "drawn by layer 2": (5, 32, 32, 3),
        "activity of layer 1": (5, 7, 7, 3),
        "activity of layer 2": (5, 1, 1, 3),
        "atoms of layer 1": (6, 8, 8, 3),
        "atoms of layer 2": (8, 32, 32, 3),
    }
    assert all(jnp.abs(drawn).max() <= 1 + 1e-6 for drawn in shown.values())
    drawn = jnp.clip(compiled.algorithm.reconstruct(state, image), -1, 1)
    np.testing.assert_allclose(shown["drawn by layer 2"], drawn, atol=1e-5)
    dictionary = np.asarray(state.discriminator.params["dictionary_1"]).transpose(3, 0, 1, 2)
    pixels = dictionary[..., :3] - dictionary[..., 3:]
    pixels /= np.abs(pixels).max((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(shown["atoms of layer 1"], pixels, atol=1e-5)


def test_codes_are_those_that_g_draws_or_the_critic_finds_in_what_it_draws(compiled):
    algorithm, state = compiled.algorithm, compiled.init(jax.random.key(0))
    latent = algorithm.sample_latent(jax.random.key(1), 4)
    codes, drawn = algorithm.codes(state, latent), algorithm.generate(state, latent)
    layers, figures = algorithm.encode(state, drawn)
    if compiled.config.code_layer:
        np.testing.assert_allclose(algorithm.render(state, codes), drawn, atol=1e-6)
    else:
        np.testing.assert_allclose(codes, layers[2], rtol=1e-5, atol=1e-6)
        rebuilt = jnp.clip(algorithm.reconstruct(state, drawn), -1, 1)
        np.testing.assert_allclose(algorithm.render(state, codes), rebuilt, atol=1e-5)
    for layer in (1, 2):
        np.testing.assert_allclose(figures[f"active_{layer}"], (layers[layer] > 0).mean((1, 2, 3)), rtol=1e-5)
        np.testing.assert_allclose(figures[f"l1_{layer}"], layers[layer].sum((1, 2, 3)), rtol=1e-5)
    assert figures["active_1"].shape == (4,)


@pytest.mark.parametrize("layer", [1, 2])
def test_sparsity_that_leaves_nothing(layer):
    algorithm = algorithms.make(load("sdpc_began", **{f"layer_{layer}__sparsity": 1e4}))
    state, image = algorithm.init(jax.random.key(0)), images.to_float(some_shapes(0)["image"])
    with pytest.raises(UserError, match=f"layer_{layer}.sparsity=10000 leaves all of its codes zero"):
        algorithm.check(state, image)


def test_there_are_only_so_many_layers_to_share():
    with pytest.raises(UserError, match="code_layer=3: there are 2 layers"):
        algorithms.make(load("sdpc_shared", code_layer=3))
