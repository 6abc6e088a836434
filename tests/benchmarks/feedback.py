"""What SDPC's feedback changes, by the evaluations of a sweep: python tests/benchmarks/feedback.py DIR

The sweep varies feedback (0 and 1), layer_2.sparsity and seed, and all its members are evaluated. Of each measure and
sparsity it prints the means without and with feedback, and the mean of the differences between runs of one seed, with
its 95 % interval by Student's t.
"""

import argparse
import json
import statistics
from pathlib import Path

from jaxgan.benchmark import spread
from jaxgan.fields import flatten

MEASURES = ("error", "error_1", "error_2", "distortion_1", "distortion_2", "active_1", "active_2")
MEASURES += ("iterations_1", "iterations_2", "accuracy_1", "accuracy_2")


def read(folder: Path) -> dict[tuple[float, float, int], dict[str, float]]:
    """Each member's measures, by feedback, sparsity and seed."""
    found = {}
    for path in sorted(folder.glob("members/*/evaluation.json")):
        fields = flatten(json.loads((path.parent / "config.json").read_text())["config"])
        setting = tuple(fields[name] for name in ("feedback", "layer_2.sparsity", "seed"))
        measures = json.loads(path.read_text())["measures"]
        found[setting] = {name: measure["value"] for name, measure in measures.items()}
    return found


def row(pairs: list[tuple[float, float]]) -> str:
    """Means without and with feedback, and the mean difference with its interval."""
    without, fed = map(statistics.fmean, zip(*pairs, strict=True))
    mean, reach = spread([after - before for before, after in pairs])
    shown = f"{without:10.4g} {fed:10.4g} {mean:+10.4g}"
    return f"{shown}  [{mean - reach:+.4g}, {mean + reach:+.4g}]" if reach else shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path)
    found = read(parser.parse_args().sweep)
    print(f"{'measure':14}{'sparsity':>9}{'seeds':>6} {'without':>10} {'with':>10} {'difference':>11}")
    for name in MEASURES:
        for sparsity in sorted({setting[1] for setting in found}):
            seeds = [setting[2] for setting in found if setting[:2] == (0, sparsity)]
            settings = [((0, sparsity, seed), (1, sparsity, seed)) for seed in seeds if (1, sparsity, seed) in found]
            pairs = [(found[before][name], found[after][name]) for before, after in settings if name in found[after]]
            if pairs:
                print(f"{name:14}{sparsity:9g}{len(pairs):6} {row(pairs)}")


if __name__ == "__main__":
    main()
