"""ABEGAN, the seed's asymmetric BEGAN: a halved generator and decoder, k kept in [0.005, 0.995], 200 epochs.

The seed, on a GPU of 2019 and 9,877 Simpsons faces: 61,600 steps in 50 minutes, only Bart, each one different.
`:quick` on toons, two CPU cores: 4 minutes, only the bearded man, sharp, in various expressions.

    python -m jaxgan.main --config=configs/abegan.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BEGAN, with_preset


def get_config(preset=None):
    config = base("began")
    config.asymmetric = True
    config.k_min = 0.005
    config.k_max = 0.995
    config.epochs = 200
    return with_preset(config, preset, quick=QUICK_BEGAN)
