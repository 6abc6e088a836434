import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import Compiled, load, random_batch

from jaxgan import images
from jaxgan.algorithms import dcgan as dcgan_lib


def test_cross_entropy_by_hand():
    logits = jnp.array([0.0, np.log(3.0)])  # probabilities 1/2 and 3/4
    with jax.numpy_dtype_promotion("strict"):
        towards_real = jax.jit(dcgan_lib.cross_entropy)(logits, jnp.float32(1))
        towards_fake = jax.jit(dcgan_lib.cross_entropy)(logits, jnp.float32(0))
    assert towards_real == pytest.approx(-(np.log(1 / 2) + np.log(3 / 4)) / 2)
    assert towards_fake == pytest.approx(-(np.log(1 / 2) + np.log(1 / 4)) / 2)
    with pytest.raises(ValueError, match="logits"):
        dcgan_lib.cross_entropy(logits[:, None], 1.0)


def test_step_is_g_then_d_on_the_same_fakes(dcgan):
    """Against a plain reference with a pass of its own for each loss and the same dropout."""
    config, system = dcgan.config, dcgan.algorithm.init.__wrapped__.__self__
    state, batch, key = dcgan.init(jax.random.key(0)), random_batch(dcgan.config), jax.random.key(1)
    key_latent, _, _, key_label, key_real, key_fake = jax.random.split(key, 6)
    latent = jax.random.normal(key_latent, (config.batch_size, config.latent_dim))
    real = images.to_float(batch["image"])
    smoothed = 1 - config.label_smoothing * jax.random.uniform(key_label)
    g, d = state.generator, state.discriminator

    def draw(params):
        variables = {"params": params, "batch_stats": g.batch_stats}
        return system.generator.apply(variables, latent, train=True, mutable="batch_stats")[0]

    def bce(params, image, key, target):
        variables = {"params": params, "batch_stats": d.batch_stats}
        logits = system.discriminator.apply(variables, image, train=True, rngs={"dropout": key}, mutable="batch_stats")[
            0
        ]
        p = jax.nn.sigmoid(logits)
        return -jnp.mean(target * jnp.log(p) + (1 - target) * jnp.log(1 - p))

    fake = jax.jit(draw)(g.params)
    loss_of_g = lambda params: bce(d.params, draw(params), key_fake, 1.0)
    loss_of_d = lambda params: (bce(params, real, key_real, smoothed) + bce(params, fake, key_fake, 0.0)) / 2
    loss_g, grads_g = jax.jit(jax.value_and_grad(loss_of_g))(g.params)
    loss_d, grads_d = jax.jit(jax.value_and_grad(loss_of_d))(d.params)

    after, metrics = dcgan.step(state, batch, key)
    assert metrics["loss_g"] == pytest.approx(float(loss_g), rel=1e-5)
    assert metrics["loss_d"] == pytest.approx(float(loss_d), rel=1e-5)
    assert 0.9 <= smoothed <= 1
    # Adam's first moment after one step is (1 - b1) times the gradient.
    for network, grads in ((after.generator, grads_g), (after.discriminator, grads_d)):
        scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(grads))
        moments = optax.tree.get(network.opt_state, "mu")
        for mu, grad in zip(jax.tree.leaves(moments), jax.tree.leaves(grads), strict=True):
            np.testing.assert_allclose(2 * mu, grad, atol=1e-4 * scale)


def test_batch_statistics_of_real_and_fake_stay_apart(dcgan):
    """Running statistics take both in turn, with momentum 0.9 each."""
    state = dcgan.init(jax.random.key(0))
    after, _ = dcgan.step(state, random_batch(dcgan.config), jax.random.key(1))
    variance = after.discriminator.batch_stats["BatchNorm_0"]["var"]
    assert jnp.all(variance < 1)
    assert jnp.all(variance >= 0.9**2)  # 1 decayed twice, plus what was seen
    mean = after.generator.batch_stats["BatchNorm_0"]["mean"]
    assert jnp.any(mean != 0)


def test_sampling_uses_running_statistics(dcgan):
    """An image does not depend on its neighbours."""
    state = dcgan.init(jax.random.key(0))
    latent = dcgan.algorithm.sample_latent(jax.random.key(1), 4)
    alone, together = dcgan.algorithm.generate(state, latent[:1]), dcgan.algorithm.generate(state, latent)
    np.testing.assert_allclose(alone[0], together[0], atol=1e-5)


def test_learning_rate_falls_by_steps():
    config = load("dcgan", lr_decay_every=2, dropout=0.0, ema_decay=0.9, data__noise=0.1, data__flip=True)
    compiled = Compiled(config)
    state, rates = compiled.init(jax.random.key(0)), []
    for step in range(3):
        state, metrics = compiled.step(state, random_batch(config), jax.random.key(step))
        rates.append(float(metrics["lr_g"]))
    assert rates == pytest.approx([4e-4, 4e-4, 4e-5])
    assert state.generator.ema is not None
