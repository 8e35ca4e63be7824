"""How far scoring is: a bar in a terminal, plain lines elsewhere. Both go to stderr."""

import sys
import time
from typing import Protocol, Self, TextIO

LINE_SECONDS = 10.0
"""Time from one plain line to the next."""


class Progress(Protocol):
    """Shows how many frames of a video are read."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def begin(self, video_id: str, frames: int | None) -> None:
        """A video begins; `frames` is how many are expected, None = not known."""
        ...

    def advance(self, frames: int) -> None:
        """So many more frames are read."""
        ...

    def end(self) -> None:
        """The video has ended."""
        ...


class Bar:
    """A bar with frames a second and the time left, in a terminal."""

    def __init__(self) -> None:
        # rich takes a tenth of a second to import: only a terminal waits for it.
        from rich import progress
        from rich.console import Console

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[speed]}"),
            progress.TimeRemainingColumn(),
        )
        self._bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: progress.TaskID | None = None
        self._since, self._frames = 0.0, 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, video_id: str, frames: int | None) -> None:
        """See `Progress`."""
        self._since, self._frames = time.monotonic(), 0
        self._task = self._bar.add_task(video_id, total=frames, speed="")

    def advance(self, frames: int) -> None:
        """See `Progress`."""
        self._frames += frames
        if self._task is not None:
            rate = self._frames / max(time.monotonic() - self._since, 1e-9)
            self._bar.update(self._task, advance=frames, speed=f"{rate:.0f} frames/s")

    def end(self) -> None:
        """See `Progress`."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None


class Lines:
    """A plain line every few seconds, where stderr is no terminal."""

    def __init__(self, stream: TextIO | None = None, seconds: float = LINE_SECONDS) -> None:
        self._stream, self._seconds = stream or sys.stderr, seconds
        self._video_id, self._total, self._frames = "", None, 0
        self._since = self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def begin(self, video_id: str, frames: int | None) -> None:
        """See `Progress`."""
        self._video_id, self._total, self._frames = video_id, frames, 0
        self._since = self._last = time.monotonic()

    def advance(self, frames: int) -> None:
        """See `Progress`."""
        self._frames += frames
        now = time.monotonic()
        if now - self._last < self._seconds:
            return
        self._last = now
        rate = self._frames / max(now - self._since, 1e-9)
        of = left = ""
        if self._total:
            of, left = f" of {self._total}", f", {max(self._total - self._frames, 0) / rate:.0f} s left"
        print(f"{self._video_id}: {self._frames}{of} frames, {rate:.0f} frames/s{left}", file=self._stream, flush=True)

    def end(self) -> None:
        """See `Progress`."""


def shown_progress() -> Progress:
    """A bar if stderr is a terminal, else plain lines."""
    return Bar() if sys.stderr.isatty() else Lines()
