"""SABEGAN, the seed's shared BEGAN: one network A analyses, and one network G both generates and reconstructs.

The auto-encoder is AE = G o A, and two optimizers update G at the same parameters: the generator's
loss one, the discriminator's the other. As the seed had it, the generator's loss L(G(z)) =
mean |G(A(G(z))) - G(z)| also trains G as the decoder; any constant G makes that zero, and the images
turn flat. Repaired (`hold_decoder`), the reconstructing G is a constant there, as BEGAN's
discriminator is, and only the discriminator's loss trains it.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct
from ml_collections import ConfigDict

from jaxgan import images
from jaxgan.algorithms import Algorithm, Batch, Metrics
from jaxgan.algorithms.began import BalanceHyper, balance, control, convergence, energy, layer_fields, measures
from jaxgan.algorithms.network import Network, average, create, descend, read_hyper, sample_latent, sampling_params
from jaxgan.models.autoencoder import Decoder, Encoder
from jaxgan.regularisation import seen


@struct.dataclass
class State:
    """All that training changes."""

    step: jax.Array  # int32 scalar, updates so far
    generator: Network  # G, with the generator's optimizer and the statistics of its samples
    encoder: Network  # A
    decoder: Network  # G as the decoder: the discriminator's optimizer and statistics, the generator's parameters
    k: jax.Array  # weight of the fakes in the discriminator's loss, float32 scalar
    hyper: BalanceHyper


@dataclasses.dataclass(frozen=True)
class Shared:
    """The two networks and their training, as pure functions of the state."""

    encoder: nn.Module
    decoder: nn.Module
    has_modes: bool  # whether the networks differ in training (`train`): dropout, BatchNorm
    config: ConfigDict

    def init(self, key: jax.Array) -> State:
        config = self.config
        key_encoder, key_decoder = jax.random.split(key)
        image = jnp.zeros((1, config.data.image_size, config.data.image_size, config.data.channels))
        latent = jnp.zeros((1, config.latent_dim))
        variables = self.decoder.init(key_decoder, latent, **self.mode(False))
        hyper = read_hyper(BalanceHyper, config)
        return State(
            step=jnp.int32(0),
            generator=create(variables, ema=config.ema_decay > 0),
            encoder=create(self.encoder.init(key_encoder, image, **self.mode(False))),
            decoder=create(jax.tree.map(jnp.copy, variables)).replace(params=None),
            k=jnp.clip(jnp.float32(0), hyper.k_min, hyper.k_max),
            hyper=hyper,
        )

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Updates G, A and k once. One pass over the fakes gives the gradients of both losses."""
        hyper = state.hyper
        key_latent, key_mirror, key_noise, *keys_dropout = jax.random.split(key, 5)
        real = images.augment(key_mirror, images.to_float(batch["image"]), self.config.data.flip)
        latent = self.sample_latent(key_latent, real.shape[0])
        noise = images.input_noise(key_noise, real.shape, hyper.noise) if self.config.data.noise else 0.0

        def draw(params):
            return self.apply(self.decoder, params, state.generator.batch_stats, latent)

        def loss(params, image, key):
            noisy = seen(self.config, jax.random.fold_in(key, 1), image) + noise
            codes, stats_encoder = self.apply(self.encoder, params["encoder"], state.encoder.batch_stats, noisy, key)
            drawn, stats_decoder = self.apply(self.decoder, params["decoder"], state.decoder.batch_stats, codes)
            return energy(drawn, noisy), (stats_encoder, stats_decoder)

        params = {"encoder": state.encoder.params, "decoder": state.generator.params}
        fake, pull_back, stats_g = jax.vjp(draw, state.generator.params, has_aux=True)
        (loss_real, stats_d), grads_real = jax.value_and_grad(loss, has_aux=True)(params, real, keys_dropout[0])
        (loss_fake, _), (grads_fake, grads_image) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(
            params, fake, keys_dropout[1]
        )

        (grads_g,) = pull_back(grads_image)  # d L(G(z)) / d G, the reconstructing G held constant
        if not self.config.hold_decoder:
            grads_g = jax.tree.map(jnp.add, grads_g, grads_fake["decoder"])  # the whole derivative: the seed's flaw
        weight_real, weight_fake = (1.0, -state.k) if self.config.adversarial else (0.5, 0.5)
        grads_d = jax.tree.map(lambda r, f: weight_real * r + weight_fake * f, grads_real, grads_fake)
        error = balance(hyper.gamma, loss_real, loss_fake)
        k = control(state.k, error, hyper) if self.config.adversarial else state.k
        m = convergence(loss_real, error)

        generator = descend(state.generator, grads_g, hyper.lr_g, hyper.adam_b1, hyper.adam_b2)
        encoder = descend(state.encoder, grads_d["encoder"], hyper.lr_d, hyper.adam_b1, hyper.adam_b2)
        shared = state.decoder.replace(params=generator.params)  # so that the two updates of G add up
        decoder = descend(shared, grads_d["decoder"], hyper.lr_d, hyper.adam_b1, hyper.adam_b2)
        loss_d = weight_real * loss_real + weight_fake * loss_fake
        metrics = measures(loss_real, loss_fake, loss_d, k, m, hyper.lr_g, hyper.lr_d)
        state = state.replace(
            step=state.step + 1,
            generator=average(generator.replace(params=decoder.params, batch_stats=stats_g), hyper.ema_decay),
            encoder=encoder.replace(batch_stats=stats_d[0]),
            decoder=decoder.replace(params=None, batch_stats=stats_d[1]),
            k=k,
        )
        return state, metrics

    def apply(
        self, network: nn.Module, params: Any, batch_stats: Any, x: jax.Array, key: jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        """A network's output in training, and its updated BatchNorm statistics (None where it has none)."""
        variables = {"params": params, "batch_stats": batch_stats or {}}
        rngs = None if key is None else {"dropout": key}
        output, updated = network.apply(variables, x, **self.mode(True), rngs=rngs, mutable="batch_stats")
        return output, updated.get("batch_stats") or None

    def mode(self, train: bool) -> dict[str, bool]:
        return {"train": train} if self.has_modes else {}

    def sample_latent(self, key: jax.Array, count: int) -> jax.Array:
        return sample_latent(key, count, self.config.latent_dim, self.config.latent)

    def generate(self, state: State, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        variables = {"params": sampling_params(state.generator), "batch_stats": state.generator.batch_stats or {}}
        return self.decoder.apply(variables, latent, **self.mode(False))

    def reconstruct(self, state: State, image: jax.Array) -> jax.Array:
        encoder = {"params": state.encoder.params, "batch_stats": state.encoder.batch_stats or {}}
        decoder = {"params": state.generator.params, "batch_stats": state.decoder.batch_stats or {}}
        codes = self.encoder.apply(encoder, image, **self.mode(False))
        return self.decoder.apply(decoder, codes, **self.mode(False))

    def algorithm(self) -> Algorithm:
        return Algorithm(self.init, self.train_step, self.sample_latent, self.generate, self.reconstruct)


def make(config: ConfigDict) -> Algorithm:
    """Builds SABEGAN of BEGAN's encoder and ABEGAN's halved decoder, whose images are its samples: tanh."""
    layers = layer_fields(config)
    image = {"image_size": config.data.image_size, "channels": config.data.channels}
    encoder = Encoder(latent_dim=config.latent_dim, **layers)
    decoder = Decoder(output="tanh", halved=True, **image, **layers)
    return Shared(encoder, decoder, has_modes=False, config=config).algorithm()
