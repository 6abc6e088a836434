"""Sparse deep predictive coding (Boutin et al. 2020, 2021) at 32 px: atoms of 8x8 with stride 2, then of 5x5.

Codes of 13x13 and of 9x9 places. It draws what each layer makes of held-out images, its atoms, and where it is active.

    python -m jaxgan.main --config=configs/sdpc.py[:quick|:tiny]
"""

from jaxgan.fields import QUICK_SDPC, TINY_SDPC, base, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc"), preset, quick=QUICK_SDPC, tiny=TINY_SDPC)
