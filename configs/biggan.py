"""BigGAN (Brock et al. 2019, arXiv 1809.11096) at the size that its authors' code has for 32 px, told ten classes.

    python -m jaxgan.main --config=configs/biggan.py[:quick|:tiny]

`:quick` makes 450 steps. After 600 on the toons, six minutes on two CPU cores, all ten characters are recognisable,
with noise, and the images of one character differ in the background only.

`--config.num_classes=` is the number of the data set's classes; with 0 it is told none.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_BIGGAN, TINY_BIGGAN, with_preset


def get_config(preset=None):
    config = base("biggan")
    config.num_classes = 10
    return with_preset(config, preset, quick=QUICK_BIGGAN, tiny=TINY_BIGGAN)
