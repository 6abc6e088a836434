"""A GAN among sparse codes: SDPC learns its dictionaries, then G to draw codes of one layer, which they render.

Both see codes in units of the root mean square of those coefficients of real images that are above zero. The losses
are DCGAN's, with D's gradient penalised at real codes (R1, Mescheder et al. 2018, arXiv 1801.04406, equation 9): real
codes lie on few of their axes, so that D tells them from others at once, and without a penalty says nothing of the way.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from ml_collections import ConfigDict

from jaxgan.algorithms import Algorithm, Batch, Metrics, sdpc
from jaxgan.algorithms.dcgan import cross_entropy
from jaxgan.algorithms.network import (
    Network,
    average,
    create,
    descend,
    layer_dtype,
    read_hyper,
    sample_latent,
    sampling_params,
)
from jaxgan.errors import UserError
from jaxgan.models.sparse import CodeCritic, CodeGenerator
from jaxgan.regularisation import squared_slopes

MEMORY = 0.99  # of the running mean squares of codes, a step


@struct.dataclass
class Hyper(sdpc.Hyper):
    """That, and what the adversaries are trained with."""

    lr_g: jax.Array
    lr_d: jax.Array
    adam_b1: jax.Array
    adam_b2: jax.Array
    ema_decay: jax.Array
    r1: jax.Array
    code_weight: jax.Array


@struct.dataclass
class State(sdpc.State):
    """That, and the adversaries."""

    generator: Network
    discriminator: Network
    moments: jax.Array  # (2,), running means of real codes' squares and of how many are above zero


class SdpcCodes(sdpc.Sdpc):
    """The layers of one config, and adversaries over the codes of one of them."""

    def __init__(self, config: ConfigDict):
        super().__init__(config)
        if not 1 <= config.code_layer <= config.layers:
            raise UserError(f"code_layer={config.code_layer}: there are layers 1 to {config.layers}")
        self.layer = config.code_layer - 1
        start = {"width": config.width, "initialization": config.init, "dtype": layer_dtype(config)}
        self.generator = CodeGenerator(self.shapes[self.layer], activation=config.activation, **start)
        self.discriminator = CodeCritic(**start)

    def init(self, key: jax.Array) -> State:
        config = self.config
        key_layers, key_generator, key_discriminator = jax.random.split(key, 3)
        start = super().init(key_layers)
        latent, code = jnp.zeros((1, config.latent_dim)), jnp.zeros((1, *self.shapes[self.layer]))
        return State(
            **_fields(start) | {"hyper": read_hyper(Hyper, config, **_fields(start.hyper))},
            generator=create(self.generator.init(key_generator, latent), ema=config.ema_decay > 0),
            discriminator=create(self.discriminator.init(key_discriminator, code)),
            moments=jnp.full(2, 1e-6),  # a unit of 1, which the first codes outweigh
        )

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Infers the codes; for `pretrain_steps` the layers learn by them, from then on the adversaries."""
        key_mirror, key_play = jax.random.split(key)
        explained = self.explain(state, batch, key_mirror)
        taught, metrics = self.teach(state, explained)
        code = explained.codes[self.layer]
        moments = MEMORY * state.moments + (1 - MEMORY) * jnp.stack([jnp.mean(code**2), jnp.mean(code > 0)])
        played, more = self.play(state.replace(moments=moments), code, key_play)
        learning = state.step < self.config.pretrain_steps
        state = jax.tree.map(
            lambda layers, adversaries: jnp.where(learning, layers, adversaries),
            taught.replace(moments=moments),
            played.replace(extremes=taught.extremes, idle=taught.idle),
        )
        return state.replace(step=state.step + 1), metrics | more

    def play(self, state: State, code: jax.Array, key: jax.Array) -> tuple[State, Metrics]:
        """Updates G and D once, on the same fakes."""
        hyper, g, d = state.hyper, state.generator, state.discriminator
        latent = self.sample_latent(key, len(code))
        judge = lambda params, code: self.discriminator.apply({"params": params}, code)
        real = code / self.unit(state)

        def loss_on_real(params):
            logits = judge(params, real)
            penalty = hyper.r1 / 2 * squared_slopes(lambda code: judge(params, code), real).mean()
            return cross_entropy(logits, 1.0) + penalty, logits

        fake, pull_back_g = jax.vjp(lambda params: self.generator.apply({"params": params}, latent), g.params)
        (loss_real, logits_real), grads_real = jax.value_and_grad(loss_on_real, has_aux=True)(d.params)
        logits_fake, pull_back_d = jax.vjp(judge, d.params, fake)
        loss_g, towards_real = jax.value_and_grad(cross_entropy)(logits_fake, 1.0)
        loss_fake, towards_fake = jax.value_and_grad(cross_entropy)(logits_fake, 0.0)
        cost, towards_few = jax.value_and_grad(lambda fake: hyper.code_weight * fake.mean())(fake)

        (grads_g,) = pull_back_g(pull_back_d(towards_real)[1] + towards_few)
        grads_d = jax.tree.map(lambda r, f: (r + f) / 2, grads_real, pull_back_d(towards_fake)[0])
        generator = average(descend(g, grads_g, hyper.lr_g, hyper.adam_b1, hyper.adam_b2), hyper.ema_decay)
        discriminator = descend(d, grads_d, hyper.lr_d, hyper.adam_b1, hyper.adam_b2)
        metrics = {
            "loss_g": loss_g + cost,
            "loss_d": (loss_real + loss_fake) / 2,
            "score_real": jax.nn.sigmoid(logits_real).mean(),
            "score_fake": jax.nn.sigmoid(logits_fake).mean(),
            "active_fake": jnp.mean(fake > 0),
        }
        return state.replace(generator=generator, discriminator=discriminator), metrics

    def unit(self, state: State) -> jax.Array:
        """The root mean square of real coefficients above zero, a scalar."""
        squares, active = jnp.maximum(state.moments, 1e-12)
        return jnp.sqrt(squares / active)

    def codes(self, state: State, latent: jax.Array) -> jax.Array:
        """Those that G draws."""
        return self.generator.apply({"params": sampling_params(state.generator)}, latent) * self.unit(state)

    def render(self, state: State, codes: jax.Array) -> jax.Array:
        """Images (B, H, W, C) in [-1, 1] from codes of the layer that G draws."""
        return jnp.clip(self.drawing(state, codes, self.layer), -1, 1)

    def sample_latent(self, key: jax.Array, count: int) -> jax.Array:
        return sample_latent(key, count, self.config.latent_dim, self.config.latent)

    def generate(self, state: State, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        return self.render(state, self.codes(state, latent))

    def reconstruct(self, state: State, image: jax.Array) -> jax.Array:
        """What the layer whose codes G draws makes of images."""
        return self.render(state, self.infer(state, self.see(image))[0][self.layer])

    def see(self, image: jax.Array) -> jax.Array:
        return image.astype(layer_dtype(self.config))


def _fields(node: Any) -> dict[str, Any]:
    return {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}


def make(config: ConfigDict) -> Algorithm:
    """Builds SDPC and a GAN over its codes.

    Raises:
      UserError: the layers do not fit the images, or there is no such layer as G is to draw.
    """
    system = SdpcCodes(config)
    pure = system.init, system.train_step, system.sample_latent, system.generate, system.reconstruct, system.encode
    return Algorithm(*pure, codes=system.codes, render=system.render, show=system.show, check=system.check)
