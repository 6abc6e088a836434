"""BigGAN (Brock et al. 2019, arXiv 1809.11096) and, without classes, the hinge GAN that it grew from."""

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
    interleaved,
    layer_dtype,
    normalized,
    read_hyper,
    sample_label,
    sample_latent,
    sampling_params,
)
from jaxgan.errors import UserError
from jaxgan.models import biggan, spectral
from jaxgan.regularisation import adapted, lazily, seen, squared_slopes, start_probability, weights_of_best
from jaxgan.schedules import hold_then_fall

STANDING = 16, 64  # batches, and images in each, over which BatchNorm's statistics are averaged before images are drawn


@struct.dataclass
class Hyper:
    """What a researcher sweeps, float32 scalars; own_fields.py says what each is."""

    lr_g: jax.Array
    lr_d: jax.Array
    adam_b1: jax.Array
    adam_b2: jax.Array
    ema_decay: jax.Array
    orthogonal: jax.Array
    r1: jax.Array
    ada_target: jax.Array
    top_share: jax.Array


@struct.dataclass
class State:
    """All that training changes."""

    step: jax.Array  # int32 scalar, updates of G so far
    generator: Network
    discriminator: Network
    altered: jax.Array | None  # float32 scalar, probability of each way to alter what D sees
    labels: jax.Array | None  # float32 (num_classes,), how many images of each class training has seen
    hyper: Hyper


def hinge_real(scores: jax.Array) -> jax.Array:
    """D's loss on real images, a scalar, by scores (B,): mean of max(0, 1 - D(x)) (Lim & Ye 2017, arXiv 1705.02894)."""
    return jax.nn.relu(1 - scores).mean()


def hinge_fake(scores: jax.Array) -> jax.Array:
    """D's loss on fakes, a scalar, by scores (B,): mean of max(0, 1 + D(G(z)))."""
    return jax.nn.relu(1 + scores).mean()


@dataclasses.dataclass(frozen=True)
class BigGan:
    """The networks and their training, as pure functions of the state."""

    generator: biggan.Generator
    discriminator: biggan.Discriminator
    config: ConfigDict

    def init(self, key: jax.Array) -> State:
        config = self.config
        keys = jax.random.split(key, 4)
        latent, label = jnp.zeros((1, config.latent_dim)), jnp.zeros(1, jnp.int32)
        image = jnp.zeros((1, config.data.image_size, config.data.image_size, config.data.channels))
        generator = self.generator.init(keys[0], latent, label, train=True)
        discriminator = self.discriminator.init(keys[1], image, label)
        return State(
            step=jnp.int32(0),
            generator=create(generator | {"batch_stats": None}, ema=config.ema_decay > 0, spectral_key=keys[2]),
            discriminator=create(discriminator, spectral_key=keys[3]),
            altered=start_probability(config),
            labels=jnp.zeros(config.num_classes) if config.num_classes else None,
            hyper=read_hyper(Hyper, config),
        )

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Updates D `d_steps` times, each on a part of the batch, and then G."""
        hyper, d_steps = state.hyper, self.config.d_steps
        scale = hold_then_fall(state.step, self.config.lr_hold_steps, self.config.lr_fall_steps)
        lr_g, lr_d = scale * hyper.lr_g, scale * hyper.lr_d
        key_g, *keys_d = jax.random.split(key, d_steps + 1)
        parts = zip(interleaved(batch["image"], d_steps), interleaved(batch["label"], d_steps), keys_d, strict=True)
        for image, label, key_d in parts:
            state, metrics = self.update_discriminator(state, images.to_float(image), label, lr_d, key_d)
        state, loss_g = self.update_generator(state, label, lr_g, key_g)
        metrics |= {"loss_g": loss_g, "lr_g": lr_g, "lr_d": lr_d}
        return state.replace(step=state.step + 1, labels=count_labels(state.labels, batch["label"])), metrics

    def update_discriminator(
        self, state: State, real: jax.Array, label: jax.Array, lr: jax.Array, key: jax.Array
    ) -> tuple[State, Metrics]:
        """One step of D down the hinge loss, on real images and on fakes of the same labels."""
        config, hyper, discriminator, altered = self.config, state.hyper, state.discriminator, state.altered
        key_latent, key_mirror, key_seen = jax.random.split(key, 3)
        latent = self.sample_latent(key_latent, len(real))
        fake = self.fake(normalized(state.generator)[0], latent, label)
        real = images.augment(key_mirror, real, config.data.flip)

        def loss(params, real, fake, label, keys):
            weights, vectors = normalized(discriminator, params)
            see = lambda image, key: seen(config, key, image, altered)
            judge = lambda image, key: self.discriminator.apply({"params": weights}, see(image, key), label)
            key_real, key_fake = jax.random.split(keys[0])
            of_real, of_fake = judge(real, key_real), judge(fake, key_fake)
            value, penalty = hinge_real(of_real) + hinge_fake(of_fake), 0.0
            if config.r1:
                slopes = lambda: squared_slopes(lambda image: judge(image, key_real), real).mean()
                penalty = lazily(lambda: hyper.r1 / 2 * slopes(), state.step, config.r1_every)
            metrics = {"loss_d": value, "critic_real": of_real.mean(), "critic_fake": of_fake.mean()}
            return value + penalty, (metrics, vectors, jnp.sign(of_real).mean())

        gradient = lambda *parts: jax.grad(loss, has_aux=True)(discriminator.params, *parts)
        keys = jax.random.split(key_seen, config.accumulate)  # one for each part
        grads, (metrics, vectors, sign) = accumulated(gradient, config.accumulate, real, fake, label, keys)
        stepped = descend(discriminator, grads, lr, hyper.adam_b1, hyper.adam_b2).replace(singular=vectors)
        altered, more = adapted(altered, sign, hyper.ada_target, len(real) / config.ada_images)
        return state.replace(discriminator=stepped, altered=altered), metrics | more

    def update_generator(
        self, state: State, label: jax.Array, lr: jax.Array, key: jax.Array
    ) -> tuple[State, jax.Array]:
        """One step of G up D's scores, with weights that are drawn towards orthogonality; and its loss."""
        hyper, generator = state.hyper, state.generator
        key_latent, key_seen = jax.random.split(key)
        judge, _ = normalized(state.discriminator)

        def loss(params, latent, label, keys):
            weights, vectors = normalized(generator, params)
            fake = seen(self.config, keys[0], self.fake(weights, latent, label), state.altered)
            scores = self.discriminator.apply({"params": judge}, fake, label)
            value = -jnp.sum(weights_of_best(scores, hyper.top_share) * scores)
            return value, (value, vectors)

        gradient = lambda *parts: jax.grad(loss, has_aux=True)(generator.params, *parts)
        latent = self.sample_latent(key_latent, len(label))
        parts = self.config.accumulate
        keys = jax.random.split(key_seen, parts)  # one for each part
        grads, (value, vectors) = accumulated(gradient, parts, latent, label, keys)
        towards_orthogonal = jax.grad(spectral.orthogonality)(generator.params)
        grads = jax.tree.map(lambda grad, more: grad + hyper.orthogonal * more, grads, towards_orthogonal)
        stepped = descend(generator, grads, lr, hyper.adam_b1, hyper.adam_b2).replace(singular=vectors)
        decay = jnp.where(state.step < self.config.ema_start, 0.0, hyper.ema_decay)
        return state.replace(generator=average(stepped, decay)), value

    def fake(self, weights: Params, latent: jax.Array, label: jax.Array) -> jax.Array:
        """Images from G in training, which normalises by the batch's own statistics."""
        image, _ = self.generator.apply({"params": weights}, latent, label, train=True, mutable="batch_stats")
        return image

    def sample_latent(self, key: jax.Array, count: int) -> jax.Array:
        return sample_latent(key, count, self.config.latent_dim, self.config.latent)

    def sample_label(self, state: State, key: jax.Array, count: int) -> jax.Array | None:
        return sample_label(state.labels, key, count)

    def settle(self, state: State) -> State:
        """Gives G what it normalises by when images are drawn: its averaged weights' statistics over many batches.

        These are the standing statistics of section 2 and appendix C.1 there: a mean over batches, without decay. They
        are those of whole latents, where truncated ones are drawn, too.
        """
        batches, size = STANDING
        generator = state.generator
        weights, _ = normalized(generator, sampling_params(generator))

        def statistics(key):
            key_latent, key_label = jax.random.split(key)
            latent, label = self.sample_latent(key_latent, size), self.sample_label(state, key_label, size)
            variables = {"params": weights}
            return self.generator.apply(variables, latent, label, train=True, mutable="batch_stats")[1]["batch_stats"]

        found = jax.lax.map(statistics, jax.random.split(jax.random.key(0), batches))
        return state.replace(generator=generator.replace(batch_stats=jax.tree.map(lambda leaf: leaf.mean(0), found)))

    def generate(self, state: State, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Draws from averaged weights, of a state that need not be settled; without labels of any there are."""
        if state.generator.batch_stats is None:
            state = self.settle(state)
        label = self.sample_label(state, jax.random.key(0), latent.shape[0]) if label is None else label
        weights, _ = normalized(state.generator, sampling_params(state.generator))
        return self.generator.apply(
            {"params": weights, "batch_stats": state.generator.batch_stats}, latent, label, train=False
        )


def _check(config: ConfigDict) -> None:
    sides = biggan.halvings(config.data.image_size)
    ends = [side // 2 for side in sides]
    if config.critic_end not in ends:
        raise UserError(f"critic_end={config.critic_end}: it is one of {ends}")
    seen_by_both = [side for side in sides[1:] if side >= config.critic_end]
    if config.attention and config.attention not in seen_by_both:
        raise UserError(f"attention={config.attention}: the features of both networks have sides {seen_by_both}; or 0")
    if config.attention and biggan.feature_channels(config.width, config.widest, 2 * config.attention) < 8:
        raise UserError(f"width={config.width}: attention takes features of 8 channels or more")
    if config.skip_latent and config.latent_dim % (len(sides) + 1):
        raise UserError(f"latent_dim={config.latent_dim}: with skip_latent it is a multiple of {len(sides) + 1}")


def make(config: ConfigDict) -> Algorithm:
    """Builds BigGAN.

    Raises:
      UserError: its fields do not fit the images or one another.
    """
    _check(config)
    shared = {
        "width": config.width,
        "widest": config.widest,
        "classes": config.num_classes,
        "attention": config.attention,
        "remat": config.remat,
        "initialization": config.init,
        "dtype": layer_dtype(config),
    }
    generator = biggan.Generator(
        image_size=config.data.image_size,
        channels=config.data.channels,
        skip=config.skip_latent,
        embedding=config.embedding,
        **shared,
    )
    discriminator = biggan.Discriminator(
        end=config.critic_end, blocks=config.critic_blocks, minibatch_std=config.minibatch_std, **shared
    )
    system = BigGan(generator, discriminator, config)
    return Algorithm(
        system.init,
        system.train_step,
        system.sample_latent,
        system.generate,
        settle=system.settle,
        sample_label=system.sample_label if config.num_classes else None,
        latent_parts=len(biggan.halvings(config.data.image_size)) + 1 if config.skip_latent else 1,
    )
