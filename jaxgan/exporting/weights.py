"""The networks' weights as safetensors, with a model card; `init_from` reads such a file as it reads a run."""

import json
from pathlib import Path

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from jaxgan import config as config_lib
from jaxgan.algorithms.network import Network, arrays, networks
from jaxgan.errors import UserError
from jaxgan.exporting import Trained
from jaxgan.reporting.notes import escape

LICENCES = {
    "toons": "Apache-2.0, drawn by jaxgan",
    "sketches": "Apache-2.0, drawn by jaxgan",
    "colourings": "Apache-2.0, drawn by jaxgan",
    "simpsons_mnist": "CC BY-NC-SA 4.0, of alvarobartt/simpsons-mnist",
}
UNKNOWN = "that of the images, which jaxgan does not know"


def serialize(trained: Trained) -> bytes:
    """Returns the arrays by name, as generator.params.Conv_0.kernel; averaged weights where the run keeps them."""
    averaged = jax.tree.map(_averaged, trained.state, is_leaf=_is_network)
    content = {name: np.asarray(array, order="C") for name, array in arrays(averaged).items()}
    return save(content, {"format": "jaxgan", "step": str(trained.step), "config": json.dumps(_public(trained))})


def read(path: Path) -> tuple[dict[str, np.ndarray], int]:
    """Returns what `serialize` wrote: arrays by name, and the checkpoint's step.

    Raises:
      UserError: it is no such file.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        with safe_open(path, "numpy") as file:
            about = file.metadata() or {}
            if about.get("format") != "jaxgan" or not about.get("step", "").isdigit():
                raise UserError(f"{path} was not written by jaxgan.export: name a run directory, or such a file")
            return {name: file.get_tensor(name) for name in file.keys()}, int(about["step"])  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}): export it anew") from error


def card(trained: Trained, file: str) -> str:
    """Returns a model card, Markdown: what was trained on what, how it was measured, and how it is used."""
    config, data = trained.config, trained.data
    licence, side = LICENCES.get(data["name"], UNKNOWN), config.data.image_size
    averaged = any(network.ema is not None for network in networks(trained.state).values())
    return f"""# {config.algorithm} on {data["name"]}, step {trained.step:,}

A generator trained by jaxgan. `{file}` holds its weights{" (averaged over the steps)" if averaged else ""}.

- images: {side}x{side}, {config.data.channels} channels
- latents: {trained.latent_dim} numbers, {config.latent}{_classes(trained.names)}
- data: {data["name"]}, {data["size"]:,} images, fingerprint `{data["fingerprint"]}`
- licence of the data: {licence}

## Measures

{_measures(trained)}

## Use

```sh
# Start another run from these weights.
python -m jaxgan.main --config=FILE.py --config.init_from={file}
```

## Config

```json
{json.dumps(_public(trained), indent=2)}
```
"""


def _public(trained: Trained) -> dict:
    """The config without the places of files on the machine that trained."""
    config = config_lib.to_dict(trained.config)
    return config | {"init_from": None, "data": config["data"] | {"dir": None}}


def _classes(names: list[str]) -> str:
    return f"; told the classes {', '.join(map(escape, names))}" if names else ""


def _measures(trained: Trained) -> str:
    """A table of the run's evaluation, where it is of this step."""
    missing = f"None yet: `python -m jaxgan.evaluate --workdir=DIR --step={trained.step}` takes them."
    path = trained.workdir / "evaluation.json"
    try:
        found = json.loads(path.read_text())
        if found["step"] != trained.step:
            return missing
        rows = [f"| {name} | {measure['value']:.4g} |" for name, measure in found["measures"].items()]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):  # none, or damaged
        return missing
    return "\n".join(["| measure | value |", "|---|---|", *rows])


def _is_network(node) -> bool:
    return isinstance(node, Network)


def _averaged(node):
    """A network whose parameters are its average; all else as it is."""
    if not _is_network(node) or node.ema is None:
        return node
    return node.replace(params=node.ema, ema=None)
