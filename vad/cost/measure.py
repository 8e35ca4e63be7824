"""Time and memory of a piece of work. The numbers belong to the machine they were taken on and vary from run to run.

What is compared runs in a process of its own, one thread, batch 1, after a warm-up; the median of the repeats counts.
Memory is what the work adds to a process in which the libraries are loaded already, so that small models differ too.
"""

import ctypes
import itertools
import multiprocessing
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import UInt8

from vad.errors import VadError
from vad.video.batches import BatchReader
from vad.video.decode import OpenVideo, OuterReader, Reader, Rules, open_in_this_process

Result = TypeVar("Result")
MB = 1e6
STATUS = Path("/proc/self/status")
CPU_INFO = Path("/proc/cpuinfo")


def run_isolated(work: Callable[[], Result]) -> Result:
    """Do the work in a process of its own with one thread; the libraries are loaded there already, nothing else is.

    Raises: VadError with the message of the error there, or when the process was killed (out of memory).
    """
    _give_back_free_memory()
    # Fork: a new interpreter would spend seconds on importing torch and count its pages as memory of the work.
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(work, theirs))
    process.start()
    theirs.close()
    try:
        problem, result = ours.recv()
    except EOFError:
        process.join()
        raise VadError(f"the measuring process ended with {process.exitcode}. Give it more memory.") from None
    process.join()
    if problem:
        raise VadError(problem)
    return result


def _answer(work: Callable[[], Any], pipe: Connection) -> None:
    """The work of the other process: send (problem, result)."""
    torch.set_num_threads(1)
    try:
        pipe.send(("", work()))
    except Exception as error:  # whatever it is, it belongs to the parent
        pipe.send((str(error) if isinstance(error, VadError) else f"{type(error).__name__}: {error}", None))
    finally:
        pipe.close()


def _give_back_free_memory() -> None:
    """Return freed memory to the system (glibc only): a fork would use it first, and the work would seem smaller."""
    libc = ctypes.CDLL(None)
    if platform.libc_ver()[0] == "glibc":
        libc.malloc_trim(0)


class Timing(NamedTuple):
    """Seconds of one call (median), and the share of the timed seconds in which a processor worked for it.

    A share well below 1 means that other programs took the processor (or that a GPU did the work).
    """

    seconds: float
    cpu_share: float


def time_of(work: Callable[[], object], repeats: int, budget: float) -> Timing:
    """How long one call takes, after one call that is not counted.

    Args:
        work: called at least twice.
        repeats: calls that are timed, at most.
        budget: seconds after which no further call is begun.
    """
    work()
    spent: list[float] = []
    busy = time.process_time()
    while len(spent) < repeats and sum(spent) < budget:
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return Timing(statistics.median(spent), (time.process_time() - busy) / sum(spent))


class FirstFrames:
    """Opens videos that end after their first frames, and sums up the seconds that reading them takes.

    Its `open_video` goes into the `vad.extractors._base.Source` of an extractor, which reads through it: so decoding
    and network are measured apart. A decoder that gives batches goes on doing so.

    Args:
        limit: frames after which a video ends, or up to a stride later.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.seconds = 0.0
        self.opener: OpenVideo = open_in_this_process
        """Opens the whole video."""

    def open_video(self, path: Path, height: int, width: int, rules: Rules, short_side: int | None = None) -> Reader:
        """A reader as `vad.video.decode.open_video` gives it, but in this process; cut short and timed."""
        reader = self.opener(path, height, width, rules, short_side)
        return (_TimedBatches if isinstance(reader, BatchReader) else _TimedReader)(reader, self)

    def take_seconds(self) -> float:
        """The seconds that reading took since this was last asked."""
        found, self.seconds = self.seconds, 0.0
        return found

    def timed(self, source: Iterator[Result]) -> Iterator[Result]:
        """The same items; the time until each is there is added to the seconds."""
        while True:
            start = time.perf_counter()
            item = next(source, None)
            self.seconds += time.perf_counter() - start
            if item is None:
                return
            yield item


class _TimedReader(OuterReader):
    """A reader that passes on the first frames of another one and adds the time they took to its owner's."""

    def __init__(self, reader: Reader, owner: FirstFrames) -> None:
        super().__init__(reader)
        self._owner = owner
        self._cut_at: int | None = None

    @property
    def n_frames(self) -> int:
        """Frames up to the last one passed on, where it ended early: a decoder of batches works ahead of it."""
        return super().n_frames if self._cut_at is None else min(self._cut_at, super().n_frames)

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """The first frames; see `Reader.frames`."""
        most = self._most(stride)
        yield from itertools.islice(self._owner.timed(self._reader.frames(stride)), most)

    def _most(self, stride: int) -> int:
        """How many frames are passed on; says where the video ends then."""
        most = -(-(self._owner.limit - 1) // stride) + 1
        self._cut_at = (most - 1) * stride + 1
        return most


class _TimedBatches(_TimedReader):
    """The same for a reader whose decoder gives several frames at once."""

    _reader: BatchReader

    def batches(self, size: int, stride: int = 1) -> Iterator[UInt8[torch.Tensor, "frames height width 3"]]:
        """The first frames in batches; see `vad.video.batches.BatchReader`."""
        left = self._most(stride)
        for batch in self._owner.timed(self._reader.batches(size, stride)):
            yield batch[:left]
            left -= len(batch)
            if left <= 0:
                return


class Memory:
    """Peak memory since it was made, in a process of `run_isolated`; on a GPU the most that torch allocated there."""

    def __init__(self) -> None:
        self.start = _status()

    def peak_mb(self) -> float | None:
        """Peak above the start in MB (10**6 bytes), without pages of program files; None where the system does not say.

        Pages of files only grow while libraries are used for the first time, so those of the end stand for the peak.
        """
        if torch.cuda.is_initialized():
            return torch.cuda.max_memory_allocated() / MB
        now = _status()
        if not {"VmHWM", "RssFile", "RssAnon"} <= now.keys() & self.start.keys():
            return None
        return max(now["VmHWM"] - now["RssFile"] - self.start["RssAnon"], 0) * 1024 / MB


def _status() -> dict[str, int]:
    """Sizes of this process in KiB, by Linux's names; empty elsewhere."""
    if not STATUS.is_file():
        return {}
    return {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)}


def machine() -> dict[str, Any]:
    """What the numbers were measured on: processor, GPU if one was used, torch, threads."""
    text = CPU_INFO.read_text() if CPU_INFO.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_initialized() else None
    return {
        "processor": found[1] if found else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "gpu": gpu,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
