"""A GAN among sparse codes: SDPC learns first, then G to draw codes of its second layer, which its dictionaries render.

python -m jaxgan.main --config=configs/sdpc_codes.py[:quick|:tiny]
"""

from jaxgan.fields import QUICK_CODES, TINY_CODES, base, with_preset


def get_config(preset=None):
    return with_preset(base("sdpc_codes"), preset, quick=QUICK_CODES, tiny=TINY_CODES)
