"""BEGAN with ReLU in place of ELU: does ELU delay mode collapse? The seed saw ReLU collapse at once.

The seed, on a GPU of 2019 and 9,877 Simpsons faces: 308,000 steps in 5 h 45.

    python -m jaxgan.main --config=configs/began_relu.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BEGAN, with_preset


def get_config(preset=None):
    config = base("began")
    config.activation = "relu"
    return with_preset(config, preset, quick=QUICK_BEGAN)
