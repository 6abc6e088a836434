"""What `evaluation.json` holds, and how it is laid out in a terminal."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jaxgan.algorithms import Algorithm, State
from jaxgan.data.dataset import DataSet
from jaxgan.evaluation import LESS_IS_BETTER, OF_HELD_OUT, OF_TRANSLATIONS, Caveat, probe
from jaxgan.evaluation.measures import Evaluation, Measure
from jaxgan.examining.real import Real
from jaxgan.reporting import summary
from jaxgan.reporting.language import HARD, Language

ENOUGH = 0.8  # of held-out images told right by a probe whose opinion of samples counts
LEARNT = 3.0  # times what guessing reaches, for one without characters
ENGLISH = Language("en")

# What it is to hold of a checkpoint, and pictures by name.
Examine = Callable[[Algorithm, State, int], tuple[dict, dict[str, np.ndarray]]]


def of_any(dataset: DataSet, step: int, num: int, found: Mapping[str, Measure]) -> dict:
    """What `evaluation.json` holds of any checkpoint."""
    return {
        "step": step,
        "num": num,
        "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "measures": {name: measure._asdict() for name, measure in found.items()},
    }


def of_samples(real: Real, found: Evaluation, step: int, num: int) -> dict:
    """What it holds of one that draws samples."""
    judge = real.probe
    return of_any(real.dataset, step, num, found.measures) | {
        "of": "samples",
        "probe": {
            "kind": judge.kind,
            "accuracy": judge.accuracy,
            "classes": judge.classes,
            "digest": judge.digest,
        },
        "characters": found.characters,
        "real_characters": found.real_characters,
        "drawn": found.drawn,
        "lost": found.lost,
        "summary": found.summary or _plain(summary.of_coverage(found.measures["coverage"], ENGLISH)),
        "warnings": _told([*probe_warnings(judge), *found.warnings]),
    }


def of_codes(found: Mapping[str, Measure], warnings: Sequence[Caveat]) -> dict:
    """What it holds beside the measures of one that codes images and draws none."""
    return {"of": "codes", "summary": _plain(summary.of_codes(found, ENGLISH)), "warnings": _told(warnings)}


def _told(warnings: Sequence[Caveat]) -> list[dict]:
    return [caveat._asdict() | {"text": _plain(summary.of_caveat(caveat, ENGLISH))} for caveat in warnings]


def _plain(text: str) -> str:
    return text.replace(HARD, " ")


def probe_warnings(judge: probe.Probe) -> list[Caveat]:
    """When not to trust a probe."""
    warnings = []
    if not judge.names:
        warnings.append(Caveat("no_labels", {}))
        if judge.accuracy < LEARNT / judge.classes:
            warnings.append(Caveat("unlearnt_probe", {}))
    elif judge.accuracy < ENOUGH:
        warnings.append(Caveat("weak_probe", {"share": judge.accuracy}))
    return warnings


def table(content: dict) -> str:
    """Lays the measures out beside their floors, and says the rest in words."""
    heads = {"samples": ("samples", "real images"), "held out": ("held out", "beside")}
    heads["translations"] = ("translations", "true partners" if content.get("partners") else "at best")
    lines, head = [], None
    for name, measure in content["measures"].items():
        of = "held out" if name in OF_HELD_OUT else "translations" if name in OF_TRANSLATIONS else "samples"
        if of != head:
            lines.append("{:24}{:>9}  {:^22}{:>13}".format("", heads[of][0], "95 % interval", heads[of][1]))
            head = of
        better = f"{name} ({'low' if LESS_IS_BETTER[name] else 'high'})"
        interval = f"[{measure['low']:.4g}, {measure['high']:.4g}]"
        lines.append(f"{better:24}{measure['value']:9.4g}  {interval:^22}{measure['floor']:13.4g}")
    lines += [content["summary"], *(f"mind: {warning['text']}" for warning in content["warnings"])]
    if content["of"] == "translations":
        lines += ["", "what takes no learning:", baselines_table(content["baselines"])]
    if "truncation" in content:
        lines += ["", "with latents within so much of 0:", truncation_table(content["truncation"])]
    if content["of"] == "codes":
        lines += ["", "with so many times the usual sparsity:", sparsity_table(content["sparsity"])]
    return "\n".join(lines)


def history_table(history: Sequence[dict]) -> str:
    """A line a checkpoint, a column a measure."""
    values = lambda content: {name: f"{measure['value']:.4g}" for name, measure in content["measures"].items()}
    return _columns([{"step": f"{content['step']:,}"} | values(content) for content in history])


def sparsity_table(curve: Sequence[dict]) -> str:
    """A line a factor on lambda, and of each layer how active it is and what its drawings lose of the images."""
    shown = [name for name in curve[0] if name.startswith(("sparsity", "active", "distortion"))]
    return _columns([{name: f"{row[name]:.4g}" for name in shown} for row in curve])


def truncation_table(curve: Sequence[dict]) -> str:
    """A line for each distance from 0 within which latents were drawn, a column a measure."""
    return _columns([{name: f"{value:.4g}" for name, value in row.items()} for row in curve])


def baselines_table(baselines: Mapping[str, Mapping[str, float]]) -> str:
    """A line for each, a column a measure."""
    rows = [{"": name} | {key: f"{value:.4g}" for key, value in found.items()} for name, found in baselines.items()]
    return _columns(rows)


def _columns(rows: Sequence[Mapping[str, str]]) -> str:
    lines = [list(rows[0]), *(row.values() for row in rows)]
    return "\n".join("".join(f"{value[:12]:>13}" for value in line) for line in lines)
