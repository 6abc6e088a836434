"""R3GAN (Huang et al. 2024, arXiv 2501.05441): a relativistic loss, and a D whose slopes are kept low."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct
from ml_collections import ConfigDict

from jaxgan import images
from jaxgan.algorithms import Algorithm, Batch, Metrics
from jaxgan.algorithms.network import (
    Network,
    Params,
    accumulated,
    average,
    count_labels,
    create,
    descend,
    layer_dtype,
    read_hyper,
    sample_label,
    sample_latent,
    sampling_params,
)
from jaxgan.augmentation import adaptive
from jaxgan.errors import UserError
from jaxgan.models import r3gan
from jaxgan.regularisation import squared_slopes
from jaxgan.schedules import cosine


@struct.dataclass
class Hyper:
    """What a researcher sweeps, float32 scalars; own_fields.py says what each is. Those with an _end go there."""

    lr_g: jax.Array
    lr_d: jax.Array
    lr_end: jax.Array
    adam_b1: jax.Array
    adam_b2: jax.Array
    adam_b2_end: jax.Array
    r1: jax.Array
    r1_end: jax.Array
    altered: jax.Array
    altered_end: jax.Array
    ema_images: jax.Array
    ema_images_end: jax.Array


@struct.dataclass
class State:
    """All that training changes."""

    step: jax.Array  # int32 scalar, updates so far
    generator: Network
    discriminator: Network
    labels: jax.Array | None  # float32 (num_classes,), how many images of each class training has seen
    hyper: Hyper


@struct.dataclass
class Rates:
    """What the schedules have come to at a step, float32 scalars."""

    scale: jax.Array  # of both learning rates
    b2: jax.Array
    penalty: jax.Array
    altered: jax.Array
    ema_decay: jax.Array


def relativistic(better: jax.Array, worse: jax.Array) -> jax.Array:
    """Mean of log(1 + exp(worse - better)) over pairs, a scalar, by D's outputs (B,) (equation 2)."""
    return jax.nn.softplus(worse - better).mean()


@dataclasses.dataclass(frozen=True)
class R3Gan:
    """The networks and their training, as pure functions of the state."""

    generator: r3gan.Generator
    discriminator: r3gan.Discriminator
    config: ConfigDict

    def init(self, key: jax.Array) -> State:
        config = self.config
        key_generator, key_discriminator = jax.random.split(key)
        latent, label = jnp.zeros((1, config.latent_dim)), jnp.zeros(1, jnp.int32)
        image = jnp.zeros((1, config.data.image_size, config.data.image_size, config.data.channels))
        return State(
            step=jnp.int32(0),
            generator=create(self.generator.init(key_generator, latent, label), ema=True),
            discriminator=create(self.discriminator.init(key_discriminator, image, label)),
            labels=jnp.zeros(config.num_classes) if config.num_classes else None,
            hyper=read_hyper(Hyper, config),
        )

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Updates D and then G, on the same real images and each on fakes of its own."""
        hyper, label, rates = state.hyper, batch["label"], self.rates(state)
        key_mirror, key_d, key_g = jax.random.split(key, 3)
        real = images.augment(key_mirror, images.to_float(batch["image"]), self.config.data.flip)
        lr_g, lr_d = rates.scale * hyper.lr_g, rates.scale * hyper.lr_d
        grads, metrics = self.gradient_d(state, rates, real, label, key_d)
        discriminator = descend(state.discriminator, grads, lr_d, hyper.adam_b1, rates.b2)
        state = state.replace(discriminator=discriminator)
        grads, loss_g = self.gradient_g(state, rates, real, label, key_g)
        generator = average(descend(state.generator, grads, lr_g, hyper.adam_b1, rates.b2), rates.ema_decay)
        labels = count_labels(state.labels, label)
        state = state.replace(step=state.step + 1, generator=generator, labels=labels)
        return state, metrics | {"loss_g": loss_g, "lr_g": lr_g, "lr_d": lr_d}

    def gradient_d(
        self, state: State, rates: Rates, real: jax.Array, label: jax.Array, key: jax.Array
    ) -> tuple[Params, Metrics]:
        """That of D's loss and of both penalties, R1 and R2."""
        key_latent, key_altered = jax.random.split(key)
        latent = self.sample_latent(key_latent, len(real))
        fake = self.generator.apply({"params": state.generator.params}, latent, label)

        def loss(params, real, fake, label, keys):
            judge = lambda real, fake: self.judge(params, rates, real, fake, label, keys[0])
            # One slope at a pair has the slopes at both of its images, as D judges each on its own.
            channels = real.shape[-1]
            both = lambda pair: sum(judge(pair[..., :channels], pair[..., channels:]))
            slopes = squared_slopes(both, jnp.concatenate([real, fake], -1))
            of_real, of_fake = judge(real, fake)
            value = relativistic(of_real, of_fake)
            metrics = {"loss_d": value, "critic_real": of_real.mean(), "critic_fake": of_fake.mean()}
            return value + rates.penalty / 2 * slopes.mean(), metrics

        gradient = lambda *parts: jax.grad(loss, has_aux=True)(state.discriminator.params, *parts)
        return accumulated(gradient, self.config.accumulate, real, fake, label, self.keys(key_altered))

    def gradient_g(
        self, state: State, rates: Rates, real: jax.Array, label: jax.Array, key: jax.Array
    ) -> tuple[Params, jax.Array]:
        """That of G's loss, and this."""
        key_latent, key_altered = jax.random.split(key)

        def loss(params, real, latent, label, keys):
            fake = self.generator.apply({"params": params}, latent, label)
            of_real, of_fake = self.judge(state.discriminator.params, rates, real, fake, label, keys[0])
            value = relativistic(of_fake, of_real)
            return value, value

        gradient = lambda *parts: jax.grad(loss, has_aux=True)(state.generator.params, *parts)
        latent = self.sample_latent(key_latent, len(real))
        return accumulated(gradient, self.config.accumulate, real, latent, label, self.keys(key_altered))

    def judge(
        self, params: Params, rates: Rates, real: jax.Array, fake: jax.Array, label: jax.Array, key: jax.Array
    ) -> list[jax.Array]:
        """D's outputs for real images and for fakes, which are altered each in its own way."""
        altered = [adaptive(*pair, rates.altered) for pair in zip(jax.random.split(key), (real, fake), strict=True)]
        return [self.discriminator.apply({"params": params}, image, label) for image in altered]

    def keys(self, key: jax.Array) -> jax.Array:
        """One for each part of a batch."""
        return jax.random.split(key, self.config.accumulate)

    def rates(self, state: State) -> Rates:
        """At the state's step (appendix D): each goes from its field to its _end in `schedule_steps`."""
        hyper, config = state.hyper, self.config
        along = lambda first, last: cosine(state.step, first, last, config.schedule_steps)
        half_life = along(hyper.ema_images, hyper.ema_images_end)  # of G's average, in images
        return Rates(
            scale=along(1.0, hyper.lr_end),
            b2=along(hyper.adam_b2, hyper.adam_b2_end),
            penalty=along(hyper.r1, hyper.r1_end),
            altered=along(hyper.altered, hyper.altered_end),
            ema_decay=0.5 ** (config.batch_size / jnp.maximum(half_life, 1e-3)),
        )

    def sample_latent(self, key: jax.Array, count: int) -> jax.Array:
        return sample_latent(key, count, self.config.latent_dim, self.config.latent)

    def sample_label(self, state: State, key: jax.Array, count: int) -> jax.Array | None:
        return sample_label(state.labels, key, count)

    def generate(self, state: State, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Draws from averaged weights; without labels of any there are."""
        label = self.sample_label(state, jax.random.key(0), latent.shape[0]) if label is None else label
        drawn = self.generator.apply({"params": sampling_params(state.generator)}, latent, label)
        return jnp.clip(drawn, -1, 1)


def make(config: ConfigDict) -> Algorithm:
    """Builds R3GAN.

    Raises:
      UserError: a feature map's channels do not fall into groups.
    """
    for side in r3gan.feature_sides(config.data.image_size):
        channels = r3gan.feature_channels(config.width, side)
        if not channels or 2 * channels % config.group:
            inner = f"{2 * channels} channels inside the blocks at {side} px"
            raise UserError(f"width={config.width}: that is {inner}, no multiple of group={config.group}")
    shared = {
        "width": config.width,
        "blocks": config.blocks,
        "group": config.group,
        "classes": config.num_classes,
        "remat": config.remat,
        "dtype": layer_dtype(config),
    }
    generator = r3gan.Generator(image_size=config.data.image_size, channels=config.data.channels, **shared)
    system = R3Gan(generator, r3gan.Discriminator(**shared), config)
    return Algorithm(
        system.init,
        system.train_step,
        system.sample_latent,
        system.generate,
        sample_label=system.sample_label if config.num_classes else None,
    )
