"""Stopping at a signal: what must not be cut in two is finished first, everything else is left at once.

SIGTERM (`kill`, a cluster's `scancel`) and SIGINT (Ctrl-C) raise `Stopped` in the main thread. Inside `held` they wait
for the end of the block, for example for the end of a training step.
"""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """This process was asked to stop. As KeyboardInterrupt, it passes every `except Exception`.

    Attributes:
        exit_code: 128 + number of the signal, as a shell states it: 143 for SIGTERM, 130 for SIGINT.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class _State:
    """Of this process: how many `held` blocks it is in, and the signal that waits for their end."""

    blocks = 0
    waiting: int | None = None
    leaving = False


def _handle(number: int, frame: FrameType | None) -> None:
    """Note the signal; leave at once unless a `held` block is running. A second one does not disturb the leaving."""
    _State.waiting = number
    _leave()


def _leave() -> None:
    if _State.waiting is not None and not _State.blocks and not _State.leaving:
        _State.leaving = True
        raise Stopped(_State.waiting)


def listen() -> dict[int, Any]:
    """From here on SIGTERM and SIGINT raise `Stopped` in the main thread, which alone may call this.

    Returns: the handlers that were there before, by signal.
    """
    _State.waiting, _State.leaving = None, False
    return {number: signal.signal(number, _handle) for number in SIGNALS}


def ignore() -> None:
    """From here on further signals change nothing: this process is ending, with an exit code of its own."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Within the block SIGTERM and SIGINT raise `Stopped`; after it they do what they did before."""
    before = listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _State.waiting = None


@contextlib.contextmanager
def held() -> Iterator[None]:
    """A block that a stop does not cut in two.

    Raises: Stopped at the end of the block if a signal came meanwhile.
    """
    _State.blocks += 1
    try:
        yield
    finally:
        _State.blocks -= 1
    _leave()
