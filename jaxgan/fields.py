"""Every field that experiments share with its default, unit and meaning; those of one algorithm are in own_fields.py.

An experiment is a file with `get_config(preset)`, which takes `base()`, overrides fields and returns
`presets.with_preset(...)`. The file can live in any directory.
"""

import importlib
from collections.abc import Mapping

from ml_collections.config_dict import ConfigDict, placeholder

from jaxgan.errors import UserError
from jaxgan.own_fields import OWN, WITHOUT, image_set


def base(algorithm: str) -> ConfigDict:
    """Returns the fields that all experiments share and those of `algorithm`, as the seed had them."""
    config = ConfigDict()
    config.algorithm = algorithm  # the module of jaxgan.algorithms that trains it
    config.seed = 0  # of the initial weights, the latents, dropout and augmentation
    config.init_from = placeholder(str)  # a run, or a .safetensors file of one, whose networks it starts from

    config.epochs = 1000  # passes over the training images
    config.steps = placeholder(int)  # generator updates; where set, it overrides epochs
    config.batch_size = 32  # images a step, over all devices
    # Of the networks' arithmetic; parameters, losses, k and optimizers are float32 in any case. float32 has full
    # precision on every backend; tf32 multiplies float32 numbers in TensorFloat-32 on a GPU, in three bfloat16 passes
    # on a TPU and in float32 on a CPU; bfloat16 computes whole layers in bfloat16.
    config.precision = "float32"
    config.deterministic = False  # bit-identical repeats on a GPU, at some cost in speed; a CPU always repeats

    config.log_every = 50  # steps between two rows of metrics.jsonl
    config.sample_every = 1540  # steps between two sample grids
    config.checkpoint_every = 1540  # steps between two checkpoints
    config.keep = 3  # newest checkpoints that stay
    config.keep_every = placeholder(int)  # checkpoints at multiples of this step stay too
    config.on_nonfinite = "stop"  # or restore: goes back to a checkpoint, with other noise and half the learning rates
    config.nonfinite_restores = 3  # times that a run goes back for that at most; then it stops
    config.tensorboard = True  # write TensorBoard's files as well (needs TensorFlow)
    config.compilation_cache = True  # keep compiled steps under ~/.cache/jaxgan, so that the next start is quick

    config.latent_dim = 64  # length of z
    config.latent = "normal"  # distribution of z: normal is N(0, 1), uniform is U[-1, 1]
    config.width = 64  # channels that the networks' layers count in
    config.init = "fan_avg_normal"  # weights: fan_avg_normal, fan_in_uniform (PyTorch's), normal_002 or orthogonal
    config.lr_g = 1e-4  # Adam's learning rate, generator
    config.lr_d = 1e-4  # Adam's learning rate, discriminator
    config.adam_b1 = 0.5
    config.adam_b2 = 0.999
    config.ema_decay = 0.0  # of the generator's weight average, a step; 0 keeps none

    config.data = image_set("toons")
    config.data.seed = 0  # of the order of the images
    config.data.image_size = 32  # pixels a side: 32, 64 or 128; for SDPC any height
    config.data.image_width = placeholder(int)  # pixels across where images are not square, for SDPC
    config.data.channels = 3  # 3 is colour, 1 is grey
    config.data.flip = False  # mirror half of the real images
    config.data.noise = 0.0  # largest deviation of the Gaussian noise on the discriminator's input; images span [-1, 1]
    config.data.source = "auto"  # device keeps the set in the accelerator's memory, tfdata streams it

    config.monitor = ConfigDict()
    config.monitor.every = 1540  # steps between two readings; 0 takes none
    config.monitor.num = 500  # samples of a reading
    config.monitor.best_metric = "fd_probe"  # of the best checkpoint: or coverage, diversity, effective_characters
    config.monitor.on_collapse = "continue"  # or stop, or restore: goes back to the best checkpoint with other noise
    config.monitor.restores = 3  # times that a run goes back at most; then it stops
    config.monitor.warmup = 3080  # first step whose reading counts for the alarm
    config.monitor.patience = 3  # readings in a row that fire the alarm, and that take it back
    config.monitor.margin = 1.25  # factor by which a reading must be clear of a bound for the alarm to be taken back
    # Bounds of the alarm, the first three relative to real images.
    config.monitor.min_contrast = 0.3  # deviation of the pixels within an image, below which it is flat
    config.monitor.min_diversity = 0.3  # distance between samples, below which they are all alike
    config.monitor.min_characters = 0.35  # entropy of the characters, below which they are few ...
    config.monitor.min_recognised = 0.25  # ... where so many samples are somebody: told with probability 0.5 or more
    config.monitor.min_distinct = 0.5  # share of samples without a twin, below which they are repeating
    config.monitor.max_copies = 0.3  # share of copies of training images, above which they are memorised
    config.monitor.max_growth = 1.5  # of fd_probe or m over its best, and ...
    config.monitor.max_relapse = 0.25  # ... of its way back to its worst, above which training is diverging
    config.monitor.min_change = 0.01  # of the same latents' images between readings, below which they are frozen

    own = OWN[algorithm]() if algorithm in OWN else _own(algorithm)
    for name in WITHOUT.get(algorithm, ()):
        section, _, name = name.rpartition(".")
        del (config[section] if section else config)[name]
    config.update(own)
    return config.lock()


def _own(algorithm: str) -> dict:
    """Fields that an algorithm names in its module, as one that is added; for ours JAX need not be imported."""
    name = f"jaxgan.algorithms.{algorithm}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        raise UserError(f"no algorithm {algorithm!r}: there are {', '.join(OWN)}") from None
    if not hasattr(module, "FIELDS"):
        raise UserError(f"{name} names no fields of its own: give it FIELDS, which may be empty")
    return module.FIELDS


def sets(data: ConfigDict) -> list[ConfigDict]:
    """`config.data` of the set that is learnt and, for a translator, that of the one that it translates: b and a.

    These have a `prefix`, with which the names of their own fields begin.
    """
    if "b" not in data:
        return [data]
    shared = {name: value for name, value in data.items() if not isinstance(value, ConfigDict)}
    return [ConfigDict(shared | dict(data[name].items()) | {"prefix": f"data.{name}."}) for name in "ba"]


def flatten(config: Mapping, prefix: str = "") -> dict:
    """Returns the fields by dotted name."""
    flat = {}
    for name, value in config.items():
        nested = isinstance(value, (ConfigDict, dict))
        flat |= flatten(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return flat
