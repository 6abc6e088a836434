"""Style mixing (Karras et al. 2019, arXiv 1812.04948, section 3.1): some latents' coarse features, others' fine."""

import numpy as np
from ml_collections import ConfigDict

from jaxgan.drawing import Asked
from jaxgan.models.biggan import halvings


def chunks(config: ConfigDict) -> int:
    """In how many equal chunks G cuts a latent, of which each enters at a layer of its own; 0 where it does not."""
    return len(halvings(config.data.image_size)) + 1 if config.get("skip_latent") else 0


def mixed(asked: Asked, num: int, chunks: int) -> Asked:
    """The table of 2 `num` latents: a row of the fine ones, then each coarse one before its mixtures with all of these.

    The first half of the chunks, and the label, are the coarse latent's.
    """
    coarse, fine = asked.latent[:num], asked.latent[num : 2 * num]
    kept = (chunks + 1) // 2 * (coarse.shape[1] // chunks)
    mixtures = np.concatenate([coarse[:, None, :kept].repeat(num, 1), fine[None, :, kept:].repeat(num, 0)], 2)
    table = np.concatenate([coarse[:, None], mixtures], 1).reshape(-1, coarse.shape[1])
    label = asked.label
    if label is not None:
        label = np.concatenate([label[num : 2 * num], label[:num].repeat(num + 1)])
    return Asked(np.concatenate([fine, table]), label)
