"""Progress of something long: a bar on a terminal, a text that changes in a notebook, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

from jaxgan import quiet

INTERVAL = 10.0  # seconds between two lines
IN_PLACE = 1.0  # seconds between two texts of a notebook, of which the last is kept


class Progress:
    """Counts up to `total`, shown with rate and time left; a context manager that clears up after itself."""

    def __init__(self, label: str, total: int, unit: str, done: int = 0):
        self.done = done
        self._label, self._total, self._unit, self._note = label, total, unit, ""
        self._first, self._start = done, time.monotonic()
        self._shown = self._start
        self._warm = False
        self._file = sys.stdout
        # As tqdm shows nothing where the output is no terminal, the count and the lines are our own.
        self._bar = tqdm(desc=label, total=total, initial=done, unit=f" {unit}", file=self._file, disable=None)
        self._cell = _cell()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if self._cell:
            self._cell(str(self))
        self._bar.close()

    def note(self, text: str) -> None:
        """Shows beside the count what else changes, losses for example."""
        self._note = text
        self._bar.set_postfix_str(text, refresh=False)

    def advance(self, count: int = 1) -> None:
        """Counts so many more."""
        self.done += count
        if not self._warm:  # the first one waits for compilation or for workers, and says nothing of the rate
            self._first, self._start, self._warm = self.done, time.monotonic(), True
        self._bar.update(count)
        if self._bar.disable and time.monotonic() - self._shown >= (IN_PLACE if self._cell else INTERVAL):
            self._shown = time.monotonic()
            (self._cell or self.print)(str(self))

    def go_back(self, done: int) -> None:
        """Counts on from fewer."""
        self._first -= self.done - done
        self.done = self._bar.n = done

    def print(self, text: str) -> None:
        """Prints a line, above the bar where there is one; what a pipe's reader has left says nothing more."""
        try:
            self._bar.write(text, file=self._file)
            self._file.flush()
        except BrokenPipeError:
            quiet.silence(self._file)

    def rate(self) -> float:
        """Units a second since the first one was done."""
        return (self.done - self._first) / max(time.monotonic() - self._start, 1e-9)

    def seconds_left(self) -> float:
        return (self._total - self.done) / max(self.rate(), 1e-9)

    def __str__(self) -> str:
        text = f"{self._label} {self.done:,}/{self._total:,} {self._unit}"
        if self.done > self._first:
            text += f", {self.rate():.3g} a second, {tqdm.format_interval(self.seconds_left())} left"
        return ", ".join(filter(None, (text, self._note)))


def _cell() -> Callable[[str], None] | None:
    """What replaces a text below a notebook's cell; None where this is no notebook."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import display, get_ipython

    if not hasattr(get_ipython(), "kernel"):
        return None
    handle = display.display(display.Pretty(""), display_id=True)
    return lambda text: handle.update(display.Pretty(text))
