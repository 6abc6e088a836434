"""Normalisation layers."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.arithmetic import at_least_float32, channel_sum, over_pixels
from jaxgan.models.layers import Dense


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015, arXiv 1502.03167) of (..., C) over all but the channels.

    Variables and arithmetic are those of `nn.BatchNorm`, with sums that are fast on a CPU: statistics in
    float32 at least, running averages `mean` and `var` in "batch_stats".

    With a condition (B, N) each image has a scale and a bias of its own, 1 and 0 with linear maps of the condition
    added (BigGAN's, Brock et al. 2019, appendix B).
    """

    use_running_average: bool
    momentum: float = 0.9
    epsilon: float = 1e-5
    initialization: str = "fan_avg_normal"  # of the linear maps
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array | None = None) -> jax.Array:
        channels = x.shape[-1]
        if condition is None:
            scale = self.param("scale", nn.initializers.ones, (channels,))
            bias = self.param("bias", nn.initializers.zeros, (channels,))
        else:
            wide = jnp.promote_types(self.dtype, jnp.float32)
            linear = functools.partial(Dense, channels, bias=False, initialization=self.initialization, dtype=wide)
            scale, bias = 1 + linear(name="scale")(condition), linear(name="bias")(condition)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        running_var = self.variable("batch_stats", "var", jnp.ones, channels)
        if self.use_running_average:
            mean, var = running_mean.value, running_var.value
        else:
            exact, count = at_least_float32(x), x.size / channels
            mean = channel_sum(exact) / count
            var = jnp.maximum(channel_sum(exact**2) / count - mean**2, 0)
            if not self.is_initializing():
                for running, batch in ((running_mean, mean), (running_var, var)):
                    running.value = self.momentum * running.value + (1 - self.momentum) * batch
        values = mean, jax.lax.rsqrt(var + self.epsilon) * scale, bias
        mean, factor, bias = (over_pixels(value, x.shape) for value in values)
        return ((x - mean) * factor + bias).astype(self.dtype)


class InstanceNorm(nn.Module):
    """Instance normalisation (Ulyanov et al. 2016, arXiv 1607.08022) of each image's channels, (B, H, W, C)."""

    epsilon: float = 1e-5
    dtype: jnp.dtype = jnp.float32

    def __call__(self, x: jax.Array) -> jax.Array:
        exact = at_least_float32(x)
        mean = exact.mean((1, 2), keepdims=True)
        var = jnp.square(exact - mean).mean((1, 2), keepdims=True)
        return ((exact - mean) * jax.lax.rsqrt(var + self.epsilon)).astype(self.dtype)
