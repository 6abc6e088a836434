"""What to start with for a small set of images at 32 px: BigGAN's networks, narrow, and told no classes.

    python -m jaxgan.main --config=configs/small32.py[:quick|:tiny] [--config.data.name=folder --config.data.dir=FILE]

Its 6,500 steps take half an hour on two CPU cores, those of `:quick` eight minutes on one. The learning rates are five
times BigGAN's, without which it learns half as fast, and fall at the end; D is shown how much a batch differs, without
which the characters of toons get lost. RESULTS.md has figures. Where faces are cut alike, as those of toons,
`--config.diffaugment --config.d_steps=1` brings them out better; scenes with much around them it spoils.

For a longer training raise the three numbers of steps together. Where there are labels, `--config.num_classes=N` tells
it how many classes there are, and `sample --label=NAME` then draws one.
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_SMALL, SMALL, TINY_BIGGAN, with_preset


def get_config(preset=None):
    config = base("biggan")
    config.update_from_flattened_dict(SMALL)
    return with_preset(config, preset, quick=QUICK_SMALL, tiny=TINY_BIGGAN)
