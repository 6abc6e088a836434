"""A small residual classifier, whose pooled features measure images."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.models.convolutions import average_pool
from jaxgan.models.normalisation import BatchNorm

GRID = 32  # side of the first feature map, at every image size
MOMENTUM = 0.9  # of BatchNorm's running statistics


class Classifier(nn.Module):
    """Images (B, S, S, C) in [-1, 1] to features (B, 4 * width), the last map's means, and logits (B, classes)."""

    classes: int
    width: int

    @nn.compact
    def __call__(self, images: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        norm = partial(BatchNorm, use_running_average=not train, momentum=MOMENTUM)

        def conv(x: jax.Array, features: int, kernel: int = 3, stride: int = 1) -> jax.Array:
            padding = [(kernel // 2, kernel // 2)] * 2
            start = nn.initializers.he_normal()
            x = nn.Conv(features, (kernel, kernel), stride, padding, use_bias=False, kernel_init=start)(x)
            return nn.relu(norm()(x))

        stride = max(images.shape[1] // GRID, 1)
        x = conv(images, self.width, 2 * stride + 1, stride)
        for features in (2 * self.width, 4 * self.width):
            x = conv(average_pool(x), features)
            x = x + conv(x, features)
        features = x.mean((1, 2))
        return features, nn.Dense(self.classes, kernel_init=nn.initializers.normal(0.01))(features).astype(jnp.float32)
