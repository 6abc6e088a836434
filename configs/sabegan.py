"""SABEGAN repaired: in the generator's loss the reconstructing network, which is itself, is held constant.

`:quick` on toons, two CPU cores: 4 to 5 minutes, varied faces in many colours, rough; several characters.

    python -m jaxgan.main --config=configs/sabegan.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BALANCE, with_preset


def get_config(preset=None):
    config = base("sabegan")
    return with_preset(config, preset, quick=QUICK_BALANCE)
