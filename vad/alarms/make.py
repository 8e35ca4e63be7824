"""From scores to alarms. Evaluation and `vad score` call the same code.

A frame at or above the threshold starts an alarm. The alarm goes on while the score stays above the release level
(hysteresis); alarms with a short gap between them are joined; what is then still too short is dropped.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Real

from vad.errors import ArtefactError
from vad.schema.evaluate import Alarms


class Alarm(NamedTuple):
    """One alarm of one video."""

    start: int
    """Its first frame, from 0."""
    end: int
    """The frame after its last one."""
    peak: float
    """Its highest score."""


class Spans(NamedTuple):
    """Alarms or events of several videos, in the order of the videos and of time; those of a video do not overlap."""

    start: Int64[np.ndarray, "spans"]
    """First frames, counted over the joined frames of all videos."""
    end: Int64[np.ndarray, "spans"]
    """The frames after the last ones, counted in the same way."""
    video: Int64[np.ndarray, "spans"]
    """Index of the video of each."""


class RuleFrames(NamedTuple):
    """The lengths of `evaluate.alarms`, in frames of one video."""

    shortest: int
    """Alarms of fewer frames are dropped; at least 1."""
    gap: int
    """Alarms with at most so many frames between them become one."""


def rule_frames(settings: Alarms, fps: float) -> RuleFrames:
    """Turn the seconds of the settings into frames.

    Args:
        settings: shortest alarm and longest gap, in seconds.
        fps: frames per second of the video, > 0.
    """
    # A length of 0.3 s at 10 frames a second is 3 frames, also where the product is 3.0000000000000004.
    shortest = max(ceil(settings.min_seconds * fps - 1e-9), 1)
    return RuleFrames(shortest, floor(settings.merge_seconds * fps + 1e-9))


def make_alarms(
    scores: Real[np.ndarray, "frames"], threshold: float, settings: Alarms, fps: float | None = None
) -> list[Alarm]:
    """Make the alarms of one video.

    Args:
        scores: one finite number for each frame, higher = more anomalous.
        threshold: in the units of the scores; an alarm starts at a score of at least this.
        settings: shortest alarm, longest gap, hysteresis.
        fps: frames per second of the video, > 0; None = `settings.fps`.

    Returns: the alarms in the order of time.

    Raises: ArtefactError for a score that is not finite.
    """
    joined = JoinedScores([scores], [fps], settings)
    found = joined.alarms(threshold)
    columns = found.start.tolist(), found.end.tolist(), joined.peaks(found).tolist()
    return [Alarm(*one) for one in zip(*columns, strict=True)]


class JoinedScores:
    """The frames of several videos one after the other, of which alarms are made at any threshold."""

    def __init__(self, scores: Sequence[Real[np.ndarray, "_"]], fps: Sequence[float | None], settings: Alarms) -> None:
        """Join the videos.

        Args:
            scores: finite scores of each video, at least one frame each.
            fps: frames per second of each video; None = `settings.fps`.
            settings: shortest alarm, longest gap, hysteresis.

        Raises: ArtefactError for a video without a frame or with a score that is not finite.
        """
        self.sizes = np.array([len(one) for one in scores], np.int64)
        self.scores = np.concatenate([np.asarray(one, np.float64) for one in scores])
        if not self.sizes.all() or not np.isfinite(self.scores).all():
            raise ArtefactError("alarms: a video without a frame, or a score that is not finite. Score it again.")
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.fps = np.array([rate or settings.fps for rate in fps], float)
        self._shortest, self._gap = np.array([rule_frames(settings, rate) for rate in self.fps], np.int64).T
        self._hysteresis = float(settings.hysteresis)
        parts = np.split(self.scores, self.starts[1:])
        self._medians = np.array([np.median(part) for part in parts]) if self._hysteresis else np.zeros(len(parts))

    def alarms(self, threshold: float) -> Spans:
        """The alarms of all videos at one threshold."""
        high = self.scores >= threshold
        found = self._runs(high)
        if self._hysteresis and len(found.start):
            fall = np.maximum(threshold - self._medians, 0)
            found = self._runs(self.scores >= np.repeat(threshold - self._hysteresis * fall, self.sizes))
            at = np.flatnonzero(high)
            first = at[np.minimum(np.searchsorted(at, found.start), len(at) - 1)]
            started = (first >= found.start) & (first < found.end)
            found = Spans(first[started], found.end[started], found.video[started])
        return self._long_enough(self._without_gaps(found))

    def runs(self, chosen: np.ndarray) -> Spans:
        """The runs of chosen frames of each video.

        Args:
            chosen: True or 1 for each of the joined frames that is chosen.
        """
        return self._runs(np.asarray(chosen, bool))

    def peaks(self, spans: Spans) -> Float64[np.ndarray, "spans"]:
        """The highest score of each span."""
        if not len(spans.start):
            return np.zeros(0)
        bounds = np.stack([spans.start, spans.end], 1).ravel()
        # One more frame, because a span may end with the last one; every second result is of what lies between.
        return np.maximum.reduceat(np.append(self.scores, -np.inf), bounds)[::2]

    def _runs(self, chosen: np.ndarray) -> Spans:
        changes = np.empty(len(chosen), bool)
        np.not_equal(chosen[1:], chosen[:-1], out=changes[1:])
        changes[self.starts] = True  # a run ends with its video
        bounds = np.append(np.flatnonzero(changes), len(chosen))
        kept = chosen[bounds[:-1]]
        start, end = bounds[:-1][kept], bounds[1:][kept]
        return Spans(start, end, np.searchsorted(self.starts, start, "right") - 1)

    def _without_gaps(self, found: Spans) -> Spans:
        start, end, video = found
        joined = (video[1:] == video[:-1]) & (start[1:] - end[:-1] <= self._gap[video[1:]])
        first, last = np.append(True, ~joined)[: len(start)], np.append(~joined, True)[: len(start)]
        return Spans(start[first], end[last], video[first])

    def _long_enough(self, found: Spans) -> Spans:
        kept = found.end - found.start >= self._shortest[found.video]
        return Spans(found.start[kept], found.end[kept], found.video[kept])
