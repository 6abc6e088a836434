import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import layers
from jaxgan.models.convolutions import average_pool

KERNELS = (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("layer", "kernel"),
    [
        *((layers.UpsampleConv, k) for k in (3, 5)),
        *((layers.TransposedConv, k) for k in KERNELS),
        *((layers.ConvPool, k) for k in (1, 3, 5)),
    ],
)
@pytest.mark.parametrize("features", [1, 4])
def test_folded_layers_are_the_plain_ones_in_value_and_gradient(layer, kernel, features):
    with jax.enable_x64():
        x = jax.random.normal(jax.random.key(0), (2, 4, 6, 3))
        plain, folded = (layer(features, kernel, folded=f, dtype=jnp.float64) for f in (False, True))
        variables = plain.init(jax.random.key(2), x)
        variables = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), variables)

        def loss(module, variables, x):
            y = module.apply(variables, x)
            return jnp.sum(jnp.cos(jnp.arange(y.size)) * y.ravel() ** 2)

        results = [
            jax.jit(jax.value_and_grad(lambda v, x, m=m: loss(m, v, x), argnums=(0, 1)))(variables, x)
            for m in (plain, folded)
        ]
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10), *results)


@pytest.mark.parametrize(
    ("name", "deviation", "shape"),
    [
        ("fan_avg_normal", (2 / (9 * 64 + 9 * 32)) ** 0.5, "normal"),
        ("fan_in_uniform", (9 * 64) ** -0.5 / 3**0.5, "uniform"),
        ("normal_002", 0.02, "normal"),
        ("orthogonal", (9 * 64) ** -0.5, "normal"),
    ],
)
@pytest.mark.parametrize("layer", [layers.Conv, layers.UpsampleConv, layers.TransposedConv])
def test_initializations(layer, name, deviation, shape):
    inputs, outputs = (32, 64) if layer is layers.TransposedConv else (64, 32)  # which is a transposed layer's fan-in
    variables = layer(outputs, kernel=3, initialization=name).init(jax.random.key(0), jnp.zeros((1, 8, 8, inputs)))
    kernel, bias = sorted(jax.tree.leaves(variables), key=lambda leaf: -leaf.size)
    assert kernel.std() == pytest.approx(deviation, rel=0.03)
    assert jnp.abs(kernel).max() / kernel.std() == pytest.approx(3**0.5 if shape == "uniform" else 4.1, rel=0.15)
    bound = (9 * 64) ** -0.5  # PyTorch draws the biases as it draws the weights
    expected = bound if name == "fan_in_uniform" else 0
    assert jnp.abs(bias).max() == pytest.approx(expected, rel=0.15)


def test_linear_layers_are_initialised_alike():
    variables = layers.Dense(400, initialization="fan_in_uniform").init(jax.random.key(0), jnp.zeros((1, 25)))
    weights = variables["params"]["Dense_0"]
    assert jnp.abs(weights["kernel"]).max() == pytest.approx(0.2, rel=0.01)
    assert jnp.abs(weights["bias"]).max() == pytest.approx(0.2, rel=0.01)


def test_parameters_do_not_depend_on_the_method():
    x = jnp.zeros((1, 4, 4, 3))
    plain, folded = (layers.UpsampleConv(5, folded=f).init(jax.random.key(0), x) for f in (False, True))
    jax.tree.map(np.testing.assert_array_equal, plain, folded)
    assert plain["params"]["kernel"].shape == (3, 3, 3, 5)


def test_pooling_commutes_with_a_1x1_convolution():
    conv = layers.Conv(5, kernel=1)
    x = jax.random.normal(jax.random.key(0), (2, 6, 6, 3))
    variables = conv.init(jax.random.key(1), x)
    before, after = conv.apply(variables, average_pool(x)), average_pool(conv.apply(variables, x))
    np.testing.assert_allclose(before, after, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "shape", "fan_in", "fan_out"),
    [
        (layers.Conv(64), (1, 8, 8, 32), 9 * 32, 9 * 64),
        (layers.UpsampleConv(64), (1, 8, 8, 32), 9 * 32, 9 * 64),
        (layers.Dense(256), (1, 128), 128, 256),
    ],
)
def test_initial_weights_are_normal_with_the_fans_variance(module, shape, fan_in, fan_out):
    params = jax.tree.leaves(module.init(jax.random.key(0), jnp.zeros(shape)))
    bias, kernel = sorted(params, key=lambda leaf: leaf.size)
    assert jnp.all(bias == 0)
    assert kernel.var() == pytest.approx(2 / (fan_in + fan_out), rel=0.05)
    assert jnp.mean(kernel**4) / kernel.var() ** 2 == pytest.approx(3, rel=0.1)  # a uniform one would have 1.8


def test_strided_convolutions_pad_both_sides():
    """Zero padding of kernel // 2 all round, where XLA's "SAME" would pad an even side at the end only."""
    conv = layers.Conv(1, stride=2)
    x = jnp.zeros((1, 4, 4, 1)).at[0, 0, 0, 0].set(1)
    kernel = jnp.arange(9.0).reshape(3, 3, 1, 1)
    y = conv.apply({"params": {"kernel": kernel, "bias": jnp.zeros(1)}}, x)
    assert y.shape == (1, 2, 2, 1)
    assert y[0, 0, 0, 0] == 4  # the centre of the kernel meets the first pixel


@pytest.mark.parametrize("features", [3, 8])  # a CPU convolves to few channels by a product
@pytest.mark.parametrize(("kernel", "padding", "reflect"), [(7, None, True), (3, None, True), (4, 1, False)])
def test_convolutions_pad_as_they_are_told(features, kernel, padding, reflect):
    x = jax.random.normal(jax.random.key(0), (2, 9, 8, 5))
    conv = layers.Conv(features, kernel, padding=padding, reflect=reflect, bias=False)
    variables = conv.init(jax.random.key(1), x)
    assert list(variables["params"]) == ["kernel"]
    pad = kernel // 2 if padding is None else padding
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)], "reflect" if reflect else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))
    expected = np.einsum("bhwcij,ijcf->bhwf", windows, variables["params"]["kernel"])
    np.testing.assert_allclose(conv.apply(variables, x), expected, atol=1e-4)
