import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.models import layers

KERNELS = (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("layer", "kernel"),
    [(layers.UpsampleConv, 3), (layers.UpsampleConv, 5), *((layers.TransposedConv, k) for k in KERNELS)],
)
@pytest.mark.parametrize("features", [1, 4])
def test_folded_layers_are_the_plain_ones_in_value_and_gradient(layer, kernel, features):
    with jax.enable_x64():
        x, target = (
            jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate([(2, 5, 6, 3), (2, 10, 12, features)])
        )
        plain, folded = (layer(features, kernel, folded=f, dtype=jnp.float64) for f in (False, True))
        variables = plain.init(jax.random.key(2), x)
        variables = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), variables)

        def loss(module, variables, x):
            return jnp.sum((module.apply(variables, x) - target) ** 2)

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


SHAPE = (2, 5, 6, 3)


def plain_conv(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def conv_to_few(x, kernel):
    return layers.conv_to_few(x, kernel, len(kernel) // 2)


def conv_from_few(x, kernel):
    return layers.conv_from_few(x, kernel, len(kernel) // 2)


def derivatives(function, primals, tangents):
    """Value, forward derivative, gradient, and R1's gradient of a gradient."""
    weight = jnp.cos(jnp.arange(jax.eval_shape(function, *primals).size))
    loss = lambda *primals: jnp.sum(weight * function(*primals).ravel() ** 2)
    penalty = lambda *primals: sum(jnp.sum(grad**2) for grad in jax.grad(loss, range(len(primals)))(*primals))
    grads = [jax.grad(f, range(len(primals)))(*primals) for f in (loss, penalty)]
    return jax.tree.leaves((grads, jax.jvp(function, primals, tangents)))


@pytest.mark.parametrize(
    ("rewritten", "plain", "shapes"),
    [
        (layers.elu, nn.elu, [SHAPE]),
        (layers.channel_sum, lambda x: x.sum((0, 1, 2)), [SHAPE]),
        (lambda v: layers.per_channel(v, SHAPE), lambda v: jnp.broadcast_to(v, SHAPE), [(3,)]),
        (conv_to_few, plain_conv, [SHAPE, (3, 3, 3, 2)]),
        (conv_to_few, plain_conv, [SHAPE, (5, 5, 3, 1)]),
        (conv_from_few, plain_conv, [SHAPE, (3, 3, 3, 7)]),
        (conv_from_few, plain_conv, [SHAPE, (5, 5, 3, 4)]),
        (lambda x, v: x * layers.per_channel(v, SHAPE), jnp.multiply, [SHAPE, (3,)]),
    ],
)
def test_rewritten_layers_are_the_plain_ones_in_value_and_derivatives(rewritten, plain, shapes):
    with jax.enable_x64():
        keys = jax.random.split(jax.random.key(0), (2, len(shapes)))
        primals, tangents = ([3 * jax.random.normal(*pair) for pair in zip(row, shapes, strict=True)] for row in keys)
        for a, b in zip(*(derivatives(f, primals, tangents) for f in (rewritten, plain)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.bfloat16])
@pytest.mark.parametrize("running", [True, False])
def test_batch_norm_is_flaxs_in_value_gradient_and_statistics(running, dtype):
    with jax.enable_x64():
        x = (1 + 2 * jax.random.normal(jax.random.key(0), (4, 5, 6, 3))).astype(dtype)
        fields = {"use_running_average": running, "momentum": 0.8, "epsilon": 0.1, "dtype": dtype}
        rewritten, plain = layers.BatchNorm(**fields), nn.BatchNorm(**fields)
        variables = plain.init(jax.random.key(1), x)
        variables = jax.tree.map(lambda leaf: leaf + jnp.arange(3.0) / 4, variables)

        def run(module):
            def loss(params, x):
                y, updated = module.apply({**variables, "params": params}, x, mutable="batch_stats")
                return jnp.sum(jnp.cos(y.astype(jnp.float64))), (y, updated)

            return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(variables["params"], x)

        tolerance = {"rtol": 1e-6, "atol": 1e-6} if dtype == jnp.float64 else {"rtol": 0.02, "atol": 0.02}
        check = lambda a, b: np.testing.assert_allclose(*(np.asarray(v, float) for v in (a, b)), **tolerance)
        jax.tree.map(check, run(rewritten), run(plain))
        jax.tree.map(np.testing.assert_array_equal, *(m.init(jax.random.key(1), x) for m in (rewritten, plain)))


def test_elu_near_and_far_from_0():
    x = jnp.array([-200.0, -1e-7, 0.0, 1e-7, 200.0])
    np.testing.assert_allclose(layers.elu(x), [-1, -1e-7, 0, 1e-7, 200], atol=6e-8)
    np.testing.assert_allclose(jax.vmap(jax.grad(layers.elu))(x), [0, 1, 1, 1, 1], atol=1e-6)


def test_sums_over_pixels_are_products_on_a_cpu():
    """Plain sums would be merged with the layers before them, and computed slowly."""
    x = jnp.ones(SHAPE)
    bias_gradient = jax.grad(lambda bias: jnp.sum((x + layers.per_channel(bias, SHAPE)) ** 2))
    for program in (jax.make_jaxpr(layers.channel_sum)(x), jax.make_jaxpr(bias_gradient)(jnp.ones(3))):
        assert str(program).count("dot_general") == 1


def test_pooling_and_upsampling_by_hand():
    x = jnp.arange(4.0).reshape(1, 2, 2, 1)
    assert layers.average_pool(x).ravel().tolist() == [1.5]
    assert layers.upsample(x)[0, :, :, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


def test_pooling_commutes_with_a_1x1_convolution():
    conv = layers.Conv(5, kernel=1)
    x = jax.random.normal(jax.random.key(0), (2, 6, 6, 3))
    variables = conv.init(jax.random.key(1), x)
    before, after = conv.apply(variables, layers.average_pool(x)), layers.average_pool(conv.apply(variables, x))
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


def test_instance_norm_by_hand():
    x = 5 + 3 * jax.random.normal(jax.random.key(0), (2, 6, 7, 3))
    mean, var = np.mean(x, (1, 2), keepdims=True), np.var(x, (1, 2), keepdims=True)
    np.testing.assert_allclose(layers.InstanceNorm().apply({}, x), (x - mean) / np.sqrt(var + 1e-5), atol=1e-5)
    assert layers.InstanceNorm(dtype=jnp.bfloat16).apply({}, x.astype(jnp.bfloat16)).dtype == jnp.bfloat16
