"""Trains probes of a data set, and says what each measures: python tests/benchmarks/probes.py ...

  [--seeds=0,1,2] [--samples=FILE.npz ...] [--out=DIR] [--config.data.name=simpsons_mnist --config.data.dir=...]

Of each: its digest, the share of held-out images that it tells right, and what it makes of the files' uint8 `images`
(N, H, W, C) and of as many real ones, which says how much of a difference may be the probe's.
--out keeps them under the names by which `jaxgan.evaluation.probe` looks for them. Those that come with the project are
of seed 0 and two CPU cores; elsewhere the same seed gives another, as sums are rounded in another order.
"""

import argparse
from pathlib import Path

from jaxgan import cli, config
from jaxgan.data.arrays import load_npz
from jaxgan.data.dataset import prepare
from jaxgan.evaluation import probe as probes
from jaxgan.evaluation.measures import measure
from jaxgan.examining.real import embed
from jaxgan.images import save_npz

SHOWN = ("fd_probe", "precision", "recall", "coverage", "effective_characters", "recognised", "memorisation")
ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--samples", type=Path, nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    options, fields = parser.parse_known_args()
    settings, _ = config.load([f"--config={ROOT}/configs/began.py:quick", *fields])
    dataset = prepare(settings.data)
    drawn = {path.stem: load_npz(path, ["images"])["images"] for path in options.samples}
    print(f"| probe | told right | images | {' | '.join(SHOWN)} |", "|---" * (3 + len(SHOWN)) + "|", sep="\n")
    for seed in options.seeds:
        recipe = probes.RECIPE._replace(seed=seed)
        probe = probes.train(dataset, recipe)
        train, held_out = (embed(probe, split.image) for split in (dataset.train, dataset.held_out))
        for name, image in drawn.items():
            found = measure(embed(probe, image), train, held_out, probe.names).measures
            for shown, part in ((name, "value"), ("real images", "floor")):
                figures = " | ".join(f"{getattr(found[one], part):.3g}" for one in SHOWN)
                print(f"| {probe.digest}, seed {seed} | {probe.accuracy:.1%} | {shown} | {figures} |", flush=True)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            save_npz(options.out / probes.file_name(dataset, recipe), **probes.to_arrays(probe))


if __name__ == "__main__":
    cli.with_kept_memory()
    main()
