import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import Compiled, load, random_batch, some_shapes

from jaxgan import images
from jaxgan.algorithms import began as began_lib
from jaxgan.algorithms import make


def hyper_of(**values):
    names = began_lib.Hyper.__dataclass_fields__
    return began_lib.Hyper(**{name: jnp.float32(values.get(name, 0)) for name in names})


def two_steps(system: began_lib.Began, config):
    """BEGAN as it is usually written: a step of G with its own passes, then one of D on the old fakes."""
    adam_g, adam_d = (optax.adam(lr, config.adam_b1, config.adam_b2) for lr in (config.lr_g, config.lr_d))

    def step(params_g, params_d, opt_g, opt_d, k, batch, key):
        real = images.to_float(batch["image"])
        latent = jax.random.normal(jax.random.split(key, 3)[0], (real.shape[0], config.latent_dim))
        draw = lambda params: system.generator.apply({"params": params}, latent)
        mean_error = lambda params, v: jnp.mean(jnp.abs(system.discriminator.apply({"params": params}, v) - v))
        fake = jax.lax.stop_gradient(draw(params_g))

        grads_g = jax.grad(lambda params: mean_error(params_d, draw(params)))(params_g)
        grads_d = jax.grad(lambda params: mean_error(params, real) - k * mean_error(params, fake))(params_d)
        loss_real, loss_fake = mean_error(params_d, real), mean_error(params_d, fake)
        k = jnp.clip(k + config.lambda_k * (config.gamma * loss_real - loss_fake), config.k_min, config.k_max)

        updates_g, opt_g = adam_g.update(grads_g, opt_g)
        updates_d, opt_d = adam_d.update(grads_d, opt_d)
        return optax.apply_updates(params_g, updates_g), optax.apply_updates(params_d, updates_d), opt_g, opt_d, k

    return jax.jit(step), adam_g, adam_d


@pytest.mark.parametrize("fields", [{"k_min": 0.4}, {"k_min": 0.4, "asymmetric": True, "latent_dim": 4}])
def test_one_pass_is_the_usual_two_steps(fields):
    """With k well above 0, so that the fakes' part of D's gradient counts."""
    config = load("began", lr_g=0.01, lr_d=0.02, **fields)
    one = Compiled(config)
    system = one.algorithm.init.__wrapped__.__self__
    reference, adam_g, adam_d = two_steps(system, config)
    state = one.init(jax.random.key(0))
    params_g, params_d, k = state.generator.params, state.discriminator.params, state.k
    opt_g, opt_d = adam_g.init(params_g), adam_d.init(params_d)
    for step in range(3):
        key, batch = jax.random.key(step), random_batch(config, step)
        params_g, params_d, opt_g, opt_d, k = reference(params_g, params_d, opt_g, opt_d, k, batch, key)
        state, _ = one.step(state, batch, key)
    assert state.k == pytest.approx(float(k), rel=1e-6)
    for ours, theirs in ((state.generator, params_g), (state.discriminator, params_d)):
        difference = jax.tree.map(lambda a, b: jnp.mean(jnp.abs(a - b)), ours.params, theirs)
        assert max(jax.tree.leaves(difference)) < 1e-4  # a step moves a weight by 0.01


def test_k_and_m_by_hand():
    hyper = hyper_of(gamma=0.5, lambda_k=0.1, k_min=0, k_max=1)

    @jax.jit
    def update(k, loss_real, loss_fake):
        error = began_lib.balance(hyper.gamma, loss_real, loss_fake)
        return began_lib.control(k, error, hyper), began_lib.convergence(loss_real, error)

    # balance 0.5 * 0.4 - 0.1 = 0.1: k = 0.3 + 0.1 * 0.1, m = 0.4 + 0.1
    assert update(0.3, 0.4, 0.1) == (pytest.approx(0.31), pytest.approx(0.5))
    # balance 0.5 * 0.4 - 0.6 = -0.4: k = 0.3 - 0.04, m = 0.4 + 0.4
    assert update(0.3, 0.4, 0.6) == (pytest.approx(0.26), pytest.approx(0.8))
    assert update(0.0, 0.4, 0.6)[0] == 0  # clipped
    assert update(1.0, 0.4, 0.1)[0] == 1


def test_k_is_kept_in_its_bounds_from_the_start():
    config = load("abegan", k_min=0.25)
    algorithm = make(config)
    assert jax.eval_shape(algorithm.init, jax.random.key(0)).k.dtype == jnp.float32
    assert jax.jit(lambda key: algorithm.init(key).k)(jax.random.key(0)) == 0.25


def test_likeness_of_codes():
    likeness = jax.jit(began_lib.likeness)
    same, apart = jnp.array([[1.0, 2], [2, 4], [-3, -6]]), jnp.array([[3.0, 0], [0, 0.1]])
    assert (likeness(same), likeness(apart), likeness(same[:1])) == (pytest.approx(1), 0, 0)
    codes = np.random.default_rng(0).normal(size=(5, 7))
    pairs = [(a, b) for a in range(5) for b in range(5) if a != b]
    cosine = lambda u, v: u @ v / np.sqrt((u @ u) * (v @ v))
    assert likeness(codes) == pytest.approx(np.mean([cosine(codes[a], codes[b]) ** 2 for a, b in pairs]), rel=1e-5)
    assert np.isfinite(jax.grad(began_lib.likeness)(jnp.eye(3)[:, :2])).all()  # the last code is zero


@pytest.mark.parametrize("name", ["began", "sdpc_shared"])
def test_fakes_are_pulled_apart(name):
    """Adam's first moment is (1 - b1) of d (L(G(z)) + 2 likeness) / d G, and D's gradient is what it was."""
    plain, pulled = (Compiled(load(name, pull_away=weight)) for weight in (0.0, 2.0))
    state, batch, key = pulled.init(jax.random.key(0)), some_shapes(0), jax.random.key(1)
    after, metrics = pulled.step(state, batch, key)
    system = getattr(pulled.algorithm.init, "__wrapped__", pulled.algorithm.init).__self__
    latent = system.sample_latent(jax.random.split(key, 3)[0], 8)
    critic = state.discriminator.params

    def loss(params):
        fake = system.draw(params, state, latent)[0]
        return system.energy(critic, state, fake) + 2 * began_lib.likeness(system.code(critic, state, fake))

    value, grads = jax.jit(jax.value_and_grad(loss))(state.generator.params)
    assert metrics["loss_g"] == pytest.approx(float(value), rel=1e-4)
    assert metrics["loss_g"] == pytest.approx(float(metrics["loss_fake"] + 2 * metrics["likeness"]), rel=1e-5)
    moments = jax.tree.map(lambda mu: mu / (1 - state.hyper.adam_b1), after.generator.opt_state.mu)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-6), moments, grads)
    usual, _ = plain.step(state, batch, key)
    for ours, theirs in zip(*(jax.tree.leaves(one.discriminator.params) for one in (after, usual)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)  # a step moves a weight by 1e-4


def test_losses_take_strict_dtypes_and_check_shapes():
    with jax.numpy_dtype_promotion("strict"):
        image, other = jnp.zeros((2, 4, 4, 3)), jnp.full((2, 4, 4, 3), 0.25)
        assert jax.jit(began_lib.energy)(other, image) == 0.25
        error = jax.jit(began_lib.balance)(jnp.float32(0.5), jnp.float32(1), jnp.float32(0.25))
        assert began_lib.control(jnp.float32(0), error, hyper_of(lambda_k=1, k_max=1)) == 0.25
        assert began_lib.convergence(jnp.float32(1), error) == 1.25
    with pytest.raises(ValueError, match="reconstruction"):
        began_lib.energy(image, image[:1])


def test_hyper_parameters_are_traced(began):
    """One compiled step serves other settings, and `vmap` runs several at once."""
    state, batch, key = began.init(jax.random.key(0)), random_batch(began.config), jax.random.key(1)
    gammas = jnp.array([0.3, 0.7])
    states = jax.vmap(lambda gamma: state.replace(hyper=state.hyper.replace(gamma=gamma)))(gammas)
    _, together = jax.jit(jax.vmap(began.algorithm.train_step, (0, None, None)))(states, batch, key)
    for index, gamma in enumerate(gammas):
        alone = began.step(state.replace(hyper=state.hyper.replace(gamma=gamma)), batch, key)[1]
        assert together["m"][index] == pytest.approx(float(alone["m"]), rel=1e-4)
    assert together["m"][0] != together["m"][1]
    assert began.step._cache_size() == 1


def test_learning_rates_fall_where_m_stalls():
    config = load("began", plateau_every=1, plateau_rtol=1.0, lr_g=0.01, lr_d=0.02)  # rtol 1: nothing is an improvement
    compiled = Compiled(config)
    state, rates = compiled.init(jax.random.key(0)), []
    for step in range(3):
        state, metrics = compiled.step(state, random_batch(config), jax.random.key(step))
        rates.append((float(metrics["lr_g"]), float(metrics["lr_d"])))
    assert rates == [pytest.approx((0.01, 0.02)), pytest.approx((0.009, 0.018)), pytest.approx((0.0081, 0.0162))]


def test_paper_variants():
    """Skip connections, vanishing residuals, uniform z, input noise, mirroring and the average, in one run."""
    config = load(
        "began",
        skip_connections=True,
        residual_steps=2,
        latent="uniform",
        data__noise=0.1,
        data__flip=True,
        ema_decay=0.5,
    )
    compiled = Compiled(config)
    state = compiled.init(jax.random.key(0))
    system = compiled.algorithm.init.__wrapped__.__self__
    assert [float(system.carry(state.replace(step=jnp.int32(step)))) for step in range(4)] == [1, 0.5, 0, 0]
    latent = compiled.algorithm.sample_latent(jax.random.key(1), 1000)
    assert -1 <= latent.min() < -0.99 and 0.99 < latent.max() <= 1
    before = state.generator
    state, metrics = compiled.step(state, random_batch(config), jax.random.key(2))
    assert all(np.isfinite(value) for value in metrics.values())
    expected = jax.tree.map(lambda old, new: (old + new) / 2, before.params, state.generator.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), state.generator.ema, expected)


@pytest.mark.parametrize("fields", [{"data__flip": True}, {"data__noise": 0.5}, {"latent": "uniform"}])
def test_each_variant_changes_the_step(began, fields):
    config = load("began", **fields)
    other = jax.jit(make(config).train_step)
    state, batch, key = began.init(jax.random.key(0)), random_batch(config), jax.random.key(1)
    state = state.replace(hyper=state.hyper.replace(noise=jnp.float32(config.data.noise)))
    plain, varied = began.step(state, batch, key)[1], other(state, batch, key)[1]
    assert plain["m"] != varied["m"]
