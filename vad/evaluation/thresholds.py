"""Counts of positives and negatives at score levels, and the areas over them.

Every curve metric needs only how many positives and negatives lie at each distinct score. The formulas take
such counts with a leading axis of replicates, so the value (one replicate, all distinct scores) and its
bootstrap replicates come from the same lines. NaN inside means undefined. Room train chooses epochs by these areas
too; metrics that it does not need stand in `vad.evaluation.metrics`, where a change trains nothing again.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

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


def _precision(positive: Counts, negative: Counts) -> Counts:
    """Precision at each level; 1, the anchor, while nothing is flagged."""
    found = np.cumsum(positive, -1)
    flagged = found + np.cumsum(negative, -1)
    return np.divide(found, flagged, out=np.ones_like(found), where=flagged > 0)


def ratio(above: Float64[np.ndarray, "*shape"], below: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Quotient that is NaN, without a warning, where the divisor is 0: undefined, never 0."""
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=np.asarray(below) != 0)
