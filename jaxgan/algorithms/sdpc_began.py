"""BEGAN whose critic is sparse deep predictive coding: what a few steps of inference explain badly is unlike the data.

The critic's reconstruction is what its last layer's codes draw (`models.sparse`); k and all else are BEGAN's. Where
the decoder is shared, G draws codes of one of the critic's layers, which its dictionaries render. As in the repaired
SABEGAN only the critic's loss trains those, as its decoder: for G's they are constants.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from ml_collections import ConfigDict

from jaxgan.algorithms import Algorithm, Encoded
from jaxgan.algorithms.began import Began, CriticHyper, State, energy, layer_fields
from jaxgan.algorithms.network import Params, read_hyper, sampling_params
from jaxgan.algorithms.sdpc import geometry, in_order, layers, picture_layers
from jaxgan.errors import UserError
from jaxgan.models.autoencoder import Decoder
from jaxgan.models.sparse import CodeGenerator, SparseAutoEncoder, to_images
from jaxgan.schedules import Plateau


@struct.dataclass
class Hyper(CriticHyper):
    """That, and what the critic's codes and G's are held to."""

    feedback: jax.Array
    code_weight: jax.Array
    sparsity: tuple[jax.Array, ...]  # of each layer


@dataclasses.dataclass(frozen=True)
class SdpcBegan(Began):
    """BEGAN's training of a generator and a sparse critic."""

    generator: Decoder | CodeGenerator
    discriminator: SparseAutoEncoder

    def hyper(self) -> Hyper:
        sparsity = tuple(jnp.float32(layer.sparsity) for layer in layers(self.config))
        return read_hyper(Hyper, self.config, sparsity=sparsity)

    def draw(self, params: Params, state: State, latent: jax.Array) -> tuple[jax.Array, jax.Array]:
        drawn = self.generator.apply({"params": params}, latent)
        if not self.config.code_layer:
            return drawn, jnp.float32(0)
        return self.render(state, drawn), state.hyper.code_weight * drawn.mean()

    def render(self, state: State, codes: jax.Array) -> jax.Array:
        """Images from codes of the layer that G draws, by the critic's dictionaries as constants, and tanh as in any G.

        Where G draws pixels, from codes of the last layer: those images that the critic makes of what it is shown.
        """
        critic = {"params": jax.lax.stop_gradient(state.discriminator.params)}
        drawn = to_images(self.discriminator.apply(critic, codes, self.config.code_layer, method="draw"))
        return jnp.tanh(drawn) if self.config.code_layer else jnp.clip(drawn, -1, 1)

    def codes(self, state: State, latent: jax.Array) -> jax.Array:
        """Those that G draws; where it draws pixels, those that the critic's last layer finds in them."""
        drawn = self.generator.apply({"params": sampling_params(state.generator)}, latent)
        if self.config.code_layer:
            return drawn
        return self.critic(state.discriminator.params, state, drawn, method="encode")[-1]

    def show(self, state: State, image: jax.Array) -> dict[str, jax.Array]:
        """Float images, as the critic draws them, where its layers are active, and their atoms."""
        return in_order(self._pictures(state, image))

    @functools.cached_property
    def _pictures(self) -> Callable:
        return jax.jit(self._draw_pictures)

    def _draw_pictures(self, state: State, image: jax.Array) -> dict[str, jax.Array]:
        params = state.discriminator.params
        codes = self.critic(params, state, image, method="encode")
        drawn = to_images(self.discriminator.apply({"params": params}, codes[-1], method="draw"))
        pictures = {"images": image, f"drawn by layer {len(codes)}": jnp.clip(drawn, -1, 1)}
        return pictures | picture_layers(codes, self.discriminator.apply({"params": params}, method="project"))

    def energy(self, params: Params, state: State, image: jax.Array) -> jax.Array:
        """L(v) of an image's light and darkness."""
        return energy(*self.critic(params, state, image, method="explain"))

    def rebuild(self, params: Params, state: State, image: jax.Array) -> jax.Array:
        return self.critic(params, state, image)

    def encode(self, state: State, image: jax.Array) -> Encoded:
        """The critic's codes; figures of each layer: how many of its coefficients are active, and their l1 norm."""
        codes = self.critic(state.discriminator.params, state, image, method="encode")
        figures = {}
        for layer, code in enumerate(codes, 1):
            figures |= {f"active_{layer}": jnp.mean(code > 0, (1, 2, 3)), f"l1_{layer}": code.sum((1, 2, 3))}
        return Encoded((image, *codes), figures)

    def code(self, params: Params, state: State, image: jax.Array) -> jax.Array:
        """The last layer's, flat."""
        return self.critic(params, state, image, method="encode")[-1].reshape(len(image), -1)

    def check(self, state: State, image: jax.Array) -> None:
        """Raises UserError where a layer's sparsity leaves no coefficient above zero, so that it is blind."""
        for layer, code in enumerate(jax.jit(self.encode)(state, image).layers[1:], 1):
            if not jnp.any(code > 0):
                sparsity = f"layer_{layer}.sparsity={state.hyper.sparsity[layer - 1]:g}"
                raise UserError(f"{sparsity} leaves all of its codes zero within the critic's steps; lower it")

    def algorithm(self) -> Algorithm:
        more = {"codes": self.codes, "render": self.render, "show": self.show, "check": self.check}
        return super().algorithm()._replace(**more)

    def critic(self, params: Params, state: State, image: jax.Array, **method: str) -> Any:
        hyper = state.hyper
        return self.discriminator.apply({"params": params}, image, hyper.sparsity, hyper.feedback, **method)


def make(config: ConfigDict) -> Algorithm:
    """Builds BEGAN with a sparse critic, or where `config.code_layer` with its decoder as the generator's, too.

    Raises:
      UserError: the critic's layers do not fit the images, or there is no layer whose codes G is to draw.
    """
    if config.code_layer > config.layers:
        raise UserError(f"code_layer={config.code_layer}: there are {config.layers} layers")
    shape, sizes, strides, code_shapes = geometry(config, 2 * config.data.channels)
    start = layer_fields(config)
    if config.code_layer:
        generator = CodeGenerator(code_shapes[config.code_layer - 1], **start)
    else:
        generator = Decoder(
            image_size=config.data.image_size, channels=config.data.channels, output="tanh", halved=True, **start
        )
    critic = SparseAutoEncoder(shape, sizes, strides, config.inference_steps, config.warm_steps, config.gradient)
    plateau = Plateau(config.plateau_factor, config.plateau_rtol, config.plateau_every)
    system = SdpcBegan(generator, critic, plateau, config)
    return system.algorithm()
