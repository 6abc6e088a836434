"""Trains an experiment: python -m jaxgan.main --config=configs/abegan.py[:preset] [--config.field=value ...]"""

import sys
from collections.abc import Sequence

from jaxgan import cli, config, fields


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--workdir", help="run directory, by default runs/<config>[-<preset>]-<data name>")
    parser.add_argument(
        "--distributed",
        nargs="?",
        const="auto",
        metavar="ADDRESS:PORT,PROCESSES,NUMBER",
        help="this is one of several processes that train the run; alone it asks SLURM, Open MPI or the TPU pod",
    )
    options, rest = parser.parse_known_args(arguments)
    experiment, name = config.load(rest)

    from jaxgan import hosts  # JAX is not needed to tell the user of a mistyped field
    from jaxgan.train import train

    with hosts.joined(options.distributed):
        train(experiment, options.workdir or f"runs/{name}-{fields.sets(experiment.data)[0].name}")


if __name__ == "__main__":
    cli.with_kept_memory()
    cli.run(lambda: main(sys.argv[1:]))
