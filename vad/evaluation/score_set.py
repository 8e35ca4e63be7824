"""The test videos of one run with their scores and with weights: what every metric is computed from.

The weights have one row for each replicate. Their first row is all ones: it gives the value of a metric. The other rows
are bootstrap resamples: they give its replicates. What several metrics need is computed once, when the first reads it.

Ratios and ROC areas are exact in every row. Curve metrics are exact in the first row; in the other rows, more than
4,096 distinct scores are merged (see `vad.evaluation.thresholds.Thresholds.of`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64

from vad.evaluation.judged_video import Frames, JudgedVideo, Level
from vad.evaluation.pair_counts import PairCounts
from vad.evaluation.thresholds import Counts, Thresholds, Values, precision, ranks

Weights = Float64[np.ndarray, "replicates videos"]
Confusion = tuple[Values, Values, Values, Values]
"""True positives, false positives, true negatives, false negatives."""
ROWS_AT_ONCE = 32
"""Replicates whose curves are computed together: few enough for the counts to stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Frames at each threshold, highest threshold first, for some rows of the weights."""

    positive: Counts
    """Positive frames whose score is exactly the threshold."""
    negative: Counts
    """Negative frames whose score is exactly the threshold."""
    normal: Counts
    """The negative frames among them that belong to normal videos."""

    @cached_property
    def found(self) -> Counts:
        """Positive frames at or above each threshold."""
        return np.cumsum(self.positive, -1)

    @cached_property
    def false(self) -> Counts:
        """Negative frames at or above each threshold."""
        return np.cumsum(self.negative, -1)

    @cached_property
    def false_in_normal(self) -> Counts:
        """Frames of normal videos at or above each threshold."""
        return np.cumsum(self.normal, -1)

    @cached_property
    def precision(self) -> Counts:
        """Share of positives among the frames at or above each threshold; 1 where there are none."""
        return precision(self.found, self.false)


class ScoreSet:
    """Checked test videos, the weights of their replicates and an optional operating point."""

    def __init__(
        self, videos: Sequence[JudgedVideo], weights: Weights, threshold: float | None = None, level: Level = "frame"
    ) -> None:
        """Keep what is given; everything else is computed when it is read.

        Args:
            videos: as `vad.evaluation.judged_video.checked` returns them.
            weights: how often each video counts in each replicate; the first row is all ones.
            threshold: a frame or video is flagged when its score is at least this; None = no operating point.
            level: `video` for a model that scores whole videos only.
        """
        self.videos = videos
        self.weights = weights
        self.threshold = threshold
        self.level: Level = level

    @cached_property
    def unlabelled(self) -> list[str]:
        """Ids of the anomalous videos without frame labels; metrics over frames need that there are none."""
        return [video.video_id for video in self.videos if video.label == 1 and video.labels is None]

    @cached_property
    def has_frame_labels(self) -> bool:
        """Whether every frame of every video has a score and a label."""
        return self.level == "frame" and not self.unlabelled

    @cached_property
    def anomalous(self) -> Bool[np.ndarray, "videos"]:
        """Whether each video is anomalous."""
        return np.array([video.label == 1 for video in self.videos], bool)

    @cached_property
    def video_scores(self) -> Float64[np.ndarray, "videos"]:
        """The video score of each video."""
        return np.array([video.video_score for video in self.videos], float)

    @cached_property
    def frames(self) -> Frames:
        """The frames of all videos."""
        return Frames.of(self.videos)

    @cached_property
    def pairs(self) -> PairCounts:
        """How the frames of each two videos are ordered by the scores."""
        return PairCounts.of(self.frames.scores, self.frames.positive, self.frames.sizes)

    @cached_property
    def normalised_pairs(self) -> PairCounts:
        """The same for scores that are scaled per video."""
        return PairCounts.of(self._normalised[0], self.frames.positive, self.frames.sizes)

    @cached_property
    def score_range(self) -> Float64[np.ndarray, "videos"]:
        """Highest minus lowest frame score of each video."""
        return self._normalised[1]

    @cached_property
    def _normalised(self) -> tuple[Float64[np.ndarray, "frames"], Float64[np.ndarray, "videos"]]:
        return self.frames.normalised()

    @cached_property
    def within_unit_range(self) -> bool:
        """Whether all frame scores lie in [0, 1]."""
        return bool(self.frames.scores.min() >= 0 and self.frames.scores.max() <= 1)

    @cached_property
    def two_classes(self) -> Bool[np.ndarray, "videos"]:
        """Whether each video has positive and negative frames."""
        return (self.pairs.positives > 0) & (self.pairs.negatives > 0)

    @cached_property
    def video_counts(self) -> tuple[Counts, Counts]:
        """Anomalous and normal videos at each distinct video score, highest first, for each row of the weights."""
        each = np.arange(len(self.videos))
        counts = Thresholds.of(self.video_scores, self.anomalous, each, len(self.videos), most=None)
        return self.weights @ counts.positive, self.weights @ counts.negative

    @cached_property
    def frame_confusion(self) -> Confusion:
        """Frames by label and by whether they are flagged at the threshold."""
        flagged = self.frames.scores >= self.operating_points[self.frames.video]
        tp = self.frames.count(flagged & self.frames.positive)
        fp = self.frames.count(flagged & ~self.frames.positive)
        tn, fn = self.frames.count(~self.frames.positive) - fp, self.frames.count(self.frames.positive) - tp
        return self.weights @ tp, self.weights @ fp, self.weights @ tn, self.weights @ fn

    @cached_property
    def video_confusion(self) -> Confusion:
        """Videos by label and by whether they are flagged at the threshold."""
        flagged, anomalous = self.video_scores >= self.operating_points, self.anomalous
        tp, fp, tn, fn = anomalous & flagged, ~anomalous & flagged, ~anomalous & ~flagged, anomalous & ~flagged
        return self.weights @ tp, self.weights @ fp, self.weights @ tn, self.weights @ fn

    @cached_property
    def operating_points(self) -> Float64[np.ndarray, "videos"]:
        """The threshold in the units of each video, for metrics that are only computed where there is one."""
        assert self.threshold is not None
        return np.array([video.own_threshold(self.threshold) for video in self.videos], float)

    def curves(self) -> Iterator[Curve]:
        """The counts at all thresholds, for the first row of the weights and then for blocks of the other rows."""
        frames, kind = self.frames, self.anomalous.astype(np.int64)
        rank, n_thresholds = ranks(frames.scores)
        # Normal and anomalous videos are two rows of one small table: the first replicate counts every video once.
        exact = Thresholds.at(rank, n_thresholds, frames.positive, kind[frames.video], 2, most=None)
        yield _curve(exact, np.ones((1, 2)), np.array([True, False]))
        if len(self.weights) > 1:
            merged = Thresholds.at(rank, n_thresholds, frames.positive, frames.video, len(kind))
            for start in range(1, len(self.weights), ROWS_AT_ONCE):
                yield _curve(merged, self.weights[start : start + ROWS_AT_ONCE], ~self.anomalous)


def _curve(
    counts: Thresholds, weights: Float64[np.ndarray, "replicates rows"], normal: Bool[np.ndarray, "rows"]
) -> Curve:
    """The counts of each replicate; `normal` marks the rows of `counts` that hold normal videos."""
    from_normal = weights[:, normal] @ counts.negative[normal]
    return Curve(
        positive=weights[:, ~normal] @ counts.positive[~normal],
        negative=from_normal + weights[:, ~normal] @ counts.negative[~normal],
        normal=from_normal,
    )
