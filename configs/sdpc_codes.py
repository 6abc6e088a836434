"""A GAN among sparse codes: SDPC learns first, then G to draw codes of its second layer, which its dictionaries render.

    python -m jaxgan.main --config=configs/sdpc_codes.py[:quick|:tiny]

`:quick` takes about five minutes on two cores. On the toons it draws most of the characters, recognisable, pale and
with noise, as the codes of real images draw them, too.

With `--config.init_from=RUN --config.pretrain_steps=0` the dictionaries are those of another run with the same layers:
of this system, or of `sdpc` on plain images (data.whiten_f0, contrast_size, standardise and mask 0 or False).
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_CODES, TINY_CODES, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc_codes"), preset, quick=QUICK_CODES, tiny=TINY_CODES)
