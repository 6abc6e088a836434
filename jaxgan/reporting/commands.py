"""The commands that repeat a run."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from absl import logging

from jaxgan import config as config_lib
from jaxgan.errors import UserError
from jaxgan.fields import base, flatten
from jaxgan.reporting.runs import Run

CONFIGS = config_lib.shipped()
PRESETS = ("", ":quick", ":tiny")


@dataclass(frozen=True)
class Commands:
    """Commands as words quoted for a shell, to be typed where `configs/` is."""

    train: list[str]  # empty where no command gives the run's config
    exact: bool  # whether `train` was found to give the stored config
    evaluate: list[str]
    sample: list[str]


def experiments() -> dict[str, dict]:
    """Returns the fields that each file and preset of `configs/` gives, by `FILE.py[:PRESET]`, plain ones first."""
    names = [f"{file.name}{preset}" for preset in PRESETS for file in sorted(CONFIGS.glob("*.py"))]
    given = {name: _load([f"--config={CONFIGS / name}"]) for name in names}
    return {name: fields for name, fields in given.items() if fields}


def commands(run: Run, known: Mapping[str, dict]) -> Commands:
    """Returns the commands that train, evaluate and sample a run; `known` are the `experiments`."""
    arguments, exact = training_arguments(run.config, known)
    whole = run.path.resolve()  # "." and ".." are no names
    again = (run.path if run.path.name == whole.name else whole).with_name(f"{whole.name}-again")
    found, workdir = run.evaluation, f"--workdir={run.path}"
    num = [f"--num={found.num}"] if found and found.num else []
    step = [f"--step={found.step}"] if found else []
    return Commands(
        train=_words("main", *arguments, f"--workdir={again}") if arguments else [],
        exact=exact,
        evaluate=_words("evaluate", workdir, *num, *step),
        sample=_words("sample", workdir),
    )


def training_arguments(stored: Mapping, known: Mapping[str, dict]) -> tuple[list[str], bool]:
    """Returns the arguments that give a stored config, and whether loading them was seen to give it.

    They name the one of the `known` experiments that takes the fewest overrides. Where none is known they are
    what differs from the algorithm's defaults, which is not checked. Empty where nothing gives the config.
    """
    try:
        config = config_lib.from_dict(stored)
        wanted = flatten(config_lib.to_dict(config))
    except (UserError, TypeError, ValueError, AttributeError, KeyError):
        return [], False
    if not known:
        defaults = flatten(base(config.algorithm))
        return [f"--config=configs/{config.algorithm}.py", *_overrides(defaults, wanted)], False
    candidates = [
        [f"--config=configs/{name}", *_overrides(given, wanted)]
        for name, given in sorted(known.items(), key=lambda item: not item[0].startswith(f"{config.algorithm}.py"))
        if given["algorithm"] == config.algorithm
    ]
    exact = (arguments for arguments in sorted(candidates, key=len) if _gives(arguments, wanted))
    arguments = next(exact, [])
    return arguments, bool(arguments)


def _overrides(given: Mapping, wanted: Mapping) -> list[str]:
    changed = {name: value for name, value in wanted.items() if given.get(name) != value}
    if "steps" in changed and changed["steps"] is None:  # no flag says None, but typed epochs take steps back
        changed["epochs"] = wanted["epochs"]
    return [f"--config.{name}={value}" for name, value in changed.items() if value is not None]


def _gives(arguments: list[str], wanted: Mapping) -> bool:
    file = arguments[0].removeprefix("--config=configs/")
    return _load([f"--config={CONFIGS / file}", *arguments[1:]]) == wanted


def _load(arguments: list[str]) -> dict | None:
    """Returns the fields that a command line gives; None where it is refused."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.FATAL)  # absl logs what it refuses
    try:
        return flatten(config_lib.to_dict(config_lib.load(arguments)[0]))
    except UserError:
        return None
    finally:
        logging.set_verbosity(verbosity)


def _words(module: str, *arguments: str) -> list[str]:
    return [shlex.quote(word) for word in ("python", "-m", f"jaxgan.{module}", *arguments)]
