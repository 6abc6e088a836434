"""Presets: values of fields, by name, with which an experiment takes minutes or seconds instead of hours."""

from collections.abc import Mapping

from ml_collections.config_dict import ConfigDict

from jaxgan.errors import UserError
from jaxgan.fields import flatten

# BEGAN's losses in minutes on a CPU. With so few steps gamma = 0.5 draws one image; with 0.9 real scenes collapse.
QUICK_BALANCE = {
    "width": 16,
    "batch_size": 16,
    "steps": 6000,
    "lr_g": 1e-3,
    "lr_d": 2e-3,
    "gamma": 0.7,
    "lambda_k": 0.002,
    "ema_decay": 0.99,
    "sample_every": 500,
    "checkpoint_every": 1000,
    "monitor.every": 500,
    "monitor.warmup": 1000,
}
QUICK_SDPC = {"steps": 500, "layer_1.atoms": 32, "sample_every": 100, "checkpoint_every": 100}
TINY_SDPC = {"layer_1.atoms": 6, "layer_2.atoms": 8, "max_iterations": 20, "dead_after": 2}
TINY_CODES = TINY_SDPC | {"pretrain_steps": 3, "code_layer": 2, "layer_1.sparsity": 0.3, "layer_2.sparsity": 0.2}
TINY_TRANSLATION = {"data.a.name": "sketches", "data.b.name": "toons", "data.image_size": 32, "data.load_size": 0}
TINY_TRANSLATION |= {"blocks": 1, "critic_halvings": 1, "pool": 4, "lr_hold_steps": 3, "lr_fall_steps": 30}
TINY_CRITIC = {"layer_1.atoms": 6, "layer_2.atoms": 8, "inference_steps": 2}
TINY_R3GAN = {"blocks": 1, "group": 4, "num_classes": 10, "schedule_steps": 4, "altered": 0.3}
TINY_BIGGAN = {"width": 2, "widest": 4, "critic_end": 16, "critic_blocks": 1, "d_steps": 2, "attention": 16}
TINY_BIGGAN |= {"embedding": 4, "minibatch_std": True, "ema_start": 1}
TINY_CRITIC |= {"layer_1.sparsity": 0.1, "layer_2.sparsity": 0.1}
QUICK_BEGAN = QUICK_BALANCE | {"plateau_every": 1500}
QUICK_CRITIC = QUICK_BEGAN | {"steps": 2000, "gamma": 1.0, "lambda_k": 0.01, "pull_away": 0.25}
QUICK_DCGAN = {
    "batch_size": 16,
    "steps": 3500,
    "ema_decay": 0.99,
    "sample_every": 500,
    "checkpoint_every": 500,
    "monitor.every": 500,
    "monitor.warmup": 1000,
}
QUICK_CODES = QUICK_DCGAN | {
    "steps": 2000,
    "pretrain_steps": 500,
    "lr_g": 1e-3,
    "lr_d": 5e-4,
    "monitor.warmup": 1000,
}
QUICK_BIGGAN = QUICK_DCGAN | {
    "batch_size": 32,
    "steps": 450,
    "width": 8,
    "widest": 16,
    "critic_end": 4,
    "critic_blocks": 1,
    "d_steps": 3,
    "ema_start": 100,
    "lr_g": 4e-4,
    "lr_d": 4e-4,
    "sample_every": 150,
    "checkpoint_every": 150,
    "monitor.every": 150,
}
# What learns fastest in minutes on a CPU.
SMALL = {
    "steps": 6500,
    "lr_hold_steps": 3900,
    "lr_fall_steps": 2600,
    "batch_size": 32,
    "width": 8,
    "widest": 16,
    "critic_end": 4,
    "critic_blocks": 1,
    "d_steps": 2,
    "minibatch_std": True,
    "lr_g": 1e-3,
    "lr_d": 1e-3,
    "ema_decay": 0.999,
    "ema_start": 200,
    "sample_every": 500,
    "checkpoint_every": 500,
    "monitor.every": 250,
    "monitor.warmup": 1000,
}
# What a search found for simpsons_mnist.
BEST = SMALL | {
    "data.name": "simpsons_mnist",
    "data.flip": True,
    "width": 4,
    "steps": 9000,
    "lr_hold_steps": 4500,
    "lr_fall_steps": 9000,  # which ends at half the rates: to 0 it gets worse again
    "lr_g": 1.24e-3,
    "lr_d": 3.2e-3,
    "adam_b2": 0.99,
}
QUICK_BEST = {"steps": 3000, "lr_hold_steps": 1500, "lr_fall_steps": 3000}
TINY_BEST = TINY_BIGGAN | {"data.name": "toons"}
QUICK_SMALL = {"steps": 3200, "lr_hold_steps": 1900, "lr_fall_steps": 1300, "width": 4}
QUICK_R3GAN = {
    "batch_size": 16,
    "steps": 1000,
    "schedule_steps": 1000,
    "width": 32,
    "group": 8,
    "blocks": 1,
    "lr_g": 1e-3,
    "lr_d": 1e-3,
    "altered_end": 0.0,
    "ema_images": 5_000,
    "ema_images_end": 5_000,
    "sample_every": 250,
    "checkpoint_every": 250,
    "monitor.every": 250,
    "monitor.warmup": 500,
}
QUICK_TRANSLATION = {
    "data.a.name": "sketches",
    "data.b.name": "toons",
    "data.image_size": 32,
    "data.load_size": 0,
    "width": 24,
    "blocks": 3,
    "critic_halvings": 2,  # whole images; with patches of 16 pixels faces are taken for other characters
    "identity": 0.0,  # a sketch has no colours that a toon could keep
    "batch_size": 4,
    "steps": 5000,
    "lr_hold_steps": 2500,
    "lr_fall_steps": 2500,
    "ema_decay": 0.99,
    "sample_every": 500,
    "checkpoint_every": 500,
    "monitor.every": 500,
    "monitor.warmup": 1000,
}
QUICK_ADCGAN = QUICK_DCGAN | {"width": 32, "gamma": 0.7, "lambda_k": 0.002}

TINY = {
    "width": 8,
    "latent_dim": 8,
    "batch_size": 8,
    "steps": 6,
    "log_every": 2,
    "sample_every": 3,
    "checkpoint_every": 2,
    "tensorboard": False,
    "data.limit": 64,
    "data.a.limit": 64,
    "data.b.limit": 64,
    "monitor.every": 0,
}


def with_preset(config: ConfigDict, preset: str | None, **presets: Mapping) -> ConfigDict:
    """Applies a preset, a mapping from (dotted) field to value. `tiny` is the same for all but for overrides.

    Raises:
      UserError: there is no such preset.
    """
    presets["tiny"] = {name: value for name, value in TINY.items() if name in flatten(config)} | presets.get("tiny", {})
    if preset and preset not in presets:
        raise UserError(f"no preset {preset!r}: there are {', '.join(sorted(presets))}, or none")
    config.update_from_flattened_dict(presets[preset] if preset else {})
    return config
