"""What probes that know nothing of a set's classes say of runs: python tests/benchmarks/other_probes.py RUN ...

  [--step=best] [--seed=0] [--config.data.name=simpsons_mnist --config.data.dir=...]

A line for each run: the Frechet distance of 2,000 samples from the held-out images, by the set's own probe, by one that
is trained here on the same images without their labels, to tell how they were turned and recoloured, and by that of the
toons; the last line is that of real training images.
"""

import argparse

import numpy as np
from probes import ROOT

from jaxgan import cli, config
from jaxgan.data.dataset import prepare
from jaxgan.drawing import sample
from jaxgan.evaluate import NUM
from jaxgan.evaluation import probe as probes
from jaxgan.evaluation.distances import frechet_distance
from jaxgan.evaluation.measures import evenly
from jaxgan.examining.real import embed
from jaxgan.restoring import load
from jaxgan.rundir import RunDirectory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=cli.path, nargs="+", metavar="RUN")
    parser.add_argument("--step", type=cli.step, default="best")
    parser.add_argument("--seed", type=int, default=0, help="of the probe that is trained here")
    options, fields = parser.parse_known_args()
    for run in options.runs:
        RunDirectory(run).stored()  # what is no run ends it before a probe is trained
    set_of = lambda *fields: prepare(config.load([f"--config={ROOT}/configs/began.py:quick", *fields])[0].data)
    dataset = set_of(*fields)
    judges = {
        "own": probes.load(dataset),
        "without labels": probes.train(dataset._replace(names=[]), probes.RECIPE._replace(seed=options.seed)),
        "toons": probes.load(set_of()),
    }
    held_out = {name: embed(judge, dataset.held_out.image).features for name, judge in judges.items()}

    def line(name: str, image: np.ndarray) -> str:
        found = (frechet_distance(embed(judge, image).features, held_out[of]) for of, judge in judges.items())
        return f"| {name} | {' | '.join(f'{distance:.3g}' for distance in found)} |"

    titles = (f"{name}: {judge.digest}" for name, judge in judges.items())
    print(f"| run | {' | '.join(titles)} |", "|---" * (1 + len(judges)) + "|", sep="\n", flush=True)
    for run in options.runs:
        algorithm, state, step = load(run, options.step)
        print(line(f"{run}, step {step:,}", sample(algorithm, state, NUM, seed=0)), flush=True)
    print(line("real images", evenly(dataset.train, NUM).image))


if __name__ == "__main__":
    cli.with_kept_memory()
    main()
