import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import Compiled, load, random_batch

from jaxgan import images

EXPERIMENTS = ["sabegan_seed", "adcgan", pytest.param("adcgan_seed", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=EXPERIMENTS)
def compiled(request):
    fields = {"dropout": 0.0, "batch_norm_eps": 0.1} if "adcgan" in request.param else {}
    config = load(request.param, lr_g=0.01, lr_d=0.02, k_min=0.4, **fields)  # so that the fakes count
    config.precision = "float64"
    with jax.enable_x64():
        yield Compiled(config)


def start(compiled):
    """A state of 64 bits: Adam turns the noise on gradients of zero, of biases before BatchNorm, into steps."""
    double = lambda leaf: leaf.astype("float64") if leaf.dtype == "float32" else leaf
    return jax.tree.map(double, compiled.init(jax.random.key(0)))


def networks(compiled):
    """Encoder and decoder as plain functions of their parameters, in training."""
    system = compiled.algorithm.init.__wrapped__.__self__
    train = {"train": True} if system.has_modes else {}
    stats = start(compiled)

    def call(module, batch_stats):
        return lambda params, x: module.apply(
            {"params": params, "batch_stats": batch_stats or {}}, x, **train, mutable="batch_stats"
        )[0]

    return call(system.encoder, stats.encoder.batch_stats), call(system.decoder, stats.generator.batch_stats)


def losses(compiled):
    """The two losses as they are usually written, each with passes of its own."""
    config, (encode, decode) = compiled.config, networks(compiled)

    def error(encoder, decoder, image):
        return jnp.mean(jnp.abs(decode(decoder, encode(encoder, image)) - image))

    def loss_g(params, encoder, latent):
        held = jax.lax.stop_gradient(params) if config.hold_decoder else params
        return error(encoder, held, decode(params, latent))

    def loss_d(params, k, real, fake):
        loss_real, loss_fake = (error(params["encoder"], params["decoder"], image) for image in (real, fake))
        return loss_real - k * loss_fake if config.adversarial else (loss_real + loss_fake) / 2

    return loss_g, loss_d, decode, error


def reference(compiled):
    """Two optimizers, one on G and one on A and G together; both gradients at the same parameters, updates added."""
    config, (loss_g, loss_d, decode, error) = compiled.config, losses(compiled)
    adam_g, adam_d = (optax.adam(lr, config.adam_b1, config.adam_b2) for lr in (config.lr_g, config.lr_d))

    @jax.jit
    def step(params, opt_g, opt_d, k, batch, key):
        real = images.to_float(batch["image"])
        latent = jax.random.normal(jax.random.split(key, 5)[0], (real.shape[0], config.latent_dim))
        fake = jax.lax.stop_gradient(decode(params["decoder"], latent))
        grads_g = jax.grad(loss_g)(params["decoder"], params["encoder"], latent)
        grads_d = jax.grad(loss_d)(params, k, real, fake)
        loss_real, loss_fake = (error(params["encoder"], params["decoder"], image) for image in (real, fake))
        if config.adversarial:
            k = jnp.clip(k + config.lambda_k * (config.gamma * loss_real - loss_fake), config.k_min, config.k_max)
        update_g, opt_g = adam_g.update(grads_g, opt_g)
        update_d, opt_d = adam_d.update(grads_d, opt_d)
        params = optax.apply_updates(params, update_d)
        return params | {"decoder": optax.apply_updates(params["decoder"], update_g)}, opt_g, opt_d, k

    return step, adam_g, adam_d


def test_one_pass_is_two_optimizers_whose_updates_of_the_shared_network_add_up(compiled):
    step, adam_g, adam_d = reference(compiled)
    state = start(compiled)
    params = {"encoder": state.encoder.params, "decoder": state.generator.params}
    opt_g, opt_d, k = adam_g.init(params["decoder"]), adam_d.init(params), state.k
    for seed in range(3):
        batch, key = random_batch(compiled.config, seed), jax.random.key(seed)
        params, opt_g, opt_d, k = step(params, opt_g, opt_d, k, batch, key)
        state, _ = compiled.step(state, batch, key)
    assert state.k == pytest.approx(float(k), rel=1e-6)
    for ours, theirs in ((state.encoder.params, params["encoder"]), (state.generator.params, params["decoder"])):
        difference = jax.tree.map(lambda a, b: jnp.max(jnp.abs(a - b)), ours, theirs)
        assert max(jax.tree.leaves(difference)) < 1e-6  # a step moves a weight by 0.01 and by 0.02


def test_the_seeds_loss_trains_the_decoder_through_its_own_reconstructions_and_the_repaired_one_does_not(compiled):
    """The gradient that G's optimizer saw, against G's loss taken apart: as what draws, and as what reconstructs."""
    state, key = start(compiled), jax.random.key(7)
    after, _ = compiled.step(state, random_batch(compiled.config), key)
    seen = jax.tree.map(lambda moment: moment / (1 - compiled.config.adam_b1), after.generator.opt_state.mu)
    latent = jax.random.normal(jax.random.split(key, 5)[0], (compiled.config.batch_size, compiled.config.latent_dim))
    _, _, decode, error = losses(compiled)

    @jax.jit
    def apart(drawing, reconstructing):
        loss = lambda drawing, reconstructing: error(state.encoder.params, reconstructing, decode(drawing, latent))
        return jax.grad(loss, argnums=(0, 1))(drawing, reconstructing)

    drawing, reconstructing = apart(state.generator.params, state.generator.params)
    rest = jax.tree.map(jnp.subtract, seen, drawing)
    if compiled.config.hold_decoder:
        assert norm(rest) < 1e-9 * norm(drawing)
    else:
        assert norm(jax.tree.map(jnp.subtract, rest, reconstructing)) < 1e-9 * norm(reconstructing)
        assert norm(reconstructing) > 0.1 * norm(drawing)


def norm(tree) -> float:
    return float(optax.tree.norm(tree))


def test_adcgan_keeps_the_statistics_of_samples_and_of_reconstructions_apart():
    compiled = Compiled(load("adcgan"))
    state, _ = compiled.step(compiled.init(jax.random.key(0)), random_batch(compiled.config), jax.random.key(0))
    ours, theirs = state.generator.batch_stats, state.decoder.batch_stats
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    alike = jax.tree.map(lambda a, b: np.allclose(a, b, rtol=1e-3), ours, theirs)
    assert not any(jax.tree.leaves(alike))
