"""ADCGAN repaired: SABEGAN of DCGAN's blocks, with BEGAN's losses and k, and the reconstructing network held constant.

`:quick` on toons, two CPU cores: 4 to 5 minutes, two characters, sharp, on backdrops of all colours; others blurred.

    python -m jaxgan.main --config=configs/adcgan.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_ADCGAN, with_preset


def get_config(preset=None):
    config = base("adcgan")
    config.latent_dim = 100
    config.lr_g = 4e-4
    config.lr_d = 4e-4
    return with_preset(config, preset, quick=QUICK_ADCGAN)
