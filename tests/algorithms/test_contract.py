"""What holds for every algorithm that generates images; tests/test_train.py trains every config."""

import jax
import numpy as np
import pytest
from support import Compiled, load, one_config_per_algorithm, random_batch

from jaxgan import algorithms
from jaxgan.errors import UserError


@pytest.fixture(scope="module", params=one_config_per_algorithm(generates=True))
def compiled(request):
    return Compiled(load(request.param))


def test_step_keeps_the_states_structure_and_is_a_function_of_its_key(compiled):
    state, batch = compiled.init(jax.random.key(0)), random_batch(compiled.config)
    after, metrics = compiled.step(state, batch, jax.random.key(1))
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), after) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), state
    )
    assert after.step == 1
    assert all(np.shape(value) == () and np.isfinite(value) for value in metrics.values())
    again = compiled.step(state, batch, jax.random.key(1))[1]
    other = compiled.step(state, batch, jax.random.key(2))[1]
    assert metrics == again
    assert metrics["loss_g"] != other["loss_g"]


def test_no_two_leaves_share_a_buffer(compiled):
    state = compiled.init(jax.random.key(0))
    buffers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)]
    assert len(set(buffers)) == len(buffers)


def test_images_are_in_range(compiled):
    state = compiled.init(jax.random.key(0))
    latent = compiled.algorithm.sample_latent(jax.random.key(1), 3)
    image = compiled.generate(state, latent)
    assert image.shape == (3, 32, 32, 3)
    assert -1 <= image.min() < image.max() <= 1
    if compiled.algorithm.reconstruct:
        assert compiled.algorithm.reconstruct(state, image).shape == image.shape


@pytest.mark.parametrize("name", ["began", "abegan", "dcgan", "sabegan", "adcgan", "sketch2toon"])
@pytest.mark.parametrize(("size", "channels"), [(64, 1), (128, 3)])
def test_larger_and_grey_images(name, size, channels):
    config = load(name, data__image_size=size, data__channels=channels, width=4, batch_size=2, precision="bfloat16")
    algorithm = algorithms.make(config)
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    batch = jax.eval_shape(lambda: random_batch(config))
    after, metrics = jax.eval_shape(algorithm.train_step, state, batch, jax.random.key(0))
    assert jax.tree.map(lambda leaf: leaf.dtype, after) == jax.tree.map(lambda leaf: leaf.dtype, state)
    assert metrics["loss_g"].dtype == np.float32
    image = jax.ShapeDtypeStruct((5, size, size, channels), np.float32)
    if algorithm.translate:
        drawn = jax.eval_shape(lambda state, image: algorithm.translate(state, image, "ab"), state, image)
    else:
        latent = jax.ShapeDtypeStruct((5, config.latent_dim), np.float32)
        drawn = jax.eval_shape(algorithm.generate, state, latent)
    assert (drawn.shape, drawn.dtype) == (image.shape, image.dtype)


def test_unknown_algorithm():
    config = load("began")
    config.algorithm = "begen"
    with pytest.raises(UserError, match="no algorithm 'begen': there are adcgan, began, biggan, .*, sdpc_codes"):
        algorithms.make(config)
