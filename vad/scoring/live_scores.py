"""Scores of frames and alarms of a video that is still coming: each as soon as what comes later cannot change it."""

from collections.abc import Callable
from math import floor
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped

from vad.alarms.make import rule_frames
from vad.engine.expansion import smooth
from vad.engine.score import score_place
from vad.models._base import VideoModel, defines
from vad.schema.evaluate import Alarms
from vad.schema.infer import Infer
from vad.scoring.window_stream import WindowStream

TRUNCATE = 4
"""Standard deviations of a Gaussian after which scipy ends it."""


class Settled:
    """A filter over time, of which only the values come out that no later one can change.

    Args:
        function: the filter of a whole sequence.
        reach: how many values before and after a value it reads for it.
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], reach: int) -> None:
        self._function, self._reach = function, reach
        self._held, self._base, self._done = np.zeros(0), 0, 0

    def add(self, values: Float[np.ndarray, " new"], last: bool = False) -> Float[np.ndarray, " settled"]:
        """Take the next values.

        Args:
            values: may be none.
            last: whether no more will come.
        """
        held = self._held = np.concatenate([self._held, values]) if len(self._held) else values
        end = self._base + len(held) - (0 if last else self._reach)
        if end <= self._done:
            return values[:0]
        found = self._function(held)[self._done - self._base : end - self._base]
        base, self._done = max(end - self._reach, 0), end
        self._held, self._base = held[base - self._base :], base
        return found


class FrameScores:
    """The scores of the frames of a window model on one video; equal to `score_video` but for the last bits.

    Args:
        model: with sampling `windows`, in eval mode.
        infer: smoothing of frame scores.
        step: frames from the start of one row to the start of the next.

    Attributes:
        highest: the highest score of a window so far.
    """

    def __init__(self, model: VideoModel, infer: Infer, step: int) -> None:
        self._model, self._step, self.highest = model, step, -np.inf
        self._stream = WindowStream(model, at_once=True)
        by_model = Settled(lambda scores: model.smooth(torch.from_numpy(scores)).numpy(), model.smoothing_reach)
        # Components are mixed, and not smoothed, as in room infer.
        self._by_model = None if defines(model, VideoModel.score_sequence) else by_model
        reach = floor(TRUNCATE * infer.smooth_sigma + 0.5)
        self._gaussian = Settled(lambda frames: smooth(frames, infer.smooth_sigma), reach)
        self._windows = self._frames = 0
        self._at, self._scores = np.zeros(0), np.zeros(0)

    def add(self, rows: Shaped[np.ndarray, "rows dim *more"]) -> Float32[np.ndarray, " settled"]:
        """Take the next rows, after which others come; the scores of the next frames, if any are settled."""
        self._stream.add(rows)
        self._place(self._smoothed(last=False), None)
        if not len(self._at):
            return np.zeros(0, np.float32)
        return self._spread(floor(self._at[-1]) + 1, last=False)

    def end(self, rows: Shaped[np.ndarray, "rows dim *more"], n_frames: int) -> Float32[np.ndarray, " rest"]:
        """Take the last rows of the video; the scores of all frames that are left.

        Args:
            rows: at least one.
            n_frames: of the whole video.
        """
        self._stream.add(rows)
        self._stream.end()
        self._place(self._smoothed(last=True), n_frames)
        return self._spread(n_frames, last=True)

    def _smoothed(self, last: bool) -> Float[np.ndarray, " windows"]:
        """The scores of the next windows."""
        found = self._stream.take()
        with torch.inference_mode():
            if self._by_model is None:
                mixed = self._model.mix(found, self._model.ranges) if len(found) else found
                return mixed.double().cpu().numpy()
            return self._by_model.add(found.cpu().numpy(), last).astype(float)

    def _place(self, scores: Float[np.ndarray, " windows"], n_frames: int | None) -> None:
        """Put the scores of the next windows where they belong in time."""
        if not len(scores):
            return
        self.highest = max(self.highest, float(scores.max()))
        starts = (self._windows + np.arange(len(scores))) * self._model.stride
        self._windows += len(scores)
        ends = (starts + self._model.window) * self._step
        if n_frames is not None:
            ends[starts + self._model.window >= self._stream.rows] = n_frames
        at = (starts * self._step + ends) / 2 if score_place(self._model) == "centre" else ends - 1
        self._at, self._scores = np.append(self._at, at), np.append(self._scores, scores)

    def _spread(self, end: int, last: bool) -> Float32[np.ndarray, " settled"]:
        """The scores of the frames before `end` that have none yet."""
        frames = np.interp(np.arange(self._frames, end), self._at, self._scores)
        self._frames = max(end, self._frames)
        self._at, self._scores = self._at[-1:], self._scores[-1:]
        return self._gaussian.add(frames, last).astype(np.float32)


class AlarmEvent(NamedTuple):
    """An alarm has started or ended."""

    event: Literal["start", "end"]
    alarm: int
    """Its number, from 1."""
    start: int
    """Its first frame."""
    end: int
    """The frame after its last one so far."""
    peak: float
    """Its highest score so far."""


class LiveAlarms:
    """Alarms of a video that is still coming, by the rule of `vad.alarms.make`.

    It starts with the frame that reaches the threshold, and its release level comes from the median of the scores up
    to then: later frames are not known. Without hysteresis the alarms are those of the whole video.

    Args:
        threshold: in the units of the scores.
        settings: shortest alarm, longest gap, hysteresis.
        fps: scored frames a second.
    """

    def __init__(self, threshold: float, settings: Alarms, fps: float) -> None:
        self._threshold, self._settings = threshold, settings
        self.count_seconds_by(fps)
        self._number = self._frames = 0
        self._start, self._end, self._peak = -1, 0, -np.inf
        self._release: float | None = None
        self._announced = False

    def count_seconds_by(self, fps: float) -> None:
        """From the next frame on, turn the seconds of the settings into frames by another rate.

        Args:
            fps: scored frames a second, > 0.
        """
        self._rule = rule_frames(self._settings, fps)

    def add(
        self, scores: Float32[np.ndarray, " new"], median: Callable[[], float], last: bool = False
    ) -> list[AlarmEvent]:
        """Take the scores of the next frames; what has started and ended with them.

        Args:
            scores: may be none.
            median: of all scores up to here.
            last: whether no more will come.
        """
        found = [event for score in scores.tolist() for event in self._next(score, median)]
        return [*found, *self._close()] if last else found

    def _next(self, score: float, median: Callable[[], float]) -> list[AlarmEvent]:
        found: list[AlarmEvent] = []
        if self._start >= 0 and self._frames - self._end > self._rule.gap:
            found = self._close()
        if self._release is None and score >= self._threshold:
            hysteresis = self._settings.hysteresis
            fall = max(self._threshold - median(), 0) if hysteresis else 0
            self._release = self._threshold - hysteresis * fall
            self._start = self._start if self._start >= 0 else self._frames
        if self._release is not None and score < self._release:
            self._release = None
        self._frames += 1
        if self._release is not None:
            self._end, self._peak = self._frames, max(self._peak, score)
            if not self._announced and self._end - self._start >= self._rule.shortest:
                self._number, self._announced = self._number + 1, True
                found.append(AlarmEvent("start", self._number, self._start, self._end, self._peak))
        return found

    def _close(self) -> list[AlarmEvent]:
        """The alarm that is open ends, and says so if it was long enough to be announced."""
        ended = [AlarmEvent("end", self._number, self._start, self._end, self._peak)] if self._announced else []
        self._start, self._peak, self._release, self._announced = -1, -np.inf, None, False
        return ended
