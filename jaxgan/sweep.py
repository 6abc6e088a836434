"""Trains an experiment with every combination of some fields' values, and compares them as they go.

python -m jaxgan.sweep --config=FILE[:preset] --sweep='gamma=0.3,0.5,0.7 seed=0,1,2' --workdir=DIR
                       [--config.field=value ...]
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from ml_collections import ConfigDict

from jaxgan import cli
from jaxgan import config as config_lib
from jaxgan.errors import UserError
from jaxgan.fields import flatten

SHOWN = 20  # members in the table while others wait


class Setting(NamedTuple):
    """One combination of the values."""

    name: str  # such as gamma=0.3,seed=1, that of its run directory
    fields: dict[str, Any]
    config: ConfigDict


def parse(text: str) -> dict[str, list[str]]:
    """Reads `gamma=0.3,0.5 data.noise=0,0.1` into the fields and their values as typed.

    Raises:
      UserError: it does not read so, or names a field twice.
    """
    swept = {}
    for part in text.split():
        field, _, values = part.partition("=")
        if not field or not values:
            raise UserError(f"--sweep: {part!r} is no field=value,value")
        if field in swept:
            raise UserError(f"--sweep: {part!r} names {field} again; join its values with commas")
        swept[field] = values.split(",")
        if "" in swept[field]:
            raise UserError(f"--sweep: {part!r} has an empty value")
    if not swept:
        raise UserError("--sweep names no field; write for example --sweep='gamma=0.3,0.5 seed=0,1,2'")
    return swept


def settings(arguments: Sequence[str], text: str) -> list[Setting]:
    """Returns the product of the values, that of the last field changing fastest.

    Args:
      arguments: `--config=FILE[:preset] --config.field=value ...`, which hold for all settings.
      text: `--sweep`; its values are typed as those of `--config.field=value`.

    Raises:
      UserError: a field or a value does not fit, is there twice, or is in `arguments` as well.
    """
    swept = parse(text)
    for field in swept:
        if any(argument.partition("=")[0] == f"--config.{field}" for argument in arguments):
            raise UserError(f"{field} is in --sweep and in --config.{field}: leave one out")
    typed = list(itertools.product(*swept.values()))
    found = [_setting(arguments, dict(zip(swept, values, strict=True))) for values in typed]
    for place, (field, values) in enumerate(swept.items()):
        meant = {combination[place]: setting.fields[field] for combination, setting in zip(typed, found, strict=True)}
        for index, value in enumerate(values):
            if meant[value] in [meant[other] for other in values[:index]]:
                raise UserError(f"--sweep: {field}={value} is there twice")
    return found


def _setting(arguments: Sequence[str], typed: dict[str, str]) -> Setting:
    config, _ = config_lib.load([*arguments, *(f"--config.{field}={value}" for field, value in typed.items())])
    values = flatten(config)
    fields = {field: values[field] for field in typed}
    name = ",".join(quote(f"{field}={fields[field]}", safe="=+") for field in sorted(fields))
    return Setting(name, fields, config)


def sweep(arguments: Sequence[str], text: str, workdir: str | Path) -> None:
    """Trains all settings, each in a run directory of its own below `workdir`/members, from where it has come to.

    On an accelerator those that run the same program train at once. `workdir`/summary.json tells how far each has
    come; what they measure is printed as they end.

    Args:
      arguments: as for `settings`.
      text: as for `settings`.
      workdir: the sweep's directory.

    Raises:
      UserError: something that the user can mend, before anything is written; or, when all others are done, that
        members did not finish.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    found = settings(arguments, text)
    base, _ = config_lib.load(arguments)

    from jaxgan import groups  # JAX is not needed to tell the user of a mistyped value
    from jaxgan.members import Member, State, Summary

    workdir = Path(workdir).expanduser()
    members = [Member.prepare(*setting, workdir / "members" / setting.name) for setting in found]
    summary = Summary(workdir / "summary.json", base, members)
    try:
        for group in groups.plan([member for member in members if member.state is State.WAITING]):
            groups.train(group, summary.hear)
            summary.write()
            if any(member.state is State.WAITING for member in members):
                print(summary.table(SHOWN), flush=True)
    finally:
        for member in members:
            member.state = State.STOPPED if member.state is State.RUNNING else member.state
        summary.write()
    print(f"{summary.table()}\nwrote {summary.path}")
    errors = [f"{member.name}: {member.error}" for member in members if member.error]
    if errors:
        raise UserError(f"{len(errors)} of {len(members)} members did not finish: {'; '.join(errors)}")


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sweep", required=True, help="the fields and their values: 'gamma=0.3,0.5 seed=0,1,2'")
    parser.add_argument("--workdir", required=True, help="the sweep's directory")
    options, rest = parser.parse_known_args(arguments)
    sweep(rest, options.sweep, options.workdir)


if __name__ == "__main__":
    cli.with_kept_memory()
    cli.run(lambda: main(sys.argv[1:]))
