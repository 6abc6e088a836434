"""Trains an experiment: python -m jaxgan.main --config=configs/abegan.py[:preset] [--config.field=value ...]"""

import sys
from collections.abc import Sequence

from jaxgan import cli, config, fields


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--workdir", help="run directory, by default runs/<config>[-<preset>]-<data name>")
    options, rest = parser.parse_known_args(arguments)
    experiment, name = config.load(rest)

    from jaxgan.train import train  # JAX is not needed to tell the user of a mistyped field

    train(experiment, options.workdir or f"runs/{name}-{fields.sets(experiment.data)[0].name}")


if __name__ == "__main__":
    cli.with_kept_memory()
    cli.run(lambda: main(sys.argv[1:]))
