"""Style mixing (Karras et al. 2019, arXiv 1812.04948, section 3.1): some latents' coarse features, others' fine."""

import numpy as np

from jaxgan.drawing import Asked


def mixed(asked: Asked, num: int, parts: int) -> Asked:
    """The table of 2 `num` latents: a row of the fine ones, then each coarse one before its mixtures with all of these.

    The first half of the latent's parts, and the label, are the coarse one's.
    """
    coarse, fine = asked.latent[:num], asked.latent[num : 2 * num]
    kept = (parts + 1) // 2 * (coarse.shape[1] // parts)
    mixtures = np.concatenate([coarse[:, None, :kept].repeat(num, 1), fine[None, :, kept:].repeat(num, 0)], 2)
    table = np.concatenate([coarse[:, None], mixtures], 1).reshape(-1, coarse.shape[1])
    label = asked.label
    if label is not None:
        label = np.concatenate([label[num : 2 * num], label[:num].repeat(num + 1)])
    return Asked(np.concatenate([fine, table]), label)
