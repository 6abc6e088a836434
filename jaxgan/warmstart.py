"""Starting from the networks of another run, or of an exported file: what matches is taken over, the rest is listed."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.algorithms.network import arrays, path_name
from jaxgan.errors import UserError
from jaxgan.paths import expanded
from jaxgan.restoring import load


class Match(NamedTuple):
    """Which layers of a state's networks another run has in the same place and shape."""

    step: int  # of that run's checkpoint
    found: dict[str, np.ndarray]  # that run's arrays
    missing: list[str]  # layers that stay as they were initialised, and why

    def __str__(self) -> str:
        rest = f"; {len(self.missing)} layers stay as initialised: {', '.join(self.missing)}" if self.missing else ""
        return f"{len(self.found)} arrays of step {self.step:,} taken over{rest}"


def read(workdir: str | Path, target: Any) -> Match:
    """Compares a run's newest checkpoint, or a .safetensors file, with the state `target`, of which shapes are used.

    Weights and BatchNorm's statistics count, and a layer is taken over whole or not at all. A weight
    average starts from that run's average, or from its weights where it keeps none. Optimizers, k and
    all else start afresh.

    Raises:
      UserError: there is no such run, checkpoint or file, or no layer with weights matches.
    """
    if Path(workdir).suffix == ".safetensors":
        from jaxgan.exporting import weights  # no other start needs it

        theirs, step = weights.read(expanded(workdir))
    else:
        _, state, step = load(workdir)
        theirs = arrays(state)
    ours = arrays(target)
    averages = [name for name in ours if ".ema." in name and name not in theirs]
    theirs |= {name: theirs.get(name.replace(".ema.", ".params.")) for name in averages}
    layers = {}
    for name in ours:
        layers.setdefault(name.rpartition(".")[0], []).append(name)
    match = Match(step, {}, [])
    for layer, names in layers.items():
        fault = _fault(layer, [(name, theirs.get(name), ours[name]) for name in names])
        if fault:
            match.missing.append(fault)
        else:
            match.found.update({name: np.asarray(theirs[name]) for name in names})
    if not any(name.rpartition(".")[2].startswith(("kernel", "dictionary")) for name in match.found):
        raise UserError(f"init_from={workdir}: its networks at step {step} have nothing in common with this config's")
    return match


def transplant(state: Any, match: Match) -> Any:
    """Returns the state with the arrays that were found, each a buffer of its own with the old one's placement."""

    def replace(path, leaf):
        name = path_name(path)
        if name not in match.found:
            return leaf
        return jax.device_put(match.found[name].astype(leaf.dtype), leaf.sharding, may_alias=False)

    return jax.tree_util.tree_map_with_path(replace, state)


def _fault(layer: str, arrays: list[tuple[str, jax.Array | None, jax.Array]]) -> str | None:
    """Says how a layer's arrays (name, that run's, ours) differ in shape, None where they don't."""
    if all(there is None for _, there, _ in arrays):
        return f"{layer} is not there"
    shapes = [(name.rpartition(".")[2], _shape(there), _shape(here)) for name, there, here in arrays]
    faults = [f"{kind} is {there} there and {here} here" for kind, there, here in shapes if there != here]
    return f"{layer} ({', '.join(faults)})" if faults else None


def _shape(array: jax.Array | None) -> str:
    return "nothing" if array is None else "x".join(map(str, array.shape)) or "scalar"
