"""DCGAN as the seed ran it: 32 px, batch 32, 1000 epochs, learning rate 4e-4.

The seed, on a GPU of 2019 and 9,877 Simpsons faces: 308,000 steps in 2 h 25.
`:quick` on toons, two CPU cores: 4 to 5 minutes, most characters, rough but recognisable.

Its variants are fields: upsampling=transposed (the seed's best), dropout, kernel, width,
data.flip, data.noise.

    python -m jaxgan.main --config=configs/dcgan.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_DCGAN, with_preset


def get_config(preset=None):
    config = base("dcgan")
    config.latent_dim = 100
    config.lr_g = 4e-4
    config.lr_d = 4e-4
    return with_preset(config, preset, quick=QUICK_DCGAN)
