"""Definitions of the metrics, as formulas over counts at score levels.

Every curve metric needs only how many positives and negatives lie at each distinct score. The formulas take
such counts with a leading axis of replicates, so the value (one replicate, all distinct scores) and its
bootstrap replicates come from the same lines. Tests hold them equal to scikit-learn, which states the
same definitions but works on one vector of frames at a time. NaN inside means undefined; nothing that leaves
`vad.evaluation` is NaN.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from vad.pair_counts import PairCounts, ratio
from vad.video_scores import Frames

FAR_LIMITS = {"recall_at_far_1pct": 0.01, "recall_at_far_0_1pct": 0.001}
"""Largest share of flagged normal-video frames, by metric name."""
RECALL_LIMITS = {"fpr_at_recall_80pct": 0.80, "fpr_at_recall_95pct": 0.95}
"""Smallest share of found positive frames, by metric name."""
MOST_LEVELS = 4096

Counts = Float64[np.ndarray, "replicates levels"]
Values = Float64[np.ndarray, "replicates"]


@dataclass(frozen=True, eq=False)
class Levels:
    """Positive and negative frames (or videos) of each row at each score level, highest level first."""

    positive: Float64[np.ndarray, "rows levels"]
    negative: Float64[np.ndarray, "rows levels"]

    @classmethod
    def of(
        cls,
        scores: Float64[np.ndarray, "frames"],
        positive: Bool[np.ndarray, "frames"],
        row: Int64[np.ndarray, "frames"],
        n_rows: int,
        most: int | None = MOST_LEVELS,
    ) -> "Levels":
        """Count the frames of each row (a video, say) at each distinct score.

        With more than `most` distinct scores, neighbours are merged into about `most` groups that count as
        ties: a third of the groups even in positives (recall), a third even in negatives (false positive
        rate), a third in geometric steps of negatives from the top (small false alarm rates). A group then
        holds about 0.1 % of the positives at most, so merged `frame_ap`, `pr_auc_trapezoid` and the
        operating points lie within 0.001 of the exact ones; `most=None` never merges.
        """
        return cls.at(*ranks(scores), positive, row, n_rows, most)

    @classmethod
    def at(
        cls,
        level: Int64[np.ndarray, "frames"],
        n_levels: int,
        positive: Bool[np.ndarray, "frames"],
        row: Int64[np.ndarray, "frames"],
        n_rows: int,
        most: int | None = MOST_LEVELS,
    ) -> "Levels":
        """The same from what `ranks` says of the scores, which costs the sort."""
        if most is not None and n_levels > most:
            ends = _group_ends(level, positive, n_levels, most)
            level = np.searchsorted(ends, np.arange(n_levels))[level]
            n_levels = len(ends)
        cell = row * n_levels + level
        tables = [
            np.bincount(cell[of], minlength=n_rows * n_levels).reshape(n_rows, n_levels) for of in (positive, ~positive)
        ]
        return cls(tables[0].astype(float), tables[1].astype(float))


def ranks(scores: Float64[np.ndarray, "frames"]) -> tuple[Int64[np.ndarray, "frames"], int]:
    """Which distinct score each frame has, the highest first, and how many there are."""
    distinct, level = np.unique(-scores, return_inverse=True)
    return level, len(distinct)


def _group_ends(
    level: Int64[np.ndarray, "frames"], positive: Bool[np.ndarray, "frames"], n_levels: int, most: int
) -> Int64[np.ndarray, "groups"]:
    """Last level of each group of merged levels."""
    found, false = (np.cumsum(np.bincount(level[of], minlength=n_levels)) for of in (positive, ~positive))
    share = np.linspace(0, 1, most // 3)
    steps = np.geomspace(1, max(false[-1], 1), most // 3)
    ends = [
        np.searchsorted(found, share * found[-1]),
        np.searchsorted(false, share * false[-1]),
        np.searchsorted(false, steps),
    ]
    return np.unique(np.concatenate([*ends, [n_levels - 1]]).clip(max=n_levels - 1))


def roc_area(positive: Counts, negative: Counts) -> Values:
    """P(score of a positive > score of a negative) + half of P(equal)."""
    n_negative = negative.sum(-1)
    below = n_negative[:, None] - np.cumsum(negative, -1) + negative / 2
    return ratio((positive * below).sum(-1), positive.sum(-1) * n_negative)


def average_precision(positive: Counts, negative: Counts) -> Values:
    """Sum over distinct thresholds of (recall step) * precision: `frame_ap`, `video_ap`. Not a trapezoid."""
    return precision_areas(positive, negative)[0]


def precision_areas(positive: Counts, negative: Counts) -> tuple[Values, Values]:
    """Average precision and the trapezoid, which share the precision at each level.

    The trapezoid (`pr_auc_trapezoid`) lies under the same points plus the anchor (recall 0, precision 1): optimistic
    under ties; most published "AP" of weakly supervised detectors is this.
    """
    precision = _precision(positive, negative)
    steps = np.einsum("rl,rl->r", positive, precision)
    before = positive[:, 0] + np.einsum("rl,rl->r", positive[:, 1:], precision[:, :-1])
    return ratio(steps, positive.sum(-1)), ratio((steps + before) / 2, positive.sum(-1))


def recall_at_far(positive: Counts, normal: Counts, limit: float) -> Values:
    """Largest recall among thresholds that flag at most the share `limit` of the frames of normal videos.

    Recall is over all positives. Thresholds are the distinct scores (flagged = score >= threshold) and one
    above all of them, which flags nothing: recall is 0 when already the highest level flags too much.
    `normal` counts the frames of normal videos only. A point of the test ROC, not a deployable threshold.
    """
    allowed = limit * normal.sum(-1, keepdims=True) * (1 + 1e-12)
    steps = (np.cumsum(normal, -1) <= allowed).sum(-1)
    found = np.concatenate([np.zeros((len(positive), 1)), np.cumsum(positive, -1)], -1)
    recall = ratio(np.take_along_axis(found, steps[:, None], -1)[:, 0], positive.sum(-1))
    return np.where(normal.sum(-1) > 0, recall, np.nan)


def fpr_at_recall(positive: Counts, negative: Counts, limit: float) -> Values:
    """Smallest false positive rate over all negative frames among thresholds with recall >= `limit`."""
    n_positive = positive.sum(-1)
    wanted = limit * n_positive[:, None] * (1 - 1e-12)
    step = (np.cumsum(positive, -1) < wanted).sum(-1)
    false = np.take_along_axis(np.cumsum(negative, -1), step[:, None], -1)[:, 0]
    return np.where(n_positive > 0, ratio(false, negative.sum(-1)), np.nan)


def rates(tp: Values, fp: Values, tn: Values, fn: Values) -> dict[str, Values]:
    """Accuracy, precision TP/(TP+FP), recall TP/(TP+FN) and F1 2TP/(2TP+FP+FN); positive = anomalous.

    NaN where the divisor is 0.
    """
    return {
        "accuracy": ratio(tp + tn, tp + fp + tn + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
    }


def confusion(level: str, tp: Values, fp: Values, tn: Values, fn: Values) -> dict[str, Values]:
    """The four counts and their rates, by name, with the level (`frame` or `video`) in the name."""
    counts = {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    return {f"{level}_{name}": values for name, values in (counts | rates(**counts)).items()}


def padded_auc(frames: Frames, pairs: PairCounts) -> Float64[np.ndarray, "videos"]:
    """Each video's own ROC area after a frame (score 0, normal) and a frame (score 1, anomalous) are added.

    What some published code averages to make single-class videos count. A fully anomalous video with scores
    in [0, 1] gets about 1.0 for free, hence the name of its own: `frame_auc_macro_padded`.
    """
    above_zero = frames.count((np.sign(frames.scores) + 1) / 2 * frames.positive)
    below_one = frames.count((np.sign(1 - frames.scores) + 1) / 2 * ~frames.positive)
    right = np.diag(pairs.right) + above_zero + below_one + 1
    return right / ((pairs.positives + 1) * (pairs.negatives + 1))


def _precision(positive: Counts, negative: Counts) -> Counts:
    """Precision at each level; 1, the anchor, while nothing is flagged."""
    found = np.cumsum(positive, -1)
    flagged = found + np.cumsum(negative, -1)
    return np.divide(found, flagged, out=np.ones_like(found), where=flagged > 0)
