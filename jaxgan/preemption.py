"""SIGTERM and Ctrl-C: the loop is told, finishes its step and saves; a second signal leaves at once."""

import signal
import threading


class Preemption:
    """While entered, `signum` becomes that of the first signal received."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        self.signum: int | None = None
        self._before = {}

    def __enter__(self) -> "Preemption":
        if threading.current_thread() is threading.main_thread():  # others cannot set handlers, nor get signals
            self._before = {signum: signal.signal(signum, self._receive) for signum in self.SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _receive(self, signum: int, frame) -> None:
        self.signum = signum
        for each in self.SIGNALS:
            signal.signal(each, signal.SIG_DFL)
