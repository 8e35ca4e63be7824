"""How many frames a video has, and which of them are shown in a part of it given in seconds; for lists and labels."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from vad.video.containers import media_error
from vad.video.decode import Rules
from vad.video.isolated import IsolatedReader, ask

SMALL = 16
"""Height and width of frames that are only counted."""


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """When each frame of a video is shown."""

    ticks: Int64[np.ndarray, "frames"]
    """From the first frame on, rising."""
    tick: Fraction
    """Seconds."""

    @property
    def steps(self) -> tuple[float, float]:
        """The shortest and the longest time from one frame to the next, in seconds; zeros for a single frame."""
        steps = np.diff(self.ticks)
        return (float(steps.min() * self.tick), float(steps.max() * self.tick)) if len(steps) else (0.0, 0.0)

    @property
    def variable(self) -> bool:
        """Whether the frame rate changes: by more than timestamps are rounded, and more than a twentieth."""
        shortest, longest = self.steps
        return longest - shortest > max(2 * float(self.tick), 0.05 * shortest)

    def frames_between(self, start: float, end: float) -> tuple[int, int]:
        """The first frame that is shown at or after a time begins, and the one behind the last.

        A frame is shown until the next one: with a constant rate these are floor(start * fps) and ceil(end * fps).

        Args:
            start: in seconds from the first frame on, >= 0.
            end: in seconds, > start; not part of the interval.

        Returns: two frame numbers, from 0; the second is larger. Both may lie past the last frame.
        """
        n_frames = len(self.ticks)
        # Timestamps are rounded to ticks: an interval that ends half a tick inside a frame does not reach it.
        first, last = (float(Fraction(str(second)) / self.tick) for second in (start, end))
        begin = int(np.searchsorted(self.ticks[1:], first + 0.5, side="right"))
        if first >= self.ticks[-1] + (self.ticks[-1] - self.ticks[-2] if n_frames > 1 else 1):
            begin = n_frames
        return begin, max(int(np.searchsorted(self.ticks, last - 0.5, side="left")), begin + 1)


def frame_times(path: Path) -> FrameTimes:
    """When each frame of a video file is shown: by its own timestamp, or by the stated rate where frames have none.

    Raises: MediaError.
    """
    found = ask("times", path, Rules())
    if found["ticks"]:
        ticks = np.array(found["ticks"], np.int64)
        return FrameTimes(ticks - ticks[0], Fraction(*found["tick"]))
    if not found["fps"]:
        what, fix = "its frames have no times, and it states no frame rate", "Mark its events in frames"
        raise media_error(path, "E_UNREADABLE", what, fix)
    return constant_rate(found["packets"], found["fps"])


def constant_rate(n_frames: int, fps: float) -> FrameTimes:
    """The times of frames without timestamps.

    Args:
        n_frames: >= 1.
        fps: frames a second, > 0.
    """
    rate = Fraction(fps).limit_denominator(1001)
    return FrameTimes(np.arange(n_frames, dtype=np.int64) * rate.denominator, Fraction(1, rate.numerator))


def coded_frames(path: Path) -> int:
    """Frames of a video file as counted by its packets; what its header states is not used.

    Raises: MediaError.
    """
    return ask("times", path, Rules())["packets"]


def frames_of(path: Path, expected: int) -> int:
    """Frames of a video file, decoded only if neither its header nor its packets confirm the expected number.

    Raises: MediaError for a file that cannot be read completely.
    """
    if ask("count", path, Rules()) == expected or coded_frames(path) == expected:
        return expected
    reader = IsolatedReader(path, SMALL, SMALL, Rules())
    return sum(1 for _ in reader.frames())
