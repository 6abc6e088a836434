"""Checkpoints by Orbax: written in the background, whole or not there at all, in folders named by step."""

import contextlib
import errno
import functools
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from jaxgan import sealing
from jaxgan.errors import UserError, naming
from jaxgan.evaluation import goodness
from jaxgan.quiet import quiet_orbax

# Room to leave, as Orbax's threads print what nobody can catch where a disk fills up under them.
ROOM = 2  # sizes of the state
MARGIN = 2**20  # bytes, for metadata
# So Orbax says it.
_OTHER_ARRAYS = re.compile(r"structures? (?:do not match|mismatch)|not compatible with the stored shape", re.IGNORECASE)
_SEALED = "sealed"  # in a checkpoint's config: that it has checksums, so that without them it is damaged
_DELETED = ".deleted"  # where Orbax moves what it is to delete, so that no half of it is taken for a checkpoint


class Damaged(UserError):
    """A checkpoint is no longer what was written."""


class Vanished(Exception):
    """A checkpoint that was there has been deleted before it was read, by a training that goes on."""


class _Manager(ocp.CheckpointManager):
    """Takes a checkpoint whose measures are damaged for one that was not measured, where Orbax trusts them or fails."""

    def metrics(self, step: int) -> dict[str, float] | None:
        if sealing.fault(Path(self.directory) / str(step), only="metrics/metrics"):
            return None
        try:
            return super().metrics(step)
        except ValueError:
            return None


class Checkpoints:
    """The checkpoints of one run. A context manager: leaving it waits for the last write."""

    def __init__(
        self,
        folder: Path,
        keep: int = 1,
        keep_every: int | None = None,
        best_metric: str = "fd_probe",
        read_only: bool = False,
    ):
        """Keeps the newest `keep`, those at multiples of `keep_every`, and the best one. Readers change nothing.

        What need not be kept is deleted by `wait`, not by Orbax after each write: a crash between the last write of a
        run and that would leave it for good.
        """
        quiet_orbax()
        self.folder = folder
        self._keep, self._keep_every, self._read_only = keep, keep_every, read_only
        self._goodness = functools.partial(goodness, best_metric)
        self._writing: int | None = None
        sealed = ocp.options.AsyncOptions(post_finalization_callback=self._seal)  # before a checkpoint gets its name
        options = ocp.CheckpointManagerOptions(
            async_options=None if read_only else sealed,
            best_fn=self._goodness,
            create=False,
            cleanup_tmp_directories=not read_only,
            read_only=read_only,
            enable_background_delete=False,
            todelete_subdir=None if read_only else _DELETED,
            multiprocessing_options=_alone(),
        )
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True)
            self._delete()
        self._manager = _Manager(folder.absolute(), options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_) -> None:
        if kind is None and not self._read_only:  # what fails, fails with all that there is
            self.wait()
        with _full_disk_as_os_error(self.folder):
            self._manager.close()

    def steps(self) -> list[int]:
        return sorted(self._manager.all_steps())

    def best(self, before: int | None = None) -> int | None:
        """Returns the step of the best checkpoint, None where there is none; see `ranked`."""
        return next(iter(self.ranked(before)), None)

    def ranked(self, before: int | None = None) -> list[int]:
        """Returns the steps of the checkpoints that were measured, the best first.

        Where `before` is given, they are those before that step that show no collapse.
        """
        measured = {step: self._manager.metrics(step) for step in self.steps()}
        ranks = {step: self._goodness(measures) for step, measures in measured.items() if measures}
        if before is not None:
            ranks = {step: rank for step, rank in ranks.items() if step < before and measured[step]["healthy"]}
        return sorted(ranks, key=ranks.get, reverse=True)

    def drop_after(self, step: int) -> None:
        """Deletes the checkpoints of later steps, the newest first, so that a crash leaves no gap."""
        with _full_disk_as_os_error(self.folder):
            self._manager.wait_until_finished()
        for later in reversed([other for other in self.steps() if other > step]):
            self._manager.delete(later)
        self._delete()

    def save(self, step: int, state: Any, config: dict, measures: dict[str, float] | None = None) -> None:
        """Starts writing; the state may be donated as soon as this returns. Raises OSError where there is no room.

        `measures` are what the best checkpoint is chosen by; one without them is never the best.
        """
        self.wait()  # what is being written still takes room
        if jax.process_count() > 1:
            state = jax.device_get(state)  # from several processes Orbax takes no arrays that only one of them has
        if shutil.disk_usage(self.folder).free < ROOM * sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + MARGIN:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        config = ocp.args.JsonSave(config | {_SEALED: True})
        items = ocp.args.Composite(state=ocp.args.StandardSave(state), config=config)
        self._writing = step
        with _full_disk_as_os_error(self.folder):
            self._manager.save(step, args=items, metrics=measures, force=True)

    def wait(self) -> None:
        """Ends the last write, and deletes what need not be kept."""
        with _full_disk_as_os_error(self.folder):
            self._manager.wait_until_finished()
        steps = self.steps()
        kept = {*steps[-self._keep :], self.best()}
        for step in steps:
            if step not in kept and not (self._keep_every and step % self._keep_every == 0):
                self._manager.delete(step)
        self._delete()

    def _delete(self) -> None:
        shutil.rmtree(self.folder / _DELETED, ignore_errors=True)

    def _seal(self) -> None:
        written = [path for path in self.folder.iterdir() if path.name.split(".")[0] == str(self._writing)]
        sealing.seal(max(written, key=lambda path: path.stat().st_mtime))  # a crash may have left another, half-written

    def set_aside(self, step: int) -> None:
        """Moves the checkpoints of later steps, which are damaged, out of the way of those that will be written."""
        for later in [other for other in self.steps() if other > step]:
            place = self.folder.with_name("damaged") / f"{later}-{time.time():.0f}"
            place.parent.mkdir(exist_ok=True)
            (self.folder / str(later)).rename(place)
        self._manager.reload()

    def restore(self, state: Any, wanted: Sequence[int] | None = None) -> tuple[int, Any, dict]:
        """Reads the first of the wanted checkpoints that is whole; damaged ones before it are named.

        Args:
          state: shapes, dtypes and shardings that the arrays are to have.
          wanted: their steps; by default all, the newest first.

        Returns:
          Its step, its state and its config.

        Raises:
          UserError: there is no such checkpoint, or it holds other arrays.
          Damaged: it is no longer what was written, or none is.
          Vanished: it was deleted meanwhile.
        """
        steps = self.steps()
        if not steps:
            raise UserError(f"no checkpoint in {self.folder}: train first")
        wanted = steps[::-1] if wanted is None else wanted
        if unknown := set(wanted).difference(steps):
            raise UserError(f"no checkpoint {min(unknown)} in {self.folder}: there are {', '.join(map(str, steps))}")
        damaged = []
        for step in wanted:
            try:
                found = self._restore(state, step)
            except Damaged as error:
                damaged.append(f"checkpoint {step} is damaged ({error})")
                continue
            if damaged:
                print(f"{'; '.join(damaged)}, using {step}", file=sys.stderr)
            return step, *found
        remedy = "train anew in another directory" if len(wanted) == len(steps) else "name another step"
        raise Damaged(f"{damaged[-1]} in {self.folder}: {remedy}")

    def _restore(self, state: Any, step: int) -> tuple[Any, dict]:
        if fault := sealing.fault(self.folder / str(step)):
            if not self._is_there(step):
                raise Vanished
            raise Damaged(fault)
        items = ocp.args.Composite(state=ocp.args.StandardRestore(state), config=ocp.args.JsonRestore())
        try:
            restored = self._manager.restore(step, args=items)
        except Exception as error:  # of many kinds, by what is damaged
            if not self._is_there(step):
                raise Vanished from error
            if _OTHER_ARRAYS.search(str(error)):
                raise UserError(
                    f"checkpoint {step} in {self.folder} is of a version of jaxgan whose state had other arrays: "
                    "go on with that version, or train anew"
                ) from error
            if sealing.is_sealed(self.folder / str(step)):  # it is what was written
                raise
            raise Damaged(str(error).splitlines()[0][:100]) from error
        if restored.config.get(_SEALED) and not sealing.is_sealed(self.folder / str(step)):
            raise Damaged(f"{sealing.NAME} is missing")
        return restored.state, restored.config

    def _is_there(self, step: int) -> bool:
        return (self.folder / str(step)).exists()


def _alone() -> ocp.options.MultiprocessingOptions:
    """Where several processes train a run, only the one that opens its checkpoints reads and writes them."""
    number = jax.process_index()
    several = jax.process_count() > 1
    return ocp.options.MultiprocessingOptions(number, {number} if several else None)


def saved_steps(folder: Path) -> list[int]:
    """Returns the steps of a run's checkpoints, none where it has no such folder, and changes nothing."""
    with Checkpoints(folder, read_only=True) as checkpoints:
        return checkpoints.steps()


def abstract(init, key: jax.Array, sharding: jax.sharding.Sharding) -> Any:
    """Shapes and dtypes of `init(key)`, all placed by `sharding`, without computing it."""
    shapes = jax.eval_shape(init, key)
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes)


@contextlib.contextmanager
def _full_disk_as_os_error(folder: Path) -> Iterator[None]:
    """Orbax reports a failed write as a ValueError with the operating system's code in its text, or without a name."""
    try:
        with naming(folder):
            yield
    except ValueError as error:
        code = re.search(r"os_error_code='(\d+)'", str(error))
        if code is None:
            raise
        raise OSError(int(code[1]), os.strerror(int(code[1])), str(folder)) from error
