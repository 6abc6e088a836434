"""Run directories made by hand: what training, its monitor and evaluate write."""

import itertools
import json

import numpy as np
from PIL import Image

from jaxgan import config as config_lib
from jaxgan.fields import base

NAMES = ["bart", "lisa", "homer"]


def write_run(path, algorithm="began", fingerprint="f1", steps=600, names=NAMES, figures=(), origin=None, **fields):
    """A finished run of 12 rows with two grids; `data__seed` is data.seed. Rows have these figures, each a chart.

    With an `origin`, the name of what is translated, it is a translator's.
    """
    config = base(algorithm)
    config.steps = steps
    config.update_from_flattened_dict({name.replace("__", "."): value for name, value in fields.items()})
    steps = steps or 600
    data = {"name": "toons", "fingerprint": fingerprint, "size": 320, "held_out": 32, "names": names}
    if origin:
        data["origin"] = data | {"name": origin, "fingerprint": f"of {origin}"}
    path.mkdir(parents=True)
    write(path / "config.json", {"config": config_lib.to_dict(config), "data": data})
    rows = [metrics_row(algorithm, step) for step in range(50, steps + 1, 50)]
    kept = {"step", "epoch", "seconds", *figures}
    write_rows(path / "metrics.jsonl", [{name: row[name] for name in row if name in kept} for row in rows])
    write_rows(path / "events.jsonl", [event("start", 0), event("end", steps)])
    rng = np.random.default_rng(0)
    for step, width in ((0, 28 + 16 + 28), (steps, 28)):  # real images stand beside the untrained samples
        write_png(path / "samples" / f"{step:06}.png", rng.integers(0, 256, (28, width, 3), np.uint8))
    return path


def write_sweep(path, **fields):
    """A sweep with a member for each combination of the fields' values; returns the members' directories."""
    combinations = [dict(zip(fields, values, strict=True)) for values in itertools.product(*fields.values())]
    names = [",".join(f"{name}={value}" for name, value in one.items()) for one in combinations]
    (path / "members").mkdir(parents=True)
    return [write_run(path / "members" / name, **one) for name, one in zip(names, combinations, strict=True)]


BEGAN = ("loss_g", "loss_d", "loss_real", "loss_fake", "k", "m", "lr_g", "lr_d")
DCGAN = ("loss_g", "loss_d", "score_real", "score_fake", "lr_g", "lr_d")


def metrics_row(algorithm, step):
    row = {"step": step, "epoch": step / 10, "seconds": step * 34.5, "images_per_second": 9.0}
    if algorithm == "dcgan":
        return row | {"loss_g": 1.0, "loss_d": 0.7, "score_real": 0.6, "score_fake": 0.4, "lr_g": 4e-4, "lr_d": 4e-4}
    losses = {"loss_g": 0.1, "loss_d": 0.2, "loss_real": 0.3, "loss_fake": 0.1}
    return row | losses | {"k": step / 1e4, "m": 3.0 / step, "lr_g": 1e-4, "lr_d": 1e-4 if step < 300 else 9e-5}


def event(name, step, **details):
    return {"event": name, "step": step, "time": 1_700_000_000.0 + step, **details}


def reading(step, names=NAMES, **values):
    """A row of monitor.jsonl."""
    shares = dict(zip(names, (0.5, 0.3, 0.2), strict=True))
    row = {"step": step, "seconds": step * 34.5, "diversity": 0.9, "distinct": 1.0, "change": None, "recognised": 0.8}
    row |= {"effective_characters": 2.8, "fd_probe": 5.0, "coverage": 0.6, "characters": shares}
    row |= {"k_at_bound": False, "trace": [0.25, -0.5], "shows": "flat"}
    return row | values


def measure(value, error=0.1, floor=0.6):
    return {"value": value, "low": value - error, "high": value + error, "floor": floor, "error": error}


def write_evaluation(path, names=NAMES, num=1000, accuracy=0.98, fingerprint="f1", baselines=None, **measures):
    """An evaluation that has lost the last of the characters; `measures` are values, or whole measures."""
    shares = dict(zip(names, (0.7, 0.3, 0.0), strict=True))
    content = {
        "step": 600,
        "num": num,
        "data": {"name": "toons", "fingerprint": fingerprint},
        "probe": {"kind": "labels", "accuracy": accuracy, "classes": 3},
        "measures": {name: measure(value) if np.isscalar(value) else value for name, value in measures.items()},
        "characters": shares,
        "real_characters": dict(zip(names, (0.5, 0.3, 0.2), strict=True)),
        "drawn": names[:-1],
        "lost": [names[-1]],
        "summary": "draws 2 of 3 characters",
        "warnings": [],
    }
    if baselines:
        content["baselines"] = baselines
    write(path / "evaluation.json", content)
    return content


def write(path, content):
    path.write_text(json.dumps(content))


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_png(path, pixels):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
