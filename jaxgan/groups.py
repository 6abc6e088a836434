"""Which members of a sweep train at once, and how: one program under `vmap`, on the same batches."""

import contextlib
import functools
import hashlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections.config_dict import ConfigDict, FieldReference

from jaxgan import algorithms, logbook, parallel
from jaxgan import train as training
from jaxgan.algorithms import Metrics
from jaxgan.experiment import Experiment
from jaxgan.fields import flatten
from jaxgan.logbook import Logbook, NonFinite
from jaxgan.members import Member, State, Summary
from jaxgan.preemption import Preemption
from jaxgan.progress import Progress

SHARE_OF_MEMORY = 0.8  # that a group's step may take; the rest is for the images, grids and readings
SHOWN = 20  # members in the table while others wait
MOST = 200  # members of a group: each has files open, of which systems often allow 1,024


def plan(members: Sequence[Member]) -> list[list[Member]]:
    """Divides members into groups that train one after the other, the members of one at once where that pays."""
    if not parallel.members_together():
        return [[member] for member in members]
    programs, alike = Programs(), {}
    for member in members:
        alike.setdefault(_course(member, programs), []).append(member)
    return [part for group in alike.values() for part in _split(group)]


def _course(member: Member, programs: "Programs") -> Hashable:
    """What members have in common that can train at once: the program, the batches and the steps to go."""
    experiment, config = member.experiment, member.experiment.config
    sets = [(found.fingerprint, len(found.train.label)) for found in (experiment.dataset, experiment.origin) if found]
    images = *sets, config.data.seed, experiment.images_a_step
    steps = member.start, experiment.steps, parallel.steps_a_call(config), config.deterministic
    return programs.of(experiment), images, steps


class Programs:
    """Tells which experiments have the same program, by the program itself: no field that makes another is listed.

    A field that the program only reads from the state makes none. To trace a program takes seconds, so that one is not
    traced again where all that its tracing read of the config is the same.
    """

    def __init__(self):
        self._known: list[tuple[Hashable, dict[str, Any], str]] = []  # arguments, fields that were read, the program

    def of(self, experiment: Experiment) -> str:
        """The hash of one step's program."""
        fields, arguments = flatten(experiment.config), _arguments(experiment)
        signature = str(arguments)
        for known, read, program in self._known:
            if known == signature and all(fields.get(name) == value for name, value in read.items()):
                return program
        watched, read = _watched(experiment.config)
        text = _lower(experiment._replace(algorithm=algorithms.make(watched)), arguments).as_text()
        program = hashlib.sha256(text.encode()).hexdigest()
        self._known.append((signature, {name: fields[name] for name in read}, program))
        return program


class _Watched(FieldReference):
    """A field of a config that says when it is read."""

    def __init__(self, value: Any, read: Callable[[], None]):
        super().__init__(value, object)
        self._read = read

    def get(self) -> Any:
        self._read()
        return super().get()


def _watched(config: ConfigDict) -> tuple[ConfigDict, set[str]]:
    """A copy of a config, and the dotted names of what is read of it from now on."""
    read: set[str] = set()

    def watch(config: ConfigDict, prefix: str) -> ConfigDict:
        copy = {}
        for name, value in config.items():
            path = f"{prefix}{name}"
            nested = isinstance(value, ConfigDict)
            copy[name] = watch(value, f"{path}.") if nested else _Watched(value, functools.partial(read.add, path))
        return ConfigDict(copy)

    copy = watch(config, "")
    read.clear()  # to build it all is read
    return copy, read


def lower(experiment: Experiment) -> jax.stages.Lowered:
    """The program of one step of an experiment, which holds no value of its state."""
    return _lower(experiment, _arguments(experiment))


def _lower(experiment: Experiment, arguments: tuple) -> jax.stages.Lowered:
    deterministic = experiment.config.deterministic
    return parallel.jit_steps(experiment.algorithm.train_step, experiment.mesh, deterministic).lower(*arguments)


def _arguments(experiment: Experiment) -> tuple:
    """Shapes of the state, the batches and the key that a step takes."""
    image = experiment.dataset.train.image
    batches = {
        "image": jax.ShapeDtypeStruct((1, experiment.images_a_step, *image.shape[1:]), image.dtype),
        "label": jax.ShapeDtypeStruct((1, experiment.images_a_step), np.int32),
    }
    if experiment.origin:
        batches["source"] = batches["image"]
    return jax.eval_shape(experiment.algorithm.init, jax.random.key(0)), batches, jax.random.key(0)


def _split(group: list[Member]) -> list[list[Member]]:
    if len(group) == 1:
        return [group]
    bytes_each = parallel.step_memory(lower(group[0].experiment).compile())
    sizes = share_out(len(group), bytes_each, parallel.device_memory())
    ends = np.cumsum(sizes)
    return [group[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def share_out(count: int, bytes_each: int, bytes_limit: int) -> list[int]:
    """Sizes of the fewest groups into which so many members go, as equal as can be, so that each fits a device."""
    most = min(MOST, max(1, int(SHARE_OF_MEMORY * bytes_limit) // bytes_each))
    groups = -(-count // most)
    return [count // groups + (number < count % groups) for number in range(groups)]


def train_all(members: Sequence[Member], summary: Summary) -> None:
    """Trains those members that wait, group by group, and writes the summary.

    Raises:
      SystemExit: with 128 + the signal's number, after a signal.
    """
    try:
        for group in plan([member for member in members if member.state is State.WAITING]):
            train(group, summary.hear)
            summary.write()
            if any(member.state is State.WAITING for member in members):
                print(summary.table(SHOWN), flush=True)
    finally:
        for member in members:
            member.state = State.STOPPED if member.state is State.RUNNING else member.state
        summary.write()


def train(group: Sequence[Member], hear: Callable[[], None]) -> None:
    """Trains the members of a group to their ends and sets their states; one that fails leaves the others alone.

    Args:
      group: of `plan`.
      hear: is called after each row of a member.

    Raises:
      SystemExit: with 128 + the signal's number, after a signal.
    """
    if len(group) > 1 and not _train_together(group, hear):
        left = [member for member in group if member.state is State.WAITING]
        half = -(-len(left) // 2)
        print(f"{len(group)} members at once are more than the device's memory holds: {half} at a time", flush=True)
        for part in (left[:half], left[half:]):
            train(part, hear)
        return
    for member in group:
        if member.state is State.WAITING:  # it is the only one, or is at another step
            member.state = State.RUNNING
            print(f"{member.name}:", flush=True)
            with member.guarded():
                training.train(member.experiment.config, member.run.path, hear)
                member.state = State.FINISHED


class Lane(NamedTuple):
    """A member in a group that trains."""

    member: Member
    book: Logbook

    @property
    def open(self) -> bool:
        """Whether it still trains here. What has left is computed on, unheard, so that nothing changes for others."""
        return self.member.state is State.RUNNING


def _train_together(group: Sequence[Member], hear: Callable[[], None]) -> bool:
    """Trains members at once, from the step that all of them have come to; returns whether there was memory for it."""
    try:
        _train_those_that_begin_alike(group, hear)
    except parallel.FullMemory:
        for member in group:
            if member.state is State.RUNNING:
                member.go_on(member.experiment.steps)
        return False
    return True


def _train_those_that_begin_alike(group: Sequence[Member], hear: Callable[[], None]) -> None:
    experiment, start = group[0].experiment, group[0].start
    with (
        parallel.full_memory_as_user_error(),
        contextlib.ExitStack() as books,
        Progress(f"training {len(group)} members", experiment.steps, "steps", done=start) as progress,
    ):
        lanes, states = [], []
        for member in group:
            with member.guarded():
                book = books.enter_context(logbook.opened(member.experiment, member.run.path, member.name, hear))
                book.progress = progress
                begun, state = book.begin()
                if begun != start:  # its newest checkpoint is damaged, or it has gone on elsewhere: it goes on alone
                    continue
                states.append(state)
                lanes.append(Lane(member, book))
                member.state = State.RUNNING
                _give_up(lanes[-1], start)
        if any(lane.open for lane in lanes):
            with Preemption() as preemption:
                try:
                    _advance(lanes, start, states, progress, preemption)
                finally:
                    if preemption.signum:  # nothing that would follow is to start, whatever has become of these
                        raise SystemExit(128 + preemption.signum)


def _advance(lanes: list[Lane], start: int, begun: list[Any], progress: Progress, preemption: Preemption) -> None:
    """Runs from step `start` and the states `begun`, one for each lane, to the last step, or until all have left."""
    experiment = lanes[0].member.experiment
    deterministic = experiment.config.deterministic
    steps = parallel.Steps(experiment.algorithm.train_step, experiment.mesh, deterministic, members=True)
    keys, stacked = jnp.stack([lane.book.train_key() for lane in lanes]), _stack(begun)
    begun.clear()  # they take as much memory as the group's
    for step, states, metrics in training.calls(experiment, steps, start, stacked, keys, progress):
        signum = preemption.signum
        _record(lanes, step, states, metrics, signum)
        if signum and step < experiment.steps:
            for lane in lanes:
                if lane.open:
                    lane.book.interrupt(step, signum)
            training.leave(progress, step, signum)
        if not any(lane.open for lane in lanes):
            break
    for lane in lanes:
        if lane.open:
            lane.book.end(start)
            lane.member.state = State.FINISHED


def _record(lanes: list[Lane], step: int, states: Any, metrics: Metrics, signum: int | None) -> None:
    """Writes what is due for each member, and takes out those that fail or have collapsed."""
    due = [
        (place, lane) for place, lane in enumerate(lanes) if lane.open and (signum or lane.book.experiment.due(step))
    ]
    values = jax.device_get(metrics) if due else None
    for place, lane in due:
        with lane.member.guarded():
            own = {name: value[place] for name, value in values.items()}
            try:
                lane.book.record(step, _take(states, place), own, signum)
            except NonFinite as error:
                lane.book.recover(error)
                lane.member.state = State.WAITING
                continue
            if step < lane.book.steps and not signum:
                _give_up(lane, step)


def _give_up(lane: Lane, step: int) -> None:
    """Where a member has collapsed and is not to go on as it is, it goes back to go on alone. Raises Collapsed."""
    if collapse := lane.book.collapse():
        lane.book.give_up(step, collapse)
        lane.member.state = State.WAITING


@jax.jit
def _stack(states: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


@jax.jit
def _take(states: Any, place: int) -> Any:
    """One member's state, in buffers of its own."""
    return jax.tree.map(lambda leaf: leaf[place], states)
