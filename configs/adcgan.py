"""ADCGAN repaired: SABEGAN of DCGAN's blocks, with BEGAN's losses and k.

python -m jaxgan.main --config=configs/adcgan.py[:quick|:tiny]
"""

from jaxgan.config import base, with_preset

QUICK = {
    "width": 32,
    "batch_size": 16,
    "steps": 3500,
    "gamma": 0.7,
    "lambda_k": 0.002,
    "ema_decay": 0.99,
    "sample_every": 500,
    "checkpoint_every": 500,
}


def get_config(preset=None):
    config = base("adcgan")
    config.latent_dim = 100
    config.lr_g = 4e-4
    config.lr_d = 4e-4
    return with_preset(config, preset, quick=QUICK)
