"""ADCGAN as the seed had it: SABEGAN of DCGAN's blocks, with losses that nothing opposes.

`:quick` on toons, two CPU cores: 4 to 5 minutes, one flat beige.

    python -m jaxgan.main --config=configs/adcgan_seed.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_ADCGAN, with_preset


def get_config(preset=None):
    config = base("adcgan")
    config.latent_dim = 100
    config.lr_g = 4e-4
    config.lr_d = 4e-4
    config.hold_decoder = False
    config.adversarial = False
    return with_preset(config, preset, quick=QUICK_ADCGAN)
