"""The seed author's last DCGAN: 128 px, two doublings and two halvings more, G learning five times as fast as D.

    python -m jaxgan.main --config=configs/dcgan_max.py[:quick|:tiny] --config.data.name=simpsons_faces

It took 18 hours on a GPU of 2019 and had collapsed by the end, when it was saved. Here the best of the checkpoints
stays, and the alarm says when a collapse begins.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_DCGAN, with_preset


def get_config(preset=None):
    config = base("dcgan")
    config.data.image_size = 128
    config.latent_dim = 100
    config.batch_size = 16
    config.epochs = 300
    config.lr_g = 2.5e-4
    config.lr_d = 5e-5
    return with_preset(config, preset, quick=QUICK_DCGAN | {"width": 8, "steps": 1500}, tiny={"data.image_size": 32})
