"""BEGAN whose critic is sparse deep predictive coding: an image is judged by what six steps of inference make of it.

The first layer has atoms of 8x8 with stride 4; those of the second are as large as the image and compose whole faces
of them.

    python -m jaxgan.main --config=configs/sdpc_began.py[:quick|:tiny]

`:quick`, which pulls fakes apart, takes about five minutes on one core. On the toons it draws three or four of the
characters, with noise, and trained on to 4,000 steps it keeps them; with pull_away=0 it settles on one by 3,000 steps.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_CRITIC, TINY_CRITIC, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc_began"), preset, quick=QUICK_CRITIC, tiny=TINY_CRITIC)
