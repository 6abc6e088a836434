"""Starting from the networks of another run: what matches is taken over, what does not is listed."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan.algorithms.network import Network
from jaxgan.errors import UserError
from jaxgan.sample import load


class Match(NamedTuple):
    """Which of a state's network arrays another run has in the same place and shape."""

    found: dict[str, jax.Array]  # that run's arrays
    missing: list[str]  # why the others stay as they were initialised

    def __str__(self) -> str:
        rest = f"; {len(self.missing)} stay as initialised: {', '.join(self.missing)}" if self.missing else ""
        return f"{len(self.found)} arrays taken over{rest}"


def read(workdir: str | Path, target: Any) -> Match:
    """Compares the newest checkpoint of a run with the state `target`, of which only shapes are used.

    Weights and BatchNorm's statistics count. A weight average starts from that run's average, or
    from its weights where it keeps none. Optimizers, k and all else start afresh.

    Raises:
      UserError: there is no such run or checkpoint, or nothing matches.
    """
    _, state, step = load(workdir)
    theirs, ours = _arrays(state), _arrays(target)
    for name in ours:
        if ".ema." in name and name not in theirs:
            theirs[name] = theirs.get(name.replace(".ema.", ".params."))
    found, missing = {}, []
    for name, leaf in ours.items():
        other = theirs.get(name)
        if other is None:
            missing.append(f"{name} is not there")
        elif other.shape != leaf.shape:
            missing.append(f"{name} is {_shape(other)} there and {_shape(leaf)} here")
        else:
            found[name] = other
    if not found:
        raise UserError(f"init_from={workdir}: its networks at step {step} have nothing in common with this config's")
    return Match(found, missing)


def transplant(state: Any, match: Match) -> Any:
    """Returns the state with the arrays that were found, each a buffer of its own with the old one's placement."""

    def replace(path, leaf):
        name = _name(path)
        if name not in match.found:
            return leaf
        return jax.device_put(match.found[name].astype(leaf.dtype), leaf.sharding, may_alias=False)

    return jax.tree_util.tree_map_with_path(replace, state)


def _arrays(state: Any) -> dict[str, jax.Array]:
    """The networks' arrays by name, such as generator.params.Dense_0.kernel, without those of optimizers."""
    arrays = {}
    for field in dataclasses.fields(state):
        network = getattr(state, field.name)
        if isinstance(network, Network):
            kept = network.replace(opt_state=None)
            leaves = jax.tree_util.tree_leaves_with_path(kept)
            arrays |= {f"{field.name}.{_name(path)}": leaf for path, leaf in leaves}
    return arrays


def _name(path) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _shape(array: jax.Array) -> str:
    return "x".join(map(str, array.shape)) or "scalar"
