"""SABEGAN as the seed had it: one network generates and reconstructs, and the generator's loss trains it as both.

python -m jaxgan.main --config=configs/sabegan_seed.py[:quick|:tiny]
"""

from jaxgan.config import QUICK_BALANCE, base, with_preset


def get_config(preset=None):
    config = base("sabegan")
    config.hold_decoder = False
    return with_preset(config, preset, quick=QUICK_BALANCE)
