"""The networks' weights as safetensors, with a model card; `init_from` reads such a file as it reads a run."""

import json
from pathlib import Path

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from jaxgan.algorithms.network import Network, networks, path_name
from jaxgan.errors import UserError
from jaxgan.exporting import Trained

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
    content = {name: np.ascontiguousarray(array) for name, array in arrays(averaged).items()}
    about = {"step": str(trained.step), "config": json.dumps(trained.stored["config"])}
    return save(content, {"format": "jaxgan", **about})


def read(path: Path) -> tuple[dict[str, np.ndarray], int]:
    """Returns what `serialize` wrote: arrays by name, and the checkpoint's step.

    Raises:
      UserError: it is no such file.
    """
    try:
        with safe_open(path, "numpy") as file:
            about = file.metadata() or {}
            if about.get("format") != "jaxgan":
                raise UserError(f"{path} was not written by jaxgan.export: name a run directory, or such a file")
            return {name: file.get_tensor(name) for name in file.keys()}, int(about["step"])  # noqa: SIM118
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}): export it anew") from error


def arrays(state) -> dict[str, jax.Array]:
    """The networks' arrays by name, such as generator.params.Dense_0.kernel, without those of optimizers."""
    found = {}
    for name, network in networks(state).items():
        leaves = jax.tree_util.tree_leaves_with_path(network.replace(opt_state=None, singular=None))
        found |= {f"{name}.{path_name(path)}": leaf for path, leaf in leaves}
    return found


def card(trained: Trained, file: str) -> str:
    """Returns a model card, Markdown: what was trained on what, how it was measured, and how it is used."""
    config, data = trained.stored["config"], trained.stored["data"]
    licence = LICENCES.get(data["name"], UNKNOWN)
    return f"""# {config["algorithm"]} on {data["name"]}, step {trained.step:,}

A generator trained by jaxgan. `{file}` holds its weights{" (averaged over the steps)" if config["ema_decay"] else ""}.

- images: {config["data"]["image_size"]}x{config["data"]["image_size"]}, {config["data"]["channels"]} channels
- latents: {trained.latent_dim} numbers, {config["latent"]}{_classes(trained.names)}
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
{json.dumps(config, indent=2)}
```
"""


def _classes(names: list[str]) -> str:
    return f"; told the classes {', '.join(names)}" if names else ""


def _measures(trained: Trained) -> str:
    """A table of the run's evaluation, where it is of this step."""
    missing = f"None yet: `python -m jaxgan.evaluate --workdir=DIR --step={trained.step}` takes them."
    path = trained.workdir / "evaluation.json"
    if not path.exists():
        return missing
    found = json.loads(path.read_text())
    if found["step"] != trained.step:
        return missing
    rows = [f"| {name} | {measure['value']:.4g} |" for name, measure in found["measures"].items()]
    return "\n".join(["| measure | value |", "|---|---|", *rows])


def _is_network(node) -> bool:
    return isinstance(node, Network)


def _averaged(node):
    """A network whose parameters are its average; all else as it is."""
    if not _is_network(node) or node.ema is None:
        return node
    return node.replace(params=node.ema, ema=None)
