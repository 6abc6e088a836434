"""What one run writes: where it begins or goes on from, and after a step the rows, grids and checkpoints then due."""

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import algorithms, images, lock, parallel, warmstart
from jaxgan import config as config_lib
from jaxgan import watch as watch_lib
from jaxgan.algorithms.network import slowed
from jaxgan.checkpoint import Checkpoints, abstract, saved_steps
from jaxgan.errors import UserError
from jaxgan.evaluation.alarm import Event
from jaxgan.experiment import Experiment, Stream, rates_end
from jaxgan.finite import all_finite, not_finite
from jaxgan.metrics import TensorBoard
from jaxgan.progress import Progress
from jaxgan.rundir import RunDirectory, described

ROWS, COLUMNS = 8, 8  # of a grid of samples
CLASSES = 16  # columns at most


class Collapsed(UserError):
    """A run has collapsed and is not to go on."""


class NonFinite(UserError):
    """A value, a sample or a weight is not finite."""

    def __init__(self, text: str, step: int):
        super().__init__(text)
        self.step = step  # at which that is seen


@contextlib.contextmanager
def opened(
    experiment: Experiment, workdir: str | Path, name: str = "", heard: Callable[[], None] | None = None
) -> Iterator["Logbook"]:
    """Yields the logbook of a run in `workdir`, new or begun.

    Args:
      experiment: what is trained there.
      workdir: the run directory.
      name: stands before what is printed, where several runs train at once.
      heard: is called after each row of metrics.jsonl.

    Raises:
      UserError: another run or another process is there, or `init_from` has nothing for this one.
    """
    config, run, match = experiment.config, RunDirectory(workdir), None
    if config.init_from and not saved_steps(run.checkpoints):
        match = warmstart.read(config.init_from, jax.eval_shape(experiment.algorithm.init, jax.random.key(0)))
    if experiment.algorithm.check and not saved_steps(run.checkpoints):
        untrained = parallel.jit_init(experiment.algorithm.init, experiment.mesh)(experiment.key(Stream.INIT))
        experiment.algorithm.check(untrained, images.to_float(experiment.dataset.train.image[: config.batch_size]))
    run.check(config, experiment.dataset, experiment.origin)
    with lock.held(run.path):
        run.check(config, experiment.dataset, experiment.origin)  # which another process may have begun just now
        yield from _claimed(experiment, run, match, name, heard)


def _claimed(
    experiment: Experiment,
    run: RunDirectory,
    match: warmstart.Match | None,
    name: str,
    heard: Callable[[], None] | None,
) -> Iterator["Logbook"]:
    """The logbook of a run directory that no other process writes to."""
    config, watch = experiment.config, None
    stored = described(config, experiment.dataset, experiment.origin)
    if config.monitor.every:
        sampler = watch_lib.sampler(
            experiment.algorithm,
            config.monitor.num,
            experiment.key(Stream.MONITOR),
            experiment.dataset.train.label,
            experiment.origin,
        )
        watch = watch_lib.Watch(config, sampler, experiment.whole, experiment.dataset, run.monitor)
    with Checkpoints(run.checkpoints, config.keep, config.keep_every, config.monitor.best_metric) as checkpoints:
        yield Logbook(experiment, run, checkpoints, stored, watch, match, name, heard)


class Logbook:
    """The record of one run between its start, or resume, and its end. Call `begin` first."""

    progress: Progress  # whoever trains sets it

    def __init__(
        self,
        experiment: Experiment,
        run: RunDirectory,
        checkpoints: Checkpoints,
        stored: dict,
        watch: watch_lib.Watch | None,
        match: warmstart.Match | None,
        name: str,
        heard: Callable[[], None] | None,
    ):
        self.experiment, self.config, self.steps = experiment, experiment.config, experiment.steps
        self.run, self.checkpoints, self.stored = run, checkpoints, stored
        self.watch, self.match, self.name, self.heard = watch, match, name, heard
        algorithm = experiment.algorithm
        if algorithm.generate:
            # By classes a column for each, up to CLASSES of them.
            self.columns = min(self.config.get("num_classes") or COLUMNS, CLASSES)
            self.generate = jax.jit(algorithm.generate)
            count = ROWS * self.columns
            self.latent = algorithm.sample_latent(experiment.key(Stream.SAMPLE), count)
            self.label = np.arange(count) % self.columns if algorithm.sample_label else None
        self.tensorboard = TensorBoard(run.tensorboard, self.config.tensorboard)
        self.place = lock.identity(run.path)

    def begin(self) -> tuple[int, Any]:
        """Returns the step to go on from and its state, and brings the rows in line with it."""
        init, mesh = self.experiment.algorithm.init, self.experiment.mesh
        if self.checkpoints.steps():
            start, state, stored = self.checkpoints.restore(self.abstract_state())
            back = self._going_back(start, stored)
            if back is not None:
                start, state, stored = self.checkpoints.restore(self.abstract_state(), [back])
                self.checkpoints.drop_after(back)
            self.checkpoints.set_aside(start)
            self.run.claim(self.stored)
            state = self.slowed(state, stored)
            self.clock = Clock(start, stored["seconds"])
            self.rewind(start)
            if start < self.steps:
                self.event("resume", start)
        else:
            self._check_none_is_lost()
            start, state = 0, parallel.jit_init(init, mesh)(self.experiment.key(Stream.INIT))
            self.clock = Clock(0, 0.0)
            self.rewind(0)
            self.run.claim(self.stored)
            origin = {}
            if self.match:
                state = warmstart.transplant(state, self.match)
                origin = {"init_from": self.config.init_from, "init_step": self.match.step}
                print(f"from {self.config.init_from}: {self.match}", flush=True)
            self.event("start", 0, **origin)
            self.draw(0, state)
        return start, state

    def _check_none_is_lost(self) -> None:
        """Raises UserError where there were checkpoints, by the rows, which a new start would drop."""
        if not self.run.config_file.exists():
            return
        config = config_lib.from_dict(self.run.stored()["config"])
        # One is there when the second is begun; the first reading begins one in any case.
        second = config.checkpoint_every * (1 if 0 < config.monitor.every < config.checkpoint_every else 2)
        known = "resume", "restore", "preemption", "end"
        after_one = lambda row: row["event"] in known and row.get("reason") != "collapse"
        last = self.run.metrics.last()
        if (last and last["step"] > second) or any(map(after_one, self.run.events.read())):
            raise UserError(
                f"{self.run.path} has had checkpoints, by its rows, and has none any more: put them back, or give "
                "another --workdir"
            )

    def abstract_state(self) -> Any:
        key, sharding = self.experiment.key(Stream.INIT), parallel.replicated(self.experiment.mesh)
        return abstract(self.experiment.algorithm.init, key, sharding)

    def train_key(self) -> jax.Array:
        return self.experiment.train_key(self.restores())

    def agreed_signal(self, signum: int | None) -> int | None:
        """The signal to act on: one process asks no other."""
        return signum

    def restores(self, reason: str | None = None) -> int:
        """How often the run has gone back, for a reason or at all."""
        return sum(reason in (None, row.get("reason", "collapse")) for row in self._went_back())

    def _went_back(self) -> list[dict]:
        return [row for row in self.run.events.read() if row["event"] == "restore"]

    def _going_back(self, newest: int, stored: dict) -> int | None:
        """The step to which the run was going back when it died, where it has not dropped the newest checkpoint yet."""
        went_back = self._went_back()
        done = stored.get("restores", len(went_back)) >= len(went_back)
        return None if done or newest <= went_back[-1]["step"] else went_back[-1]["step"]

    def slowed(self, state: Any, stored: dict) -> Any:
        """A checkpoint's state with the learning rates halved for each time that the run went back from NaN since."""
        halvings = self.restores("non-finite") - stored.get("halvings", 0)
        # There are fewer where events.jsonl was lost: rates never rise again.
        return state.replace(hyper=slowed(state.hyper, 0.5**halvings)) if halvings > 0 else state

    def rewind(self, step: int) -> None:
        """Drops rows and grids after `step`, a row that a crash has torn, and alarms that will be heard again."""
        for path in self.run.samples.glob("*.png"):
            if path.stem.isdecimal() and int(path.stem) > step:
                path.unlink()
        self.run.metrics.keep(lambda row: row["step"] <= step)
        if self.watch:
            self.watch.rewind(step, self.run.metrics)
        rows = self.run.events.read()
        gone_back = max((index for index, row in enumerate(rows) if row["event"] == "restore"), default=-1)
        again = lambda row: row["event"] in ("collapse", "recovery", "non-finite") and row["step"] > step
        self.run.events.replace(row for index, row in enumerate(rows) if index < gone_back or not again(row))

    def record(self, step: int, state: Any, metrics: algorithms.Metrics, signum: int | None) -> None:
        """Writes what is due after a step, and where a signal was received a checkpoint.

        Raises:
          NonFinite: a value, a sample or a weight is not finite.
          UserError: the run directory is gone.
          OSError: it cannot be written to.
        """
        with self._at_its_place():
            self._record(step, state, metrics, signum)

    @contextlib.contextmanager
    def _at_its_place(self) -> Iterator[None]:
        """Raises UserError where the run directory is not, or no longer, the one that this process holds."""
        self._check_place()
        try:
            yield
        except FileNotFoundError:
            self._check_place()
            raise

    def _check_place(self) -> None:
        if lock.identity(self.run.path) != self.place or not self.run.checkpoints.exists():
            raise UserError(f"{self.run.path} was deleted or moved while the run wrote to it: leave it where it is")

    def _record(self, step: int, state: Any, metrics: algorithms.Metrics, signum: int | None) -> None:
        config, last = self.config, step == self.steps
        if last or step % config.log_every == 0:
            self.log(step, metrics)
        if last or step % config.sample_every == 0:
            self.draw(step, state)
        reading = None
        if self.watch and step % config.monitor.every == 0:
            reading = self.observe(step, state, metrics)
        if last or signum or step % config.checkpoint_every == 0 or (reading and reading.best):
            self.save(step, state, reading)

    def log(self, step: int, metrics: algorithms.Metrics) -> None:
        """Writes a row. Raises NonFinite where a value is not finite."""
        values = _numbers(metrics)
        for name, value in values.items():
            if not math.isfinite(value):
                self.diverged(step, f"{name} is {value}")
        seconds, steps_per_second = self.clock.lap(step)
        rate, epoch = steps_per_second * self.experiment.images_a_step, step / self.experiment.steps_per_epoch
        row = {"step": step, "epoch": epoch, "seconds": seconds, "images_per_second": rate}
        self.run.metrics.append(row | values)
        if self.watch:
            self.watch.log(values)
        self.tensorboard.scalars(step, {"images_per_second": rate} | values)
        self.progress.note(" ".join(f"{name} {value:.3g}" for name, value in values.items()))
        if self.heard:
            self.heard()

    def draw(self, step: int, state: Any) -> None:
        """Writes the grid of samples from the fixed latents, or what the algorithm has to show of held-out images.

        Real images stand beside untrained samples.
        """
        self._check_place()  # else the grid would begin another run directory
        dataset = self.experiment.dataset
        if not self.experiment.algorithm.generate:
            given = [images.to_float(held_out.image[: images.PANELS]) for held_out in self.experiment.held_out()]
            samples = images.panels(self.experiment.algorithm.show(state, *given))
        else:
            samples = images.grid(images.to_uint8(self.generate(state, self.latent, self.label)), self.columns)
            if step == 0:
                real = images.grid(np.asarray(dataset.train.image[: len(self.latent)]), self.columns)
                samples = images.beside(samples, real)
        images.save_png(self.run.sample(step), samples)
        self.tensorboard.image(step, "samples", samples)

    def observe(self, step: int, state: Any, metrics: algorithms.Metrics) -> watch_lib.Reading:
        """Takes a reading, and says what it fires. Raises NonFinite where a sample is not finite."""
        samples = self.watch.draw(state)
        if not np.isfinite(samples).all():
            self.diverged(step, "a sample is not finite")
        reading = self.watch.read(step, self.clock.seconds(), samples, _numbers(metrics))
        for event in reading.events:
            details = event._asdict()
            self.event(details.pop("event"), **details)
            self.say(f"{event.event} at step {step:,}, {event.kind}: {event.evidence}")
        self.tensorboard.scalars(step, {f"monitor/{name}": value for name, value in reading.measures.items()})
        return reading

    def save(self, step: int, state: Any, reading: watch_lib.Reading | None) -> None:
        """Starts a checkpoint. Raises NonFinite, leaving the last good one, where a weight is not finite."""
        if not all_finite(state):
            self.diverged(step, f"{not_finite(state)} is not finite")
        self._check_place()
        measures = reading and reading.measures
        here = {
            "seconds": self.clock.seconds(),
            "halvings": self.restores("non-finite"),
            "restores": self.restores(),
        }
        self.checkpoints.save(step, state, self.stored | here, measures)
        self.tensorboard.flush()

    def diverged(self, step: int, what: str) -> None:
        self.tensorboard.flush()
        self.checkpoints.wait()
        good = self.checkpoints.steps()
        self.event("non-finite", step, what=what)
        last = f"the last good checkpoint is {self.run.checkpoints / str(good[-1])}" if good else "no checkpoint yet"
        by_itself = ", or add --config.on_nonfinite=restore, which goes back with lower ones by itself"
        by_itself = by_itself if self.config.on_nonfinite == "stop" else ""
        raise NonFinite(
            f"training diverged: {what} at step {step}; {last}; lower the learning rates in a new --workdir{by_itself}",
            step,
        )

    def recover(self, error: NonFinite) -> tuple[int, Any]:
        """Goes back from values that are not finite, where the run may, to go on with half the learning rates.

        It goes back to the newest checkpoint, and past the one where it went back to before, where there is an older.

        Returns:
          That checkpoint's step and state.

        Raises:
          NonFinite: it may not, or there is none.
        """
        good, done = self.checkpoints.steps(), self.restores("non-finite")
        if self.config.on_nonfinite == "stop" or not good or done >= self.config.nonfinite_restores:
            raise error
        tried = [row["step"] for row in self._went_back()[-1:]]
        newest_first = sorted(good, key=lambda step: (step not in tried, step), reverse=True)
        return self._go_back(error.step, newest_first, "non-finite", "with other noise and half the learning rates")

    def collapse(self) -> Event | None:
        """The collapse that the run is not to go on from, where there is one."""
        return self.watch.collapse() if self.watch and self.config.monitor.on_collapse != "continue" else None

    def give_up(self, step: int, collapse: Event) -> tuple[int, Any]:
        """Goes back to the best checkpoint before a collapse, where the run may.

        Returns:
          That checkpoint's step and state.

        Raises:
          Collapsed: it may not, or there is none.
        """
        self.checkpoints.wait()
        good, done = self.checkpoints.ranked(before=collapse.since), self.restores()
        if self.config.monitor.on_collapse == "stop" or not good or done >= self.config.monitor.restores:
            self.event("end", step, reason="collapse")
            best = f"the best checkpoint is {self.run.checkpoints / str(good[0])}" if good else "no good checkpoint yet"
            raise Collapsed(
                f"stopped at step {step:,}: {collapse.kind}, {collapse.evidence}; {best}; to go on all the same, "
                "add --config.monitor.on_collapse=continue"
            )
        return self._go_back(step, good, "collapse", "the best before the collapse, with other noise")

    def _go_back(self, step: int, wanted: list[int], reason: str, how: str) -> tuple[int, Any]:
        """To the first of the wanted checkpoints that is whole; what is later goes when all else is certain."""
        good, state, stored = self.checkpoints.restore(self.abstract_state(), wanted)
        self.event("restore", good, **{"from": step, "reason": reason})
        self.checkpoints.drop_after(good)
        self.rewind(good)
        self.clock.lap(good)
        self.say(f"going on from checkpoint {good:,}, {how}")
        return good, self.slowed(state, stored)

    def interrupt(self, step: int, signum: int) -> None:
        """Ends the record of a run that a signal has stopped, once its checkpoint is there."""
        with self._at_its_place():
            self.checkpoints.wait()
            self.event("preemption", step, signal=signal.Signals(signum).name)

    def end(self, start: int) -> None:
        with self._at_its_place():
            self.checkpoints.wait()
        self.tensorboard.flush()
        last, said = max(start, self.steps), (self.run.events.last() or {}).get("event")
        if start < self.steps or said != "end":  # where a process died before its last word
            self.event("end", last)
        else:
            fallen = (end := rates_end(self.config)) and start >= end
            longer = f"its learning rates are 0; --config.init_from={self.run.path} goes on in another --workdir"
            how = longer if fallen else "raise --config.steps to go on"
            print(f"{self.run.path} has {start:,} of {self.steps:,} steps; {how}")
        if self.run.sample(last).exists():
            print(f"samples: {self.run.sample(last)}", flush=True)

    def event(self, name: str, step: int, **details) -> None:
        """Adds a row to events.jsonl; `time` is seconds since 1970."""
        self._check_place()
        self.run.events.append({"event": name, "step": step, "time": time.time(), **details})

    def say(self, text: str) -> None:
        self.progress.print(f"{self.name}: {text}" if self.name else text)


class Clock:
    """The training's wall time since step 0, over resumes."""

    def __init__(self, step: int, seconds: float):
        self._step, self._zero = step, time.monotonic() - seconds
        self._last = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._zero

    def lap(self, step: int) -> tuple[float, float]:
        """Returns the seconds, and the steps a second since the lap before."""
        now = time.monotonic()
        rate = (step - self._step) / (now - self._last)
        self._step, self._last = step, now
        return now - self._zero, rate


def _numbers(metrics: algorithms.Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in jax.device_get(metrics).items()}
