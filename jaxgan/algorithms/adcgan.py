"""ADCGAN, the seed's shared auto-encoder of DCGAN's blocks: trained like SABEGAN."""

import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan.algorithms import Algorithm
from jaxgan.algorithms.sabegan import Shared
from jaxgan.models import dcgan


def make(config: ConfigDict) -> Algorithm:
    """Builds ADCGAN: DCGAN's discriminator with as many outputs as codes have numbers analyses, its generator draws."""
    shared = {
        "width": config.width,
        "kernel": config.kernel,
        "leak": config.leak,
        "batch_norm_eps": config.batch_norm_eps,
        "initialization": config.init,
        "dtype": jnp.dtype(config.precision),
    }
    encoder = dcgan.Discriminator(outputs=config.latent_dim, dropout=config.dropout, **shared)
    image = {"image_size": config.data.image_size, "channels": config.data.channels}
    upsampling = {"upsampling": config.upsampling, "transposed_kernel": config.transposed_kernel}
    decoder = dcgan.Generator(**image, **upsampling, **shared)
    return Shared(encoder, decoder, has_modes=True, config=config).algorithm()
