"""How well alarms find annotated events, with intervals over videos.

An event is a run of positive frames of a test video. What is undefined is None with a reason, as in
`vad.evaluation.evaluate`. docs/protocol.md says what each number cannot show.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from vad.alarms.make import JoinedScores, Spans
from vad.alarms.match import matched, overlapping
from vad.evaluation.bootstrap import interval, replicate_weights
from vad.evaluation.evaluate import FEWEST_VIDEOS
from vad.evaluation.judged_video import JudgedVideo, checked
from vad.evaluation.score_set import Weights
from vad.evaluation.thresholds import Thresholds, Values, average_precision, ratio
from vad.schema.evaluate import Alarms, Bootstrap

OVERLAPS = (0.1, 0.2, 0.3, 0.5)
"""Temporal intersections over unions from which an alarm finds an event."""
AT_OVERLAP = ("precision", "recall", "f1", "ap")
"""What is computed at each of them."""
WITHIN_SECONDS = (1, 5, 10)
PER_HOUR = (1, 10)
"""False alarms per hour at which recall is read from the curve."""
CURVE_OVERLAP = 0.1
"""From which an alarm finds an event in the curve."""
MOST_THRESHOLDS = 64
"""Of the curve, from the scores of all frames, and as many from the highest scores of the videos."""
FALSE_ALARMS = ("false_alarms_per_hour", "false_alarm_time")
"""Metrics of normal videos, which need no frame labels."""


def _at(name: str, overlap: float) -> str:
    return f"event_{name}_{round(100 * overlap)}"


NAMES = (
    *(_at(name, overlap) for name in AT_OVERLAP for overlap in OVERLAPS),
    "delay_median_s",
    *(f"found_within_{seconds}s" for seconds in WITHIN_SECONDS),
    *FALSE_ALARMS,
    *(f"recall_at_{rate}_per_hour" for rate in PER_HOUR),
)
"""Every metric, in the order of the tables."""
OF_CURVE = NAMES[-len(PER_HOUR) :]
"""Metrics that need no threshold."""


class AlarmSet:
    """The test videos of one run, their events, their alarms at the operating point, and the weights of replicates."""

    def __init__(
        self,
        videos: Sequence[JudgedVideo],
        threshold: float | None,
        settings: Alarms,
        fps: Mapping[str, float | None],
        weights: Weights | None = None,
    ) -> None:
        """Make the alarms.

        Args:
            videos: as `vad.evaluation.judged_video.checked` returns them for level `frame`. Of a calibrated video the
                scores count in its own units.
            threshold: a score of at least this starts an alarm; None = no operating point.
            settings: how alarms are made.
            fps: frames per second by video id; a video that is missing has `settings.fps`.
            weights: how often each video counts in each replicate; the first row is all ones. None = one such row.
        """
        self.videos = videos
        self.threshold = threshold
        self.weights = np.ones((1, len(videos))) if weights is None else weights
        scores = [(np.asarray(video.scores, np.float64) - video.zero) / video.unit for video in videos]
        self.joined = JoinedScores(scores, [fps.get(video.video_id) for video in videos], settings)
        self.normal = np.array([video.label == 0 for video in videos], bool)
        self.unlabelled = [video.video_id for video in videos if video.label == 1 and video.labels is None]

    @cached_property
    def events(self) -> Spans:
        """The events of all videos."""
        return self.joined.runs(np.concatenate([video.frame_truth() for video in self.videos]))

    @cached_property
    def alarms(self) -> Spans:
        """The alarms at the operating point; none where there is no threshold."""
        return self.joined.alarms(np.inf if self.threshold is None else self.threshold)

    @cached_property
    def hours(self) -> Float64[np.ndarray, "videos"]:
        """Length of each normal video in hours; 0 for anomalous ones."""
        return np.where(self.normal, self.joined.sizes / self.joined.fps / 3600, 0.0)

    @cached_property
    def n_events(self) -> Values:
        """Number of events in each replicate."""
        return self.weights @ self.count(self.events)

    def count(self, spans: Spans, chosen: Bool[np.ndarray, "spans"] | None = None) -> Float64[np.ndarray, "videos"]:
        """Number of spans of each video, or of those that are chosen."""
        return np.bincount(spans.video, chosen, len(self.videos)).astype(float)

    def at_overlap(self, overlap: float) -> dict[str, Values]:
        """Precision, recall, F1 and average precision over events, by name, one value for each row of the weights."""
        peaks = self.joined.peaks(self.alarms)
        right, _ = matched(overlapping(self.alarms, self.events), peaks, len(self.events.start), overlap)
        found, n_alarms = self.weights @ self.count(self.alarms, right), self.weights @ self.count(self.alarms)
        recall = ratio(found, self.n_events)
        if right.any():
            at = Thresholds.of(peaks, right, self.alarms.video, len(self.videos))
            area = average_precision(self.weights @ at.positive, self.weights @ at.negative)
            area = np.where(found > 0, area, 0.0) * recall
        else:
            area = 0.0 * recall
        return {
            "precision": ratio(found, n_alarms),
            "recall": recall,
            "f1": ratio(2 * found, n_alarms + self.n_events),
            "ap": area,
        }

    @cached_property
    def delays(self) -> Float64[np.ndarray, "events"]:
        """Seconds from the start of each event to the first of its frames in an alarm; inf where there is none."""
        pairs = overlapping(self.alarms, self.events)
        frames = np.maximum(self.alarms.start[pairs.alarm] - self.events.start[pairs.event], 0).astype(float)
        first = np.full(len(self.events.start), np.inf)
        np.minimum.at(first, pairs.event, frames)
        return first / self.joined.fps[self.events.video]

    def delay_median(self) -> Values:
        """Median delay of the events that have one; NaN where none has."""
        found = np.isfinite(self.delays)
        order = np.argsort(self.delays[found], kind="stable")
        delays, video = self.delays[found][order], self.events.video[found][order]
        if not len(delays):
            return np.full(len(self.weights), np.nan)
        heights = np.cumsum(self.weights[:, video], 1)
        half = heights[:, -1:] / 2
        lower, upper = np.argmax(heights >= half, 1), np.argmax(heights > half, 1)
        return np.where(half[:, 0] > 0, (delays[lower] + delays[upper]) / 2, np.nan)

    def found_within(self, seconds: float) -> Values:
        """Share of all events with a delay of at most so many seconds."""
        return ratio(self.weights @ self.count(self.events, self.delays <= seconds * (1 + 1e-12)), self.n_events)

    def false_alarms_per_hour(self) -> Values:
        """Alarms in normal videos, divided by the hours of normal videos."""
        alarms = np.where(self.normal, self.count(self.alarms), 0.0)
        return ratio(self.weights @ alarms, self.weights @ self.hours)

    def false_alarm_time(self) -> Values:
        """Share of the frames of normal videos that lie in an alarm."""
        frames = np.bincount(self.alarms.video, self.alarms.end - self.alarms.start, len(self.videos))
        return ratio(
            self.weights @ np.where(self.normal, frames, 0.0), self.weights @ (self.normal * self.joined.sizes)
        )

    @cached_property
    def curve(self) -> tuple[Float64[np.ndarray, "thresholds videos"], Float64[np.ndarray, "thresholds videos"]]:
        """Found events and false alarms of each video at each threshold of the curve, highest threshold first.

        The highest threshold lies above all scores. With many distinct scores the thresholds are quantiles.
        """
        found, false = [np.zeros(len(self.videos))], [np.zeros(len(self.videos))]
        for threshold in _thresholds(self.joined):
            alarms = self.joined.alarms(threshold)
            peaks = self.joined.peaks(alarms)
            pairs = overlapping(alarms, self.events)
            _, by_event = matched(pairs, peaks, len(self.events.start), CURVE_OVERLAP)
            found.append(self.count(self.events, by_event))
            false.append(np.where(self.normal, self.count(alarms), 0.0))
        return np.array(found), np.array(false)

    def recall_at(self, rate: float) -> Values:
        """Largest recall at which at most so many false alarms are raised in an hour of normal video.

        The threshold is lowered until the rate is above the limit for the first time. At still lower thresholds false
        alarms grow together until there is one that never ends, which would count once.
        """
        found, false = self.curve
        hours = self.weights @ self.hours
        most = np.maximum.accumulate(self.weights @ false.T, 1)
        usable = most <= rate * hours[:, None] * (1 + 1e-12)
        recall = ratio(np.where(usable, self.weights @ found.T, 0.0).max(1), self.n_events)
        return np.where(hours > 0, recall, np.nan)

    def recall_curve(self, rates: Float64[np.ndarray, "rates"]) -> Float64[np.ndarray, "rates"]:
        """`recall_at` for many rates, of all videos as they are, without replicates.

        Args:
            rates: false alarms per hour of normal video.
        """
        found, false = self.curve
        best, most = (np.maximum.accumulate(counts.sum(1)) for counts in (found, false))
        usable = np.searchsorted(most, rates * self.hours.sum() * (1 + 1e-12), "right") - 1
        return best[usable] / self.n_events[0]


def _thresholds(joined: JoinedScores) -> Float64[np.ndarray, "thresholds"]:
    """The thresholds of a curve, highest first: scores of frames, and highest scores of videos.

    The latter are dense where few false alarms are raised: between two of them no further video raises its first.
    """
    highest = np.maximum.reduceat(joined.scores, joined.starts)
    chosen = [_spread(np.unique(highest)), _spread(np.sort(joined.scores))]
    return np.unique(np.concatenate(chosen))[::-1]


def _spread(ordered: Float64[np.ndarray, "scores"]) -> Float64[np.ndarray, "chosen"]:
    """At most `MOST_THRESHOLDS` of ordered scores, evenly by rank, the first and the last among them."""
    at = np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_THRESHOLDS))
    return ordered[np.round(at).astype(int)]


def measure(
    videos: Sequence[JudgedVideo],
    threshold: float | None,
    settings: Alarms,
    fps: Mapping[str, float | None],
    bootstrap: Bootstrap | None = None,
) -> dict[str, Any]:
    """Compute every metric of alarms of one score set, with bootstrap intervals over videos.

    Args:
        videos: with frame scores, in any order; they are checked first.
        threshold: the operating point from validation; None leaves only metrics of the curve.
        settings: how alarms are made.
        fps: frames per second by video id; a video that is missing has `settings.fps`.
        bootstrap: None = no intervals; fewer than 5 videos have none either.

    Returns: by name of `NAMES` `{"value", "low", "high"}`, with `reason` where the value is None; and `counts`: numbers
        of events and alarms, hours of normal video. Only numbers, None and text.

    Raises: ArtefactError that lists all problems of scores and labels by video.
    """
    ordered = checked(videos, "frame")
    drawn = bootstrap if len(ordered) >= FEWEST_VIDEOS else None
    weights = replicate_weights([video.label for video in ordered], drawn)
    return entries(AlarmSet(ordered, threshold, settings, fps, weights), drawn)


def entries(alarms: AlarmSet, bootstrap: Bootstrap | None, names: Collection[str] = NAMES) -> dict[str, Any]:
    """Compute metrics of an alarm set.

    Args:
        alarms: the alarm set.
        bootstrap: what made its weights; None = there are no replicates.
        names: which metrics.

    Returns: as `measure`.
    """
    reasons = {name: _cannot_be_computed(name, alarms) for name in names}
    values = _values(alarms, [name for name in names if not reasons[name]])
    found = {name: _entry(values.get(name), reasons[name], alarms, bootstrap) for name in names}
    counts = {
        "n_events": None if alarms.unlabelled else len(alarms.events.start),
        "n_alarms": None if alarms.threshold is None else len(alarms.alarms.start),
        "normal_hours": float(alarms.hours.sum()),
    }
    return found | {"counts": counts}


def _values(alarms: AlarmSet, names: Collection[str]) -> dict[str, Values]:
    """Metrics by name, one value for each row of the weights; those that are not in `names` may be missing."""
    found: dict[str, Values] = {}
    for overlap in OVERLAPS:
        if any(_at(name, overlap) in names for name in AT_OVERLAP):
            found |= {_at(name, overlap): values for name, values in alarms.at_overlap(overlap).items()}
    single: dict[str, Callable[[], Values]] = {
        "delay_median_s": alarms.delay_median,
        "false_alarms_per_hour": alarms.false_alarms_per_hour,
        "false_alarm_time": alarms.false_alarm_time,
        **{f"found_within_{seconds}s": partial(alarms.found_within, seconds) for seconds in WITHIN_SECONDS},
        **{f"recall_at_{rate}_per_hour": partial(alarms.recall_at, rate) for rate in PER_HOUR},
    }
    return found | {name: compute() for name, compute in single.items() if name in names}


def _cannot_be_computed(name: str, alarms: AlarmSet) -> str:
    """Why the inputs of a metric are missing; empty if they are there."""
    if name not in OF_CURVE and alarms.threshold is None:
        return "no threshold"
    if name in (*FALSE_ALARMS, *OF_CURVE) and not alarms.normal.any():
        return "no normal videos"
    if name in FALSE_ALARMS:
        return ""
    if alarms.unlabelled:
        return f"no frame labels: {', '.join(alarms.unlabelled)}"
    return "" if len(alarms.events.start) else "no events"


def _entry(values: Values | None, reason: str, alarms: AlarmSet, bootstrap: Bootstrap | None) -> dict[str, Any]:
    """A value and its interval, or the reason why it is undefined."""
    if values is None or reason or np.isnan(values[0]):
        why = reason or ("no alarms" if not len(alarms.alarms.start) else "no event with an alarm")
        return {"value": None, "low": None, "high": None, "reason": why}
    low, high = interval(values[1:], bootstrap.coverage)[:2] if bootstrap else (None, None)
    return {"value": float(values[0]), "low": low, "high": high}
