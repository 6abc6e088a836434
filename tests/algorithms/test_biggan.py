import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import Compiled, load, random_batch

from jaxgan import algorithms, images
from jaxgan.algorithms import biggan as biggan_lib
from jaxgan.augmentation import adaptive
from jaxgan.errors import UserError
from jaxgan.models import spectral


@pytest.fixture(scope="module")
def plain():
    """Without penalty and attention; images are altered where a test puts a probability in the state."""
    fields = {"lr_hold_steps": 2, "lr_fall_steps": 4, "ada_target": 0.6, "ada_images": 64}
    return Compiled(load("biggan", minibatch_std=False, attention=0, ema_decay=0.5, **fields))


def parts(compiled):
    """The system, a state and a batch."""
    system = compiled.algorithm.init.__wrapped__.__self__
    return system, compiled.init(jax.random.key(0)), random_batch(compiled.config)


def test_hinge_losses_by_hand():
    scores = jnp.array([-2.0, 0.5, 3.0])
    assert biggan_lib.hinge_real(scores) == pytest.approx((3 + 0.5 + 0) / 3)
    assert biggan_lib.hinge_fake(scores) == pytest.approx((0 + 1.5 + 4) / 3)


def test_a_step_is_d_steps_of_d_and_then_one_of_g(plain):
    """Against plain losses, with one update after the other: D sees altered images, G learns from the better half.

    The target is so low that the probability falls by the signs of real images alone, and would rise by those of fakes.
    """
    system, state, batch = parts(plain)
    config, key, target, altered = plain.config, jax.random.key(1), -0.6, 0.5
    hyper = state.hyper.replace(top_share=jnp.float32(0.5), ada_target=jnp.float32(target))
    state = state.replace(altered=jnp.float32(altered), hyper=hyper)
    after, metrics = plain.step(state, batch, key)

    def normalized(params, vectors):
        return spectral.normalize(params, vectors)[0]

    def draw(params, key, label):
        latent = jax.random.normal(key, (config.batch_size, config.latent_dim))
        weights = normalized(params, state.generator.singular)
        return system.generator.apply({"params": weights}, latent, label, train=True, mutable="batch_stats")[0]

    def judge(params, vectors, image, label):
        return system.discriminator.apply({"params": normalized(params, vectors)}, image, label)

    @jax.jit
    def step_d(params, vectors, moments, altered, image, label, key):
        key_latent, _, key_altered = jax.random.split(key, 3)
        fake = draw(state.generator.params, key_latent, label)
        keys = jax.random.split(jax.random.split(key_altered, 1)[0])
        seen = [adaptive(*pair, altered) for pair in zip(keys, (images.to_float(image), fake), strict=True)]

        def loss(params):
            real, drawn = (judge(params, vectors, image, label) for image in seen)
            return jnp.maximum(0, 1 - real).mean() + jnp.maximum(0, 1 + drawn).mean(), (real, drawn)

        (value, scores), grads = jax.value_and_grad(loss, has_aux=True)(params)
        steps, moments = optax.scale_by_adam(config.adam_b1, config.adam_b2).update(grads, moments)
        params_after = jax.tree.map(lambda param, step: param - config.lr_d * step, params, steps)
        return params_after, spectral.normalize(params, vectors)[1], moments, value, scores

    d, vectors, moments = (getattr(state.discriminator, name) for name in ("params", "singular", "opt_state"))
    key_g, *keys_d = jax.random.split(key, 3)
    for number, key_d in enumerate(keys_d):
        of_part = [batch[name][number::2] for name in ("image", "label")]
        d, vectors, moments, value, scores = step_d(d, vectors, moments, altered, *of_part, key_d)
        of_real, of_fake = (jnp.sign(score).mean() for score in scores)
        assert of_real < target < of_fake
        altered -= config.batch_size / config.ada_images
    assert metrics["loss_d"] == pytest.approx(float(value), rel=1e-4)
    assert after.altered == metrics["altered"] == pytest.approx(altered)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), after.discriminator.params, d)

    key_latent, key_altered = jax.random.split(key_g)

    def loss_g(params):
        fake = draw(params, key_latent, batch["label"][1::2])
        fake = adaptive(jax.random.split(key_altered, 1)[0], fake, altered)
        loss = -jnp.sort(judge(d, vectors, fake, batch["label"][1::2]))[config.batch_size // 2 :].mean()
        return loss + config.orthogonal * spectral.orthogonality(params), loss

    grads, loss = jax.jit(jax.grad(loss_g, has_aux=True))(state.generator.params)
    assert metrics["loss_g"] == pytest.approx(float(loss), rel=1e-4)
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(grads))
    moments = optax.tree.get(after.generator.opt_state, "mu")  # with b1 = 0 they are the gradient
    jax.tree.map(lambda mu, grad: np.testing.assert_allclose(mu, grad, atol=1e-3 * scale), moments, grads)


def test_weights_are_averaged_from_ema_start_on(plain):
    """Before it, at step 0, the average is what the weights have become; at step 1 it is the mean of both."""
    _, state, batch = parts(plain)
    first, _ = plain.step(state, batch, jax.random.key(1))
    jax.tree.map(np.testing.assert_array_equal, first.generator.ema, first.generator.params)
    second, _ = plain.step(first, batch, jax.random.key(2))
    mean = jax.tree.map(lambda a, b: (a + b) / 2, first.generator.params, second.generator.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), second.generator.ema, mean)


def test_a_labels_embedding_begins_as_kernels_do(plain):
    """With BigGAN's initialisation its columns are orthonormal, where there are more classes than columns."""
    embedding = parts(plain)[1].generator.params["Embed_0"]["embedding"]
    np.testing.assert_allclose(embedding.T @ embedding, np.eye(plain.config.embedding), atol=1e-5)


def test_rates_are_held_and_then_fall(plain):
    _, state, batch = parts(plain)
    rates = []
    for step in (0, 2, 4, 6):
        before = state.replace(step=jnp.int32(step))
        after, metrics = plain.step(before, batch, jax.random.key(1))
        rates.append(metrics["lr_g"] / plain.config.lr_g)
    assert rates == pytest.approx([1, 1, 0.5, 0])
    jax.tree.map(np.testing.assert_array_equal, after.generator.params, before.generator.params)
    jax.tree.map(np.testing.assert_array_equal, after.discriminator.params, before.discriminator.params)


def test_labels_are_drawn_as_often_as_training_saw_them(plain):
    system, state, batch = parts(plain)
    batch |= {"label": jnp.array([3] * 12 + [7] * 4)}
    after, _ = plain.step(state, batch, jax.random.key(1))
    assert after.labels.tolist() == [0, 0, 0, 12, 0, 0, 0, 4, 0, 0]
    state = state.replace(labels=1e6 * after.labels)
    drawn = np.asarray(system.sample_label(state, jax.random.key(2), 2000))
    assert set(drawn.tolist()) == {3, 7}
    assert np.mean(drawn == 3) == pytest.approx(0.75, abs=0.03)


def test_images_are_normalised_by_standing_statistics(plain):
    """They are those of averaged weights, a mean over many batches; an image does not depend on its neighbours."""
    system, state, batch = parts(plain)
    after, _ = plain.step(state.replace(step=jnp.int32(1)), batch, jax.random.key(1))
    settled = jax.jit(system.settle)(after)
    batches, size = biggan_lib.STANDING
    weights, _ = spectral.normalize(after.generator.ema, after.generator.singular)
    seen = []
    for key in jax.random.split(jax.random.key(0), batches):
        key_latent, key_label = jax.random.split(key)
        given = system.sample_latent(key_latent, size), system.sample_label(after, key_label, size)
        _, kept = system.generator.apply({"params": weights}, *given, train=True, mutable="batch_stats")
        seen.append(kept["batch_stats"]["UpBlock_1"]["BatchNorm_0"])
    found = settled.generator.batch_stats["UpBlock_1"]["BatchNorm_0"]
    for name in ("mean", "var"):
        np.testing.assert_allclose(found[name], np.mean([one[name] for one in seen], 0), rtol=1e-3, atol=1e-5)
    latent, label = system.sample_latent(jax.random.key(3), 4), jnp.array([1, 2, 3, 4])
    together, alone = plain.generate(settled, latent, label), plain.generate(settled, latent[:1], label[:1])
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)
    np.testing.assert_allclose(plain.generate(after, latent, label), together, atol=1e-5)
    assert not np.allclose(plain.generate(settled, latent, label[::-1]), together, atol=1e-3)


def test_parts_of_a_batch_and_features_computed_anew_change_nothing(plain):
    """But that G normalises each part by itself: its gradient is the mean of theirs."""
    system, state, batch = parts(plain)
    state = state.replace(altered=None)
    usual = {"minibatch_std": False, "attention": 0, "ema_decay": 0.5, "d_steps": 1}
    one, other = (Compiled(load("biggan", **usual, **more)) for more in ({}, {"accumulate": 4, "remat": True}))
    first = jax.tree.map(lambda array: array[:8], batch)
    expected, found = (compiled.step(state, first, jax.random.key(1)) for compiled in (one, other))
    of_d = [optax.tree.get(after.discriminator.opt_state, "mu") for after, _ in (found, expected)]
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(of_d))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4 * scale), *of_d)
    for name in ("loss_d", "critic_real", "critic_fake"):
        assert found[1][name] == pytest.approx(float(expected[1][name]), rel=1e-4)
    of_g = optax.tree.get(found[0].generator.opt_state, "mu")
    of_parts = mean_of_parts(system, state, expected[0].discriminator, first["label"])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), of_g, of_parts)


def mean_of_parts(system, state, discriminator, label):
    """G's gradient, by every fourth latent and label."""
    latent = system.sample_latent(jax.random.split(jax.random.split(jax.random.key(1), 2)[0])[0], 8)
    judge, _ = spectral.normalize(discriminator.params, discriminator.singular)

    def loss(params, latent, label):
        weights, _ = spectral.normalize(params, state.generator.singular)
        fake, _ = system.generator.apply({"params": weights}, latent, label, train=True, mutable="batch_stats")
        return -system.discriminator.apply({"params": judge}, fake, label).mean()

    params = state.generator.params
    gradient = jax.jit(jax.grad(loss))
    grads = [gradient(params, latent[part::4], label[part::4]) for part in range(4)]
    towards = jax.grad(lambda params: system.config.orthogonal * spectral.orthogonality(params))(params)
    return jax.tree.map(lambda more, *parts: sum(parts) / 4 + more, towards, *grads)


def test_the_penalty_comes_at_every_second_step_and_twice_as_large():
    """Its share of D's first gradient, by the second moment of Adam with b1 = 0."""
    lazy, eager, none = (
        Compiled(load("biggan", attention=0, d_steps=1, num_classes=0, **fields))
        for fields in ({"r1": 1.0, "r1_every": 2}, {"r1": 2.0, "r1_every": 1}, {"r1": 0.0})
    )
    state, batch, key = lazy.init(jax.random.key(0)), random_batch(lazy.config), jax.random.key(1)

    def gradient(compiled, step):
        begun = state.replace(step=jnp.int32(step), hyper=state.hyper.replace(r1=jnp.float32(compiled.config.r1)))
        after, _ = compiled.step(begun, batch, key)
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(optax.tree.get(after.discriminator, "mu"))])

    with_it, without = gradient(eager, 0), gradient(none, 0)
    assert jnp.linalg.norm(with_it - without) > 0.01 * jnp.linalg.norm(without)
    for step, expected in ((0, with_it), (1, without), (2, with_it)):
        np.testing.assert_allclose(gradient(lazy, step), expected, atol=1e-4 * float(jnp.abs(with_it).max()))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"attention": 32, "critic_end": 4}, r"attention=32: the features of both networks have sides \[16, 8\]; or 0"),
        ({"attention": 16, "width": 1}, "width=1: attention takes features of 8 channels or more"),
        ({"critic_end": 2}, r"critic_end=2: it is one of \[16, 8, 4\]"),
        ({"latent_dim": 9}, "latent_dim=9: with skip_latent it is a multiple of 4"),
        ({"accumulate": 3}, "accumulate=3: batch_size=8 is no multiple of it"),
    ],
)
def test_what_does_not_fit_is_a_line(fields, said):
    with pytest.raises(UserError, match=said):
        algorithms.make(load("biggan", **fields))
