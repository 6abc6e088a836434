"""The same with a shared decoder: G draws sparse codes of the critic's first layer, whose dictionary renders them.

    python -m jaxgan.main --config=configs/sdpc_shared.py[:quick|:tiny]

`:quick`, which pulls fakes apart, takes about five minutes on one core. On the toons its faces vary until about 1,000
steps; by 2,000 it draws one or two of the characters.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_CRITIC, TINY_CRITIC, with_preset


def get_config(preset=None):
    config = base("sdpc_began")
    config.code_layer = 1
    return with_preset(config, preset, quick=QUICK_CRITIC, tiny=TINY_CRITIC)
