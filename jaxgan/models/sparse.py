"""SDPC as an auto-encoder that a GAN trains: a few steps of inference, and what the last layer draws.

The layers and their energies are those of `jaxgan.models.sdpc`. Dictionaries are normalised where they are used, so
that their atoms have norm 1 whatever the optimizer does.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.scipy.sparse.linalg import bicgstab

from jaxgan.models import sdpc
from jaxgan.models.arithmetic import at_least_float32
from jaxgan.models.atoms import Atoms, atoms, by_convolution, by_products, curvature, normalised
from jaxgan.models.layers import ACTIVATIONS, Conv, Dense

POWER_STEPS = 8  # of the search for the largest eigenvalues, which begins anew each time
MARGIN = 1.1  # by which they are raised
SOLVER_STEPS, TOLERANCE = 50, 1e-6  # of BiCGSTAB for implicit gradients: at most, and where it ends, relative


class SparseAutoEncoder(nn.Module):
    """Images (B, H, W, C) in [-1, 1] to the codes of all layers, and back.

    The first layer sees their light and their darkness, 1 + v and 1 - v, as 2 C channels (complement coding, Carpenter,
    Grossberg & Rosen 1991), so that no image is nothing to it. Of plain pixels a grey one is explained without error
    by codes that are zero, whatever the dictionaries are, and a generator of what is well explained draws just that.

    `gradient` is "unrolled": `warm_steps` of FISTA without gradients, then `steps` through which they go; or
    "implicit": `warm_steps` + `steps` of it, and the gradients of where they lead. The layers take turns in a step.
    """

    shape: tuple[int, int]  # of images
    sizes: Sequence[tuple[int, int, int, int]]  # of the dictionaries: (height, width, channels below, atoms)
    strides: Sequence[int]
    steps: int
    warm_steps: int = 0
    gradient: str = "unrolled"

    def setup(self) -> None:
        zeros = nn.initializers.zeros
        self.weights = [self.param(f"dictionary_{n}", _atoms, size, n > 1) for n, size in enumerate(self.sizes, 1)]
        self.log_scales = [self.param(f"log_scale_{n}", zeros, size[3:]) for n, size in enumerate(self.sizes[:-1], 1)]

    def __call__(
        self, images: jax.Array, sparsity: Sequence[jax.Array] | None = None, feedback: jax.Array | float = 1.0
    ) -> jax.Array:
        """What the last layer makes of images; lambda is 0 by default."""
        sparsity = [0.0] * len(self.sizes) if sparsity is None else sparsity
        return to_images(self.explain(images, sparsity, feedback)[0])

    def explain(
        self, images: jax.Array, sparsity: Sequence[jax.Array], feedback: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Light and darkness of images as the last layer draws them, and as they are, (B, H, W, 2 C) both."""
        return self.draw(self.encode(images, sparsity, feedback)[-1]), light_and_dark(images)

    def encode(self, images: jax.Array, sparsity: Sequence[jax.Array], feedback: jax.Array) -> sdpc.Codes:
        """The codes of all layers; `sparsity` is lambda of each, `feedback` is b."""
        images = images.astype(self.weights[0].dtype)
        given = light_and_dark(images), self.dictionaries(), self.scales(), tuple(sparsity), feedback
        held = self.problem(jax.lax.stop_gradient(given), atoms)
        steps = sdpc.steps_in_turn(
            [self.largest_eigenvalue(n, working) for n, working in enumerate(held.atoms)], feedback
        )
        count = self.warm_steps + (self.steps if self.gradient == "implicit" else 0)
        iterate = jax.lax.fori_loop(
            0, count, lambda _, before: sdpc.advance_in_turn(held, steps, before), sdpc.start(held, self.code_shapes())
        )
        if self.gradient == "implicit":
            return at_rest(self.slopes, given, iterate.codes)
        problem = self.problem(given, _fast_gradients())
        for _ in range(self.steps):
            iterate = sdpc.advance_in_turn(problem, steps, iterate)
        return iterate.codes

    def problem(self, given: tuple, way: Callable[..., Atoms]) -> sdpc.Problem:
        """What is given for an inference, with dictionaries at work in one of the ways of `models.atoms`."""
        images, dictionaries, *rest = given
        return sdpc.Problem(images, self.at_work(dictionaries, way), *rest)

    def slopes(self, given: tuple, codes: sdpc.Codes) -> sdpc.Codes:
        problem = self.problem(given, _fast_gradients())
        return tuple(sdpc.slopes(problem, sdpc.unexplained(problem, codes)))

    def draw(self, codes: jax.Array, layer: int = 0) -> jax.Array:
        """Light and darkness from the codes of a layer, counted from 1, by way of those below; 0 is the last."""
        layers, scales = self.at_work(self.dictionaries(), _fast_gradients()), self.scales()
        for n in reversed(range(1, layer or len(layers))):
            codes = layers[n].render(codes) / scales[n - 1]
        return at_least_float32(layers[0].render(codes))

    def project(self) -> list[jax.Array]:
        """Every layer's atoms as images (atoms, h, w, C): what a single coefficient draws."""
        found, reach, pace = [], (1, 1), 1
        for n, (size, shape) in enumerate(zip(self.sizes, self.code_shapes(), strict=True)):
            reach = [past + pace * (side - 1) for past, side in zip(reach, size[:2], strict=True)]
            pace *= self.strides[n]
            first = jnp.zeros((size[3], *shape)).at[:, 0, 0].set(jnp.eye(size[3]))
            found.append(to_images(self.draw(first, n + 1))[:, : reach[0], : reach[1]])
        return found

    def dictionaries(self) -> list[jax.Array]:
        return [normalised(weights) for weights in self.weights]

    def scales(self) -> list[jax.Array]:
        """v of all layers but the last."""
        return [jnp.exp(logarithm) for logarithm in self.log_scales]

    def at_work(self, dictionaries: Sequence[jax.Array], way: Callable[..., Atoms]) -> list[Atoms]:
        return [way(*layer) for layer in zip(dictionaries, self.strides, self.sides(), strict=True)]

    def code_shapes(self) -> list[tuple[int, int, int]]:
        return sdpc.code_shapes(self.shape, self.sizes, self.strides)

    def sides(self) -> list[tuple[int, int]]:
        """Of what lies below each layer."""
        return [self.shape, *(shape[:2] for shape in self.code_shapes()[:-1])]

    def largest_eigenvalue(self, n: int, working: Atoms) -> jax.Array:
        noise = jax.random.normal(jax.random.key(0), (1, *self.sides()[n], self.sizes[n][2]))
        return MARGIN * curvature(working, noise, POWER_STEPS)[0]


def light_and_dark(images: jax.Array) -> jax.Array:
    """(B, H, W, C) in [-1, 1] to (B, H, W, 2 C) in [0, 2]."""
    return jnp.concatenate([1 + images, 1 - images], axis=-1)


def to_images(drawn: jax.Array) -> jax.Array:
    """The images (B, H, W, C) that light and darkness, (B, H, W, 2 C), agree on most nearly."""
    light, dark = jnp.split(drawn, 2, axis=-1)
    return (light - dark) / 2


def _atoms(key: jax.Array, size: Sequence[int], of_codes: bool) -> jax.Array:
    """Noise of norm 1; above zero where an atom is to draw codes, which are."""
    noise = jax.random.normal(key, size)
    return normalised(jnp.abs(noise) if of_codes else noise)


def _fast_gradients() -> Callable[..., Atoms]:
    """The way of dictionaries that is fastest where gradients go through them."""
    return by_products if jax.default_backend() == "cpu" else by_convolution


class CodeGenerator(nn.Module):
    """Latents (B, latent_dim) to codes (B, h, w, atoms) >= 0, by two convolutions where they have places."""

    shape: tuple[int, int, int]
    width: int
    activation: str = "elu"
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        activate = ACTIVATIONS[self.activation]
        start = {"initialization": self.initialization, "dtype": self.dtype}
        height, width, atoms = self.shape
        x = activate(Dense(height * width * self.width, **start)(latent.astype(self.dtype)))
        x = x.reshape(-1, height, width, self.width)
        for layer in range(2):
            x = activate(Conv(self.width, name=f"of_codes_{layer}", **start)(x))  # no layer of those that draw pixels
        return nn.relu(at_least_float32(Conv(atoms, kernel=1, **start)(x)))


class CodeCritic(nn.Module):
    """Codes (B, h, w, atoms) to the logits (B,) that they are of real images."""

    width: int
    leak: float = 0.2
    initialization: str = "fan_avg_normal"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, codes: jax.Array) -> jax.Array:
        start = {"initialization": self.initialization, "dtype": self.dtype}
        x = codes.astype(self.dtype)
        for _ in range(2):
            x = nn.leaky_relu(Conv(2 * self.width, **start)(x), self.leak)
        return at_least_float32(Dense(1, **start)(x.reshape(len(x), -1)))[:, 0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def at_rest(slopes: Callable[[Any, sdpc.Codes], sdpc.Codes], given: Any, codes: sdpc.Codes) -> sdpc.Codes:
    """Codes to which inference has led, with the derivatives that the point where it ends has in what was given.

    By the implicit function theorem: coefficients above zero move so that their slopes stay 0, the others do not move.

    Args:
      slopes: (given, codes) -> how all layers' energies rise with their codes, as `sdpc.slopes`.
      given: images, dictionaries and all else on which slopes depend.
      codes: at rest.
    """
    return codes


def _keep(slopes: Callable, given: Any, codes: sdpc.Codes) -> tuple[sdpc.Codes, tuple]:
    return codes, (given, codes)


def _pull_back(slopes: Callable, kept: tuple, towards: sdpc.Codes) -> tuple[Any, sdpc.Codes]:
    """Solves for how much each slope matters, then pulls that back to what was given."""
    given, codes = kept
    active = lambda x: jax.tree.map(lambda value, code: jnp.where(code > 0, value, 0), x, codes)
    _, pull_codes = jax.vjp(lambda point: slopes(given, point), codes)
    _, pull_given = jax.vjp(lambda given: slopes(given, codes), given)
    curved = lambda x: jax.tree.map(lambda a, b, c: a + b - c, active(pull_codes(active(x))[0]), x, active(x))
    weights, _ = bicgstab(curved, active(towards), tol=TOLERANCE, maxiter=SOLVER_STEPS)
    (found,) = pull_given(jax.tree.map(jnp.negative, active(weights)))
    return found, jax.tree.map(jnp.zeros_like, codes)


at_rest.defvjp(_keep, _pull_back)
