"""BEGAN as the seed ran it: 32 px, batch 32, 1000 epochs; ELU, gamma 0.5, learning rate x 0.9 where m stalls.

The seed, on a GPU of 2019 and 9,877 Simpsons faces: 308,000 steps in 5 h 45, mode collapse at epoch 240.
Two CPU cores would take two days and a quarter, at 0.61 s a step.

    python -m jaxgan.main --config=configs/began.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BEGAN, with_preset


def get_config(preset=None):
    return with_preset(base("began"), preset, quick=QUICK_BEGAN)
