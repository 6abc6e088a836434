"""Several processes that train one run, each on devices of its own: how they meet, and how one speaks for all.

All of them make the same steps, on their parts of the batches. The first one alone writes to the run directory, draws
and measures; where that leads elsewhere than on, back to a checkpoint or to an end, it tells the others.
"""

import atexit
import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import broadcast_one_to_all, process_allgather
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan import logbook, parallel
from jaxgan.algorithms import Metrics
from jaxgan.errors import UserError
from jaxgan.experiment import Experiment, Stream
from jaxgan.fields import flatten
from jaxgan.logbook import Logbook, NonFinite
from jaxgan.progress import Progress

HEARTBEAT = 20  # seconds of silence after which a process is taken for dead, and the others end
AUTOMATIC = "auto"
TOLD = "told"  # attribute of an exception for which all processes end
_LOST = re.compile("gloo|nccl|peer", re.IGNORECASE)  # so JAX says that a process does not answer


@contextlib.contextmanager
def joined(where: str | None) -> Iterator[None]:
    """Joins the other processes of a run, before JAX computes anything; all but the first one print nothing.

    Args:
      where: "ADDRESS:PORT,PROCESSES,NUMBER": where the first process listens, how many there are and which one this
        is, from 0; "auto" where SLURM, Open MPI or a TPU pod tells; None where this is the only process.

    Raises:
      UserError: that is none of these, or the others do not come.
    """
    if where is None:
        yield
        return
    address, count, number = _read(where)
    jax.config.update("jax_enable_preemption_service", False)  # it would keep SIGTERM from us
    try:
        found = {} if address is None else {"cluster_detection_method": "deactivate"}
        jax.distributed.initialize(address, count, number, heartbeat_timeout_seconds=HEARTBEAT, **found)
        broadcast_one_to_all(np.int32(0))  # a first one has to be answered soon, others may be waited for
    except (ValueError, RuntimeError) as error:
        raise UserError(f"--distributed={where}: {str(error).splitlines()[0]}") from error
    try:
        with contextlib.ExitStack() as stack:
            if jax.process_index():
                stack.enter_context(contextlib.redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
            yield
    except BaseException as error:
        code = error.code if isinstance(error, SystemExit) else 130 if isinstance(error, KeyboardInterrupt) else 1
        if not (getattr(error, TOLD, False) or (isinstance(error, SystemExit) and code > 128)):
            atexit.register(_leave, code)  # comes before JAX's own, which waits for the others to end, too
        if isinstance(error, (ValueError, jax.errors.JaxRuntimeError)) and _LOST.search(str(error)):
            text = f"another process has gone ({str(error).splitlines()[0]}): "
            raise UserError(text + "start all of them again, they go on from the newest checkpoint") from error
        raise


def _read(where: str) -> tuple[str | None, int | None, int | None]:
    if where == AUTOMATIC:
        return None, None, None
    address, *numbers = where.split(",")
    try:
        count, number = map(int, numbers)
    except ValueError:
        raise UserError(f"--distributed={where}: it reads ADDRESS:PORT,PROCESSES,NUMBER, or stands alone") from None
    if not 0 <= number < count or not address.rpartition(":")[2].isdigit():
        raise UserError(f"--distributed={where}: the address ends in a port, and the number is below that of processes")
    return address, count, number


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def opened(
    experiment: Experiment, workdir: str | Path, heard: Callable[[], None] | None = None
) -> Iterator["SharedLogbook"]:
    """Yields the logbook that several processes share, see `logbook.opened`.

    The first one's own has an experiment of one device: what it draws and measures takes no part of the others.
    """
    with contextlib.ExitStack() as stack:
        alone = experiment._replace(mesh=parallel.own_mesh())
        open_it = lambda: stack.enter_context(logbook.opened(alone, workdir, heard=heard))
        yield SharedLogbook(experiment, open_it)


class SharedLogbook:
    """What a `Logbook` is to one process. Call `begin` first."""

    def __init__(self, experiment: Experiment, open_it: Callable[[], Logbook]):
        self.experiment, self.steps = experiment, experiment.steps
        self._open, self._book = open_it, None
        self._collapsed, self._restores = False, 0
        self._signal = None  # the last one that some process was given
        self._largest = jax.jit(jnp.max, out_shardings=parallel.replicated(experiment.mesh))

    @property
    def progress(self) -> Progress:
        return self._progress

    @progress.setter
    def progress(self, progress: Progress) -> None:
        self._progress = progress
        if self._book:
            self._book.progress = progress

    def begin(self) -> tuple[int, Any]:
        """See `Logbook.begin`. Raises UserError where the processes were not started alike."""
        _check_that_all_are_alike(self.experiment)

        def move() -> tuple[int, Any]:
            self._book = self._open()
            return self._book.begin()

        return self._moved(move)

    def recover(self, error: NonFinite) -> tuple[int, Any]:
        return self._moved(lambda: self._book.recover(error))

    def give_up(self, step: int, collapse: Any) -> tuple[int, Any]:
        return self._moved(lambda: self._book.give_up(step, self._book.collapse()))

    def collapse(self) -> bool:
        return self._collapsed

    def train_key(self) -> jax.Array:
        make = jax.jit(lambda: self.experiment.train_key(self._restores), out_shardings=self._whole)
        return make()

    def agreed_signal(self, signum: int | None) -> int | None:
        """The signal to act on: one that any of the processes was given, at the call after, in all of them at once."""
        mesh = self.experiment.mesh
        own = np.full(jax.local_device_count(), signum or 0, np.int32)
        before = self._signal
        self._signal = self._largest(parallel.placed(own, NamedSharding(mesh, PartitionSpec(parallel.DATA_AXIS))))
        return None if before is None else int(before) or None

    def record(self, step: int, state: Any, metrics: Metrics, signum: int | None) -> None:
        """See `Logbook.record`, which raises NonFinite in all processes."""
        if not (signum or self.experiment.due(step)):
            return
        found = []

        def record() -> int:
            try:
                self._book.record(step, _own(state), _own(metrics), signum)
            except NonFinite as error:
                found.append(error)
            return bool(found)

        if self._told(record):
            raise found[0] if found else NonFinite("told by the first process", step)

    def interrupt(self, step: int, signum: int) -> None:
        self._told(lambda: self._book.interrupt(step, signum))

    def end(self, start: int) -> None:
        self._told(lambda: self._book.end(start))

    @property
    def _whole(self) -> NamedSharding:
        return parallel.replicated(self.experiment.mesh)

    def _moved(self, move: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        """The step and the state to which the first process's logbook moves, in every process."""
        state = jax.tree.map(
            lambda leaf: np.zeros(leaf.shape, leaf.dtype),
            jax.eval_shape(self.experiment.algorithm.init, self.experiment.key(Stream.INIT)),
        )

        def go() -> int:
            nonlocal state
            step, state = move()
            return step

        step = self._told(go)
        return step, parallel.placed(broadcast_one_to_all(jax.device_get(state)), self._whole)

    def _told(self, act: Callable[[], int | None]) -> int:
        """What the first process's act returns, 0 for None, in every process; where it raises, the others leave."""
        message = np.zeros(4, np.int32)
        if jax.process_index() == 0:
            try:
                value = act()
                message[1:] = value or 0, bool(self._book.collapse()), self._book.restores()
            except BaseException as error:
                with contextlib.suppress(ValueError, jax.errors.JaxRuntimeError):  # they may have gone already
                    broadcast_one_to_all(np.ones_like(message))
                    setattr(error, TOLD, True)
                raise
        leaving, value, collapsed, self._restores = (int(number) for number in broadcast_one_to_all(message))
        if leaving:
            error = SystemExit(1)
            setattr(error, TOLD, True)
            raise error
        self._collapsed = bool(collapsed)
        return value


def _check_that_all_are_alike(experiment: Experiment) -> None:
    fields = {name: value for name, value in flatten(experiment.config).items() if not name.endswith("dir")}
    sets = [dataset.fingerprint for dataset in (experiment.dataset, experiment.origin) if dataset]
    kind = repr((sorted(fields.items()), sets, experiment.steps, jax.local_device_count()))
    digests = process_allgather(np.frombuffer(hashlib.sha256(kind.encode()).digest(), np.uint8))
    others = [number for number, digest in enumerate(digests) if (digest != digests[0]).any()]
    if others:
        error = UserError(
            f"process {others[0]} has another config, other images or another number of devices than the first: "
            "start all alike"
        )
        setattr(error, TOLD, True)
        raise error


def _own(arrays: Any) -> Any:
    """Arrays that lie whole on every device, as they lie on this process's first."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), arrays)
