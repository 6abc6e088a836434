"""Sparse deep predictive coding (Boutin et al. 2020, 2021) at 32 px: atoms of 8x8 with stride 2, then of 5x5.

Codes of 13x13 and of 9x9 places. It draws what each layer makes of held-out images, its atoms, and where it is active.

    python -m jaxgan.main --config=configs/sdpc.py[:quick|:tiny]

`:quick` takes about three minutes on two cores for 500 steps on simpsons_mnist: coloured patches and the first edges.
At 64 px atoms of 8x8 in both layers, with the same strides, give codes of 29x29 and of 22x22 places:

    python -m jaxgan.main --config=configs/sdpc.py:quick --config.data.image_size=64 --config.layer_2.kernel=8

On the toons 100 steps of that, in four minutes, find edges of all directions, then eyes, circles and arcs.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_SDPC, TINY_SDPC, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc"), preset, quick=QUICK_SDPC, tiny=TINY_SDPC)
