"""CycleGAN on what comes with jaxgan: line sketches to toons at 64 px, whose true partners evaluation knows.

`:quick`, at 32 px, takes about ten minutes on two cores; then three quarters of the translations are of whom they
should be, see RESULTS.md. No run of full length has been made yet.

    python -m jaxgan.main --config=configs/sketch2toon.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_TRANSLATION, TINY_TRANSLATION, with_preset


def get_config(preset=None):
    config = base("cyclegan")
    config.batch_size = 4
    config.steps = 60_000
    config.lr_hold_steps = config.lr_fall_steps = 30_000
    config.critic_halvings = 3
    config.identity = 0.0
    config.data.image_size = 64
    return with_preset(config, preset, quick=QUICK_TRANSLATION, tiny=TINY_TRANSLATION)
