"""Trains an experiment with many values of some fields, and compares them as they go.

python -m jaxgan.sweep --config=FILE[:preset] --sweep='gamma=0.3,0.5,0.7 seed=0,1,2' --workdir=DIR
                       [--config.field=value ...]

With --search='lr_g=1e-4..1e-2:log gamma=0.3..1' it looks for good values: of each nine trials the best three go on
from a ninth of the steps, and of these the best one from a third.
"""

import argparse
import hashlib
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
from jaxgan.paths import expanded

TRIALS = 27
LONGEST = 200  # letters of a run directory's name, of which file systems take 255


class Unfinished(UserError):
    """Some members of a sweep did not come to their ends."""


class Setting(NamedTuple):
    """One combination of the values."""

    name: str  # such as gamma=0.3,seed=1, that of its run directory
    fields: dict[str, Any]
    config: ConfigDict


def parse(text: str, arguments: Sequence[str] = (), option: str = "--sweep") -> dict[str, list[str]]:
    """Reads `gamma=0.3,0.5 data.noise=0,0.1` into the fields and their values as typed.

    Args:
      text: what the option says.
      arguments: `--config.field=value ...`, which name none of these fields.
      option: its name.

    Raises:
      UserError: it does not read so, or names a field that is there already.
    """
    swept = {}
    for part in text.split():
        field, _, values = part.partition("=")
        if not field or not values:
            raise UserError(f"{option}: {part!r} is no field=value,value")
        if field in swept:
            raise UserError(f"{option}: {part!r} names {field} again; join its values with commas")
        if any(argument.partition("=")[0] == f"--config.{field}" for argument in arguments):
            raise UserError(f"{field} is in {option} and in --config.{field}: leave one out")
        swept[field] = values.split(",")
        if "" in swept[field]:
            raise UserError(f"{option}: {part!r} has an empty value")
    if not swept:
        raise UserError(f"{option} names no field; write for example --sweep='gamma=0.3,0.5 seed=0,1,2'")
    return swept


def settings(arguments: Sequence[str], text: str) -> list[Setting]:
    """Returns the product of the values, that of the last field changing fastest.

    Args:
      arguments: `--config=FILE[:preset] --config.field=value ...`, which hold for all settings.
      text: `--sweep`; its values are typed as those of `--config.field=value`.

    Raises:
      UserError: a field or a value does not fit, is there twice, or is in `arguments` as well.
    """
    swept = parse(text, arguments)
    typed = list(itertools.product(*swept.values()))
    found = [setting(arguments, dict(zip(swept, values, strict=True))) for values in typed]
    for place, (field, values) in enumerate(swept.items()):
        meant = {combination[place]: setting.fields[field] for combination, setting in zip(typed, found, strict=True)}
        for index, value in enumerate(values):
            if meant[value] in [meant[other] for other in values[:index]]:
                raise UserError(f"--sweep: {field}={value} is there twice")
    return found


def setting(arguments: Sequence[str], typed: dict[str, str]) -> Setting:
    """Returns that of some fields' values as typed. Raises UserError where one does not fit."""
    config, _ = config_lib.load([*arguments, *(f"--config.{field}={value}" for field, value in typed.items())])
    values = flatten(config)
    fields = {field: values[field] for field in typed}
    name = ",".join(quote(f"{field}={fields[field]}", safe="=+") for field in sorted(fields))
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - 9]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
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
      UserError: something that the user can mend, before anything is written.
      Unfinished: members did not finish; all others have.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    found = settings(arguments, text)
    base, _ = config_lib.load(arguments)

    from jaxgan import groups  # JAX is not needed to tell the user of a mistyped value
    from jaxgan.lock import held
    from jaxgan.members import Member, Summary

    workdir = expanded(workdir)
    members = [Member.prepare(*setting, workdir / "members" / setting.name) for setting in found]
    summary = Summary(workdir / "summary.json", base, members)
    with held(workdir):
        groups.train_all(members, summary)
    print(f"{summary.table()}\nwrote {summary.path}")
    errors = [f"{member.name}: {member.error}" for member in members if member.error]
    if errors:
        raise Unfinished(f"{len(errors)} of {len(members)} members did not finish: {'; '.join(errors)}")


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--sweep", help="fields and their values, all combined: 'gamma=0.3,0.5,0.7 seed=0,1,2'")
    what.add_argument(
        "--search", help="fields and where to look: 'lr_g=1e-4..1e-2:log gamma=0.3..1 init=normal_002,orthogonal'"
    )
    parser.add_argument("--trials", type=int, help=f"of a search, a multiple of 9, by default {TRIALS}")
    parser.add_argument("--workdir", required=True, help="the directory of the sweep or search")
    options, rest = parser.parse_known_args(arguments)
    if options.search is not None:
        from jaxgan.search import search

        search(rest, options.search, TRIALS if options.trials is None else options.trials, options.workdir)
        return
    if options.trials is not None:
        raise UserError("--trials is for --search; --sweep trains all settings")
    sweep(rest, options.sweep, options.workdir)


if __name__ == "__main__":
    cli.with_kept_memory()
    cli.run(lambda: main(sys.argv[1:]))
