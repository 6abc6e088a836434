"""An experiment's config: read from the command line, checked, stored, compared with a stored one."""

import argparse
import difflib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import flags
from ml_collections import config_flags
from ml_collections.config_dict import ConfigDict

from jaxgan.errors import UserError
from jaxgan.evaluation import BEST_METRICS, MOST_LAYERS
from jaxgan.fields import base, flatten

SIDES = (32, 64, 128)  # pixels, of the images that GANs draw ...
LARGEST = 256  # ... and that of CycleGAN, too

# What may differ when a run is resumed: how long it lasts and what it writes, never what it learns.
MUTABLE = (
    "epochs",
    "steps",
    "log_every",
    "sample_every",
    "checkpoint_every",
    "keep",
    "keep_every",
    "on_nonfinite",
    "nonfinite_restores",
    "tensorboard",
    "compilation_cache",
)


def load(arguments: Sequence[str]) -> tuple[ConfigDict, str]:
    """Reads `--config=FILE[:preset] --config.field=value ...`.

    Returns:
      The config, and the experiment's name: the file's stem and the preset, joined by a hyphen.

    Raises:
      UserError: file, preset, field or value does not fit; the text repeats what was typed.
    """
    file, rest = _split_file(arguments)
    name, _, preset = file.partition(":")
    path = _find(Path(name))
    file = ":".join(filter(None, (str(path), preset)))
    try:
        config = _parse([f"--config={file}"])
        overrides = _check_overrides(config, rest)
        config = _parse([f"--config={file}", *rest])
    except flags.IllegalFlagValueError as error:
        raise UserError(str(error).removeprefix("flag ")) from None
    except flags.Error as error:
        raise UserError(f"{error}; overrides read --config.field=value, see --help") from None
    if "epochs" in overrides and "steps" not in overrides:
        config.steps = None
    validate(config)
    return config, "-".join(filter(None, (path.stem, preset)))


def _parse(arguments: Sequence[str]) -> ConfigDict:
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=["", *arguments])
    unparsed = values(["", *arguments])[1:]
    if unparsed:
        raise UserError(f"unexpected argument {unparsed[0]!r}; overrides read --config.field=value")
    return values.config


def _split_file(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Takes `--config=FILE` or `--config FILE` out of the arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", nargs="?")
    known, rest = parser.parse_known_args(list(arguments))
    if not known.config:
        raise UserError("which experiment? Name its file, as in --config=configs/abegan.py:quick")
    return known.config, rest


def _find(path: Path) -> Path:
    """The file of that path, or of that name among those that come with the project. Raises UserError."""
    if path.is_file():
        return path
    ours = shipped() / path.name
    if path.parent in (Path(), Path("configs")) and ours.is_file():
        return ours
    files = [str(file) for file in sorted(path.parent.glob("*.py"))]
    known = files + [str(path.parent / file.name) for file in sorted(shipped().glob("*.py")) if path.parent == Path()]
    known = known or [file.name for file in sorted(shipped().glob("*.py"))]
    nearest = difflib.get_close_matches(str(path), known, n=1)
    nearest = nearest or difflib.get_close_matches(path.name, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"
    raise UserError(f"no config file {str(path)!r}; {hint}")


def shipped() -> Path:
    """The folder with the experiments that come with the project: in a package that is installed, or beside it."""
    package = Path(__file__).parent
    return next(folder for folder in (package / "configs", package.with_name("configs")) if folder.is_dir())


def _check_overrides(config: ConfigDict, arguments: Sequence[str]) -> list[str]:
    """Returns the fields that `--config.field=value` arguments name, all of them fields of `config`."""
    fields = flatten(config)
    typed = [re.match(r"--?(?:no)?config\.([^=]*)", argument) for argument in arguments]
    names = [match[1] for match in typed if match]
    for name in names:
        if name not in fields:
            raise UserError(f"no field {name!r} for algorithm {config.algorithm}; {_nearest(name, fields)}")
    return names


def _nearest(name: str, fields: Mapping) -> str:
    inside = [field for field in fields if field.startswith(f"{name}.")]
    nearest = inside or difflib.get_close_matches(name, fields, n=1, cutoff=0.4)
    nearest = nearest or [field for field in fields if field.split(".")[-1] == name.split(".")[-1]]
    return f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(fields)}"


_CHOICES = {
    "precision": ("float32", "tf32", "bfloat16"),
    "init": ("fan_avg_normal", "fan_in_uniform", "normal_002", "orthogonal"),
    "latent": ("normal", "uniform"),
    "activation": ("elu", "relu", "leaky_relu", "silu", "gelu"),
    "upsampling": ("nearest", "transposed"),
    "gradient": ("unrolled", "implicit"),
    "data.channels": (1, 3),
    **{f"data.{domain}fit": ("crop", "pad") for domain in ("", "a.", "b.")},
    **{f"data.{domain}unreadable": ("error", "skip") for domain in ("", "a.", "b.")},
    "data.source": ("auto", "device", "tfdata"),
    "on_nonfinite": ("stop", "restore"),
    "monitor.best_metric": BEST_METRICS,
    "monitor.on_collapse": ("continue", "stop", "restore"),
}
_MINIMA = ("contrast", "diversity", "distinct", "characters", "recognised", "change")
_STEPS = 2**31  # below which steps, and images over all of them, are: JAX counts in 32 bits
_SIZE = 100_000  # channels, pixels a side and images at a time: no memory holds so many
_DEPTH = 100  # blocks of a network, and a side of its kernels
_LAYER = {  # ranges, as below
    **dict.fromkeys(("atoms", "stride"), (1, _SIZE)),
    "kernel": (0, _SIZE),
    **dict.fromkeys(("sparsity", "lr"), (0, math.inf)),
    "scale": (1e-3, math.inf),
}
# Half-open ranges: the least value, and the one that values stay below.
_RANGES = {
    **dict.fromkeys(("epochs", "steps", "log_every", "sample_every", "checkpoint_every"), (1, _STEPS)),
    **dict.fromkeys(("keep", "keep_every", "data.limit", "data.a.limit", "data.b.limit"), (1, _STEPS)),
    **dict.fromkeys(("batch_size", "latent_dim", "width", "data.image_size", "data.image_width"), (1, _SIZE)),
    "kernel": (1, _DEPTH),
    "transposed_kernel": (2, _DEPTH),
    **dict.fromkeys(("seed", "data.seed"), (0, 2**32)),
    **dict.fromkeys(("plateau_every", "residual_steps", "lr_decay_every"), (0, _STEPS)),
    **dict.fromkeys(("gamma", "lambda_k", "k_min", "k_max", "lr_g", "lr_d", "lr_decay"), (0, math.inf)),
    **dict.fromkeys(("data.noise", "leak"), (0, math.inf)),
    **dict.fromkeys(("adam_b1", "adam_b2", "ema_decay", "dropout", "momentum"), (0, 1)),
    **{f"layer_{layer}.{name}": bounds for layer in range(1, MOST_LAYERS + 1) for name, bounds in _LAYER.items()},
    **dict.fromkeys(("feedback", "threshold", "lr_scale", "data.whiten_f0"), (0, math.inf)),
    "data.contrast_size": (0, _SIZE),
    **dict.fromkeys(("data.whiten_n", "data.contrast_sigma"), (1e-3, math.inf)),
    "blocks": (1, _DEPTH),
    "critic_blocks": (0, _DEPTH),
    **dict.fromkeys(("widest", "embedding", "group", "d_steps", "accumulate"), (1, _SIZE)),
    "critic_halvings": (1, math.log2(LARGEST)),
    "r1_every": (1, _STEPS),
    "ada_target": (0, 1),
    **dict.fromkeys(("altered", "altered_end"), (0, 1 + 1e-12)),
    "adam_b2_end": (0, 1),
    **dict.fromkeys(("schedule_steps", "ema_start", "ema_images", "ema_images_end"), (0, _STEPS)),
    **dict.fromkeys(("lr_end", "r1_end"), (0, math.inf)),
    "ada_images": (1, _STEPS),
    "top_share": (1e-3, 1 + 1e-12),
    **dict.fromkeys(("num_classes", "attention", "pool", "data.load_size"), (0, _SIZE)),
    "orthogonal": (0, math.inf),
    **dict.fromkeys(("lr_hold_steps", "lr_fall_steps", "cycle_steps"), (0, _STEPS)),
    **dict.fromkeys(("cycle", "cycle_end", "identity", "paired"), (0, math.inf)),
    **dict.fromkeys(("pull_away", "code_weight", "r1"), (0, math.inf)),
    "code_layer": (0, MOST_LAYERS + 1),
    **dict.fromkeys(("warm_steps", "pretrain_steps"), (0, _STEPS)),
    **dict.fromkeys(("inference_steps", "max_iterations", "dead_after"), (1, _STEPS)),
    "layers": (1, MOST_LAYERS + 1),
    "plateau_factor": (1e-6, 1),
    "plateau_rtol": (1e-12, 1 + 1e-12),
    "batch_norm_eps": (1e-12, math.inf),
    "label_smoothing": (0, 1 + 1e-12),
    **dict.fromkeys(("monitor.every", "monitor.warmup", "monitor.restores", "nonfinite_restores"), (0, _STEPS)),
    "monitor.patience": (1, _STEPS),
    **dict.fromkeys(("monitor.margin", "monitor.max_growth"), (1, math.inf)),
    **dict.fromkeys(
        [f"monitor.min_{name}" for name in _MINIMA] + ["monitor.max_copies", "monitor.max_relapse"], (1e-12, math.inf)
    ),
    "monitor.num": (100, _SIZE),
}


def _upper(below: float) -> str:
    """Says that values stay below this; where it is a whole number and next to nothing, that they reach that."""
    if not math.isfinite(below):
        return ""
    return f" to {below:.0f}" if 0 < below % 1 < 1e-9 else f" and below {below:.10g}"


def validate(config: ConfigDict) -> None:
    """Raises UserError where a field's value cannot be meant."""
    fields = flatten(config)
    lacking = set(flatten(base(config.algorithm))) - set(fields)
    if lacking:
        raise UserError(
            f"algorithm={config.algorithm} wants fields that this config lacks ({', '.join(sorted(lacking))}): "
            f"choose a config of that algorithm"
        )
    for name, choices in _CHOICES.items():
        if name in fields and fields[name] not in choices:
            raise UserError(f"{name}={fields[name]}: it is one of {', '.join(map(str, choices))}")
    for name, (least, below) in _RANGES.items():
        value = fields.get(name)
        if value is not None and not least <= value < below:
            raise UserError(f"{name}={value}: it is a number from {least:g}{_upper(below)}")
    for name in ("data.dir", "data.a.dir", "data.b.dir"):
        if fields.get(name) == "":
            raise UserError(f"{name} is empty: give a path, or leave it out")
    if "max_iterations" in fields:
        _validate_sdpc(config)
    if config.algorithm == "sdpc":
        if config.monitor.every:
            raise UserError(f"monitor.every={config.monitor.every}: sdpc draws no samples to be watched; it is 0")
    else:
        _validate_size(config)
    if fields.get("kernel", 1) % 2 == 0:
        raise UserError(f"kernel={config.kernel}: it is an odd number")
    if "kernel" in fields and config.width % 4:
        raise UserError(f"width={config.width}: that of DCGAN's networks is a multiple of 4")
    if config.algorithm == "cyclegan":
        _validate_translator(config)
    if config.batch_size % fields.get("accumulate", 1):
        raise UserError(f"accumulate={config.accumulate}: batch_size={config.batch_size} is no multiple of it")
    if fields.get("diffaugment") and fields.get("ada_target"):
        raise UserError(f"ada_target={config.ada_target}: diffaugment alters images already; set one of the two")
    if "pretrain_steps" in fields:
        _validate_pretraining(config)
    if fields.get("k_min", 0) > fields.get("k_max", 0):
        raise UserError(f"k_min={config.k_min} is above k_max={config.k_max}")
    usual = flatten(base(config.algorithm))
    for name, value in fields.items():
        layer = re.match(r"layer_(\d)\.", name)
        if layer and int(layer[1]) > config.layers and value != usual[name]:
            raise UserError(f"{name}={value}: there are {config.layers} layers; set layers={layer[1]}")


def _validate_size(config: ConfigDict) -> None:
    data, sides = config.data, SIDES + (LARGEST,) * ("load_size" in config.data)
    if data.image_size not in sides or data.image_width not in (None, data.image_size):
        name = "image_width" if data.image_size in sides else "image_size"
        known = ", ".join(map(str, sides))
        raise UserError(f"data.{name}={data[name]}: images are square, their side is one of {known}")


def _validate_translator(config: ConfigDict) -> None:
    data = config.data
    if data.load_size and not data.image_size <= data.load_size <= 1.5 * data.image_size:
        raise UserError(
            f"data.load_size={data.load_size}: it is from data.image_size={data.image_size} to one and a half of that, "
            "or 0"
        )
    if data.image_size < 2 ** (config.critic_halvings + 2):
        raise UserError(f"critic_halvings={config.critic_halvings}: that leaves no patch of {data.image_size} pixels")
    if config.paired and not data.paired:
        raise UserError(f"paired={config.paired}: batches hold partners with data.paired=True only")


def _validate_sdpc(config: ConfigDict) -> None:
    if config.max_iterations < config.layers:
        raise UserError(f"max_iterations={config.max_iterations}: what is seen takes {config.layers} to the last layer")
    if config.precision == "bfloat16":
        raise UserError(f"precision=bfloat16: {config.algorithm}'s energies come to rest in float32 or tf32 only")
    if config.data.get("contrast_size") and config.data.contrast_size % 2 == 0:
        raise UserError(f"data.contrast_size={config.data.contrast_size}: it is an odd number, or 0")


def _validate_pretraining(config: ConfigDict) -> None:
    pretraining = f"pretrain_steps={config.pretrain_steps}"
    if config.steps is not None and config.pretrain_steps >= config.steps:
        raise UserError(f"{pretraining}: steps={config.steps} leave none in which G and D learn")
    if config.monitor.every and config.monitor.warmup <= config.pretrain_steps:
        raise UserError(f"monitor.warmup={config.monitor.warmup}: G learns nothing to be watched before {pretraining}")


def to_dict(config: ConfigDict) -> dict:
    """Returns what `config.json` stores: plain JSON values."""
    return json.loads(config.to_json())


def from_dict(stored: Mapping) -> ConfigDict:
    """Returns the config that `to_dict` stored; fields that it lacks, of a later version, get their defaults."""
    config = base(stored["algorithm"])
    with config.unlocked():
        config.update(stored)
    return config


def difference(stored: Mapping, config: ConfigDict) -> list[str]:
    """Returns the fields that must not differ when a run is resumed and do, as `gamma: 0.5 -> 0.3`."""
    before, after = flatten(from_dict(stored)), flatten(config)
    free = {*MUTABLE, "data.dir", "data.a.dir", "data.b.dir", *(name for name in after if name.startswith("monitor."))}
    names = [name for name in before | after if name not in free and before.get(name) != after.get(name)]
    return [f"{name}: {before.get(name)} -> {after.get(name)}" for name in names]
