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
from jaxgan.models import r3gan
from jaxgan.regularisation import squared_slopes
from jaxgan.schedules import cosine


@struct.dataclass
class Hyper:
    """What a researcher sweeps, float32 scalars; fields.py says what each is. Those with an _end go there."""

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
        g, d = state.generator, state.discriminator

        def judged(params, real, fake, key):
            """D's outputs for both, which are altered each in its own way."""
            altered = [adaptive(*pair, rates.altered) for pair in zip(jax.random.split(key), (real, fake), strict=True)]
            return [self.discriminator.apply({"params": params}, image, label) for image in altered]

        def loss_d(params):
            fake, key_altered = self.fake(g.params, label, key_d)
            real_outputs, fake_outputs = judged(params, real, fake, key_altered)
            loss = relativistic(real_outputs, fake_outputs)
            # One slope at a pair has the slopes at both of its images, as D judges each on its own.
            both = lambda pair: sum(judged(params, pair[..., :channels], pair[..., channels:], key_altered))
            channels = real.shape[-1]
            slopes = squared_slopes(both, jnp.concatenate([real, fake], -1))  # R1 + R2
            return loss + rates.penalty / 2 * slopes.mean(), (loss, real_outputs, fake_outputs)

        def loss_g(params):
            fake, key_altered = self.fake(params, label, key_g)
            real_outputs, fake_outputs = judged(discriminator.params, real, fake, key_altered)
            return relativistic(fake_outputs, real_outputs)

        grads_d, (of_d, real_outputs, fake_outputs) = jax.grad(loss_d, has_aux=True)(d.params)
        lr_g, lr_d = rates.scale * hyper.lr_g, rates.scale * hyper.lr_d
        discriminator = descend(d, grads_d, lr_d, hyper.adam_b1, rates.b2)
        of_g, grads_g = jax.value_and_grad(loss_g)(g.params)
        generator = average(descend(g, grads_g, lr_g, hyper.adam_b1, rates.b2), rates.ema_decay)
        metrics = {"loss_g": of_g, "loss_d": of_d, "lr_g": lr_g, "lr_d": lr_d}
        metrics |= {"critic_real": real_outputs.mean(), "critic_fake": fake_outputs.mean()}
        return state.replace(
            step=state.step + 1,
            generator=generator,
            discriminator=discriminator,
            labels=count_labels(state.labels, label),
        ), metrics

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

    def fake(self, params: Params, label: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Images of latents that are drawn, and a key that is left."""
        key_latent, key = jax.random.split(key)
        return self.generator.apply({"params": params}, self.sample_latent(key_latent, len(label)), label), key

    def sample_latent(self, key: jax.Array, count: int) -> jax.Array:
        return sample_latent(key, count, self.config.latent_dim, self.config.latent)

    def sample_label(self, state: State, key: jax.Array, count: int) -> jax.Array | None:
        return sample_label(state.labels, key, count)

    def generate(self, state: State, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Draws from averaged weights; without labels of any there are."""
        label = self.sample_label(state, jax.random.key(0), len(latent)) if label is None else label
        drawn = self.generator.apply({"params": sampling_params(state.generator)}, latent, label)
        return jnp.clip(drawn, -1, 1)


def make(config: ConfigDict) -> Algorithm:
    """Builds R3GAN."""
    shared = {
        "width": config.width,
        "blocks": config.blocks,
        "group": config.group,
        "classes": config.num_classes,
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
