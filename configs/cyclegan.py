"""CycleGAN (Zhu et al. 2017): human faces to Simpsons and back at 128 px, of which it sees no pairs.

No run of it has been made yet: the paper's 200 epochs are 1,778,000 steps.

    python -m jaxgan.main --config=configs/cyclegan.py --config.data.a.dir=FACES    (a folder or an archive of them)
    python -m jaxgan.main --config=configs/cyclegan.py:quick|:tiny                  (sketches to toons at 32 px)
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_TRANSLATION, TINY_TRANSLATION, with_preset


def get_config(preset=None):
    config = base("cyclegan")
    config.steps = 1_778_000  # 200 epochs of simpsons_faces
    config.lr_hold_steps = config.lr_fall_steps = 889_000
    config.blocks, config.critic_halvings = 6, 3
    config.data.image_size, config.data.load_size = 128, 143
    config.data.a.name, config.data.b.name = "folder", "simpsons_faces"
    return with_preset(config, preset, quick=QUICK_TRANSLATION, tiny=TINY_TRANSLATION)
