"""Work on many items in threads, for code that holds no lock, as image codecs do."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib

MOST = 8  # threads: what takes the results does not keep up with more


def in_order(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Yields `function(item)` in the items' order, a few ahead of what has been taken.

    joblib's generators run on to the end however slowly their results are taken, so that all of
    them can be in memory at once.
    """
    workers = min(MOST, joblib.cpu_count())
    with ThreadPoolExecutor(workers) as pool:
        pending = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
