import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import Compiled, load, random_batch

from jaxgan import algorithms, images
from jaxgan.algorithms import r3gan as r3gan_lib
from jaxgan.augmentation import adaptive
from jaxgan.errors import UserError


@pytest.fixture(scope="module")
def plain():
    return Compiled(load("r3gan", altered=0.0, altered_end=0.0, num_classes=0, schedule_steps=0))


def test_the_loss_by_hand():
    better, worse = jnp.array([1.0, 0.0]), jnp.array([0.0, 2.0])
    expected = (np.log1p(np.exp(-1)) + np.log1p(np.exp(2))) / 2
    assert r3gan_lib.relativistic(better, worse) == pytest.approx(expected)


def test_a_step_is_one_of_d_with_both_penalties_and_then_one_of_g(plain):
    """Against plain losses with a penalty for each set of images, and pairs of altered real images and fakes."""
    system = plain.algorithm.init.__wrapped__.__self__
    config, batch, key = plain.config, random_batch(plain.config), jax.random.key(1)
    state, altered = plain.init(jax.random.key(0)), jnp.float32(0.5)
    state = state.replace(hyper=state.hyper.replace(altered=altered))
    real = images.to_float(batch["image"])
    _, key_d, key_g = jax.random.split(key, 3)
    after, metrics = plain.step(state, batch, key)

    def draw(params, key):
        latent = jax.random.normal(jax.random.split(key)[0], (config.batch_size, config.latent_dim))
        return system.generator.apply({"params": params}, latent)

    def judge(params, key, image):
        return system.discriminator.apply({"params": params}, adaptive(key, image, altered))

    def keys_altered(key):
        """For real images and for fakes."""
        return jax.random.split(jax.random.split(jax.random.split(key)[1], 1)[0])

    def loss_d(params):
        pairs = list(zip(keys_altered(key_d), (real, draw(state.generator.params, key_d)), strict=True))
        slopes = [jax.grad(lambda image, key=key: judge(params, key, image).sum())(image) for key, image in pairs]
        penalty = config.r1 / 2 * sum(jnp.mean(jnp.sum(slope**2, (1, 2, 3))) for slope in slopes)
        of_real, of_fake = (judge(params, *pair) for pair in pairs)
        loss = jnp.mean(-jnp.log(jax.nn.sigmoid(of_real - of_fake)))
        return loss + penalty, loss

    def loss_g(params):
        key_real, key_fake = keys_altered(key_g)
        judged = after.discriminator.params
        difference = judge(judged, key_fake, draw(params, key_g)) - judge(judged, key_real, real)
        return jnp.mean(-jnp.log(jax.nn.sigmoid(difference)))

    grads_d, of_d = jax.jit(jax.grad(loss_d, has_aux=True))(state.discriminator.params)
    of_g, grads_g = jax.jit(jax.value_and_grad(loss_g))(state.generator.params)
    assert metrics["loss_d"] == pytest.approx(float(of_d), rel=1e-5)
    assert metrics["loss_g"] == pytest.approx(float(of_g), rel=1e-5)
    for network, grads in ((after.discriminator, grads_d), (after.generator, grads_g)):
        scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(grads))
        moments = optax.tree.get(network.opt_state, "mu")  # with b1 = 0 they are the gradient
        check = lambda mu, grad, scale=scale: np.testing.assert_allclose(mu, grad, atol=1e-3 * scale)
        jax.tree.map(check, moments, grads)


def test_what_is_on_a_schedule_goes_along_half_a_cosine():
    system = r3gan_lib.make(load("r3gan", schedule_steps=100)).init.__self__
    state = system.init(jax.random.key(0))
    hyper, at = state.hyper, lambda step: system.rates(state.replace(step=jnp.int32(step)))
    for step, share in ((0, 0), (25, (1 - 0.5**0.5) / 2), (50, 0.5), (100, 1), (500, 1)):
        rates = at(step)
        along = lambda first, last, share=share: pytest.approx(float(first + share * (last - first)), rel=1e-5)
        assert rates.scale == along(1, hyper.lr_end)
        assert rates.b2 == along(hyper.adam_b2, hyper.adam_b2_end)
        assert rates.penalty == along(hyper.r1, hyper.r1_end)
        assert rates.altered == along(hyper.altered, hyper.altered_end)
    # After as many images as its half-life has, what was in the average counts half.
    steps = hyper.ema_images_end / system.config.batch_size
    assert at(100).ema_decay ** steps == pytest.approx(0.5, rel=0.03)  # a float32 so near to 1 has few digits


def test_images_lie_between_black_and_white(plain):
    state = plain.init(jax.random.key(0))
    longer = state.generator.replace(ema=jax.tree.map(lambda leaf: 3 * leaf, state.generator.ema))
    drawn = plain.generate(state.replace(generator=longer), plain.algorithm.sample_latent(jax.random.key(1), 4))
    assert (drawn.min(), drawn.max()) == (-1, 1)


@pytest.mark.slow  # BigGAN's holds what they share
def test_parts_of_a_batch_and_features_computed_anew_change_nothing(plain):
    state, batch = plain.init(jax.random.key(0)), random_batch(plain.config)
    expected = plain.step(state, batch, jax.random.key(1))
    fields = {"altered": 0.0, "altered_end": 0.0, "num_classes": 0, "schedule_steps": 0, "accumulate": 2, "remat": True}
    found = Compiled(load("r3gan", **fields)).step(state, batch, jax.random.key(1))
    for name, value in expected[1].items():
        assert found[1][name] == pytest.approx(float(value), rel=1e-4)
    for name in ("generator", "discriminator"):
        moments = [optax.tree.get(getattr(after, name).opt_state, "mu") for after, _ in (found, expected)]
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-5), *moments)


@pytest.mark.parametrize(("width", "group", "side"), [(8, 3, 4), (2, 1, 128)])
def test_channels_that_do_not_fall_into_groups_are_a_line(width, group, side):
    with pytest.raises(UserError, match=f"width={width}: .* at {side} px, no multiple of group={group}"):
        algorithms.make(load("r3gan", width=width, group=group, data__image_size=128))
