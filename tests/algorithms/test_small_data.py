"""What keeps a discriminator from knowing a small set by heart, in the algorithms that have it as options."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import Compiled, load, random_batch

from jaxgan import images
from jaxgan.algorithms.began import energy
from jaxgan.errors import UserError

FEW = {"d_steps": 1, "attention": 0}  # of BigGAN's parts, for programs that compile sooner
BIGGAN = pytest.param("biggan", marks=pytest.mark.slow)  # test_biggan.py holds its arithmetic


@pytest.fixture(scope="module", params=["dcgan", BIGGAN])
def adapting(request):
    """With ADA's controller."""
    fields = {"dcgan": {"dropout": 0.0}, "biggan": FEW}[request.param]
    return Compiled(load(request.param, ada_target=0.6, ada_images=32, **fields))


def gradient(compiled, state, batch):
    """D's, as one vector: Adam's first moment after one step is (1 - b1) times it."""
    after, _ = compiled.step(state, batch, jax.random.key(1))
    moments = jax.tree.leaves(optax.tree.get(after.discriminator.opt_state, "mu"))
    return jnp.concatenate([leaf.ravel() for leaf in moments]) / (1 - compiled.config.adam_b1)


def flat(tree):
    return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(tree)])


@pytest.mark.parametrize("name", ["began", "dcgan"])
def test_r1_adds_the_gradient_of_half_its_weight_times_the_squared_slope(name):
    fields = {"dropout": 0.0} if name == "dcgan" else {}
    plain, held = Compiled(load(name, **fields)), Compiled(load(name, r1=3.0, **fields))
    state, batch = held.init(jax.random.key(0)), random_batch(held.config)
    network, real = held.algorithm.init.__wrapped__.__self__.discriminator, images.to_float(batch["image"])

    def outputs(params, image):
        """A number for each image, on its own but for BatchNorm."""
        if name == "began":
            rebuilt = network.apply({"params": params}, image, None)
            return jax.vmap(energy)(rebuilt, image)
        variables = {"params": params, "batch_stats": state.discriminator.batch_stats}
        return network.apply(variables, image, train=True, mutable="batch_stats")[0][:, 0]

    def penalty(params):
        slopes = jax.grad(lambda image: outputs(params, image).sum())(real)
        return 3.0 / 2 * jnp.mean(jnp.sum(slopes**2, (1, 2, 3)))

    expected = flat(jax.jit(jax.grad(penalty))(state.discriminator.params))
    added = gradient(held, state, batch) - gradient(plain, state, batch)
    np.testing.assert_allclose(added, expected, atol=2e-3 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize("name", ["began", "dcgan"])
def test_with_spectral_norm_the_length_of_a_kernel_is_nothing_to_d(name):
    compiled = Compiled(load(name, spectral_norm=True))
    state, batch = compiled.init(jax.random.key(0)), random_batch(compiled.config)
    longer = jax.tree_util.tree_map_with_path(
        lambda path, leaf: 3 * leaf if path[-1].key == "kernel" else leaf, state.discriminator.params
    )
    longer = state.replace(discriminator=state.discriminator.replace(params=longer))
    (one, metrics), (_, of_longer) = (compiled.step(begun, batch, jax.random.key(1)) for begun in (state, longer))
    for name_of, value in metrics.items():
        assert of_longer[name_of] == pytest.approx(float(value), rel=1e-4), name_of
    for before, after in zip(*(jax.tree.leaves(s.discriminator.singular) for s in (state, one)), strict=True):
        assert jnp.linalg.norm(after) == pytest.approx(1, rel=1e-5)
        assert len(after) == 1 or jnp.any(before != after)
    if name == "began":
        rebuilt = [compiled.algorithm.reconstruct(s, images.to_float(batch["image"])) for s in (state, longer)]
        np.testing.assert_allclose(*rebuilt, atol=1e-5)


def test_g_learns_from_the_best_fakes_alone(adapting):
    """The lower half of the scores has no part in its loss; more of them make it higher."""
    state, batch = adapting.init(jax.random.key(0)), random_batch(adapting.config)
    half = state.replace(hyper=state.hyper.replace(top_share=jnp.float32(0.5)))
    losses = [adapting.step(begun, batch, jax.random.key(1))[1]["loss_g"] for begun in (state, half)]
    assert losses[1] < losses[0]


def test_images_are_altered_more_often_while_d_is_sure(adapting):
    state, batch, key = adapting.init(jax.random.key(0)), random_batch(adapting.config), jax.random.key(1)
    assert state.altered == 0
    sure = state.replace(hyper=state.hyper.replace(ada_target=jnp.float32(-2.0)), altered=jnp.float32(0.5))
    unsure = sure.replace(hyper=sure.hyper.replace(ada_target=jnp.float32(2.0)))
    for begun, expected in ((sure, 0.5 + 8 / 32), (unsure, 0.5 - 8 / 32)):
        after, metrics = adapting.step(begun, batch, key)
        assert after.altered == metrics["altered"] == pytest.approx(expected)


def test_images_are_altered_in_one_way():
    with pytest.raises(UserError, match="diffaugment alters images already"):
        load("dcgan", ada_target=0.6, diffaugment=True)


@pytest.mark.parametrize("name", ["began", "sabegan", "sdpc_began", "dcgan", BIGGAN])
def test_d_sees_altered_images(name):
    """The step is another one, and finite."""
    fields = FEW if name == "biggan" else {}
    plain, altered = (Compiled(load(name, diffaugment=value, **fields)) for value in (False, True))
    state, batch = plain.init(jax.random.key(0)), random_batch(plain.config)
    (_, before), (_, after) = (compiled.step(state, batch, jax.random.key(1)) for compiled in (plain, altered))
    assert before["loss_d"] != after["loss_d"]
    assert np.isfinite(list(after.values())).all()
