"""R3GAN (Huang et al. 2024, arXiv 2501.05441) at the size and with the schedules that its authors had for CIFAR-10.

    python -m jaxgan.main --config=configs/r3gan.py[:quick|:tiny] [--config.accumulate=16]

Their 20 million images are 39,000 steps; a batch of 512 takes 160 GiB in one part. It has not been trained in full yet.
`:quick` takes minutes on two CPU cores, where gradients of grouped convolutions are slow; its learning rates are 1e-3,
five times theirs, with which so small a network learns better (RESULTS.md). `--config.num_classes=` is the number of
classes that it is to be told.

What D sees is altered as by ADA (Karras et al. 2020). R3GAN's authors alter colours half as often, and cut squares out.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_R3GAN, TINY_R3GAN, with_preset


def get_config(preset=None):
    config = base("r3gan")
    config.steps = 39_063
    config.schedule_steps = 39_063
    config.ema_images = 0
    config.ema_images_end = 5_000_000
    return with_preset(config, preset, quick=QUICK_R3GAN, tiny=TINY_R3GAN)
