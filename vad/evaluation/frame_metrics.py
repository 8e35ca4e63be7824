"""All frame-level metrics of one score set under many weights of the videos at once.

The first row of the weights is all ones: its column is the value of a metric, the others are its bootstrap
replicates. Ratios and ROC areas are exact in every row. Curve metrics are exact in the first row; in the
others, scores with more than 4,096 distinct values are merged (see `vad.evaluation.thresholds.Levels.of`).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64

from vad.evaluation import metrics
from vad.evaluation.metrics import FAR_LIMITS, RECALL_LIMITS
from vad.evaluation.pair_counts import PairCounts
from vad.evaluation.scored_video import Frames, JudgedVideo
from vad.evaluation.thresholds import Levels, precision_areas, ranks, ratio

Weights = Float64[np.ndarray, "replicates videos"]
Measures = dict[str, Float64[np.ndarray, "replicates"]]
ROWS_AT_ONCE = 128
"""Replicates whose level counts are held in memory together."""


class FrameMetrics:
    """The frame-level metrics of one score set; sorting and counting happen once, here."""

    def __init__(self, videos: Sequence[JudgedVideo]) -> None:
        """Count what all weights share; the videos are checked and all have frame labels."""
        self.frames = Frames.of(videos)
        self.anomalous = np.array([v.label == 1 for v in videos])
        self.classes = np.array([v.class_name for v in videos])
        self.pairs = PairCounts.of(self.frames.scores, self.frames.positive, self.frames.sizes)
        normalised, self.spread = self.frames.normalised()
        self.normalised = PairCounts.of(normalised, self.frames.positive, self.frames.sizes)

    def facts(self) -> dict[str, bool]:
        """Whether that which a frame metric needs exists."""
        pairs = self.pairs
        return {
            "positive frames": bool(pairs.positives.any()),
            "negative frames": bool(pairs.negatives.any()),
            "negative frames in anomalous videos": bool(pairs.negatives[self.anomalous].any()),
            "videos with both classes of frame": bool(self.two_classes().any()),
            "score range within [0, 1]": self.unit_range(),
        }

    def unit_range(self) -> bool:
        """Whether all scores lie in [0, 1]."""
        return bool(self.frames.scores.min() >= 0 and self.frames.scores.max() <= 1)

    def constant_videos(self) -> int:
        """Videos whose frames all have one score."""
        return int((self.spread == 0).sum())

    def score_norm(self) -> str:
        """How the scores of `frame_auc_pvnorm` came to be per-video: scaled here, or by the model from components."""
        return "per_video" if self.frames.own_normalised is None else "per_video_components"

    def two_classes(self) -> Bool[np.ndarray, "videos"]:
        """Videos that have both classes of frame."""
        return (self.pairs.positives > 0) & (self.pairs.negatives > 0)

    def measure(self, weights: Weights) -> Measures:
        """Metrics without a threshold, by name, one value per row of the weights."""
        return self._areas(weights) | self._exact_first(weights)

    def at_threshold(self, weights: Weights, threshold: float) -> Measures:
        """Confusion and rates at score >= threshold."""
        flagged = self.frames.scores >= threshold
        tp, fp = (
            self.frames.count(flagged & self.frames.positive),
            self.frames.count(flagged & ~self.frames.positive),
        )
        counts = (tp, fp, self.pairs.negatives - fp, self.pairs.positives - tp)
        return metrics.confusion("frame", *(weights @ count for count in counts))

    def class_areas(self, weights: Weights, name: str) -> Measures:
        """ROC areas of one class: against its own normal frames, and against all normal videos as well."""
        own = self.anomalous & (self.classes == name)
        return {
            "class_auc_own": self.pairs.auc(weights, own),
            "class_auc_vs_normal": self.pairs.auc(weights, own | ~self.anomalous),
        }

    def _areas(self, weights: Weights) -> Measures:
        frames, pairs = self.frames, self.pairs
        own, usable = np.nan_to_num(pairs.own()), self.two_classes().astype(float)
        padded = metrics.padded_auc(frames, pairs) if self.unit_range() else np.full(len(own), np.nan)
        return {
            "frame_auc": pairs.auc(weights),
            "frame_auc_macro": ratio(weights @ own, weights @ usable),
            "frame_auc_macro_padded": ratio(weights @ padded, weights.sum(1)),
            "frame_auc_pvnorm": self.normalised.auc(weights),
            "frame_auc_balanced": pairs.auc(weights / frames.sizes),
            "ano_auc": pairs.auc(weights, self.anomalous),
        }

    def _exact_first(self, weights: Weights) -> Measures:
        """Curve metrics: exact for the first row, over merged levels for the replicates."""
        frames, kind = self.frames, self.anomalous.astype(np.int64)
        level, n_levels = ranks(frames.scores)
        exact = Levels.at(level, n_levels, frames.positive, kind[frames.video], 2, most=None)
        parts = [_curve(exact, np.ones((1, 2)), np.array([True, False]))]
        if len(weights) > 1:
            levels = Levels.at(level, n_levels, frames.positive, frames.video, len(kind))
            parts += [
                _curve(levels, weights[start : start + ROWS_AT_ONCE], ~self.anomalous)
                for start in range(1, len(weights), ROWS_AT_ONCE)
            ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def far_at_threshold(
    videos: Sequence[JudgedVideo], weights: Weights, threshold: float
) -> Float64[np.ndarray, "replicates"]:
    """Flagged share of the frames of normal videos; needs no frame labels."""
    normal = [0 if v.label else v.n_frames for v in videos]
    false = [0 if v.label else np.count_nonzero(np.asarray(v.scores) >= threshold) for v in videos]
    return ratio(weights @ np.array(false, float), weights @ np.array(normal, float))


def _curve(
    levels: Levels, weights: Float64[np.ndarray, "replicates rows"], normal: Bool[np.ndarray, "rows"]
) -> Measures:
    """Curve metrics of each weighting of the rows of a level table; `normal` marks rows of normal videos."""
    positive = weights[:, ~normal] @ levels.positive[~normal]
    from_normal = weights[:, normal] @ levels.negative[normal]
    negative = from_normal + weights[:, ~normal] @ levels.negative[~normal]
    average, trapezoid = precision_areas(positive, negative)
    return {
        "frame_ap": average,
        "pr_auc_trapezoid": trapezoid,
        **{name: metrics.recall_at_far(positive, from_normal, limit) for name, limit in FAR_LIMITS.items()},
        **{name: metrics.fpr_at_recall(positive, negative, limit) for name, limit in RECALL_LIMITS.items()},
    }
