"""What the week's notes found by eye, tested: python tests/benchmarks/claims.py run|table|pages ...

  run [--experiments=init,relu,...] [--seeds=0,1,2] [--jobs=2] [--workdir=DIR] [--config.data.dir=...]
                      trains the systems of each experiment, a row for each run, as compare.py does
  table               each claim, the figures by which it is judged, and the verdict
  pages [--docs=DIR]  the notes in the form of that week's, with measured results, in English and in French, and the
                      charts in them

All take --rows=FILE.jsonl; --config.data.dir says where simpsons_mnist lies. Systems are written as for compare.py;
those of an experiment make the same number of steps on the same batches. A claim says what a measure of one system is
to be beside that of another, over seeds: it is confirmed where the 95 % interval (Student's t) of the differences
between runs of one seed, measured by one probe, lies where it says, refuted where it lies elsewhere, and undecided
where it meets both.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import compare
from experiments import EXPERIMENTS, Experiment
from judging import Runs, judge
from week5 import Page, pages

from jaxgan.metrics import JsonLines


def table(runs: Runs, options: argparse.Namespace) -> None:
    """A line for each claim."""
    page = Page(runs, "en")
    print("| claim | steps | measured | verdict |", "|---|---|---|---|", sep="\n")
    for experiment in (EXPERIMENTS[name] for name in options.experiments):
        for claim in experiment.claims:
            judged = judge(claim, experiment, runs)
            title = f"{experiment.title['en']}: {claim.text['en']}"
            print(f"| {title} | {experiment.steps:,} | {page.figures(claim, judged)} | {judged.verdict} |")


def train(options: argparse.Namespace) -> None:
    """What has no row, on one data set after the other."""
    tested = [EXPERIMENTS[name] for name in options.experiments]
    own = options.fields
    for options.data in dict.fromkeys(experiment.data for experiment in tested):
        options.fields = own if options.data == "simpsons_mnist" else []  # say where it lies
        compare.train(runs_of([one for one in tested if one.data == options.data], options.seeds), options)


def runs_of(tested: Sequence[Experiment], seeds: Sequence[int]) -> list[compare.Run]:
    """Those of each seed before those of the next, so that a part of them has figures of all."""
    found = {
        compare.Run(system, seed, experiment.budget, experiment.steps): None
        for seed in seeds
        for experiment in tested
        for system in experiment.systems
    }
    return list(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table", "pages"])
    parser.add_argument("--experiments", type=lambda text: text.split(","), default=list(EXPERIMENTS))
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--rows", type=Path, default=Path("results/claims.jsonl"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--workdir", type=Path, default=Path("runs/claims"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options, options.fields = parser.parse_known_args()
    if unknown := [field for field in options.fields if not field.startswith("--config.data.dir=")]:
        parser.error(f"unknown: {' '.join(unknown)}")
    if missing := [name for name in options.experiments if name not in EXPERIMENTS]:
        parser.error(f"no experiment {missing[0]}: there are {', '.join(EXPERIMENTS)}")
    if options.what == "run":
        train(options)
        return
    runs: Runs = {}
    for row in JsonLines(options.rows).read():
        if row["seed"] in options.seeds:
            runs.setdefault((row["data"], row["budget"], row["system"]), []).append(row)
    (pages if options.what == "pages" else table)(runs, options)


if __name__ == "__main__":
    main()
