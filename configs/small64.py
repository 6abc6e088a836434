"""What to start with for a small set of images at 64 px: `small32` with a block more.

    python -m jaxgan.main --config=configs/small64.py[:quick|:tiny] [--config.data.name=folder --config.data.dir=FILE]

What was swept was `small32`; this has its settings. After 20 minutes of `:quick` on one core its toons have begun to be
told apart, see RESULTS.md.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_SMALL, SMALL, TINY_BIGGAN, with_preset


def get_config(preset=None):
    config = base("biggan")
    config.update_from_flattened_dict(SMALL)
    config.data.image_size = 64
    config.latent_dim = 120
    tiny = TINY_BIGGAN | {"data.image_size": 32}
    return with_preset(config, preset, quick=QUICK_SMALL, tiny=tiny)
