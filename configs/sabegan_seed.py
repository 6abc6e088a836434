"""SABEGAN as the seed had it: one network generates and reconstructs, and the generator's loss trains it as both.

Any constant image has the least loss there is; the seed saw one flat light yellow.
`:quick` on toons, two CPU cores: 4 minutes, flat pink, k at 0.92.

    python -m jaxgan.main --config=configs/sabegan_seed.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BALANCE, with_preset


def get_config(preset=None):
    config = base("sabegan")
    config.hold_decoder = False
    return with_preset(config, preset, quick=QUICK_BALANCE)
