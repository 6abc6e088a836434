"""The same with a shared decoder: G draws sparse codes of the critic's last layer, whose dictionaries render them.

python -m jaxgan.main --config=configs/sdpc_shared.py[:quick|:tiny]
"""

from jaxgan.fields import QUICK_BEGAN, TINY_CRITIC, base, with_preset


def get_config(preset=None):
    config = base("sdpc_began")
    config.shared = True
    return with_preset(config, preset, quick=QUICK_BEGAN, tiny=TINY_CRITIC)
