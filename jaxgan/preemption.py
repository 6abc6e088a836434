"""SIGTERM, Ctrl-C, a closed terminal: the loop is told, finishes its step and saves; a second signal leaves at once."""

import os
import signal
import sys
import threading
from typing import TextIO

from jaxgan import quiet


class Preemption:
    """While entered, `signum` becomes that of the first signal received, as soon as Python is what runs.

    That can be SIGHUP, of a terminal that is closed, unless it is ignored, as under nohup. Shells send it twice: it
    never counts as a second signal.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        self.signum: int | None = None
        self._before = {}
        self._terminals: list[TextIO] = []

    def __enter__(self) -> "Preemption":
        if threading.current_thread() is threading.main_thread():  # others cannot set handlers, nor get signals
            heard, self._hears = os.pipe()
            os.set_blocking(self._hears, False)
            threading.Thread(target=_leave_at_the_second, args=[heard], daemon=True).start()
            self._heard_before = signal.set_wakeup_fd(self._hears, warn_on_full_buffer=False)
            self._before = {signum: signal.signal(signum, self._receive) for signum in self.SIGNALS}
            if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
                self._terminals = [stream for stream in (sys.stdout, sys.stderr) if stream.isatty()]
                self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hang_up)
        return self

    def __exit__(self, *_) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        if self._before:
            signal.set_wakeup_fd(self._heard_before)
            os.close(self._hears)

    def _receive(self, signum: int, frame) -> None:
        self.signum = signum
        for each in self.SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    def _hang_up(self, signum: int, frame) -> None:
        self.signum = self.signum or signum
        for terminal in self._terminals:  # which takes no words any more
            quiet.silence(terminal)


def _leave_at_the_second(heard: int) -> None:
    """Ends the process where a second signal comes while the main thread compiles or computes, which hears of none."""
    with os.fdopen(heard, "rb", buffering=0) as numbers:
        count = 0
        while number := numbers.read(1):
            count += number[0] in Preemption.SIGNALS
            if count == 2:
                os._exit(128 + number[0])
