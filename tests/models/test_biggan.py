import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import biggan


@pytest.mark.parametrize(
    ("size", "widest", "generator", "discriminator"),
    [
        (32, 4, [8, 8, 8], [8, 8, 8, 8]),  # the authors' code for CIFAR-10, in units of width 2
        (64, 16, [32, 16, 8, 4], [4, 8, 16, 32, 32]),  # what the paper's next has, less its largest features
        (128, 16, [32, 16, 8, 4, 2], [2, 4, 8, 16, 32, 32]),  # table 4 of the paper
    ],
)
def test_channels_are_those_of_the_paper_and_between_them(size, widest, generator, discriminator):
    end, blocks = (8, 2) if size == 32 else (4, 1)
    networks = biggan.Generator(size, 3, 2, widest, skip=False), biggan.Discriminator(2, widest, end, blocks)
    key, label = jax.random.key(0), jnp.zeros(1, int)
    shapes = jax.eval_shape(lambda: networks[0].init(key, jnp.zeros((1, 6)), label, train=True))["params"]
    found = [shapes[f"UpBlock_{number}"]["Conv_0"]["kernel"].shape[-1] for number in range(len(generator))]
    assert found == generator
    shapes = jax.eval_shape(lambda: networks[1].init(key, jnp.zeros((1, size, size, 3)), label))["params"]
    found = [shapes[f"DownBlock_{number}"]["Conv_0"]["kernel"].shape[-1] for number in range(len(discriminator))]
    assert found == discriminator


def test_a_latent_is_cut_in_chunks_of_which_each_block_sees_one_and_the_embedding():
    generator = biggan.Generator(32, 3, 2, 4, classes=5, embedding=7)
    variables = generator.init(jax.random.key(0), jnp.zeros((2, 12)), jnp.zeros(2, int), train=True)
    params = variables["params"]
    assert params["Dense_0"]["Dense_0"]["kernel"].shape == (3, 4 * 4 * 8)
    for number in range(3):
        assert params[f"UpBlock_{number}"]["BatchNorm_0"]["scale"]["Dense_0"]["kernel"].shape == (3 + 7, 8)
    assert params["Embed_0"]["embedding"].shape == (5, 7)

    def drawn(latent, label):
        return generator.apply(variables, latent, label, train=True, mutable="batch_stats")[0]

    latent, label = jax.random.normal(jax.random.key(1), (2, 12)), jnp.array([0, 1])
    image = drawn(latent, label)
    assert image.shape == (2, 32, 32, 3)
    for chunk in range(4):
        assert jnp.any(drawn(latent.at[:, 3 * chunk].add(1), label) != image), chunk
    assert jnp.any(drawn(latent, label.at[0].set(2)) != image)


def test_projection_by_hand():
    """Labels add the product of their own weights and the features to the score."""
    discriminator = biggan.Discriminator(2, 4, 8, 2, classes=3)
    image = jax.random.normal(jax.random.key(0), (4, 32, 32, 3))
    label = jnp.array([0, 1, 2, 1])
    variables = discriminator.init(jax.random.key(1), image, label)
    weights = variables["params"]["projection"]["Dense_0"]["kernel"]
    unconditional = biggan.Discriminator(2, 4, 8, 2)
    plain = {"params": {name: leaf for name, leaf in variables["params"].items() if name != "projection"}}
    base, found = unconditional.apply(plain, image, None), discriminator.apply(variables, image, label)
    features = [score_of(unconditional, plain, image, number) for number in range(weights.shape[1])]
    share = jnp.sum(jnp.stack(features, 1) * weights[label], 1)
    np.testing.assert_allclose(found - base, share, rtol=1e-3, atol=1e-3)


def test_the_mean_deviation_over_the_batch_adds_to_every_score():
    images = jax.random.normal(jax.random.key(0), (4, 32, 32, 3))
    told, plain = (biggan.Discriminator(2, 4, 8, 2, minibatch_std=told) for told in (True, False))
    variables = told.init(jax.random.key(1), images, None)
    linear = variables["params"].pop("Dense_0")["Dense_0"]
    features = np.stack([score_of(plain, variables, images, number) for number in range(8)], 1)
    *own, of_batch = linear["kernel"][:, 0]
    expected = features @ np.stack(own) + features.std(0).mean() * of_batch + linear["bias"]
    whole = {"params": variables["params"] | {"Dense_0": {"Dense_0": linear}}}
    np.testing.assert_allclose(told.apply(whole, images, None), expected, rtol=1e-4, atol=1e-3)
    slopes = jax.grad(lambda images: told.apply(whole, images, None).sum())(jnp.zeros((4, 32, 32, 3)))
    assert jnp.all(jnp.isfinite(slopes))


def score_of(discriminator, variables, images, number):
    """One feature: D's last linear layer with a weight of 1 for it alone, and without its bias."""
    linear = {"kernel": jnp.zeros((8, 1)).at[number].set(1), "bias": jnp.zeros(1)}
    return discriminator.apply({"params": variables["params"] | {"Dense_0": {"Dense_0": linear}}}, images, None)


def test_self_attention_by_hand():
    layer = biggan.SelfAttention()
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 8))
    variables = layer.init(jax.random.key(1), x)
    np.testing.assert_array_equal(layer.apply(variables, x), x)  # its share begins at nothing
    params = variables["params"] | {"gain": jnp.float32(0.5)}
    query, key, value, out = (np.asarray(params[f"Conv_{n}"]["kernel"][0, 0]) for n in range(4))
    pool = lambda y: np.asarray(y).reshape(2, 2, 2, 2, 2, -1).max((2, 4)).reshape(2, 4, -1)
    scores = (np.asarray(x) @ query).reshape(2, 16, 1) @ pool(x @ key).swapaxes(1, 2)
    weights = np.exp(scores) / np.exp(scores).sum(2, keepdims=True)
    taken = (weights @ pool(x @ value) @ out).reshape(x.shape)
    np.testing.assert_allclose(layer.apply({"params": params}, x), x + 0.5 * taken, atol=1e-5)


@pytest.mark.parametrize("attention", [0, 16])
def test_with_rematerialisation_few_features_are_kept_for_the_backward_pass(attention):
    kept = []
    for remat in (False, True):
        generator = biggan.Generator(32, 3, 2, 4, attention=attention, remat=remat)
        discriminator = biggan.Discriminator(2, 4, 8, 2, attention=attention, remat=remat)
        latent, key = jnp.zeros((4, 8)), jax.random.key(0)
        params = [
            generator.init(key, latent, None, train=True),
            discriminator.init(key, jnp.zeros((4, 32, 32, 3)), None),
        ]

        def judged(params, generator=generator, discriminator=discriminator, latent=latent):
            image, _ = generator.apply(params[0], latent, None, train=True, mutable="batch_stats")
            return discriminator.apply(params[1], image, None)

        residuals = jax.tree.leaves(jax.eval_shape(lambda params, judged=judged: jax.vjp(judged, params)[1], params))
        kept.append(sum(leaf.size for leaf in residuals))
    assert kept[1] < 0.6 * kept[0]
