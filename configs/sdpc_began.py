"""BEGAN whose critic is sparse deep predictive coding: an image is judged by what six steps of inference make of it.

Atoms of 8x8 with stride 4, of which those of the second layer, as large as the image, compose whole faces.

    python -m jaxgan.main --config=configs/sdpc_began.py[:quick|:tiny]

`:quick` takes about five minutes on one core. On the toons it first draws blurred faces in the colours of most of the
characters, after 1,500 to 2,000 steps three or four of them, sharper; trained on to 3,000 steps it settles on one.
"""

from jaxgan.fields import QUICK_CRITIC, TINY_CRITIC, base, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc_began"), preset, quick=QUICK_CRITIC, tiny=TINY_CRITIC)
