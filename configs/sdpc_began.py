"""BEGAN whose critic is sparse deep predictive coding: an image is judged by what six steps of inference make of it.

Atoms of 8x8 with stride 4, then of 3x3: what the critic's last layer draws is made of atoms of 16x16 pixels.

    python -m jaxgan.main --config=configs/sdpc_began.py[:quick|:tiny]
"""

from jaxgan.fields import QUICK_BEGAN, TINY_CRITIC, base, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc_began"), preset, quick=QUICK_BEGAN, tiny=TINY_CRITIC)
