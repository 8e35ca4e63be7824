"""What a page of one video shows: plain data that whoever scored the video fills in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Integer

from vad.errors import ArtefactError, listing

Previews = Literal["none", "blur", "full"]
"""How much of the footage a page may show: nothing, pictures in which no face can be made out, or the pictures."""


class Stretch(Protocol):
    """Consecutive frames, such as an alarm or a labelled event."""

    @property
    def start(self) -> int:
        """First frame, index from 0."""
        ...

    @property
    def end(self) -> int:
        """The frame after the last one."""
        ...


class Span(NamedTuple):
    """A stretch with its two frame numbers only."""

    start: int
    end: int


@dataclass(frozen=True)
class AlarmRule:
    """How scores become alarms, in this order: begin and end, merge, drop. The page does the same at any threshold."""

    hysteresis: float = 0.0
    """An alarm begins at the threshold and goes on until the score has fallen below it by this share (0..1) of the way
    to the median score of the video."""
    merge_frames: int = 0
    """Alarms with at most so many frames between them become one."""
    min_frames: int = 1
    """Alarms of fewer frames are dropped."""


@dataclass(frozen=True)
class Peak:
    """A frame with a high score, with its picture and the model's map of it."""

    frame: int
    """Index from 0."""
    picture: bytes | None = None
    """JPEG of the frame, of any size; the page holds a small copy, according to `PageContent.previews`."""
    heat: bytes | None = None
    """JPEG or PNG of the model's map of this frame in colours, shown over the picture; any size of the same aspect."""


class Heat(NamedTuple):
    """Where in the picture the scores of some frames come from, drawn over the film."""

    frames: Integer[np.ndarray, "maps"]
    """Indices from 0, ascending."""
    maps: Float[np.ndarray, "maps rows columns"]
    """Higher = more anomalous, any range; the cells divide the upright picture evenly."""


class Preview(NamedTuple):
    """A film that a browser can play, in the folder of the page."""

    path: Path
    """MP4 (H.264) or WebM; times as in `PageContent.times`."""
    level: Literal["blur", "full"]
    """What it shows; `vad.pages.pictures.write_preview` writes both."""


@dataclass(frozen=True)
class PageContent:
    """What the page of one scored video shows. Names and notes may hold any text: a page shows them as text."""

    video_id: str
    times: Float[np.ndarray, "frames"]
    """When each frame is shown, in seconds since the first frame; the steps may differ."""
    scores: Float[np.ndarray, "frames"]
    """Finite, any range, higher = more anomalous. Empty = no score: then a note should say why."""
    threshold: float | None
    """A score of at least this raises an alarm. None = not known: no alarms until the reader sets one."""
    alarms: Sequence[Stretch] = ()
    """At `threshold`, by `rule`, in the order of time."""
    rule: AlarmRule = AlarmRule()
    fps: float | None = None
    """Frames per second; None = not known. Positions come from `times`, not from this."""
    labels: Integer[np.ndarray, "frames"] | None = None
    """Ground truth: 1 = anomalous. None = there is none."""
    notes: Sequence[str] = ()
    """Sentences shown under the curve: model, warnings, what is missing."""
    previews: Previews = "none"
    """What of the footage is shown; `none` also leaves out a film and pictures that are given."""
    preview: Preview | None = None
    heat: Heat | None = None
    """At most some hundred maps: the page holds all of them."""
    peaks: Sequence[Peak] = ()
    downloads: Sequence[str] = ()
    """Names of files in the folder of the page."""
    index: str | None = None
    """Name of the overview in the folder of the page, to link back to."""

    def check(self, folder: Path) -> None:
        """Refuse content that a page could only show wrongly.

        Args:
            folder: of the page.

        Raises: ArtefactError with all problems.
        """
        n, problems = len(self.scores), []
        if len(self.times) != n:
            problems.append(f"{len(self.times)} frame times, {n} scores")
        elif not np.isfinite(self.times).all() or (np.diff(self.times) < 0).any():
            problems.append("frame times that are not finite or go backwards")
        if self.labels is not None and len(self.labels) != n:
            problems.append(f"{len(self.labels)} labels, {n} scores")
        if not (np.isfinite(self.scores).all() and np.isfinite(self.threshold or 0.0)):
            problems.append("scores or a threshold that are not finite")
        if self.threshold is None and self.alarms:
            problems.append("alarms without a threshold")
        problems += [f"alarm {a.start}:{a.end} outside of {n} frames" for a in self.alarms if not _inside(a, n)]
        problems += [f"peak at frame {p.frame}, of {n} frames" for p in self.peaks if not 0 <= p.frame < n]
        problems += [f"{name!r} is no name of a file in {folder}" for name in self._names() if Path(name).name != name]
        if self.preview is not None and self.preview.path.parent.resolve() != folder.resolve():
            problems.append(f"the preview {self.preview.path} does not lie in {folder}")
        if self.preview is not None and (self.previews, self.preview.level) == ("blur", "full"):
            problems.append("a full preview for a page with blurred pictures")
        if problems:
            raise ArtefactError(listing(f"page of {self.video_id!r}", problems, "Give the page consistent content."))

    def _names(self) -> list[str]:
        return [*self.downloads, *([] if self.index is None else [self.index])]

    @property
    def duration_s(self) -> float:
        """Length of the video in seconds, the last frame included."""
        if not len(self.times):
            return 0.0
        step = 1 / self.fps if self.fps else float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0
        return float(self.times[-1] - self.times[0]) + step


def _inside(span: Stretch, n_frames: int) -> bool:
    return 0 <= span.start < span.end <= n_frames


def spans(flags: Integer[np.ndarray, "frames"]) -> list[Span]:
    """The runs of frames whose flag is not 0."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags) != 0, [0]]).astype(np.int8)))
    return [Span(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def peak_frames(scores: Float[np.ndarray, "frames"], alarms: Sequence[Stretch], most: int = 8) -> list[int]:
    """The frames to take pictures of: the highest of each alarm, of the highest alarms; without one, of the video.

    Args:
        scores: one for each frame.
        alarms: stretches of frames.
        most: number of frames.

    Returns: frames in the order of time.
    """
    stretches = list(alarms) or ([Span(0, len(scores))] if len(scores) else [])
    tops = [span.start + int(np.argmax(scores[span.start : span.end])) for span in stretches]
    return sorted(sorted(tops, key=lambda frame: -scores[frame])[:most])
