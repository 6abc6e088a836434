"""DCGAN (Radford et al. 2016, arXiv 1511.06434) as the seed trained it: G first, then D on the same fakes."""

import dataclasses

import jax
import jax.numpy as jnp
import optax
from flax import struct
from ml_collections import ConfigDict

from jaxgan import images
from jaxgan.algorithms import Algorithm, Batch, Metrics
from jaxgan.algorithms.network import (
    Network,
    average,
    create,
    descend,
    layer_dtype,
    normalized,
    read_hyper,
    sample_latent,
    sampling_params,
    spectral_key,
)
from jaxgan.models import dcgan
from jaxgan.regularisation import adapted, lazily, seen, squared_slopes, start_probability, weights_of_best
from jaxgan.schedules import step_decay


@struct.dataclass
class Hyper:
    """What a researcher sweeps, float32 scalars; own_fields.py says what each is."""

    lr_g: jax.Array
    lr_d: jax.Array
    lr_decay: jax.Array
    adam_b1: jax.Array
    adam_b2: jax.Array
    ema_decay: jax.Array
    label_smoothing: jax.Array
    noise: jax.Array
    r1: jax.Array
    ada_target: jax.Array
    top_share: jax.Array


@struct.dataclass
class State:
    """All that training changes."""

    step: jax.Array  # int32 scalar, updates so far
    generator: Network
    discriminator: Network
    altered: jax.Array | None  # float32 scalar, probability of each way to alter what D sees
    hyper: Hyper


def cross_entropy(logits: jax.Array, target: jax.Array, weights: jax.Array | None = None) -> jax.Array:
    """Mean binary cross-entropy, a scalar, of logits (B,) against one target in [0, 1]; weights (B,) have the sum 1."""
    if logits.ndim != 1:
        raise ValueError(f"logits {logits.shape}: expected one an image")
    return jnp.average(optax.sigmoid_binary_cross_entropy(logits, jnp.full_like(logits, target)), weights=weights)


@dataclasses.dataclass(frozen=True)
class Dcgan:
    """The networks and their training, as pure functions of the state."""

    generator: dcgan.Generator
    discriminator: dcgan.Discriminator
    config: ConfigDict

    def init(self, key: jax.Array) -> State:
        config = self.config
        key_generator, key_discriminator = jax.random.split(key)
        latent = jnp.zeros((1, config.latent_dim))
        image = jnp.zeros((1, config.data.image_size, config.data.image_size, config.data.channels))
        judge = self.discriminator.init(key_discriminator, image, train=False)
        return State(
            step=jnp.int32(0),
            generator=create(self.generator.init(key_generator, latent, train=False), ema=config.ema_decay > 0),
            discriminator=create(judge, spectral_key=spectral_key(config, key_discriminator)),
            altered=start_probability(config),
            hyper=read_hyper(Hyper, config),
        )

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Updates G and D once.

        Both losses look at the same fakes through the same D, so D's forward pass over them serves
        both. BatchNorm normalises real and fake batches apart.
        """
        hyper, g, d = state.hyper, state.generator, state.discriminator
        key_latent, key_mirror, key_noise, key_label, *keys_judge = jax.random.split(key, 6)
        real = images.augment(key_mirror, images.to_float(batch["image"]), self.config.data.flip)
        latent = self.sample_latent(key_latent, real.shape[0])
        noise = images.input_noise(key_noise, real.shape, hyper.noise) if self.config.data.noise else 0.0
        smoothed = 1 - hyper.label_smoothing * jax.random.uniform(key_label)

        def judge(params, image, batch_stats, key):
            variables = {"params": normalized(d, params)[0], "batch_stats": batch_stats}
            image = seen(self.config, jax.random.fold_in(key, 1), image, state.altered) + noise
            apply = self.discriminator.apply
            logits, updated = apply(variables, image, train=True, rngs={"dropout": key}, mutable="batch_stats")
            return logits[:, 0], updated["batch_stats"]

        def loss_on_real(params):
            logits, batch_stats = judge(params, real, d.batch_stats, keys_judge[0])
            loss, penalty = cross_entropy(logits, smoothed), 0.0
            if self.config.r1:
                judge_one = lambda image: judge(params, image, d.batch_stats, keys_judge[0])[0]
                slopes = lambda: hyper.r1 / 2 * squared_slopes(judge_one, real).mean()
                penalty = lazily(slopes, state.step, self.config.r1_every)
            return loss + 2 * penalty, (loss, logits, batch_stats)  # of which half counts

        fake, pull_back_g, stats_g = jax.vjp(lambda params: self.fake(params, g, latent), g.params, has_aux=True)
        grads_real, (loss_real, logits_real, stats_d) = jax.grad(loss_on_real, has_aux=True)(d.params)
        logits_fake, pull_back_d, stats_d = jax.vjp(
            lambda params, image: judge(params, image, stats_d, keys_judge[1]), d.params, fake, has_aux=True
        )
        best = weights_of_best(logits_fake, hyper.top_share)
        loss_g, towards_real = jax.value_and_grad(cross_entropy)(logits_fake, 1.0, best)
        loss_fake, towards_fake = jax.value_and_grad(cross_entropy)(logits_fake, 0.0)

        (grads_g,) = pull_back_g(pull_back_d(towards_real)[1])
        grads_d = jax.tree.map(lambda r, f: (r + f) / 2, grads_real, pull_back_d(towards_fake)[0])

        scale = step_decay(state.step, hyper.lr_decay, self.config.lr_decay_every)
        lr_g, lr_d = scale * hyper.lr_g, scale * hyper.lr_d
        generator = descend(g, grads_g, lr_g, hyper.adam_b1, hyper.adam_b2)
        discriminator = descend(d, grads_d, lr_d, hyper.adam_b1, hyper.adam_b2)
        metrics = {
            "loss_g": loss_g,
            "loss_d": (loss_real + loss_fake) / 2,
            "score_real": jax.nn.sigmoid(logits_real).mean(),
            "score_fake": jax.nn.sigmoid(logits_fake).mean(),
            "lr_g": lr_g,
            "lr_d": lr_d,
        }
        state = state.replace(
            step=state.step + 1,
            generator=average(generator.replace(batch_stats=stats_g), hyper.ema_decay),
            discriminator=discriminator.replace(batch_stats=stats_d, singular=normalized(d)[1]),
        )
        sign, most = jnp.sign(logits_real).mean(), len(real) / self.config.ada_images
        altered, more = adapted(state.altered, sign, hyper.ada_target, most)
        return state.replace(altered=altered), metrics | more

    def fake(self, params, generator: Network, latent: jax.Array) -> tuple[jax.Array, dict]:
        """Images from G in training, and its BatchNorm's updated statistics."""
        variables = {"params": params, "batch_stats": generator.batch_stats}
        image, updated = self.generator.apply(variables, latent, train=True, mutable="batch_stats")
        return image, updated["batch_stats"]

    def sample_latent(self, key: jax.Array, count: int) -> jax.Array:
        return sample_latent(key, count, self.config.latent_dim, self.config.latent)

    def generate(self, state: State, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Normalises by the running statistics, so that an image does not depend on its neighbours."""
        variables = {"params": sampling_params(state.generator), "batch_stats": state.generator.batch_stats}
        return self.generator.apply(variables, latent, train=False)


def networks(config: ConfigDict, outputs: int = 1) -> tuple[dcgan.Generator, dcgan.Discriminator]:
    """The generator, and the discriminator with so many outputs."""
    shared = {
        "width": config.width,
        "kernel": config.kernel,
        "leak": config.leak,
        "batch_norm_eps": config.batch_norm_eps,
        "initialization": config.init,
        "dtype": layer_dtype(config),
    }
    generator = dcgan.Generator(
        image_size=config.data.image_size,
        channels=config.data.channels,
        upsampling=config.upsampling,
        transposed_kernel=config.transposed_kernel,
        **shared,
    )
    return generator, dcgan.Discriminator(outputs=outputs, dropout=config.dropout, **shared)


def make(config: ConfigDict) -> Algorithm:
    """Builds DCGAN."""
    system = Dcgan(*networks(config), config)
    return Algorithm(system.init, system.train_step, system.sample_latent, system.generate)
