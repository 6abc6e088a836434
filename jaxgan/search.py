"""Looks for settings in a part of the time that all would take: many begin, and those that do best go on.

Successive halving (Jamieson and Talwalkar 2016), here by thirds: of each nine trials, which train for a ninth of the
steps, the best three go on to a third, and of these the best one to the end. The first nine are drawn at random; what
later ones try is proposed by what became of those before (TPE, Bergstra et al. 2011, by Optuna), as in BOHB (Falkner
et al. 2018).
"""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from jaxgan import config as config_lib
from jaxgan import experiment as experiments
from jaxgan import groups
from jaxgan.errors import UserError
from jaxgan.evaluation import goodness
from jaxgan.lock import held
from jaxgan.members import Member, State, Summary
from jaxgan.paths import expanded
from jaxgan.reporting.runs import SEARCH, judge
from jaxgan.sweep import parse, setting
from jaxgan.writing import write_whole

SHARE = 3  # one of so many goes on, for so many times the steps
RUNGS = 3
ROUND = SHARE ** (RUNGS - 1)  # trials that are held against each other
FINENESS = 1000  # numbers of a span, at least, that proposals tell apart
TRIES = 200  # until a proposal is one that was not there before
LOG = ":log"
NOT_LEARNT = (*config_lib.MUTABLE, "monitor.", "data.dir")  # fields, or their beginnings, that no trial can be told by
SEEDS = ("seed", "data.seed")


class Span(NamedTuple):
    """Numbers from `low` to `high`, tried evenly or, with `log`, evenly by their logarithms."""

    low: float
    high: float
    log: bool

    def rounded(self, value: float) -> float:
        """The value with as many digits as that takes, see FINENESS."""
        if isinstance(value, int):
            return value
        finest = (value if self.log else self.high - self.low) / FINENESS
        return min(max(round(value, math.ceil(-math.log10(finest))), self.low), self.high)


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
        if field.startswith(NOT_LEARNT):
            raise UserError(f"--search: {field} changes how a run is followed, not what it learns; leave it out")
        if field in SEEDS:
            raise UserError(f"--search: the best {field} is luck; leave it out, and try the best settings with others")
        ends = values[0].removesuffix(LOG).split("..")
        spans = len(values) == 1 and len(ends) == 2 and all(ends)
        typed = [setting(arguments, {field: value}).fields[field] for value in (ends if spans else values)]
        if spans:
            found[field] = _span(f"--search: {field}={values[0]}", *typed, values[0].endswith(LOG))
        elif len(typed) < 2 or len(set(typed)) < len(typed):
            raise UserError(f"--search: {field} wants LOW..HIGH or different values with commas, as gamma=0.3..1")
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


@dataclasses.dataclass
class Trial:
    """What is tried, and what became of it."""

    fields: dict[str, Any]
    reached: dict[int, tuple[float, float]] = dataclasses.field(default_factory=dict)  # by steps: see `reached`
    ended: str | None = None  # why it goes on no more

    @property
    def rank(self) -> tuple[int, tuple[float, float]]:
        """How far it came, then how well it did there; higher for better."""
        steps = max(self.reached, default=0)
        return steps, self.reached.get(steps, (0.0, -math.inf))


def propose(
    space: Space, tried: Sequence[Trial], seed: int, check: Callable[[dict[str, Any]], Any] = lambda _: None
) -> list[dict[str, Any]]:
    """Returns the fields of a round's trials, none of them tried before; fewer where it finds no more.

    Args:
      space: where to look.
      tried: what became of the trials so far; those that ended teach as those that did worst.
      seed: of what is drawn.
      check: raises UserError where fields do not go together.

    Raises:
      UserError: no fields that are proposed go together.
    """
    optuna = _optuna()
    distributions = {field: _distribution(optuna, values) for field, values in space.items()}
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND, multivariate=True, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    pruned, failed = optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.FAIL
    for trial in tried:  # which TPE ranks by how far they came, then by the values there
        values = {} if trial.ended else {steps: _badness(*reached) for steps, reached in trial.reached.items()}
        past = {"params": trial.fields, "distributions": distributions, "intermediate_values": values}
        study.add_trial(optuna.trial.create_trial(state=pruned, **past))
    known, found, fault = [trial.fields for trial in tried], [], None
    for _ in range(TRIES):
        asked = study.ask(distributions)
        fields = {
            field: values.rounded(asked.params[field]) if isinstance(values, Span) else asked.params[field]
            for field, values in space.items()
        }
        try:
            check(fields)
        except UserError as error:
            fault = error
        else:
            fault = None
        if fault or fields in known:
            study.tell(asked, state=failed)
            continue
        known.append(fields)
        found.append(fields)
        if len(found) == ROUND:
            break
    if fault and not found:
        raise fault
    return found


def _badness(healthy: float, rank: float) -> float:
    return -rank if healthy else math.inf


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


def rungs(config: ConfigDict, steps: int) -> list[int]:
    """Returns the steps at which trials of so many are compared, at readings but for the last. Raises UserError."""
    every = config.monitor.every
    if not every:
        raise UserError("--search compares readings: set monitor.every, where the algorithm draws samples to be read")
    if steps < ROUND * every:
        raise UserError(
            f"monitor.every={every}: no reading falls into the first ninth of {steps:,} steps, which is where --search "
            f"first compares; set it to {max(1, steps // ROUND):,} or less, or leave it out"
        )
    return [*(steps // share // every * every for share in (ROUND, SHARE)), steps]


def readings_every(config: ConfigDict, steps: int) -> int:
    """Returns steps between two readings, monitor.every at most, so that the first comparison has one.

    Where there is room they fall on steps at which something else is due, as an accelerator makes all steps in between
    in one call.
    """
    first = steps // ROUND
    every = first // math.ceil(first / config.monitor.every)
    due = math.gcd(config.log_every, config.sample_every, config.checkpoint_every)
    return every // due * due or every


def reached(member: Member, steps: int) -> tuple[float, float]:
    """Ranks the best reading until a step as `goodness` does, higher for better."""
    metric = member.experiment.config.monitor.best_metric
    rows = [row for row in member.run.monitor.read() if row["step"] <= steps and row[metric] is not None]
    ranks = [goodness(metric, {metric: row[metric], "healthy": float(row["shows"] is None)}) for row in rows]
    return max(ranks, default=(0.0, -math.inf))


class _Table(Summary):
    """A sweep's, in the order of the trials' ranks."""

    def __init__(self, path: Path, config: ConfigDict, members: list[Member], trials: Mapping[str, Trial]):
        super().__init__(path, config, members)
        self._trials = trials

    def _ordered(self) -> list[dict]:
        return sorted(super()._ordered(), key=lambda one: self._trials[one["name"]].rank, reverse=True)


def search(arguments: Sequence[str], text: str, trials: int, workdir: str | Path) -> None:
    """Trains trials in rounds, each in a run directory of its own below `workdir`/members; see above.

    The same command goes on where it stopped, and with more trials from there. Unless the arguments say otherwise, a
    trial that collapses ends, and readings are taken as often as the first comparison wants.

    Args:
      arguments: as for `space`.
      text: `--search`.
      trials: how many in all, a multiple of ROUND.
      workdir: the search's directory.

    Raises:
      UserError: something that the user can mend, before anything is trained; a trial failed by no fault of its
        fields; none has come to its end.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    if trials < 1 or trials % ROUND:
        raise UserError(f"--trials={trials}: it is a multiple of {ROUND}")
    where, arguments = space(arguments, text), _followed(arguments)
    base, _ = config_lib.load(arguments)
    steps = rungs(base, experiments.prepare(base).steps)
    for rung in steps[:-1]:
        _check_rung(base, rung)
    workdir = expanded(workdir)

    def member(fields: dict[str, Any]) -> Member:
        one = setting(arguments, {name: str(value) for name, value in fields.items()})
        return Member.prepare(*one, workdir / "members" / one.name)

    _optuna()
    with held(workdir):
        book = _Book(workdir / SEARCH, text, steps, config_lib.to_dict(base)["monitor"])
        members, known = [], {}
        summary = _Table(workdir / "summary.json", base, members, known)
        for number in range(max(len(book.rounds), trials // ROUND)):
            if number == len(book.rounds):
                proposed = propose(where, list(known.values()), number, member)
                if not proposed:
                    print("nothing is left to try")
                    break
                book.rounds.append([Trial(fields) for fields in proposed])
            trying = [(trial, member(trial.fields)) for trial in book.rounds[number]]
            members += [one for _, one in trying]
            known |= {one.name: trial for trial, one in trying}
            book.write()
            print(f"round {number + 1}: {len(trying)} trials, the best to {steps[-1]:,} steps", flush=True)
            _halve(trying, steps, summary, book.write)
        print(f"{summary.table()}\nwrote {summary.path}")
    best = max(known.values(), key=lambda trial: trial.rank)
    if steps[-1] not in best.reached:
        raise UserError("no trial has come to its end: search elsewhere")
    overrides = " ".join(f"--config.{field}={value}" for field, value in best.fields.items())
    print(f"best: {overrides}\nwith other seeds: --sweep='seed=1,2,3' with these fields, in another --workdir")


def _followed(arguments: Sequence[str]) -> list[str]:
    """Sets what the user has not: that trials stop where they collapse, and have a reading at each rung."""
    given = {argument.partition("=")[0] for argument in arguments}
    added = []
    if "--config.monitor.on_collapse" not in given:
        added.append("--config.monitor.on_collapse=stop")
    if "--config.monitor.every" not in given:
        experiment = experiments.prepare(config_lib.load(arguments)[0])
        if experiment.config.monitor.every and experiment.steps >= ROUND:
            added.append(f"--config.monitor.every={readings_every(experiment.config, experiment.steps)}")
    return [*arguments, *added]


def _check_rung(base: ConfigDict, steps: int) -> None:
    config = base.copy_and_resolve_references()
    config.steps = steps
    try:
        experiments.prepare(config)
    except UserError as error:
        raise UserError(f"--search first compares trials at step {steps:,}: {error}") from None


class _Book:
    """search.json: what was tried in each round, and what it came to, so that nothing is decided twice."""

    def __init__(self, path: Path, text: str, steps: Sequence[int], monitor: Mapping[str, Any]):
        self._path, self._head = path, {"search": text, "steps": steps, "monitor": monitor}
        self.rounds: list[list[Trial]] = []
        if not path.exists():
            return
        try:
            found = json.loads(path.read_text())
            text_then, steps_then, then = found["search"], list(found["steps"]), dict(found.get("monitor", monitor))
            self.rounds += [[_trial(one) for one in trials] for trials in found["rounds"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is damaged ({error!r}): search in another --workdir") from None
        if (text_then, steps_then[-1]) != (text, steps[-1]):
            raise UserError(
                f"{path} is of --search='{text_then}' to {steps_then[-1]:,} steps: repeat that, or give another "
                "--workdir"
            )
        if other := [name for name in monitor if monitor[name] != then.get(name)]:
            raise UserError(
                f"{path}: trials so far were compared with monitor.{other[0]}={then.get(other[0])}: say so with "
                f"--config.monitor.{other[0]}=, or give another --workdir"
            )

    def write(self) -> None:
        rounds = [[dataclasses.asdict(trial) for trial in trials] for trials in self.rounds]
        write_whole(self._path, json.dumps(self._head | {"rounds": rounds}, indent=2).encode())


def _trial(stored: Mapping[str, Any]) -> Trial:
    reached = {int(steps): tuple(rank) for steps, rank in stored["reached"].items()}
    return Trial(stored["fields"], reached, stored["ended"])


def _halve(
    trying: Sequence[tuple[Trial, Member]], steps: Sequence[int], summary: Summary, decided: Callable[[], None]
) -> None:
    """Trains a round's trials to each of the steps, fewer each time."""
    going = trying
    for rung in steps:
        for trial, member in going:
            member.go_on(rung)
            if trial.ended:
                member.state, member.error = State.STOPPED, trial.ended
        undecided = [(trial, member) for trial, member in going if not trial.ended and rung not in trial.reached]
        groups.train_all([member for _, member in undecided], summary)
        for trial, member in undecided:
            _settle(trial, member, rung)
        decided()
        if rung < steps[-1]:
            best = sorted(going, key=lambda pair: pair[0].rank, reverse=True)
            left = [(trial, member) for trial, member in best if rung in trial.reached]
            most = max(1, len(going) // SHARE)
            for _, member in left[most:]:
                member.state = State.DROPPED
            going = left[:most]
    summary.write()


def _settle(trial: Trial, member: Member, rung: int) -> None:
    """Notes what became of a trial that has trained to a rung, or not. Raises UserError where it is not to blame."""
    state = judge(member.run.events.read(), rung, rung)
    stops = member.experiment.config.monitor.on_collapse == "stop"
    if stops and member.state is State.FINISHED and state.collapsed:
        member.state, member.error = State.STOPPED, f"collapsed at step {state.collapsed[0].step:,}"
    if member.state is State.FINISHED:
        trial.reached[rung] = reached(member, rung)
    elif member.state is State.STOPPED or state.kind == "diverged":
        trial.ended = member.error
        print(f"{member.name}: {member.error}", flush=True)
    else:
        raise UserError(f"{member.name}: {member.error}")
