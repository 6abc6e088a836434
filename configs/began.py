"""BEGAN as the seed ran it: 32 px, batch 32, 1000 epochs; ELU, gamma 0.5, learning rate x 0.9 where m stalls.

python -m jaxgan.main --config=configs/began.py[:quick|:tiny]
"""

from jaxgan.config import QUICK_BEGAN, base, with_preset


def get_config(preset=None):
    return with_preset(base("began"), preset, quick=QUICK_BEGAN)
