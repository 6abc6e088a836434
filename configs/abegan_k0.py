"""ABEGAN with k free in [0, 1], which the seed compares with k kept above 0 (configs/abegan.py).

The seed, on a GPU of 2019 and 9,877 Simpsons faces, 61,600 steps: better than with k kept above 0.
`:quick` takes about 4 minutes on two CPU cores.

    python -m jaxgan.main --config=configs/abegan_k0.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BEGAN, with_preset


def get_config(preset=None):
    config = base("began")
    config.asymmetric = True
    config.epochs = 200
    return with_preset(config, preset, quick=QUICK_BEGAN)
