"""The hierarchical Lasso: SDPC without feedback, so that no layer hears of the one above it.

python -m jaxgan.main --config=configs/hila.py[:quick|:tiny]
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_SDPC, TINY_SDPC, with_preset


def get_config(preset=None):
    config = base("sdpc")
    config.feedback = 0.0
    return with_preset(config, preset, quick=QUICK_SDPC, tiny=TINY_SDPC)
