"""The decode process: FFmpeg and Pillow read one video here under limits, and frames leave through shared memory.

Videos come from anywhere, and the code that reads them is native: a damaged or hostile file may crash it, fill the
memory or never end. So `vad.video.isolated` has this done by a process of its own for each video. A launcher
(`python -m vad.video.decode_process FD`) has the decoder loaded and forks such a process within milliseconds.

Limited are memory, CPU time between two blocks of frames, and open files; nothing can be written to a file; there is no
network where the kernel lets the launcher leave it; privileges cannot be gained. Not limited: the process is one of the
same user, so it can read that user's files. Linux only.
"""

import contextlib
import ctypes
import json
import math
import mmap
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8

from vad.errors import MediaError
from vad.video.containers import media_error
from vad.video.dali_check import check
from vad.video.decode import PyAVReader, Rules
from vad.video.demux import count_frames, frame_times
from vad.video.memory import keep_freed_memory

BLOCK_FRAMES, BLOCK_BYTES = 16, 2**24
"""What one message passes on at most: more frames save little, and a block is held besides the frames in use."""
HEAD = mmap.PAGESIZE
"""Bytes of the shared memory before the first frame."""
MEMORY, BYTES_PER_PIXEL = 2**29, 48
"""A decoder may hold 512 MiB, and 32 pictures of `max_pixels` at 1.5 bytes a pixel (H.264 and HEVC keep 17)."""
LARGEST_PIXEL = 16
"""Bytes of a pixel of four floating-point numbers, which no decoder exceeds."""
CPU_SECONDS, PIXELS_PER_SECOND = 600, 2**24
"""CPU seconds that may pass without a block, and besides those of its frames at a pace that every codec keeps up.

Counting the packets of a week of video, which gives no block, takes two minutes.
"""
OPEN_FILES = 16
REQUEST_BYTES = 2**16
DEATH_SIGNAL, NO_NEW_PRIVILEGES = 1, 38
"""Numbers of Linux's `prctl`."""
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""Flags of Linux's `unshare`."""
END = b"end"


class Limits(NamedTuple):
    """What a decode process may use."""

    memory: int
    """Bytes of address space, besides what it has when it starts."""
    cpu_seconds: int
    """CPU seconds until the next block of frames."""
    largest: int = LARGEST_PIXEL * 2**26
    """Bytes of the largest picture. The kernel refuses memory only beyond `memory` and one such picture.

    FFmpeg may leave out a frame for which it gets no memory, and say nothing. So the peak is judged: as long as it is
    below `memory`, none was refused.
    """
    stall_seconds: float = 300
    """Seconds without a block and without any use of the CPU: it waits for something that does not come."""


def limits_of(rules: Rules, stride: int = 1) -> Limits:
    """The limits that follow from the largest picture that is accepted; every `stride`-th frame is passed on."""
    pictures = BLOCK_FRAMES * stride * rules.max_pixels
    cpu_seconds = CPU_SECONDS + math.ceil(pictures / PIXELS_PER_SECOND)
    return Limits(MEMORY + BYTES_PER_PIXEL * rules.max_pixels, cpu_seconds, LARGEST_PIXEL * rules.max_pixels)


class Shared:
    """Memory that two processes share: a block of frames, and how many frames were decoded so far.

    Args:
        fd: of the memory, `size` bytes long; may be closed afterwards.
        height: of the frames, in pixels.
        width: of the frames, in pixels.
    """

    decoded: Int64[np.ndarray, "1"]
    block: UInt8[np.ndarray, "frames height width 3"]

    def __init__(self, fd: int, height: int, width: int) -> None:
        memory = mmap.mmap(fd, self.size(height, width))
        self.decoded = np.frombuffer(memory, np.int64, 1)
        shape = (self.frames(height, width), height, width, 3)
        self.block = np.frombuffer(memory, np.uint8, math.prod(shape), HEAD).reshape(shape)

    @staticmethod
    def frames(height: int, width: int) -> int:
        """Frames of one block."""
        return max(1, min(BLOCK_FRAMES, BLOCK_BYTES // (height * width * 3)))

    @classmethod
    def size(cls, height: int, width: int) -> int:
        """Bytes of the memory."""
        return HEAD + cls.frames(height, width) * height * width * 3


class Channel:
    """The decode process's end of the line to the process that wants the frames: JSON, one line a message."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def send(self, **message: object) -> None:
        """Send one message."""
        self._line.sendall(json.dumps(message).encode() + b"\n")

    def wait(self) -> None:
        """Wait until the next block is asked for. If nobody wants it any more, the process ends.

        It does not decode ahead: a job has one core, and two processes that take turns there every few milliseconds
        would drive each other's data out of its caches.
        """
        if not self._line.recv(1):
            os._exit(0)


def _frames(request: Mapping[str, Any], rules: Rules, channel: Channel, shared: Shared) -> Any:  # noqa: ANN401 - JSON
    """Pass on all frames of a video; the answer is its decode report."""
    limits, stride = Limits(*request["limits"]), request["stride"]
    shape = (request["height"], request["width"])
    reader = PyAVReader(Path(request["path"]), *shape, rules, request["short_side"], request["instead_of"])
    filled = 0
    for frame in reader.frames(stride):
        shared.block[filled] = frame
        shared.decoded[0] = reader.n_frames
        filled += 1
        if filled == len(shared.block):
            channel.send(block=filled)
            channel.wait()
            _allow_cpu(limits.cpu_seconds)
            filled = 0
    if filled:
        channel.send(block=filled)
    return reader.report


def _promise(request: Mapping[str, Any], rules: Rules, channel: Channel, shared: Shared) -> Any:  # noqa: ANN401 - JSON
    """What the container promises, see `vad.video.dali_check.check`."""
    return check(Path(request["path"]), rules)._asdict()


def _count(request: Mapping[str, Any], rules: Rules, channel: Channel, shared: Shared) -> int:
    """Frames that the header states, see `vad.video.demux.count_frames`."""
    return count_frames(Path(request["path"]), rules.max_pixels)


def _times(request: Mapping[str, Any], rules: Rules, channel: Channel, shared: Shared) -> dict[str, Any]:
    """When each frame is shown, see `vad.video.demux.frame_times`."""
    return frame_times(Path(request["path"]), rules.max_pixels)


TASKS: dict[str, Callable[[Mapping[str, Any], Rules, Channel, Shared], Any]] = {
    "frames": _frames,
    "promise": _promise,
    "count": _count,
    "times": _times,
}
"""What a decode process can be asked for."""


def serve(control: socket.socket) -> None:
    """The launcher: fork a decode process for each request, one at a time, and say how it ended.

    A request is JSON, with the shared memory and the line to the process that wants the frames. Answers are the number
    of the process, and its wait status. It ends with the process that started it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # sent to all processes of a terminal: who started it decides
    leave_network()
    keep_freed_memory()
    with control, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while True:
            message, fds, _, _ = socket.recv_fds(control, REQUEST_BYTES, 2)
            if not message:
                return
            if message == END:
                continue  # came after the process had ended by itself
            alive, of_process = os.pipe()
            pid = os.fork()
            if not pid:
                control.close()
                os.close(alive)
                _work(json.loads(message), *fds)
            for fd in (*fds, of_process):
                os.close(fd)
            control.send(b"%d" % pid)
            control.send(b"%d" % _ended(pid, alive, control))


def _ended(pid: int, alive: int, control: socket.socket) -> int:
    """The wait status of a decode process; it is killed if nobody wants its frames any more.

    Args:
        pid: of the process.
        alive: the end of a pipe of which the process alone holds the other one: it is closed when the process ends.
        control: on which the process that wants the frames says so, or closes.
    """
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    poll.register(control, select.POLLIN)
    if alive not in dict(poll.poll()):
        control.recv(len(END))
        os.kill(pid, signal.SIGKILL)
    os.close(alive)
    return os.waitpid(pid, 0)[1]


def _work(request: Mapping[str, Any], memory: int, line: int) -> None:
    """One decode process: do what is asked for, and end."""
    channel, limits, decoded = Channel(socket.socket(fileno=line)), Limits(*request["limits"]), np.zeros(1, np.int64)
    has = 0
    try:
        os.chdir(request["folder"])
        shared = Shared(memory, request["height"], request["width"])
        os.close(memory)
        decoded, has = shared.decoded, memory_peak()
        confine(limits)
        rules = Rules.model_validate_json(request["rules"])
        answer = {"done": TASKS[request["task"]](request, rules, channel, shared)}
    except MediaError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer, has = {}, -math.inf
    except BrokenPipeError:
        os._exit(0)  # nobody wants the frames any more
    except Exception as error:  # bytes of strangers: whatever it is, it is the problem of this video
        answer = {"failed": f"{type(error).__name__}: {error}"}
    try:
        if memory_peak() - has > limits.memory:
            answer = {"error": str(_too_little_memory(Path(request["path"]), limits, int(decoded[0])))}
        channel.send(**answer)
    finally:
        os._exit(0)


def memory_peak() -> int:
    """The most bytes of address space that this process had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmPeak:"))


def _too_little_memory(path: Path, limits: Limits, n_frames: int) -> MediaError:
    what = f"decoding needs more than its limit of {limits.memory // 2**20} MiB of memory, after frame {n_frames}"
    fix = "Scale the video down, or raise max_pixels, from which the limit follows, if you trust the file"
    return media_error(path, "E_DECODER_MEMORY", what, fix)


def confine(limits: Limits) -> None:
    """Give up what a decoder does not need, for the rest of this process."""
    libc = ctypes.CDLL(None)
    launcher = os.getppid()
    libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != launcher:
        os._exit(0)  # it ended before the line above
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    silent = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(silent, standard)
    os.close(silent)
    _limit(resource.RLIMIT_AS, memory_peak() + limits.memory + limits.largest)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _allow_cpu(limits.cpu_seconds)


def _limit(kind: int, most: int) -> None:
    """Set a limit, for good, unless the process has a lower one already."""
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _allow_cpu(seconds: int) -> None:
    """So many CPU seconds from now on, then SIGXCPU ends the process."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = math.ceil(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def leave_network() -> bool:
    """Have no network from now on, also for the processes forked later; False where the kernel does not allow it.

    Root can do so by itself. Others need a user namespace, which some systems forbid.
    """
    unshare = ctypes.CDLL(None).unshare
    return not unshare(NEW_NETWORK) or not unshare(NEW_USER | NEW_NETWORK)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
