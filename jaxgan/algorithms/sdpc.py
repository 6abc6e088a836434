"""Sparse deep predictive coding, trained: codes are inferred, then each layer's dictionary learns to predict better."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from ml_collections import ConfigDict

from jaxgan import images
from jaxgan.algorithms import Algorithm, Batch, Encoded, Metrics
from jaxgan.algorithms.network import Network, layer_dtype
from jaxgan.errors import UserError
from jaxgan.models import sdpc
from jaxgan.models.atoms import atoms, by_convolution, curvature, normalised
from jaxgan.preprocessing import preprocess

LEAST_SCALE = 1e-3  # of v, which is positive
WARM_STEPS = 20  # of the power iteration, from where the step before left it: a first step can raise it sevenfold


@struct.dataclass
class Hyper:
    """What a sweep may vary within one program; those of layers are tuples, one number a layer."""

    feedback: jax.Array  # b
    threshold: jax.Array  # change of energy at which an image has come to rest
    lr_scale: jax.Array  # Adam's, of v
    sparsity: tuple[jax.Array, ...]  # lambda
    lr: tuple[jax.Array, ...]  # of the dictionaries


@struct.dataclass
class State:
    """All that training changes, and what a sweep varies."""

    step: jax.Array
    layers: dict[str, Network]  # params: dictionary (height, width, below, atoms) and, but in the last, scale (atoms,)
    extremes: tuple[jax.Array, ...]  # where each layer's power iteration has come to, images (1, H, W, below)
    idle: tuple[jax.Array, ...]  # int32 (atoms,): steps since each atom was last used
    hyper: Hyper


def name(layer: int) -> str:
    """Of a layer, counted from 0, in states, configs and metrics."""
    return f"layer_{layer + 1}"


class Geometry(NamedTuple):
    """Which layers of what sizes lie on images."""

    shape: tuple[int, int]  # of images
    sizes: tuple[tuple[int, int, int, int], ...]  # of the dictionaries: (height, width, channels below, atoms)
    strides: tuple[int, ...]
    code_shapes: list[tuple[int, int, int]]


def layers(config: ConfigDict) -> list[ConfigDict]:
    """The fields of each layer that there is."""
    return [config[name(layer)] for layer in range(config.layers)]


def geometry(config: ConfigDict, channels: int) -> Geometry:
    """Raises UserError where the layers that the config describes do not fit its images of so many channels."""
    shape = (config.data.image_size, config.data.get("image_width") or config.data.image_size)
    strides = tuple(layer.stride for layer in layers(config))
    sizes, below = [], (*shape, channels)
    for layer in layers(config):
        sides = (layer.kernel, layer.kernel) if layer.kernel else below[:2]
        sizes.append((*sides, below[2], layer.atoms))
        try:
            code_shapes = sdpc.code_shapes(shape, sizes, strides[: len(sizes)])
        except ValueError as error:
            raise UserError(f"{error}; change data.image_size, or the layer's kernel or stride") from None
        below = code_shapes[-1]
    return Geometry(shape, tuple(sizes), strides, code_shapes)


class Explained(NamedTuple):
    """A batch, and what inference made of it."""

    image: jax.Array  # as the first layer sees it
    codes: sdpc.Codes
    info: sdpc.Info
    extremes: tuple[jax.Array, ...]  # where the power iterations have come to


class Sdpc:
    """The layers of one config, for images of its size."""

    def __init__(self, config: ConfigDict):
        self.config, self.data = config, config.data
        self.layers = layers(config)
        self.shape, self.sizes, self.strides, self.shapes = geometry(config, config.data.channels)
        self.sides = [self.shape, *(shape[:2] for shape in self.shapes[:-1])]  # of what lies below each layer

    def init(self, key: jax.Array) -> State:
        """Atoms of noise, v as configured."""
        scalars = lambda field: tuple(jnp.float32(layer[field]) for layer in self.layers)
        keys = jax.random.split(key, (len(self.sizes), 2))
        dictionaries = [normalised(jax.random.normal(k[0], size)) for k, size in zip(keys, self.sizes, strict=True)]
        networks = {}
        for layer, dictionary in enumerate(dictionaries):
            params = {"dictionary": dictionary}
            if layer + 1 < len(dictionaries):
                params["scale"] = jnp.full(dictionary.shape[3], self.layers[layer].scale, jnp.float32)
            networks[name(layer)] = Network(params, self.optimizer(params).init(params))
        noise = [
            jax.random.normal(k[1], (1, *side, size[2]))
            for k, side, size in zip(keys, self.sides, self.sizes, strict=True)
        ]
        extremes = self.curvatures(dictionaries, noise, sdpc.POWER_STEPS)[1]
        config = self.config
        return State(
            step=jnp.int32(0),
            layers=networks,
            extremes=extremes,
            idle=tuple(jnp.zeros(size[3], jnp.int32) for size in self.sizes),
            hyper=Hyper(
                *(jnp.float32(config[field]) for field in ("feedback", "threshold", "lr_scale")),
                sparsity=scalars("sparsity"),
                lr=scalars("lr"),
            ),
        )

    def optimizer(self, params: dict[str, jax.Array]) -> optax.GradientTransformation:
        """Momentum for a dictionary, Adam for v; both without the learning rate."""
        kinds = {"dictionary": optax.trace(self.config.momentum), "scale": optax.scale_by_adam()}
        return optax.partition(kinds, {field: field for field in params})

    def curvatures(self, dictionaries, guesses, steps: int) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
        """The largest eigenvalues of D D^T, raised, and the images from which the next search goes on."""
        working = [atoms(*layer) for layer in zip(dictionaries, self.strides, self.sides, strict=True)]
        found = [curvature(layer, guess, steps) for layer, guess in zip(working, guesses, strict=True)]
        return tuple(sdpc.raised(value) for value, _ in found), tuple(image for _, image in found)

    def infer(self, state: State, image: jax.Array, curvatures=None) -> tuple[sdpc.Codes, sdpc.Info]:
        """The codes of preprocessed images (B, H, W, C)."""
        dictionaries, scales = split(state)
        if curvatures is None:
            curvatures, _ = self.curvatures(dictionaries, state.extremes, WARM_STEPS)
        return sdpc.infer(
            image,
            dictionaries,
            lambdas=state.hyper.sparsity,
            strides=self.strides,
            scales=scales,
            feedback=state.hyper.feedback,
            threshold=state.hyper.threshold,
            max_iterations=self.config.max_iterations,
            curvatures=curvatures,
        )

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Infers the codes, then takes a step on each dictionary and v with the codes held."""
        explained = self.explain(state, batch, key)
        state, metrics = self.teach(state, explained)
        return state.replace(step=state.step + 1), metrics

    def explain(self, state: State, batch: Batch, key: jax.Array) -> Explained:
        """A batch as it is seen, and its codes."""
        image = self.see(images.augment(key, images.to_float(batch["image"]), self.data.flip))
        curvatures, extremes = self.curvatures(split(state)[0], state.extremes, WARM_STEPS)
        return Explained(image, *self.infer(state, image, curvatures), extremes)

    def teach(self, state: State, explained: Explained) -> tuple[State, Metrics]:
        """A step of all layers, and how well they explained the batch."""
        image, codes, info, extremes = explained
        below = [image, *(scale * code for scale, code in zip(split(state)[1], codes, strict=False))]
        networks, idle, metrics = {}, [], {}
        for layer, (target, code) in enumerate(zip(below, codes, strict=True)):
            network = self.learn(state, layer, target, code)
            used = jnp.any(code > 0, axis=(0, 1, 2))
            networks[name(layer)] = network
            idle.append(jnp.where(used, 0, state.idle[layer] + 1))
            metrics |= {
                f"error_{layer + 1}": info.errors[:, layer].mean(),
                f"l1_{layer + 1}": code.sum((1, 2, 3)).mean(),
                f"active_{layer + 1}": jnp.mean(code > 0),
                f"dead_{layer + 1}": jnp.sum(idle[layer] >= self.config.dead_after).astype(jnp.float32),
                f"iterations_{layer + 1}": info.iterations[:, layer].mean(dtype=jnp.float32),
            }
            if "scale" in network.params:
                metrics[f"scale_{layer + 1}"] = network.params["scale"].mean()
        metrics |= {
            "error": info.errors.sum(1).mean(),
            "converged": info.converged.mean(dtype=jnp.float32),
        }
        return state.replace(layers=networks, extremes=extremes, idle=tuple(idle)), metrics

    def learn(self, state: State, layer: int, target: jax.Array, code: jax.Array) -> Network:
        """One layer's step: its dictionary on its prediction from its code, v on that from v gamma."""
        network, stride, hyper = state.layers[name(layer)], self.strides[layer], state.hyper

        def error(dictionary, code):
            drawn = atoms(dictionary, stride, target.shape[1:3]).render(code)
            return jnp.sum((target - drawn) ** 2) / 2 / len(code)

        params = network.params
        grads = {"dictionary": jax.grad(error)(params["dictionary"], code)}
        rates = {"dictionary": hyper.lr[layer], "scale": hyper.lr_scale}
        if "scale" in params:
            grads["scale"] = jax.grad(lambda scale: error(params["dictionary"], scale * code))(params["scale"])
        updates, opt_state = self.optimizer(params).update(grads, network.opt_state, params)
        params = {field: value - rates[field] * updates[field] for field, value in params.items()}
        params["dictionary"] = normalised(params["dictionary"])
        if "scale" in params:
            params["scale"] = jnp.maximum(params["scale"], LEAST_SCALE)
        return network.replace(params=params, opt_state=opt_state)

    def check(self, state: State, image: jax.Array) -> None:
        """Raises UserError where a layer's sparsity leaves no coefficient above zero."""
        dictionaries, scales = split(state)
        seen = self.see(image)
        codes, _ = jax.jit(self.infer)(state, seen)
        for layer, (target, stride) in enumerate(zip([seen, *codes], self.strides, strict=False)):
            if not jnp.any(codes[layer] > 0):
                target = target * scales[layer - 1] if layer else target
                most = atoms(dictionaries[layer], stride, target.shape[1:3]).correlate(target).max()
                if not jnp.any(target):
                    raise UserError(f"{name(layer)} has nothing to explain: the first images are flat")
                raise UserError(
                    f"{name(layer)}.sparsity={state.hyper.sparsity[layer]:g} leaves all of its codes zero; "
                    f"the largest that does not is below {most:.3g}"
                )

    def encode(self, state: State, image: jax.Array, sparsity: float = 1.0) -> Encoded:
        """The codes of float images, found with so many times the usual lambda, and what they tell of each image.

        Figures of each layer: its prediction error, 1/2 |v_(i-1) gamma_(i-1) - D_i^T gamma_i|^2; its distortion, the
        share of the image's energy that is lost where this layer's codes alone draw it; how many of its coefficients
        are active; their l1 norm; iterations until it came to rest. `error` is that of all layers; `converged` is 1
        where all came to rest.
        """
        hyper = state.hyper
        hyper = hyper.replace(sparsity=tuple(sparsity * weight for weight in hyper.sparsity))
        seen = self.see(image)
        codes, info = self.infer(state.replace(hyper=hyper), seen)
        energy = jnp.maximum(jnp.sum(seen**2, (1, 2, 3)), 1e-12)  # a flat image is seen as nothing
        figures = {"error": info.errors.sum(1), "converged": info.converged.astype(jnp.float32)}
        for layer, (code, drawn) in enumerate(zip(codes, self.drawings(state, codes), strict=True)):
            figures |= {
                f"error_{layer + 1}": info.errors[:, layer],
                f"distortion_{layer + 1}": jnp.sum((seen - drawn) ** 2, (1, 2, 3)) / energy,
                f"active_{layer + 1}": jnp.mean(code > 0, (1, 2, 3)),
                f"l1_{layer + 1}": code.sum((1, 2, 3)),
                f"iterations_{layer + 1}": info.iterations[:, layer].astype(jnp.float32),
            }
        return Encoded((seen, *codes), figures)

    def drawings(self, state: State, codes: sdpc.Codes) -> list[jax.Array]:
        """The images (B, H, W, C) that each layer's codes draw by way of the layers below."""
        return [self.drawing(state, code, layer) for layer, code in enumerate(codes)]

    def drawing(self, state: State, drawn: jax.Array, layer: int) -> jax.Array:
        """The images that the codes of one layer draw."""
        dictionaries, scales = split(state)
        for below in reversed(range(layer + 1)):
            drawn = draw(drawn, dictionaries, scales, self.strides, below, self.sides[below])
        return drawn

    def show(self, state: State, image: jax.Array) -> dict[str, jax.Array]:
        """Float images as they are seen, as each layer draws them, where each layer is active, and the atoms."""
        return in_order(self._pictures(state, image))

    @functools.cached_property
    def _pictures(self) -> Callable:
        return jax.jit(self._draw_pictures)

    def _draw_pictures(self, state: State, image: jax.Array) -> dict[str, jax.Array]:
        seen, *codes = self.encode(state, image).layers
        most = jnp.maximum(jnp.abs(seen).max((1, 2, 3), keepdims=True), 1e-8)  # a flat image is seen as nothing
        pictures = {"images": image, "as they are seen": seen / most}
        for layer, drawn in enumerate(self.drawings(state, codes)):
            pictures[f"drawn by layer {layer + 1}"] = jnp.clip(drawn / most, -1, 1)
        return pictures | picture_layers(codes, project(state, self.strides))

    def see(self, image: jax.Array) -> jax.Array:
        """Float images in [-1, 1] as the first layer sees them."""
        return preprocess(image.astype(layer_dtype(self.config)), self.data)


def in_order(pictures: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """What `jax.jit` has sorted by title, from the images to the atoms."""
    order = ("images", "as they are seen", "drawn by", "activity of", "atoms of")
    return {title: pictures[title] for start in order for title in sorted(pictures) if title.startswith(start)}


def picture_layers(codes: Sequence[jax.Array], projected: Sequence[jax.Array]) -> dict[str, jax.Array]:
    """Where each layer is active, by its codes, and its atoms, which are given as images."""
    channels = projected[0].shape[3]
    activity = lambda code: _grey(code.sum(-1, keepdims=True), channels)
    activities = {f"activity of layer {n}": activity(code) for n, code in enumerate(codes, 1)}
    most = lambda drawn: jnp.maximum(jnp.abs(drawn).max((1, 2, 3), keepdims=True), 1e-8)
    return activities | {f"atoms of layer {n}": drawn / most(drawn) for n, drawn in enumerate(projected, 1)}


def _grey(activity: jax.Array, channels: int) -> jax.Array:
    """(N, h, w, 1) from zero on, to (N, h, w, C) in [-1, 1], the largest of each white."""
    most = jnp.maximum(activity.max((1, 2, 3), keepdims=True), 1e-8)
    return jnp.repeat(2 * activity / most - 1, channels, axis=-1)


def split(state: State) -> tuple[list[jax.Array], list[jax.Array]]:
    """The dictionaries of all layers, and v of all but the last."""
    params = [state.layers[name(layer)].params for layer in range(len(state.layers))]
    return [layer["dictionary"] for layer in params], [layer["scale"] for layer in params[:-1]]


def project(state: State, strides: Sequence[int]) -> list[jax.Array]:
    """Every layer's atoms as images (atoms, h, w, C): what a single coefficient draws by way of the layers below."""
    dictionaries, scales = split(state)
    found = []
    for layer, dictionary in enumerate(dictionaries):
        drawn = jnp.eye(dictionary.shape[3])[:, None, None]
        for below in reversed(range(layer + 1)):
            drawn = draw(drawn, dictionaries, scales, strides, below)
        found.append(drawn)
    return found


def draw(codes, dictionaries, scales, strides: Sequence[int], layer: int, shape=None) -> jax.Array:
    """What a layer's codes say of the one below, or of the image; without a `shape` as much as they cover."""
    atoms_of, stride = dictionaries[layer], strides[layer]
    shape = shape or [
        (count - 1) * stride + length for count, length in zip(codes.shape[1:3], atoms_of.shape[:2], strict=True)
    ]
    drawn = by_convolution(atoms_of, stride, shape).render(codes)
    return drawn / scales[layer - 1] if layer else drawn


def make(config: ConfigDict) -> Algorithm:
    """Builds SDPC, or with feedback 0 the hierarchical Lasso, of the layers that the config describes.

    Raises:
      UserError: they do not fit the images.
    """
    system = Sdpc(config)
    return Algorithm(system.init, system.train_step, encode=system.encode, show=system.show, check=system.check)
