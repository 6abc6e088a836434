"""Looks for settings in a part of the time that all would take: many begin, and those that do best go on.

Successive halving (Jamieson and Talwalkar 2016), here by thirds: of each nine trials, which train for a ninth of the
steps, the best three go on to a third, and of these the best one to the end. The first nine are drawn at random; what
later ones try is proposed by what became of those before (TPE, Bergstra et al. 2011, by Optuna), as in BOHB (Falkner
et al. 2018).
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan import config as config_lib
from jaxgan import experiment as experiments
from jaxgan import groups
from jaxgan.errors import UserError
from jaxgan.evaluation import goodness
from jaxgan.experiment import Experiment
from jaxgan.members import Member, State, Summary
from jaxgan.reporting.runs import SEARCH
from jaxgan.sweep import parse, setting
from jaxgan.writing import write_whole

SHARE = 3  # one of so many goes on, for so many times the steps
RUNGS = 3
ROUND = SHARE ** (RUNGS - 1)  # trials that are held against each other
DIGITS = 3  # of proposed numbers
TRIES = 100  # until a proposal is one that was not there before
LOG = ":log"


class Span(NamedTuple):
    """Numbers from `low` to `high`, tried evenly or, with `log`, evenly by their logarithms."""

    low: float
    high: float
    log: bool


Space = Mapping[str, Span | list]  # by field: a span, or the values that are tried


def space(arguments: Sequence[str], text: str) -> Space:
    """Reads `lr_g=1e-4..1e-2:log gamma=0.3..1 activation=elu,relu`.

    Args:
      arguments: `--config=FILE[:preset] --config.field=value ...`, which hold for all trials.
      text: `--search`; its values are typed as those of `--config.field=value`.

    Raises:
      UserError: a field or a value does not fit, or the text does not read so.
    """
    found = {}
    for field, values in parse(text, arguments, "--search").items():
        ends = values[0].removesuffix(LOG).split("..")
        typed = [setting(arguments, {field: value}).fields[field] for value in (ends if len(ends) == 2 else values)]
        if len(ends) == 2:
            found[field] = _span(f"--search: {field}={values[0]}", *typed, values[0].endswith(LOG))
        elif len(typed) < 2 or len(set(typed)) < len(typed):
            raise UserError(f"--search: {field} wants LOW..HIGH or different values with commas: {field}=0.3..1")
        else:
            found[field] = typed
    return found


def _span(typed: str, low: Any, high: Any, log: bool) -> Span:
    if isinstance(low, bool | str):
        raise UserError(f"{typed}: it is no number; name the values with commas")
    if not low < high:
        raise UserError(f"{typed}: {low} is not below {high}")
    if log and low <= 0:
        raise UserError(f"{typed}: the logarithm of {low} is no number; begin above 0")
    return Span(low, high, log)


def propose(space: Space, tried: Sequence[tuple[dict[str, Any], dict[int, float]]], seed: int) -> list[dict[str, Any]]:
    """Returns the fields of a round's trials, none of them tried before; fewer where there are no more.

    Args:
      tried: fields, and by the steps that they came to the value there, less for better.
    """
    optuna = _optuna()
    distributions = {field: _distribution(optuna, values) for field, values in space.items()}
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND, multivariate=True, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    for fields, values in tried:
        state = optuna.trial.TrialState.PRUNED  # which ranks a trial by how far it came, then by its value there
        study.add_trial(
            optuna.trial.create_trial(
                params=fields, distributions=distributions, intermediate_values=values, state=state
            )
        )
    known, found = [fields for fields, _ in tried], []
    for _ in range(TRIES):
        trial = study.ask(distributions)
        fields = {field: _rounded(trial.params[field], values) for field, values in space.items()}
        if fields in known:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        known.append(fields)
        found.append(fields)
        if len(found) == ROUND:
            break
    return found


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UserError("--search needs Optuna: pip install -e '.[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _distribution(optuna: Any, values: Span | list) -> Any:
    if not isinstance(values, Span):
        return optuna.distributions.CategoricalDistribution(values)
    whole = isinstance(values.low, int)
    make = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
    return make(values.low, values.high, log=values.log)


def _rounded(value: Any, values: Span | list) -> Any:
    if not isinstance(values, Span) or isinstance(value, int):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), values.low), values.high)


def rungs(experiment: Experiment) -> list[int]:
    """Returns the steps at which trials are compared, each at a reading but the last. Raises UserError."""
    every, steps = experiment.config.monitor.every, experiment.steps
    if not every:
        raise UserError(
            f"--search compares readings, of which {experiment.config.algorithm} takes none: monitor.every=0"
        )
    if steps < ROUND * every:
        raise UserError(
            f"monitor.every={every}: no reading falls into the first ninth of {steps:,} steps, which is where --search "
            f"first compares; set it to {max(1, steps // ROUND):,} or less"
        )
    return [*(steps // share // every * every for share in (ROUND, SHARE)), steps]


def reached(member: Member, steps: int) -> tuple[float, float]:
    """Ranks the best reading until a step, higher for better; those that show a collapse come last."""
    metric = member.experiment.config.monitor.best_metric
    rows = [row for row in member.run.monitor.read() if row["step"] <= steps and row[metric] is not None]
    ranks = [goodness(metric, {metric: row[metric], "healthy": float(row["shows"] is None)}) for row in rows]
    return max(ranks, default=(0.0, -math.inf))


def search(arguments: Sequence[str], text: str, trials: int, workdir: str | Path) -> None:
    """Trains trials in rounds, each in a run directory of its own below `workdir`/members; see above.

    The same command goes on where it stopped, and with more trials from there. A trial that collapses ends, unless the
    arguments set monitor.on_collapse; one that diverges does so, too.

    Args:
      arguments: as for `space`.
      text: `--search`.
      trials: how many in all, a multiple of ROUND.
      workdir: the search's directory.

    Raises:
      UserError: something that the user can mend, before anything is written, or that no trial has come to its end.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    if trials < 1 or trials % ROUND:
        raise UserError(f"--trials={trials}: it is a multiple of {ROUND}")
    if not any(argument.startswith("--config.monitor.on_collapse") for argument in arguments):
        arguments = [*arguments, "--config.monitor.on_collapse=stop"]
    workdir = Path(workdir).expanduser()
    where, book = space(arguments, text), workdir / SEARCH
    base, _ = config_lib.load(arguments)
    steps = rungs(experiments.prepare(base))
    rounds = _rounds(book, text)
    members: list[Member] = []
    summary = Summary(workdir / "summary.json", base, members)
    tried: list[tuple[dict[str, Any], dict[int, float]]] = []
    for number in range(trials // ROUND):
        if number == len(rounds):
            rounds.append(propose(where, tried, number))
        settings = [
            setting(arguments, {name: str(value) for name, value in fields.items()}) for fields in rounds[number]
        ]
        new = [Member.prepare(*one, workdir / "members" / one.name) for one in settings]
        write_whole(book, json.dumps({"search": text, "rounds": rounds}, indent=2).encode())
        members += new
        print(f"round {number + 1} of {trials // ROUND}: {len(new)} trials", flush=True)
        tried += zip(rounds[number], _halve(new, steps, summary), strict=True)
    print(f"{summary.table()}\nwrote {summary.path}")
    ended = [member for member in members if member.state is State.FINISHED]
    if not ended:
        raise UserError("no trial has come to its end: search elsewhere")
    best = max(ended, key=lambda member: reached(member, steps[-1]))
    overrides = " ".join(f"--config.{field}={value}" for field, value in best.fields.items())
    print(f"best: {overrides}\nwith other seeds: --sweep='seed=1,2,3' with these fields, in another --workdir")


def _rounds(book: Path, text: str) -> list[list[dict[str, Any]]]:
    """The trials that an earlier command proposed."""
    if not book.exists():
        return []
    found = json.loads(book.read_text())
    if found["search"] != text:
        raise UserError(f"{book} is of --search='{found['search']}': repeat that, or give another --workdir")
    return found["rounds"]


def _halve(members: list[Member], steps: Sequence[int], summary: Summary) -> list[dict[int, float]]:
    """Trains members to each of the steps, fewer each time. Returns what each reached there, less for better."""
    values: dict[str, dict[int, float]] = {member.name: {} for member in members}
    going = members
    for rung in steps:
        for member in going:
            member.go_on(rung)
        groups.train_all(going, summary)
        ranks = {member.name: reached(member, rung) for member in going if member.state is State.FINISHED}
        for name, rank in ranks.items():
            values[name][rung] = -rank[1]
        if rung < steps[-1]:
            most = max(1, len(going) // SHARE)
            ended = sorted((one for one in going if one.name in ranks), key=lambda one: ranks[one.name], reverse=True)
            for member in ended[most:]:
                member.state = State.DROPPED
            going = ended[:most]
    summary.write()
    return list(values.values())
