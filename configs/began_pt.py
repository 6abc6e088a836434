"""BEGAN that pulls its fakes apart (the term of EBGAN-PT, Zhao et al. 2017), against mode collapse; gamma 1.

python -m jaxgan.main --config=configs/began_pt.py[:quick|:tiny]
"""

from jaxgan.fields import QUICK_BEGAN, base, with_preset


def get_config(preset=None):
    config = base("began")
    config.gamma = 1.0
    config.pull_away = 0.1
    quick = QUICK_BEGAN | {"gamma": 1.0, "lambda_k": 0.01, "steps": 3000}
    return with_preset(config, preset, quick=quick)
