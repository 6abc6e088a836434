"""BEGAN (Berthelot et al. 2017, arXiv 1703.10717) and, by its fields, ABEGAN."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct
from ml_collections import ConfigDict

from jaxgan import images
from jaxgan.algorithms import Algorithm, Batch, Encoded, Metrics
from jaxgan.algorithms.network import (
    Network,
    Params,
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
from jaxgan.models.arithmetic import at_least_float32
from jaxgan.models.autoencoder import AutoEncoder, Decoder, Encoder
from jaxgan.regularisation import lazily, seen, squared_slopes
from jaxgan.schedules import Plateau, PlateauState


@struct.dataclass
class BalanceHyper:
    """What a researcher sweeps where BEGAN's losses are in balance, float32 scalars; see own_fields.py."""

    gamma: jax.Array
    lambda_k: jax.Array
    k_min: jax.Array
    k_max: jax.Array
    lr_g: jax.Array
    lr_d: jax.Array
    adam_b1: jax.Array
    adam_b2: jax.Array
    ema_decay: jax.Array
    noise: jax.Array


@struct.dataclass
class CriticHyper(BalanceHyper):
    """That, and what else G may be asked for where the critic is an auto-encoder of its own."""

    pull_away: jax.Array


@struct.dataclass
class Hyper(CriticHyper):
    """That, and BEGAN's own."""

    residual_steps: jax.Array
    r1: jax.Array


@struct.dataclass
class State:
    """All that training changes."""

    step: jax.Array  # int32 scalar, updates so far
    generator: Network
    discriminator: Network
    k: jax.Array  # weight of the fakes in the discriminator's loss, float32 scalar
    plateau: PlateauState | None
    hyper: BalanceHyper


def energy(reconstruction: jax.Array, image: jax.Array) -> jax.Array:
    """L(v) = mean |AE(v) - v| (section 3.1), a scalar, from two float arrays (B, H, W, C)."""
    if reconstruction.shape != image.shape:
        raise ValueError(f"reconstruction {reconstruction.shape} of images {image.shape}")
    return jnp.mean(jnp.abs(reconstruction - image))


def balance(gamma: jax.Array, loss_real: jax.Array, loss_fake: jax.Array) -> jax.Array:
    """gamma L(x) - L(G(z)) (section 3.3): how far the two losses are from equilibrium."""
    return gamma * loss_real - loss_fake


def control(k: jax.Array, error: jax.Array, hyper: BalanceHyper) -> jax.Array:
    """k <- clip(k + lambda_k * balance) (section 3.3)."""
    return jnp.clip(k + hyper.lambda_k * error, hyper.k_min, hyper.k_max)


def likeness(codes: jax.Array) -> jax.Array:
    """Mean squared cosine between codes (B, n) of different images, in [0, 1].

    It is the pulling-away term of EBGAN (Zhao et al. 2017, arXiv 1609.03126, section 2.4).
    """
    count, codes = len(codes), at_least_float32(codes)
    directions = codes * jax.lax.rsqrt(jnp.maximum(jnp.sum(codes**2, 1, keepdims=True), 1e-12))
    cosines = (directions @ directions.T) * (1 - jnp.eye(count, dtype=codes.dtype))
    return jnp.sum(cosines**2) / max(count * (count - 1), 1)


def convergence(loss_real: jax.Array, error: jax.Array) -> jax.Array:
    """m = L(x) + |balance| (section 3.4): low when images are good and the losses in balance."""
    return loss_real + jnp.abs(error)


def measures(
    loss_real: jax.Array,
    loss_fake: jax.Array,
    loss_d: jax.Array,
    k: jax.Array,
    m: jax.Array,
    lr_g: jax.Array,
    lr_d: jax.Array,
) -> Metrics:
    """The metrics of a step, all scalars."""
    losses = {"loss_g": loss_fake, "loss_d": loss_d, "loss_real": loss_real, "loss_fake": loss_fake}
    return losses | {"k": k, "m": m, "lr_g": lr_g, "lr_d": lr_d}


@dataclasses.dataclass(frozen=True)
class Began:
    """The networks and their training, as pure functions of the state."""

    generator: Decoder
    discriminator: AutoEncoder
    plateau: Plateau
    config: ConfigDict

    def init(self, key: jax.Array) -> State:
        config = self.config
        key_generator, key_discriminator = jax.random.split(key)
        latent = jnp.zeros((1, config.latent_dim))
        image = jnp.zeros((1, config.data.image_size, config.data.image_size, config.data.channels))
        hyper, judge = self.hyper(), self.discriminator.init(key_discriminator, image)
        return State(
            step=jnp.int32(0),
            generator=create(self.generator.init(key_generator, latent), ema=config.ema_decay > 0),
            discriminator=create(judge, spectral_key=spectral_key(config, key_discriminator)),
            k=jnp.clip(jnp.float32(0), hyper.k_min, hyper.k_max),
            plateau=self.plateau.init(),
            hyper=hyper,
        )

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Updates G, D and k once (section 3.3).

        G and D see the same fakes and the same D, so one forward and one backward pass over the
        fakes give the gradients of both.
        """
        hyper = state.hyper
        key_latent, key_mirror, key_noise, *keys_seen = jax.random.split(key, 5)
        real = images.augment(key_mirror, images.to_float(batch["image"]), self.config.data.flip)
        latent = self.sample_latent(key_latent, real.shape[0])
        noise = images.input_noise(key_noise, real.shape, hyper.noise) if self.config.data.noise else 0.0

        def loss(params, image, key):
            return self.energy(params, state, seen(self.config, key, image) + noise)

        def loss_on_real(params):
            loss_real, penalty = loss(params, real, keys_seen[0]), 0.0
            if self.config.get("r1"):
                energies = lambda image: len(image) * loss(params, image, keys_seen[0])  # their sum
                slopes = lambda: hyper.r1 / 2 * squared_slopes(energies, real).mean()
                penalty = lazily(slopes, state.step, self.config.r1_every)
            return loss_real + penalty, loss_real

        (fake, cost), pull_back = jax.vjp(lambda params: self.draw(params, state, latent), state.generator.params)
        params = state.discriminator.params
        grads_real, loss_real = jax.grad(loss_on_real, has_aux=True)(params)
        loss_fake, (grads_fake, grads_image) = jax.value_and_grad(loss, argnums=(0, 1))(params, fake, keys_seen[1])

        if self.config.pull_away:
            alike, grads_alike = jax.value_and_grad(lambda image: likeness(self.code(params, state, image)))(fake)
            grads_image += hyper.pull_away * grads_alike
        (grads_g,) = pull_back((grads_image, jnp.ones_like(cost)))  # d (L(G(z)) + cost) / d G
        grads_d = jax.tree.map(lambda r, f: r - state.k * f, grads_real, grads_fake)  # d (L(x) - k L(G(z))) / d D
        error = balance(hyper.gamma, loss_real, loss_fake)
        k, m = control(state.k, error, hyper), convergence(loss_real, error)

        scale = self.plateau.scale(state.plateau)
        lr_g, lr_d = scale * hyper.lr_g, scale * hyper.lr_d
        generator = descend(state.generator, grads_g, lr_g, hyper.adam_b1, hyper.adam_b2)
        discriminator = descend(state.discriminator, grads_d, lr_d, hyper.adam_b1, hyper.adam_b2)
        metrics = measures(loss_real, loss_fake, loss_real - state.k * loss_fake, k, m, lr_g, lr_d)
        metrics["loss_g"] += cost
        if self.config.pull_away:
            metrics["loss_g"] += hyper.pull_away * alike
            metrics["likeness"] = alike
        state = state.replace(
            step=state.step + 1,
            generator=average(generator, hyper.ema_decay),
            discriminator=discriminator.replace(singular=normalized(state.discriminator)[1]),
            k=k,
            plateau=self.plateau.update(state.plateau, m),
        )
        return state, metrics

    def hyper(self) -> BalanceHyper:
        return read_hyper(Hyper, self.config)

    def draw(self, params: Params, state: State, latent: jax.Array) -> tuple[jax.Array, jax.Array]:
        """G(z) with these parameters, and what G's loss has besides the energy of that: here nothing."""
        return self.generator.apply({"params": params}, latent, self.carry(state)), jnp.float32(0)

    def energy(self, params: Params, state: State, image: jax.Array) -> jax.Array:
        """L(v), a scalar, of D with these parameters."""
        return energy(self.rebuild(params, state, image), image)

    def rebuild(self, params: Params, state: State, image: jax.Array) -> jax.Array:
        """What D with these parameters makes of images."""
        return self.discriminator.apply(self.weights(params, state), image, self.carry(state))

    def weights(self, params: Params, state: State) -> dict:
        """D's variables with these parameters."""
        return {"params": normalized(state.discriminator, params)[0]}

    def carry(self, state: State) -> jax.Array | None:
        """The vanishing residuals' weight, from 1 to 0 over `residual_steps`; None where there are none."""
        if not self.config.residual_steps:
            return None
        return jnp.clip(1 - state.step / state.hyper.residual_steps, 0, 1)

    def sample_latent(self, key: jax.Array, count: int) -> jax.Array:
        return sample_latent(key, count, self.config.latent_dim, self.config.latent)

    def generate(self, state: State, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        return self.draw(sampling_params(state.generator), state, latent)[0]

    def reconstruct(self, state: State, image: jax.Array) -> jax.Array:
        return self.rebuild(state.discriminator.params, state, image)

    def encode(self, state: State, image: jax.Array) -> Encoded:
        """D's code of each image, (n, 1, 1, latent_dim)."""
        return Encoded((image, self.code(state.discriminator.params, state, image)[:, None, None]), {})

    def code(self, params: Params, state: State, image: jax.Array) -> jax.Array:
        """That of D with these parameters, (n, latent_dim)."""
        return self.discriminator.apply(self.weights(params, state), image, self.carry(state), method="encode")

    def algorithm(self) -> Algorithm:
        pure = self.init, self.train_step, self.sample_latent, self.generate, self.reconstruct, self.encode
        return Algorithm(*pure)


def layer_fields(config: ConfigDict) -> dict:
    """What the encoder and the decoders have in common."""
    return {
        "width": config.width,
        "activation": config.activation,
        "initialization": config.init,
        "dtype": layer_dtype(config),
    }


def make(config: ConfigDict) -> Algorithm:
    """Builds BEGAN; `config.asymmetric` makes it ABEGAN, whose reconstructions end in ELU (tanh at 128 px)."""
    layers = layer_fields(config)
    decoder = layers | {
        "image_size": config.data.image_size,
        "channels": config.data.channels,
        "halved": config.asymmetric,
        "skip_connections": config.skip_connections,
    }
    reconstruction = ("tanh" if config.data.image_size == 128 else "elu") if config.asymmetric else "linear"
    encoder = Encoder(latent_dim=config.latent_dim, **layers)
    began = Began(
        generator=Decoder(output="tanh", **decoder),
        discriminator=AutoEncoder(encoder, Decoder(output=reconstruction, **decoder)),
        plateau=Plateau(config.plateau_factor, config.plateau_rtol, config.plateau_every),
        config=config,
    )
    return began.algorithm()
