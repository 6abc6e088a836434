"""SDPC as published on the AT&T faces (Boutin et al. 2020): 112x92 grey, atoms of 9x9, 64 and 128 of them, 1500 epochs.

At some 80 GFLOP an iteration it is for accelerators; the quick preset takes 56x46, 32 and 64 atoms, and 30 epochs: five
minutes on two cores. Its first layer finds oriented edges, its second eyes, mouths, a nose, outlines of faces. The
faces are the user's own copy, a folder or an archive of its 400 images:

    python -m jaxgan.main --config=configs/sdpc_att.py[:quick|:tiny] --config.data.dir=att-faces.zip
"""

from jaxgan.fields import base
from jaxgan.presets import QUICK_SDPC, TINY_SDPC, with_preset

QUICK = QUICK_SDPC | {"steps": 540, "data.image_size": 56, "data.image_width": 46, "layer_2.atoms": 64}
TINY = TINY_SDPC | {"data.name": "toons", "data.image_size": 42, "data.image_width": 38}


def get_config(preset=None):
    config = base("sdpc")
    fields = {"data.name": "folder", "data.image_size": 112, "data.image_width": 92, "data.channels": 1, "epochs": 1500}
    fields |= {"layer_1.kernel": 9, "layer_2.kernel": 9, "layer_2.atoms": 128}
    config.update_from_flattened_dict(fields)
    return with_preset(config, preset, quick=QUICK, tiny=TINY)
