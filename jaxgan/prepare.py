"""Prepares a data set: python -m jaxgan.prepare --config=configs/abegan.py [--config.data.name=...] [--out=FILE.npz]"""

import sys
from collections.abc import Sequence

from jaxgan import cli, config, fields
from jaxgan.data.dataset import DataSet, export, prepare
from jaxgan.errors import UserError


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--out", type=cli.path, help="also write the arrays here, for data.name=arrays")
    options, rest = parser.parse_known_args(arguments)
    cli.check_suffix(options.out, ".npz")
    experiment, _ = config.load(rest)
    sets = fields.sets(experiment.data)
    if options.out and len(sets) > 1:
        raise UserError(f"--out={options.out}: a translator has two sets; prepare each with a config that has one")
    for dataset in map(prepare, sets):
        describe(dataset)
    if options.out:
        export(dataset, options.out)
        print(f"wrote {options.out}")


def describe(dataset: DataSet) -> None:
    """Prints what there is of a set."""
    print(
        f"{dataset.name} {dataset.fingerprint}: {len(dataset.train.label):,} training images and "
        f"{len(dataset.held_out.label):,} held out, {len(dataset.names)} characters"
    )
    if dataset.duplicates:
        print(f"images that are copies of another: {dataset.duplicates:,}")
    if dataset.skipped:
        print(f"unreadable files that are left out: {dataset.skipped:,}")


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
