"""SABEGAN repaired: the network that generates and reconstructs is a constant where the generator's loss reconstructs.

python -m jaxgan.main --config=configs/sabegan.py[:quick|:tiny]
"""

from jaxgan.config import QUICK_BALANCE, base, with_preset


def get_config(preset=None):
    config = base("sabegan")
    return with_preset(config, preset, quick=QUICK_BALANCE)
