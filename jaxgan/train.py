"""The training loop: data -> train_step -> metrics, sample grids and checkpoints in the run directory."""

import enum
import math
import signal
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from jaxgan import algorithms, images, parallel, warmstart
from jaxgan import config as config_lib
from jaxgan import watch as watch_lib
from jaxgan.checkpoint import Checkpoints, abstract, saved_steps
from jaxgan.data.dataset import DataSet, limit, prepare
from jaxgan.data.pipeline import batches
from jaxgan.errors import UserError
from jaxgan.evaluation.alarm import Event
from jaxgan.metrics import TensorBoard
from jaxgan.preemption import Preemption
from jaxgan.progress import Progress
from jaxgan.rundir import RunDirectory

SAMPLES = 64  # images in a grid of samples
COLUMNS = 8
ESTIMATE_AFTER = 10  # steps after which the whole run's time is estimated
LONG = 900.0  # seconds left on a CPU from which the quick preset is recommended


class Stream(enum.IntEnum):
    """What randomness is for: each use folds its own number into the seed's key."""

    INIT = 0
    TRAIN = 1
    SAMPLE = 2
    MONITOR = 3


def stream_key(seed: int, stream: Stream) -> jax.Array:
    """The key from which a stream's keys are folded, by step."""
    return jax.random.fold_in(jax.random.key(seed), stream)


def train(config: ConfigDict, workdir: str | Path) -> Any:
    """Trains to the config's last step, from the newest checkpoint in `workdir` where there is one.

    SIGTERM and SIGINT stop it after the running step, with a checkpoint.

    Returns:
      The final state.

    Raises:
      UserError: something that the user can mend, a training that has diverged included.
      SystemExit: with 128 + the signal's number, after a signal.
    """
    config_lib.validate(config)
    parallel.cache_compilations()
    mesh = parallel.mesh()
    parallel.check_batch(config.batch_size, mesh)
    algorithm = algorithms.make(config)
    whole = prepare(config.data, limited=False)
    dataset = limit(whole, config.data.limit)
    _check_size(dataset, config.batch_size)
    watch_lib.check(config.monitor, dataset)
    run = RunDirectory(workdir)
    match = None
    if config.init_from and not saved_steps(run.checkpoints):
        match = warmstart.read(config.init_from, jax.eval_shape(algorithm.init, jax.random.key(0)))
    stored = run.claim(config, dataset)
    watch = None
    if config.monitor.every:
        key = stream_key(config.seed, Stream.MONITOR)
        watch = watch_lib.Watch(config, algorithm, whole, dataset, run.monitor, key)
    keep = (config.keep, config.keep_every, config.monitor.best_metric)
    with Preemption() as preemption, Checkpoints(run.checkpoints, *keep) as checkpoints:
        return Trainer(config, algorithm, dataset, mesh, run, checkpoints, stored, watch, match).loop(preemption)


def _check_size(dataset: DataSet, batch_size: int) -> None:
    size = len(dataset.train.label)
    if size < batch_size:
        raise UserError(f"{dataset.name} has {size} images to train on, fewer than batch_size={batch_size}: lower it")


class Trainer:
    """One run between its start, or resume, and its end."""

    def __init__(
        self,
        config: ConfigDict,
        algorithm: algorithms.Algorithm,
        dataset: DataSet,
        mesh: jax.sharding.Mesh,
        run: RunDirectory,
        checkpoints: Checkpoints,
        stored: dict,
        watch: watch_lib.Watch | None = None,
        match: warmstart.Match | None = None,
    ):
        self.config, self.algorithm, self.dataset, self.mesh = config, algorithm, dataset, mesh
        self.run, self.checkpoints, self.stored = run, checkpoints, stored
        self.watch, self.match = watch, match
        size = len(dataset.train.label)
        self.steps_per_epoch = size / config.batch_size
        self.steps = config.steps or math.ceil(config.epochs * self.steps_per_epoch)
        self.train_step = parallel.jit_step(algorithm.train_step, mesh, config.deterministic)
        self.generate = jax.jit(algorithm.generate)
        self.latent = algorithm.sample_latent(stream_key(config.seed, Stream.SAMPLE), SAMPLES)
        self.tensorboard = TensorBoard(run.tensorboard, config.tensorboard)
        self.init_key = stream_key(config.seed, Stream.INIT)

    def loop(self, preemption: Preemption) -> Any:
        """Runs the steps that are left and returns the state."""
        start, state = self.begin()
        with Progress("training", self.steps, "steps", done=start) as self.progress:
            step = start
            while step < self.steps:
                if collapse := self.collapse():
                    step, state = self.give_up(step, collapse)
                else:
                    step, state = self.advance(step, state, preemption)
        self.end(start)
        if preemption.signum:  # it came too late to stop anything, but what would follow this run must not start
            raise SystemExit(128 + preemption.signum)
        return state

    def advance(self, start: int, state: Any, preemption: Preemption) -> tuple[int, Any]:
        """Runs from step `start` to the last, or to a collapse that the run is not to go on from.

        Returns:
          The step that it came to, and its state.
        """
        config = self.config
        source = batches(self.dataset, config.data, config.batch_size, start, self.mesh)
        key = stream_key(config.seed, Stream.TRAIN)
        if restores := self.restores():  # the same noise would lead to the same collapse
            key = jax.random.fold_in(key, restores)
        metrics = {}
        for step in range(start + 1, self.steps + 1):
            in_flight = metrics
            state, metrics = self.train_step(state, next(source), key)
            jax.block_until_ready(in_flight)  # one step ahead of the device, so that a signal is soon heard
            self.progress.advance()
            signum, last = preemption.signum, step == self.steps
            if step == start + ESTIMATE_AFTER:
                self.estimate()
            self.record(step, state, metrics, signum)
            if signum and not last:
                self.stop(step, signum)
            if self.collapse():
                return step, state
        return self.steps, state

    def record(self, step: int, state: Any, metrics: algorithms.Metrics, signum: int | None) -> None:
        """Writes what is due after a step."""
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

    def begin(self) -> tuple[int, Any]:
        """Returns the step to go on from and its state, and brings the rows in line with it."""
        if self.checkpoints.steps():
            start, state, stored = self.checkpoints.restore(self.abstract_state())
            self.clock = Clock(start, stored["seconds"])
            self.rewind(start)
            if start < self.steps:
                self.event("resume", start)
        else:
            start, state = 0, parallel.jit_init(self.algorithm.init, self.mesh)(self.init_key)
            self.clock = Clock(0, 0.0)
            self.rewind(0)
            origin = {}
            if self.match:
                state = warmstart.transplant(state, self.match)
                origin = {"init_from": self.config.init_from, "init_step": self.match.step}
                print(f"from {self.config.init_from}: {self.match}", flush=True)
            self.event("start", 0, **origin)
            self.draw(0, state)
        return start, state

    def abstract_state(self) -> Any:
        return abstract(self.algorithm.init, self.init_key, parallel.replicated(self.mesh))

    def rewind(self, step: int) -> None:
        """Drops the rows after `step`, one that a crash has torn, and alarms that will be heard again."""
        self.run.metrics.keep(lambda row: row["step"] <= step)
        if self.watch:
            self.watch.rewind(step, self.run.metrics)
        rows = self.run.events.read()
        gone_back = max((index for index, row in enumerate(rows) if row["event"] == "restore"), default=-1)
        again = lambda row: row["event"] in ("collapse", "recovery") and row["step"] > step
        self.run.events.replace(row for index, row in enumerate(rows) if index < gone_back or not again(row))

    def collapse(self) -> Event | None:
        """The collapse that the run is not to go on from, where there is one."""
        return self.watch.collapse() if self.watch and self.config.monitor.on_collapse != "continue" else None

    def restores(self) -> int:
        """How often the run has gone back."""
        return sum(row["event"] == "restore" for row in self.run.events.read())

    def estimate(self) -> None:
        left, cpu = self.progress.seconds_left(), jax.default_backend() == "cpu"
        text = f"about {tqdm.format_interval(left)} for the remaining {self.steps - self.progress.done:,} steps"
        if cpu and left > LONG:
            text += " on this CPU; the config's quick preset, as in --config=configs/abegan.py:quick, takes minutes"
        self.progress.print(text)

    def log(self, step: int, metrics: algorithms.Metrics) -> None:
        """Writes a row. Raises UserError where a value is not finite."""
        values = _numbers(metrics)
        for name, value in values.items():
            if not math.isfinite(value):
                self.diverged(step, f"{name} is {value}")
        seconds, steps_per_second = self.clock.lap(step)
        rate = steps_per_second * self.config.batch_size
        row = {"step": step, "epoch": step / self.steps_per_epoch, "seconds": seconds, "images_per_second": rate}
        self.run.metrics.append(row | values)
        if self.watch:
            self.watch.log(values)
        self.tensorboard.scalars(step, {"images_per_second": rate} | values)
        self.progress.note(" ".join(f"{name} {value:.3g}" for name, value in values.items()))

    def draw(self, step: int, state: Any) -> None:
        """Writes the grid of samples from the fixed latents; real images stand beside the untrained ones."""
        samples = images.grid(images.to_uint8(self.generate(state, self.latent)), COLUMNS)
        if step == 0:
            real = images.grid(np.asarray(self.dataset.train.image[:SAMPLES]), COLUMNS)
            samples = images.beside(samples, real)
        images.save_png(self.run.sample(step), samples)
        self.tensorboard.image(step, "samples", samples)

    def observe(self, step: int, state: Any, metrics: algorithms.Metrics) -> watch_lib.Reading:
        """Takes a reading, and says what it fires. Raises UserError where a sample is not finite."""
        samples = self.watch.draw(state)
        if not np.isfinite(samples).all():
            self.diverged(step, "a sample is not finite")
        reading = self.watch.read(step, self.clock.seconds(), samples, _numbers(metrics))
        for event in reading.events:
            details = event._asdict()
            self.event(details.pop("event"), **details)
            self.progress.print(f"{event.event} at step {step:,}, {event.kind}: {event.evidence}")
        self.tensorboard.scalars(step, {f"monitor/{name}": value for name, value in reading.measures.items()})
        return reading

    def save(self, step: int, state: Any, reading: watch_lib.Reading | None) -> None:
        """Starts a checkpoint. Raises UserError, leaving the last good one, where the state is not finite."""
        if not _all_finite(state):
            self.diverged(step, "a weight is not finite")
        measures = reading and reading.measures
        self.checkpoints.save(step, state, self.stored | {"seconds": self.clock.seconds()}, measures)
        self.tensorboard.flush()

    def diverged(self, step: int, what: str) -> None:
        self.tensorboard.flush()
        self.checkpoints.wait()
        good = self.checkpoints.steps()
        self.event("non-finite", step, what=what)
        last = f"the last good checkpoint is {self.run.checkpoints / str(good[-1])}" if good else "no checkpoint yet"
        raise UserError(f"training diverged: {what} at step {step}; {last}; lower lr_g and lr_d in a new --workdir")

    def give_up(self, step: int, collapse: Event) -> tuple[int, Any]:
        """Goes back to the best checkpoint before a collapse, where the run may; else raises UserError."""
        self.checkpoints.wait()
        good, done = self.checkpoints.best(before=collapse.since), self.restores()
        if self.config.monitor.on_collapse == "stop" or good is None or done >= self.config.monitor.restores:
            self.event("end", step, reason="collapse")
            best = f"the best checkpoint is {self.run.checkpoints / str(good)}" if good else "no good checkpoint yet"
            raise UserError(
                f"stopped at step {step:,}: {collapse.kind}, {collapse.evidence}; {best}; to go on all the same, "
                "add --config.monitor.on_collapse=continue"
            )
        self.checkpoints.drop_after(good)
        _, state, _ = self.checkpoints.restore(self.abstract_state(), good)
        self.event("restore", good, **{"from": step})
        self.rewind(good)
        self.clock.lap(good)
        self.progress.go_back(good)
        self.progress.print(f"going on from the best checkpoint, step {good:,}, with other noise")
        return good, state

    def stop(self, step: int, signum: int) -> None:
        name = signal.Signals(signum).name
        self.checkpoints.wait()
        self.event("preemption", step, signal=name)
        self.progress.print(f"{name}: stopped at step {step:,} with a checkpoint; the same command goes on from there")
        raise SystemExit(128 + signum)

    def end(self, start: int) -> None:
        self.checkpoints.wait()
        self.tensorboard.flush()
        if start < self.steps:
            self.event("end", self.steps)
        else:
            print(f"{self.run.path} has {start:,} of {self.steps:,} steps; raise --config.steps to go on")
        grid = self.run.sample(max(start, self.steps))
        if grid.exists():
            print(f"samples: {grid}", flush=True)

    def event(self, name: str, step: int, **details) -> None:
        """Adds a row to events.jsonl; `time` is seconds since 1970."""
        self.run.events.append({"event": name, "step": step, "time": time.time(), **details})


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


@jax.jit
def _all_finite(state: Any) -> jax.Array:
    """Whether all arrays are finite and no scalar is NaN: the plateau's best value starts at infinity."""
    leaves = [leaf for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf) if leaf.ndim else ~jnp.isnan(leaf)) for leaf in leaves]))
