"""BEGAN whose critic is sparse deep predictive coding: an image is judged by what six steps of inference make of it.

Atoms of 8x8 with stride 4, of which those of the second layer, as large as the image, compose whole faces.

    python -m jaxgan.main --config=configs/sdpc_began.py[:quick|:tiny]
"""

from jaxgan.fields import QUICK_CRITIC, TINY_CRITIC, base, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc_began"), preset, quick=QUICK_CRITIC, tiny=TINY_CRITIC)
