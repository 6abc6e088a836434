"""The directory of one run, and whether a run may go on in it."""

import json
from pathlib import Path

from ml_collections import ConfigDict

from jaxgan import config as config_lib
from jaxgan.data.dataset import DataSet
from jaxgan.errors import UserError
from jaxgan.evaluation import BEST_METRICS
from jaxgan.metrics import JsonLines
from jaxgan.paths import expanded
from jaxgan.writing import write_whole

# Of a row of monitor.jsonl: what the alarm goes by, and what the best checkpoint does.
READING = ("trace", "contrast", "distinct", "copies", "recognised", "characters", "change", "shows", *BEST_METRICS)


class RunDirectory:
    """Names of what a run writes."""

    def __init__(self, path: str | Path):
        self.path = expanded(path)
        self.config_file = self.path / "config.json"
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.tensorboard = self.path / "tensorboard"
        self.metrics = JsonLines(self.path / "metrics.jsonl", "step")
        self.evaluation = self.path / "evaluation.json"
        self.monitor = JsonLines(self.path / "monitor.jsonl", "step", *READING)
        self.events = JsonLines(self.path / "events.jsonl", "step", "event")

    def sample(self, step: int) -> Path:
        return self.samples / f"{step:06}.png"

    def picture(self, step: int, name: str) -> Path:
        """What an evaluation draws: `nearest` has samples beside their nearest training images."""
        return self.samples / f"{step:06}-{name}.png"

    def stored(self) -> dict:
        """Returns what `config.json` holds. Raises UserError where this is no run."""
        try:
            content = json.loads(self.config_file.read_text())
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{self.path} is no run directory: it has no config.json") from None
        except ValueError as error:
            raise UserError(f"{self.config_file} is damaged ({error}): mend it from a run of the same config") from None
        try:
            config_lib.from_dict(content["config"])
            data = content["data"]
            ours = isinstance(data["name"], str) and isinstance(data["fingerprint"], str)
        except (KeyError, TypeError, ValueError, AttributeError):
            ours = False
        if not ours:
            raise UserError(f"{self.config_file} was not written by jaxgan: name a run directory")
        if not all(map(_is_described, (data, data.get("origin", data)))):
            raise UserError(
                f"{self.config_file} is damaged (it lacks the name, the fingerprint or the labels' names of its "
                "images): mend it from a run of the same config"
            )
        return content

    def check(self, config: ConfigDict, dataset: DataSet, origin: DataSet | None) -> None:
        """Raises UserError where a run with another config or other images, or other work, has begun here."""
        if not self.config_file.exists():
            rows = self.metrics.path, self.monitor.path, self.events.path
            for path in (self.checkpoints, self.samples, *rows):
                if path.is_file() or (path.is_dir() and any(path.iterdir())):
                    raise UserError(
                        f"{self.path} has {path.name} of another program, without a config.json: give another --workdir"
                    )
            return
        stored = self.stored()
        changes = config_lib.difference(stored["config"], config)
        for was, now in ((stored["data"], dataset), (stored["data"].get("origin"), origin)):
            if was and now and was["fingerprint"] != now.fingerprint:
                changes.append(f"images: {was['fingerprint']} -> {now.fingerprint}")
        if changes:
            raise UserError(
                f"{self.path} holds a run that differs ({'; '.join(changes)}): take back the change, "
                "or give another --workdir"
            )

    def claim(self, content: dict) -> None:
        """Writes `config.json`, which says whose directory this is from now on; see `described` and `check`."""
        write_whole(self.config_file, json.dumps(content, indent=2).encode())


def described(config: ConfigDict, dataset: DataSet, origin: DataSet | None) -> dict:
    """What `config.json` holds; `origin` is what a translator translates."""
    data = _described(dataset) | ({"origin": _described(origin)} if origin else {})
    return {"config": config_lib.to_dict(config), "data": data}


def _described(dataset: DataSet) -> dict:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "size": len(dataset.train.label),
        "held_out": len(dataset.held_out.label),
        "names": dataset.names,
    }


def _is_described(data: object) -> bool:
    """Whether it is what `_described` returns, as far as others use it."""
    if not isinstance(data, dict) or not isinstance(data.get("names"), list):
        return False
    return all(isinstance(text, str) for text in (data.get("name"), data.get("fingerprint"), *data["names"]))
