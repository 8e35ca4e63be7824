"""Equal input gives equal bytes: fixed algorithms, and on a GPU full float32, never TF32.

`one_exact_thread` does so while a video is extracted, `full_float32` for a whole process that trains or scores.
"""

import contextlib
import threading
from collections.abc import Iterator

import torch


class _SharedState:
    """How many threads are inside `one_exact_thread`: the first one sets what all threads share, the last undoes it."""

    def __init__(self) -> None:
        self.lock, self.inside, self.undo = threading.Lock(), 0, contextlib.ExitStack()


_STATE = _SharedState()


def full_float32() -> None:
    """Have convolutions and matrix products on a GPU use all bits of float32, from here on in this process.

    By default torch computes float32 convolutions in TF32, which keeps 10 bits of 23.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


@contextlib.contextmanager
def one_exact_thread() -> Iterator[None]:
    """One CPU thread a video (a second costs more than it brings); on a GPU full float32 by fixed algorithms."""
    with _STATE.lock:
        if not _STATE.inside:
            _STATE.undo.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
            exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
            _STATE.undo.enter_context(exact)
        _STATE.inside += 1
    try:
        yield
    finally:
        with _STATE.lock:
            _STATE.inside -= 1
            if not _STATE.inside:
                _STATE.undo.close()
