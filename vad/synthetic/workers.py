"""Drawing in several processes."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")


def spread(work: Callable[[Job], object], jobs: Sequence[Job], workers: int) -> None:
    """Do every job, in `workers` processes (in this one if there is only one)."""
    if workers <= 1:
        for job in jobs:
            work(job)
        return
    # Spawned, not forked: the caller may hold threads of torch or of a codec. An executor, because it notices
    # a worker that was killed, where a pool would wait for ever.
    spawn = multiprocessing.get_context("spawn")
    # At Ctrl-C they end without a word: this process says that it was stopped.
    quiet = (signal.SIGINT, signal.SIG_DFL)
    with ProcessPoolExecutor(min(workers, len(jobs)), spawn, initializer=signal.signal, initargs=quiet) as pool:
        for _ in pool.map(work, jobs):
            pass
