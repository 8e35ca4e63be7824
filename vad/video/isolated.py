"""A reader that has each video decoded by a process of its own: a crash or a hang there is the error of that video.

The process (`vad.video.decode_process`) works under limits, and puts 16 frames at a time into memory that both share,
whenever more are asked for. It is forked by a launcher, which a program starts when it first opens a video (a quarter
of a CPU second) and keeps for the others (milliseconds each). Nothing has a name in the file system, and the decode
process ends with the launcher, the launcher with the program that started it: nothing is left behind, whatever is
killed.
"""

import atexit
import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from vad.errors import MediaError
from vad.video import decode_process
from vad.video.containers import media_error
from vad.video.decode import Rules
from vad.video.decode_process import END, Limits, Shared, limits_of

if TYPE_CHECKING:
    from torch import Tensor

CODE = Path(__file__).parents[2]
"""The folder of the package `vad`."""
LOOKS = 30
"""How often, within `stall_seconds`, it is looked whether a silent process uses the CPU."""
KILLED_WITHIN_S = 10
"""A process that waits for a disk may outlive SIGKILL; longer is not waited for it."""
MEMORY_FD, MAY_SEAL = 1, 2
"""Flags of Linux's `memfd_create`: closed on exec, and may be sealed. Some builds of Python lack `os.memfd_create`."""
ADD_SEALS, SAME_SIZE = 1033, 2 | 4
"""Of Linux's `fcntl`: the memory can neither shrink, which would crash whoever reads it, nor grow."""
CRASHES = {
    signal.SIGSEGV: "read or wrote outside its memory",
    signal.SIGBUS: "read or wrote outside its memory",
    signal.SIGABRT: "stopped itself",
    signal.SIGILL: "ran an invalid instruction",
    signal.SIGFPE: "divided by zero",
    signal.SIGKILL: "was killed: the machine may be out of memory",
    signal.SIGTERM: "was asked to end",
}
"""What a decoder did that ended by a signal."""
ANEW = (
    "Write the video anew (ffmpeg -i OLD -fps_mode passthrough -c:v libx264 -crf 16 NEW.mp4), get another copy, or"
    " leave it out of the lists"
)
_idle: list["Launcher"] = []
_lock = threading.Lock()


class IsolatedReader:
    """One video through PyAV, or a folder of images through Pillow, in a process of its own.

    Same frames, report and errors as `vad.video.decode.PyAVReader`; arguments: see there, and

    Args:
        limits: of the process; None = those that follow from the rules.

    Attributes:
        pid: number of the process while it decodes.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        rules: Rules | None = None,
        short_side: int | None = None,
        instead_of: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.path, self.height, self.width, self.rules = path, height, width, rules or Rules()
        self.short_side, self.instead_of, self.limits = short_side, instead_of, limits
        self.pid: int | None = None
        self._report: dict[str, Any] = {}
        self._n_frames = 0

    @property
    def report(self) -> dict[str, Any]:
        """Decode report; empty until the frames are used up."""
        return self._report

    @property
    def n_frames(self) -> int:
        """Frames up to the last one passed on; the true length of the video once they are used up."""
        return self._n_frames

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """See `vad.video.decode.Reader.frames`."""
        for block in self._blocks(stride):
            for frame in block:
                self._pass_on(1, stride)
                yield frame.copy()

    def batches(self, size: int, stride: int = 1) -> Iterator["UInt8[Tensor, 'frames height width 3']"]:
        """See `vad.video.batches.BatchReader.batches`: one copy less than frame by frame."""
        import torch  # takes seconds to import

        batch, filled = self._new_batch(size), 0
        for block in self._blocks(stride):
            while len(block):
                part, block = block[: size - filled], block[size - filled :]
                batch[filled : filled + len(part)] = part
                filled += len(part)
                self._pass_on(len(part), stride)
                if filled == size:
                    yield torch.from_numpy(batch)
                    batch, filled = self._new_batch(size), 0
        if filled:
            yield torch.from_numpy(batch[:filled])

    def _new_batch(self, size: int) -> UInt8[np.ndarray, "{size} height width 3"]:
        return np.empty((size, self.height, self.width, 3), np.uint8)

    def _pass_on(self, count: int, stride: int) -> None:
        """So many more of every stride-th frame are with the caller."""
        self._n_frames += count * stride if self._n_frames else (count - 1) * stride + 1

    def _blocks(self, stride: int) -> Iterator[UInt8[np.ndarray, "some height width 3"]]:
        """Some frames at a time, in memory that is written again after the next ones are asked for."""
        request = {
            "task": "frames",
            "path": str(self.path),
            "height": self.height,
            "width": self.width,
            "short_side": self.short_side,
            "instead_of": self.instead_of,
            "stride": stride,
        }
        self._n_frames = 0
        with _process(request, self.rules, self.limits or limits_of(self.rules, stride)) as process:
            self.pid = process.pid
            try:
                while "block" in (message := process.receive()):
                    yield process.shared.block[: message["block"]]
                    process.go_on()
            finally:
                self.pid = None
        self._report = message["done"]
        self._n_frames = self._report["frames_decoded"]


def ask(task: str, path: Path, rules: Rules) -> Any:  # noqa: ANN401 - JSON
    """What a decode process says about a video without passing frames on.

    Args:
        task: one of `vad.video.decode_process.TASKS`, but for frames.
        path: a video file.
        rules: what size is accepted.

    Raises: MediaError.
    """
    request = {"task": task, "path": str(path), "height": 1, "width": 1}
    with _process(request, rules, limits_of(rules)) as process:
        return process.receive()["done"]


class Launcher:
    """A process that has the decoder loaded, and forks a decode process for each video, one at a time.

    Attributes:
        owner: number of the process that started it: one that was forked from that must not use it.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._control, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = os.pathsep.join(filter(None, [str(CODE), os.environ.get("PYTHONPATH")]))
        # With a thread for each core, numpy would take time and address space, and no user namespace could be entered.
        env = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-P", "-m", decode_process.__name__, str(far_end.fileno())]
        null, fds = subprocess.DEVNULL, [far_end.fileno()]
        self._process = subprocess.Popen(command, stdin=null, stdout=null, env=env, pass_fds=fds)
        far_end.close()

    @property
    def usable(self) -> bool:
        """Whether it runs, and belongs to this process."""
        return self.owner == os.getpid() and self._process.poll() is None

    def start(self, request: dict[str, Any], fds: list[int]) -> int:
        """Start a decode process; its number, or 0 if the launcher cannot start one."""
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], fds)
            return int(self._control.recv(32) or 0)
        except OSError:
            return 0

    def end(self, kill: bool) -> int | None:
        """The wait status of the decode process once it has ended; None if it or the launcher does not answer."""
        try:
            if kill:
                self._control.send(END)
            self._control.settimeout(KILLED_WITHIN_S)
            status = self._control.recv(32)
            self._control.settimeout(None)
            return int(status) if status else None
        except OSError:
            return None

    def close(self) -> None:
        """End it, and what it started."""
        self._control.close()
        try:
            self._process.wait(KILLED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Process:
    """A decode process as the one that uses it sees it."""

    def __init__(self, launcher: Launcher, request: dict[str, Any], limits: Limits) -> None:
        self._launcher, self._limits, self._path = launcher, limits, Path(request["path"])
        self._received = b""
        self._status: int | None = None
        self.running = True
        size = (request["height"], request["width"])
        self._line, far_end = socket.socketpair()
        memory = ctypes.CDLL(None).memfd_create(b"frames", MEMORY_FD | MAY_SEAL)
        try:
            os.ftruncate(memory, Shared.size(*size))
            fcntl.fcntl(memory, ADD_SEALS, SAME_SIZE)
            self.shared = Shared(memory, *size)
            self.pid = launcher.start(request, [memory, far_end.fileno()])
        finally:
            os.close(memory)
            far_end.close()

    def receive(self) -> dict[str, Any]:
        """The next message: `block` (how many frames are in the next one), or `done` with the answer.

        Raises: MediaError for what is wrong with the video, also if the process ended without a word.
        """
        while b"\n" not in self._received:
            self._wait()
            if not (data := self._recv()):
                raise self._crash()
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message = json.loads(line)
        if "error" in message:
            raise MediaError(message["error"])
        if "failed" in message:
            raise self._error("E_DECODER_CRASHED", f"the decoder failed{self._where()} ({message['failed']})")
        return message

    def go_on(self) -> None:
        """Ask for the next block: it is written over the last one."""
        with contextlib.suppress(OSError):  # it has ended: `receive` says how
            self._line.send(b".")

    def end(self) -> bool:
        """End the process; False if its launcher cannot be used again."""
        self._line.close()
        if self.running:
            self.running = False
            self._status = self._launcher.end(kill=True)
        return self._status is not None

    def _recv(self) -> bytes:
        try:
            return self._line.recv(2**16)
        except ConnectionResetError:
            return b""

    def _wait(self) -> None:
        """Wait for the process to say something.

        Raises: MediaError if it neither does so nor uses the CPU.
        """
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        looks, used = 0, -1.0
        while not poll.poll(1000 * self._limits.stall_seconds / LOOKS):
            before, used = used, cpu_seconds(self.pid)
            # Counted by looks, not by the clock: a stopped job that goes on had no chance to do anything meanwhile.
            looks = looks + 1 if used == before else 0
            if looks >= LOOKS:
                what = f"no frame and no use of the CPU for {self._limits.stall_seconds:g} seconds{self._where()}"
                raise self._error("E_DECODER_STUCK", what, "Check the disk that it lies on, then run again")

    def _crash(self) -> MediaError:
        """The error for a process that ended without a word."""
        self.running = False
        self._status = self._launcher.end(kill=False) if self.pid else None
        if self._status is None:
            return self._error("E_DECODER_CRASHED", f"the decode process ended{self._where()}", "Run again")
        number = os.WTERMSIG(self._status) if os.WIFSIGNALED(self._status) else 0
        if number == signal.SIGXCPU:
            what = f"more than {self._limits.cpu_seconds} CPU seconds passed without a frame{self._where()}"
            return self._error("E_DECODER_STUCK", what)
        if not number:
            what = f"the decode process ended{self._where()} (exit code {os.WEXITSTATUS(self._status)})"
            return self._error("E_DECODER_CRASHED", what)
        did, name = CRASHES.get(signal.Signals(number), "ended"), signal.Signals(number).name
        return self._error("E_DECODER_CRASHED", f"the decoder {did}{self._where()} ({name})")

    def _where(self) -> str:
        return f" after frame {self.shared.decoded[0]}"

    def _error(self, code: str, what: str, fix: str = ANEW) -> MediaError:
        return media_error(self._path, code, what, fix)


@contextlib.contextmanager
def _process(request: dict[str, Any], rules: Rules, limits: Limits) -> Iterator[Process]:
    """A decode process that does what is requested; it has ended when the `with` block has."""
    of_rules = rules.model_dump_json(include=set(Rules.model_fields))
    launcher = _take()
    process = Process(launcher, {**request, "folder": str(Path.cwd()), "limits": limits, "rules": of_rules}, limits)
    try:
        yield process
    finally:
        if process.end():
            with _lock:
                _idle.append(launcher)
        else:
            launcher.close()


def _take() -> Launcher:
    """A launcher that has nothing to do, or a new one."""
    with _lock:
        while _idle:
            if (launcher := _idle.pop()).usable:
                return launcher
    atexit.register(_close_idle)
    return Launcher()


def _close_idle() -> None:
    """At the end of the program."""
    while _idle:
        if (launcher := _idle.pop()).owner == os.getpid():
            launcher.close()


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process so far; 0 if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
