import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from support import Compiled, load, random_batch

from jaxgan import algorithms, images
from jaxgan.algorithms import cyclegan
from jaxgan.algorithms.cyclegan import Pool, exchange
from jaxgan.errors import UserError

PLAIN = {"batch_size": 2, "pool": 0, "data__flip": False, "identity": 0.5}


@pytest.fixture(scope="module")
def compiled():
    return Compiled(load("sketch2toon", **PLAIN, ema_decay=0.5))


def numbered(*numbers):
    """Images that are one number each."""
    return jnp.full((len(numbers), 2, 2, 1), jnp.asarray(numbers, jnp.float32)[:, None, None, None])


def numbers(image):
    return image[:, 0, 0, 0].tolist()


def test_a_pool_is_filled_then_shows_old_images_in_the_place_of_half_of_the_new():
    shown_old = []
    pool, shown = exchange(Pool(numbered(0, 0, 0), jnp.int32(0)), numbered(1, 2), jax.random.key(0))
    assert numbers(shown) == [1, 2]
    assert (numbers(pool.image), int(pool.count)) == ([1, 2, 0], 2)
    pool, shown = exchange(pool, numbered(3), jax.random.key(0))
    assert (numbers(pool.image), numbers(shown)) == ([1, 2, 3], [3])
    for step in range(60):
        before, new = numbers(pool.image), 10.0 + step
        pool, shown = exchange(pool, numbered(new), jax.random.key(step))
        (seen,), after = numbers(shown), numbers(pool.image)
        if seen == new:
            assert after == before
        else:  # what is shown has made room
            assert after == [new if number == seen else number for number in before]
            shown_old.append(before.index(seen))
        assert int(pool.count) == 3
    assert 18 <= len(shown_old) <= 42  # of 60, three deviations about one half
    assert set(shown_old) == {0, 1, 2}


def test_an_image_can_come_back_within_a_batch():
    """One after the other: the second may be shown the first, which took an old one's place."""
    results = set()
    for seed in range(40):
        _, shown = exchange(Pool(numbered(0), jnp.int32(1)), numbered(1, 2), jax.random.key(seed))
        results.add(tuple(numbers(shown)))
    assert results == {(1, 2), (0, 2), (1, 0), (0, 1)}


def test_without_a_pool_fakes_are_shown_as_they_are():
    pool, shown = exchange(None, numbered(4, 5), jax.random.key(0))
    assert (pool, numbers(shown)) == (None, [4, 5])


def plain_step(system, config):
    """CycleGAN as its authors wrote it: both generators by one optimizer, then each critic on these fakes."""
    adam = [optax.adam(rate, config.adam_b1, config.adam_b2) for rate in (config.lr_g, config.lr_d)]
    generate = lambda params, image: system.generator.apply({"params": params}, image)
    judge = lambda params, image: system.critic.apply({"params": params}, image)
    apart = lambda image, other: jnp.abs(image - other).mean()

    def step(g, d, opt_g, opt_d, batch):
        a, b = (images.to_float(batch[name]) for name in ("source", "image"))

        def loss_g(g):
            fake_b, fake_a = generate(g["ab"], a), generate(g["ba"], b)
            fooled = ((judge(d["b"], fake_b) - 1) ** 2).mean() + ((judge(d["a"], fake_a) - 1) ** 2).mean()
            cycles = apart(generate(g["ba"], fake_b), a) + apart(generate(g["ab"], fake_a), b)
            same = apart(generate(g["ab"], b), b) + apart(generate(g["ba"], a), a)
            return fooled + config.cycle * cycles + config.cycle * config.identity * same

        fakes, reals = {"a": generate(g["ba"], b), "b": generate(g["ab"], a)}, {"a": a, "b": b}

        def loss_d(params, side):
            right = ((judge(params, reals[side]) - 1) ** 2).mean() + (judge(params, fakes[side]) ** 2).mean()
            return right / 2

        value_g, grads_g = jax.value_and_grad(loss_g)(g)
        values_d, grads_d = zip(*(jax.value_and_grad(loss_d)(d[side], side) for side in "ab"), strict=True)
        updates_g, opt_g = adam[0].update(grads_g, opt_g)
        updates_d, opt_d = adam[1].update(dict(zip("ab", grads_d, strict=True)), opt_d)
        losses = value_g, sum(values_d)
        return optax.apply_updates(g, updates_g), optax.apply_updates(d, updates_d), opt_g, opt_d, losses

    return jax.jit(step), adam


def test_a_step_is_the_authors():
    config = load("sketch2toon", **PLAIN, lr_g=0.01, lr_d=0.02, lr_fall_steps=0)
    ours = Compiled(config)
    system = cyclegan.make(config).init.__self__
    reference, adam = plain_step(system, config)
    state = ours.init(jax.random.key(0))
    g = {"ab": state.generator_ab.params, "ba": state.generator_ba.params}
    d = {"a": state.critic_a.params, "b": state.critic_b.params}
    opt_g, opt_d = adam[0].init(g), adam[1].init(d)
    for step in range(2):
        batch = random_batch(config, step)
        g, d, opt_g, opt_d, losses = reference(g, d, opt_g, opt_d, batch)
        state, metrics = ours.step(state, batch, jax.random.key(step))
        assert metrics["loss_g"] == pytest.approx(float(losses[0]), rel=2e-4)
        assert metrics["loss_d"] == pytest.approx(float(losses[1]), rel=2e-4)
    found = {"ab": state.generator_ab, "ba": state.generator_ba}, {"a": state.critic_a, "b": state.critic_b}
    for theirs, networks in zip((g, d), found, strict=True):
        for side, network in networks.items():
            difference = jax.tree.map(lambda x, y: jnp.abs(x - y).mean(), network.params, theirs[side])
            assert max(jax.tree.leaves(difference)) < 1e-3  # a step moves a weight by 0.01


def test_parts_of_the_loss(compiled):
    """Each is told apart by its weight."""
    state, batch, key = compiled.init(jax.random.key(0)), random_batch(compiled.config), jax.random.key(1)
    metrics = compiled.step(state, batch, key)[1]
    parts = metrics["loss_adversarial"] + 10 * (metrics["loss_cycle"] + 0.5 * metrics["loss_identity"])
    assert metrics["loss_g"] == pytest.approx(float(parts), rel=1e-5)
    light = state.replace(hyper=state.hyper.replace(cycle=jnp.float32(1), paired=jnp.float32(3)))
    lighter = compiled.step(light, batch, key)[1]
    a, b = (images.to_float(batch[name]) for name in ("source", "image"))
    plain = compiled.algorithm.translate
    state = state.replace(**{name: getattr(state, name).replace(ema=None) for name in ("generator_ab", "generator_ba")})
    pairs = jnp.abs(plain(state, a, "ab") - b).mean() + jnp.abs(plain(state, b, "ba") - a).mean()
    rest = lighter["loss_adversarial"] + lighter["loss_cycle"] + 0.5 * lighter["loss_identity"]
    assert lighter["loss_g"] == pytest.approx(float(rest + 3 * pairs), rel=1e-4)


def test_translations_are_those_of_the_average(compiled):
    state = compiled.init(jax.random.key(0))
    image = images.to_float(random_batch(compiled.config)["source"])
    translate = jax.jit(compiled.algorithm.translate, static_argnums=2)
    there, back = translate(state, image, "ab"), translate(state, image, "ba")
    assert there.shape == back.shape == image.shape
    assert np.abs(there).max() <= 1
    assert not np.allclose(there, back)
    other = state.generator_ab.replace(params=state.generator_ba.params)
    np.testing.assert_array_equal(translate(state.replace(generator_ab=other), image, "ab"), there)
    other = state.generator_ab.replace(ema=state.generator_ba.ema)
    np.testing.assert_allclose(translate(state.replace(generator_ab=other), image, "ab"), back, atol=1e-6)
    with pytest.raises(UserError, match="direction=ac: it is one of ab, ba"):
        translate(state, image, "ac")


def test_what_it_shows(compiled):
    state = compiled.init(jax.random.key(0))
    batch = random_batch(compiled.config)
    a, b = (images.to_float(batch[name]) for name in ("source", "image"))
    shown = compiled.algorithm.show(state, b, a)
    assert list(shown) == ["a", "a to b", "back to a", "b", "b to a", "back to b"]
    np.testing.assert_array_equal(shown["a"], a)
    np.testing.assert_allclose(
        shown["back to a"], compiled.algorithm.translate(state, shown["a to b"], "ba"), atol=1e-5
    )
    np.testing.assert_allclose(shown["b to a"], compiled.algorithm.translate(state, b, "ba"), atol=1e-5)


OPTIONS = [{"r1": 1.0}, {"diffaugment": True}, {"cycle_steps": 10, "cycle_end": 1.0}, {"data__load_size": 36}]


@pytest.mark.parametrize(
    "fields",
    [{name: value for fields in OPTIONS for name, value in fields.items()}]
    + [pytest.param(fields, marks=pytest.mark.slow) for fields in OPTIONS],
    ids=["all", *(next(iter(fields)) for fields in OPTIONS)],
)
def test_options_change_the_step_and_nothing_else(compiled, fields):
    config = load("sketch2toon", **PLAIN, ema_decay=0.5, **fields)
    state = compiled.init(jax.random.key(0)).replace(step=jnp.int32(2))
    state = state.replace(hyper=algorithms.make(config).init.__wrapped__.__self__.hyper())
    batch, key = random_batch(config), jax.random.key(1)
    usual, varied = compiled.step(state, batch, key), jax.jit(algorithms.make(config).train_step)(state, batch, key)
    assert jax.tree.structure(usual) == jax.tree.structure(varied)
    assert all(np.isfinite(value) for value in varied[1].values())
    name = "loss_d" if "r1" in fields else "loss_g"
    assert usual[1][name] != varied[1][name]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"data__load_size": 16}, "data.load_size=16: it is from data.image_size=32 to one and a half of that, or 0"),
        ({"data__load_size": 49}, "data.load_size=49: it is from data.image_size=32 to one and a half of that, or 0"),
        ({"paired": 1.0}, "paired=1.0: batches hold partners with data.paired=True only"),
        ({"data__image_size": 48}, "data.image_size=48: images are square, their side is one of 32, 64, 128, 256"),
        ({"blocks": 0}, "blocks=0"),
        ({"critic_halvings": 5}, "critic_halvings=5: that leaves no patch of 32 pixels"),
        ({"data__a__fit": "stretch"}, "data.a.fit=stretch: it is one of crop, pad"),
        ({"data__a__limit": 0}, "data.a.limit=0"),
    ],
)
def test_fields_that_cannot_be_meant(fields, said):
    with pytest.raises(UserError, match=said):
        load("sketch2toon", **fields)


def test_the_critics_patches():
    """By the slope of one score, with nothing normalised, as that sees whole images: 16, 34 and 70 pixels."""
    from jaxgan.models import cyclegan as models

    class Nothing(models.InstanceNorm):
        def __call__(self, x):
            return x

    kept = models.InstanceNorm
    models.InstanceNorm = Nothing
    try:
        for halvings, side in ((1, 16), (2, 34), (3, 70)):
            critic, image = models.Critic(4, halvings), jax.random.normal(jax.random.key(0), (1, 96, 96, 1))
            params = critic.init(jax.random.key(1), image)
            middle = lambda image, critic=critic, params=params: critic.apply(params, image)[0, 5, 5, 0]
            rows = np.flatnonzero(np.asarray(jax.grad(middle)(image))[0, :, :, 0].any(1))
            whole = critic.apply(params, image).shape[1]
            assert rows[-1] - rows[0] + 1 == side
            assert whole == {1: 46, 2: 22, 3: 10}[halvings]
    finally:
        models.InstanceNorm = kept


def test_learning_rates_fall():
    """Held for 3 steps, then in 30 to 0: at step 18 they are halved, and so is what a weight is moved by."""
    compiled = Compiled(load("sketch2toon", **PLAIN, lr_g=0.01, lr_d=0.02))
    state = compiled.init(jax.random.key(0))
    batch, key = random_batch(compiled.config), jax.random.key(1)
    (first, rates), (later, halved) = (
        compiled.step(state.replace(step=jnp.int32(step)), batch, key) for step in (0, 18)
    )
    assert (rates["lr_g"], rates["lr_d"]) == (pytest.approx(0.01), pytest.approx(0.02))
    assert (halved["lr_g"], halved["lr_d"]) == (pytest.approx(0.005), pytest.approx(0.01))
    for name in ("generator_ab", "generator_ba", "critic_a", "critic_b"):
        moved = [
            jax.tree.map(lambda after, before: after - before, getattr(after, name).params, getattr(state, name).params)
            for after in (first, later)
        ]
        for whole, half in zip(*map(jax.tree.leaves, moved), strict=True):
            np.testing.assert_allclose(half, whole / 2, atol=1e-6)


def test_each_domain_has_its_pool_and_critics_see_what_that_shows():
    """First what was just translated; a full pool shows some of what it held, here as dark as can be."""
    config = load("sketch2toon", **PLAIN | {"pool": 4})
    system = cyclegan.make(config).init.__self__
    step = jax.jit(system.train_step)
    state, batch, key = jax.jit(system.init)(jax.random.key(0)), random_batch(config), jax.random.key(1)
    after, metrics = step(state, batch, key)
    for pool, params, name in (
        (after.pool_a, state.generator_ba.params, "image"),
        (after.pool_b, state.generator_ab.params, "source"),
    ):
        fakes = system.apply(params, images.to_float(batch[name]))
        assert int(pool.count) == 2
        np.testing.assert_allclose(pool.image[:2], fakes, atol=1e-5)
    dark = Pool(jnp.full((4, 32, 32, 3), -1.0), jnp.int32(4))
    shown = step(state.replace(pool_a=dark, pool_b=dark), batch, key)[1]
    assert shown["loss_g"] == metrics["loss_g"]
    assert shown["loss_d"] != metrics["loss_d"]


def test_upsampling_and_then_convolving():
    algorithm = algorithms.make(load("sketch2toon", upsampling="nearest"))
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    image = jax.ShapeDtypeStruct((2, 32, 32, 3), np.float32)
    assert jax.eval_shape(lambda state, image: algorithm.translate(state, image, "ab"), state, image) == image


def test_no_two_leaves_share_a_buffer(compiled):
    """As steps take the state's memory over."""
    leaves = jax.tree.leaves(compiled.init(jax.random.key(0)))
    assert len({leaf.unsafe_buffer_pointer() for leaf in leaves}) == len(leaves)


def test_an_images_translation_does_not_depend_on_its_neighbours(compiled):
    state = compiled.init(jax.random.key(0))
    image = images.to_float(random_batch(compiled.config)["source"])
    translate = functools.partial(compiled.algorithm.translate, state)
    np.testing.assert_allclose(translate(image, "ab")[1:], translate(image[1:], "ab"), atol=1e-5)


def test_partners_stay_partners_when_they_are_mirrored_and_cut():
    """What leaves images as they are has no error where each image is its own partner."""
    config = load("sketch2toon", data__paired=True, data__load_size=40, paired=1.0)
    system = cyclegan.make(config).init.__self__
    system = dataclasses.replace(system, generator=Unchanged(), config=config)
    state, batch = jax.jit(system.init)(jax.random.key(0)), random_batch(config)
    batch["source"] = batch["image"]
    plain = jax.jit(lambda state, key: system.train_step(state, batch, key)[1])(state, jax.random.key(1))
    assert plain["loss_g"] == pytest.approx(float(plain["loss_adversarial"]), rel=1e-6)


class Unchanged(nn.Module):
    """A generator that does nothing."""

    @nn.compact
    def __call__(self, images):
        return images + 0 * self.param("kernel", nn.initializers.zeros, ())


def test_r1_by_hand():
    """A critic whose score of each of two patches is w times the image's mean has slopes w / 3072."""
    config = load("sketch2toon", r1=4.0)
    system = dataclasses.replace(cyclegan.make(config).init.__self__, critic=Mean(), config=config)
    state = jax.eval_shape(system.init, jax.random.key(0)).replace(hyper=system.hyper())
    image, params = jnp.zeros((2, 32, 32, 3)), {"weight": jnp.float32(3)}
    with_r1 = system.loss_d(params, state, image, image, jax.random.key(0))
    assert with_r1 == pytest.approx(1 / 2 + 4 / 2 * 3072 * (3 / 3072) ** 2, rel=1e-5)


class Mean(nn.Module):
    """A critic that sees how bright an image is."""

    @nn.compact
    def __call__(self, images):
        weight = self.param("weight", nn.initializers.ones, ())
        return jnp.broadcast_to(weight * images.mean((1, 2, 3), keepdims=True), (len(images), 1, 2, 1))


def test_the_cycles_weight_is_annealed(compiled):
    """From 10 to 2 in 8 steps: at the fourth it is 6."""
    config = load("sketch2toon", **PLAIN, ema_decay=0.5, cycle_end=2.0, cycle_steps=8)
    system = cyclegan.make(config).init.__self__
    state = compiled.init(jax.random.key(0)).replace(step=jnp.int32(4), hyper=system.hyper())
    batch = random_batch(config)
    a, b = (images.to_float(batch[name]) for name in ("source", "image"))
    params = (state.generator_ab.params, state.generator_ba.params)
    loss, (_, parts) = jax.jit(lambda params: system.loss_g(params, state, a, b, jax.random.key(1)))(params)
    whole = parts["loss_adversarial"] + 6 * (parts["loss_cycle"] + 0.5 * parts["loss_identity"])
    assert loss == pytest.approx(float(whole), rel=1e-5)
