"""What every algorithm does to a network: hold it, step down its gradient, average it; and draw latents."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from ml_collections import ConfigDict

from jaxgan.models import spectral

Params = Any
RATES = ("lr", "lr_g", "lr_d", "lr_scale")  # names of learning rates among what a researcher sweeps


@struct.dataclass
class Network:
    """One network's arrays."""

    params: Params | None  # None where another network holds them
    opt_state: optax.OptState  # Adam's moments
    batch_stats: Params | None = None  # BatchNorm's running statistics
    ema: Params | None = None  # average of params over the steps
    singular: spectral.Vectors | None = None  # vectors of the kernels, where those are normalised


def create(variables: dict, ema: bool = False, spectral_key: jax.Array | None = None) -> Network:
    """Takes what `module.init` returned; with a key the kernels are to be normalised by their singular values."""
    params = variables["params"]
    average = jax.tree.map(jnp.copy, params) if ema else None
    vectors = None if spectral_key is None else spectral.start(params, spectral_key)
    return Network(params, optax.scale_by_adam().init(params), variables.get("batch_stats"), average, vectors)


def spectral_key(config: ConfigDict, key: jax.Array) -> jax.Array | None:
    """What `create` takes for a discriminator whose weights come from this key."""
    return jax.random.fold_in(key, 1) if config.get("spectral_norm") else None


def normalized(network: Network, params: Params | None = None) -> tuple[Params, spectral.Vectors | None]:
    """The network's parameters, or others for it, with normalised kernels where it has such, and the new vectors."""
    params = network.params if params is None else params
    return (params, None) if network.singular is None else spectral.normalize(params, network.singular)


def descend(network: Network, grads: Params, lr: jax.Array, b1: jax.Array, b2: jax.Array) -> Network:
    """One step of Adam (Kingma & Ba 2015), whose rates are traced scalars."""
    direction, opt_state = optax.scale_by_adam(b1, b2).update(grads, network.opt_state)
    params = jax.tree.map(lambda param, step: (param - lr * step).astype(param.dtype), network.params, direction)
    return network.replace(params=params, opt_state=opt_state)


def interleaved(array: jax.Array, parts: int) -> jax.Array:
    """Cuts (n * parts, ...) in (parts, n, ...): on several devices each has its share of every part."""
    return array.reshape(-1, parts, *array.shape[1:]).swapaxes(0, 1)


def accumulated(function: Callable[..., Any], parts: int, *batches: jax.Array) -> Any:
    """The mean of what a function gives for so many equal parts of batches (B, ...), one after the other.

    That of a gradient of a mean is the gradient for the whole batches, in the memory that a part takes.
    """
    if parts == 1:
        return function(*batches)
    cut = [interleaved(batch, parts) for batch in batches]
    nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(function, *(batch[0] for batch in cut)))
    add = lambda total, part: (jax.tree.map(jnp.add, total, function(*part)), None)
    # On a CPU convolutions are slow in the body of a loop.
    total, _ = jax.lax.scan(add, nothing, cut, unroll=parts if jax.default_backend() == "cpu" else 1)
    return jax.tree.map(lambda leaf: leaf / parts, total)


def average(network: Network, decay: jax.Array) -> Network:
    """ema <- decay * ema + (1 - decay) * params, where the network keeps one."""
    if network.ema is None:
        return network
    return network.replace(ema=optax.incremental_update(network.params, network.ema, 1 - decay))


def sampling_params(network: Network) -> Params:
    """The averaged parameters where there are any."""
    return network.params if network.ema is None else network.ema


def networks(state: Any) -> dict[str, Network]:
    """Returns the networks of an algorithm's state by their places, as generator or layers.layer_1."""
    found = jax.tree_util.tree_leaves_with_path(state, is_leaf=lambda node: isinstance(node, Network))
    return {path_name(path): node for path, node in found if isinstance(node, Network)}


def arrays(state: Any) -> dict[str, jax.Array]:
    """The networks' arrays by name, such as generator.params.Dense_0.kernel, without those of optimizers."""
    found = {}
    for name, network in networks(state).items():
        leaves = jax.tree_util.tree_leaves_with_path(network.replace(opt_state=None, singular=None))
        found |= {f"{name}.{path_name(path)}": leaf for path, leaf in leaves}
    return found


def path_name(path: tuple) -> str:
    """A place in a state, with dots between its parts."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def parameters(state: Any) -> dict[str, int]:
    """Returns how many parameters each network of an algorithm's state has."""
    return {
        name.rpartition(".")[2]: sum(leaf.size for leaf in jax.tree.leaves(network.params))
        for name, network in networks(state).items()
        if network.params is not None
    }


def read_hyper(cls: type, config: ConfigDict, **others: Any) -> Any:
    """Fills a dataclass of float32 scalars, but for `others`, from the fields of `config` or `config.data`."""
    names = [field.name for field in dataclasses.fields(cls) if field.name not in others]
    return cls(**others, **{name: jnp.float32(config[name] if name in config else config.data[name]) for name in names})


def slowed(hyper: Any, factor: float) -> Any:
    """Multiplies a dataclass's learning rates, those of RATES that it has, by a factor."""
    rates = [name for name in RATES if hasattr(hyper, name)]
    return hyper.replace(**{name: jax.tree.map(lambda rate: factor * rate, getattr(hyper, name)) for name in rates})


def layer_dtype(config: ConfigDict) -> jnp.dtype:
    """In which the layers compute; tf32 is float32 of which products keep fewer bits, see `algorithms.make`."""
    return jnp.dtype("float32" if config.precision == "tf32" else config.precision)


def sample_latent(key: jax.Array, count: int, dim: int, distribution: str) -> jax.Array:
    """Draws z (count, dim) from N(0, 1) ("normal") or U[-1, 1] ("uniform")."""
    if distribution == "uniform":
        return jax.random.uniform(key, (count, dim), minval=-1.0, maxval=1.0)
    return jax.random.normal(key, (count, dim))


def count_labels(counts: jax.Array | None, label: jax.Array) -> jax.Array | None:
    """Adds labels int (B,) to how often each was seen (classes,); None where there are no classes."""
    return None if counts is None else counts + jax.nn.one_hot(label, len(counts)).sum(0)


def sample_label(counts: jax.Array | None, key: jax.Array, number: int) -> jax.Array | None:
    """Draws labels (number,) as frequent as they were seen; before that, all alike. None where there are no classes."""
    return None if counts is None else jax.random.categorical(key, jnp.log1p(counts), shape=(number,))
