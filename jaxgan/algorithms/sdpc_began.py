"""BEGAN whose critic is sparse deep predictive coding: what a few steps of inference explain badly is unlike the data.

The critic's reconstruction is what its last layer's codes draw (`models.sparse`); energies, k and all else are
BEGAN's. Where the decoder is shared, G draws codes of the last layer and the critic's dictionaries render them. As in
the repaired SABEGAN only the critic's loss trains those, as its decoder: for G's they are constants.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct
from ml_collections import ConfigDict

from jaxgan.algorithms import Algorithm
from jaxgan.algorithms.began import BalanceHyper, Began, State, layer_fields
from jaxgan.algorithms.network import Params, read_hyper
from jaxgan.algorithms.sdpc import geometry, layers
from jaxgan.models.autoencoder import Decoder
from jaxgan.models.sparse import CodeGenerator, SparseAutoEncoder
from jaxgan.schedules import Plateau


@struct.dataclass
class Hyper(BalanceHyper):
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
        if not self.config.shared:
            return drawn, jnp.float32(0)
        critic = {"params": jax.lax.stop_gradient(state.discriminator.params)}
        image = jnp.tanh(self.discriminator.apply(critic, drawn, method="draw"))
        return image, state.hyper.code_weight * drawn.mean()

    def rebuild(self, params: Params, state: State, image: jax.Array) -> jax.Array:
        return self.discriminator.apply({"params": params}, image, state.hyper.sparsity, state.hyper.feedback)


def make(config: ConfigDict) -> Algorithm:
    """Builds BEGAN with a sparse critic, or where `config.shared` with its decoder as the generator's, too.

    Raises:
      UserError: the critic's layers do not fit the images.
    """
    shape, sizes, strides, code_shapes = geometry(config)
    start = layer_fields(config)
    generator = Decoder(
        image_size=config.data.image_size, channels=config.data.channels, output="tanh", halved=True, **start
    )
    if config.shared:
        generator = CodeGenerator(code_shapes[-1], **start)
    critic = SparseAutoEncoder(shape, sizes, strides, config.inference_steps, config.warm_steps, config.gradient)
    plateau = Plateau(config.plateau_factor, config.plateau_rtol, config.plateau_every)
    system = SdpcBegan(generator, critic, plateau, config)
    return Algorithm(system.init, system.train_step, system.sample_latent, system.generate, system.reconstruct)
