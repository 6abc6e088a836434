"""ABEGAN with k free in [0, 1], which the seed compares with k kept above 0 (configs/abegan.py).

python -m jaxgan.main --config=configs/abegan_k0.py[:quick|:tiny]
"""

from jaxgan.config import QUICK_BEGAN, base, with_preset


def get_config(preset=None):
    config = base("began")
    config.asymmetric = True
    config.epochs = 200
    return with_preset(config, preset, quick=QUICK_BEGAN)
