"""A GAN among sparse codes: SDPC learns first, then G to draw codes of its first layer, which its dictionary renders.

    python -m jaxgan.main --config=configs/sdpc_codes.py[:quick|:tiny]

`:quick` takes about five minutes on two cores. On the toons it draws clean lines, and after a while two of the
characters, see RESULTS.md.

With `--config.init_from=RUN --config.pretrain_steps=0` the dictionaries are those of another run with the same layers:
of this system, or of `sdpc` on plain images (data.whiten_f0, contrast_size, standardise and mask 0 or False).
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_CODES, TINY_CODES, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc_codes"), preset, quick=QUICK_CODES, tiny=TINY_CODES)
