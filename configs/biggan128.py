"""BigGAN (Brock et al. 2019, arXiv 1809.11096, table 4) for 128 px and ten classes, at two thirds of its width.

    python -m jaxgan.main --config=configs/biggan128.py[:quick|:tiny]

At batches of 32 a step takes 9.0 GiB, as XLA's compiler for CPUs counts, where `--config.accumulate=2` and
`--config.remat` save nothing. On an accelerator they are untried; a run first says what its step takes. With
`--config.data.image_size=64 --config.attention=32` it is a network for 64 px. Neither has been trained in full yet.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BIGGAN, TINY_BIGGAN, with_preset


def get_config(preset=None):
    config = base("biggan")
    config.data.image_size = 128
    config.batch_size = 32
    config.latent_dim = 120
    config.num_classes = 10
    config.widest = 16
    config.critic_end = 4
    config.critic_blocks = 1
    config.attention = 64
    quick = QUICK_BIGGAN | {"data.image_size": 32, "attention": 16}
    tiny = TINY_BIGGAN | {"data.image_size": 32}
    return with_preset(config, preset, quick=quick, tiny=tiny)
