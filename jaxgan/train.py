"""The training loop: data -> train_step -> metrics, sample grids and checkpoints in the run directory."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict
from tqdm import tqdm

from jaxgan import experiment as experiments
from jaxgan import hosts, logbook, parallel
from jaxgan.algorithms import Metrics
from jaxgan.algorithms.network import parameters
from jaxgan.data.pipeline import batches
from jaxgan.experiment import Experiment, Stream, rates_end
from jaxgan.hosts import SharedLogbook
from jaxgan.logbook import Logbook, NonFinite
from jaxgan.preemption import Preemption
from jaxgan.progress import Progress

ESTIMATE_AFTER = 10  # steps after which the whole run's time is estimated
LONG = 900.0  # seconds left on a CPU from which the quick preset is recommended


def train(config: ConfigDict, workdir: str | Path, heard: Callable[[], None] | None = None) -> Any:
    """Trains to the config's last step, from the newest checkpoint in `workdir` where there is one.

    SIGTERM, SIGINT and SIGHUP stop it after the running call, with a checkpoint.

    Args:
      config: the experiment's.
      workdir: the run directory.
      heard: is called after each row of metrics.jsonl.

    Returns:
      The final state.

    Raises:
      UserError: something that the user can mend, a training that has diverged included.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    experiment = experiments.prepare(config)
    opened = hosts.opened if jax.process_count() > 1 else logbook.opened
    with (
        parallel.full_memory_as_user_error(),
        opened(experiment, workdir, heard=heard) as book,
        Preemption() as preemption,
    ):
        return loop(book, preemption)


def loop(book: Logbook | SharedLogbook, preemption: Preemption) -> Any:
    """Runs the steps that are left and returns the state."""
    experiment = book.experiment
    steps = parallel.Steps(experiment.algorithm.train_step, experiment.mesh, experiment.config.deterministic)
    start, state = book.begin()
    with Progress("training", book.steps, "steps", done=start) as book.progress:
        step = start
        while step < book.steps:
            if collapse := book.collapse():
                step, state = book.give_up(step, collapse)
            else:
                try:
                    step, state = advance(book, steps, step, state, preemption)
                except NonFinite as error:
                    step, state = book.recover(error)
            book.progress.go_back(step)
    book.end(start)
    if preemption.signum:  # it came too late to stop anything, but what would follow this run must not start
        raise SystemExit(128 + preemption.signum)
    return state


def advance(
    book: Logbook | SharedLogbook, steps: parallel.Steps, start: int, begun: Any, preemption: Preemption
) -> tuple[int, Any]:
    """Runs from step `start` and its state to the last step, or to a collapse that the run is not to go on from.

    Returns:
      The step that it came to, and its state.
    """
    for step, state, metrics in calls(book.experiment, steps, start, begun, book.train_key(), book.progress):
        signum = book.agreed_signal(preemption.signum)
        book.record(step, state, metrics, signum)
        if signum and step < book.steps:
            book.interrupt(step, signum)
            leave(book.progress, step, signum)
        if book.collapse():
            break
    return step, state


def calls(
    experiment: Experiment, steps: parallel.Steps, start: int, state: Any, key: jax.Array, progress: Progress
) -> Iterator[tuple[int, Any, Metrics]]:
    """Trains from step `start` to the last, one call ahead of the device, for which it waits nowhere else.

    Yields:
      After each call the step that it came to, the state, and the last step's metrics. The next call takes the state.
    """
    config, stop, block = experiment.config, experiment.steps, parallel.steps_a_call(experiment.config)
    known = start + max(ESTIMATE_AFTER, 2 * block)  # the first call, or block, compiles
    counts = blocks(start, stop, block)
    step, metrics = start, {}
    learnt, origin = experiment.dataset, experiment.origin
    for batch in batches(learnt, config.data, experiment.images_a_step, start, counts, experiment.mesh, origin):
        in_flight, count, first = metrics, len(batch["label"]), not steps.compiled
        compiled = steps.compile(state, batch, key)
        if first:
            progress.print(expectation(experiment, compiled))
        state, metrics = compiled(state, batch, key)
        jax.block_until_ready(in_flight)  # no more than one call ahead, so that a signal is soon heard
        step += count
        progress.advance(count)
        if step - count < known <= step:
            estimate(progress, stop)
        yield step, state, metrics


def blocks(start: int, stop: int, block: int) -> Iterator[int]:
    """Cuts the steps from `start` to `stop` into calls and yields how many steps each makes.

    That is `block` where a multiple of it has been reached and so many are left, else one. So calls end at the same
    steps wherever a run is resumed.
    """
    while start < stop:
        count = block if start % block == 0 and start + block <= stop else 1
        yield count
        start += count


def expectation(experiment: Experiment, compiled: jax.stages.Compiled) -> str:
    """Says how large the networks are, how much memory the steps take on a device, and if its rates fall too late."""
    counts = parameters(jax.eval_shape(experiment.algorithm.init, experiment.key(Stream.INIT)))
    sizes = ", ".join(f"{network} {count:,}" for network, count in counts.items())
    text = f"parameters: {sizes}; a step takes {parallel.step_memory(compiled) / 2**20:,.0f} MiB of memory"
    last = rates_end(experiment.config)
    late = last and last > experiment.steps
    text += f"; the learning rates would fall to 0 by step {last:,}, which lies behind the end" if late else ""
    planned = experiment.config.get("schedule_steps", 0)
    return text + (f"; schedule_steps={planned} lies behind the end" if planned > experiment.steps else "")


def estimate(progress: Progress, steps: int) -> None:
    """Says how long the steps that are left will take."""
    left, cpu = progress.seconds_left(), jax.default_backend() == "cpu"
    text = f"about {tqdm.format_interval(left)} for the remaining {steps - progress.done:,} steps"
    if cpu and left > LONG:
        text += " on this CPU; the config's quick preset, as in --config=configs/abegan.py:quick, takes minutes"
    progress.print(text)


def leave(progress: Progress, step: int, signum: int) -> None:
    """Ends the process after a signal, when all is saved."""
    name = signal.Signals(signum).name
    progress.print(f"{name}: stopped at step {step:,} with a checkpoint; the same command goes on from there")
    raise SystemExit(128 + signum)
