"""ADCGAN, the seed's shared auto-encoder of DCGAN's blocks: trained like SABEGAN."""

from ml_collections import ConfigDict

from jaxgan.algorithms import Algorithm
from jaxgan.algorithms.dcgan import networks
from jaxgan.algorithms.sabegan import Shared


def make(config: ConfigDict) -> Algorithm:
    """Builds ADCGAN: DCGAN's discriminator, with outputs for a code's numbers, analyses; its generator draws."""
    decoder, encoder = networks(config, outputs=config.latent_dim)
    return Shared(encoder, decoder, has_modes=True, config=config).algorithm()
