"""Counts of positives and negatives at each threshold, and the areas that are computed from them.

A threshold is a distinct score: a frame (or video) is flagged when its score is at least the threshold. Every curve
metric needs only how many positives and negatives have each distinct score. The formulas take such counts with a
leading axis of replicates, so that the value of a metric (one replicate, all distinct scores) and its bootstrap
replicates are computed by the same lines. NaN means undefined.

Room train chooses epochs by these areas. Formulas that training does not need are in `vad.evaluation.metrics`, so that
a change of them trains nothing again.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

MOST_THRESHOLDS = 4096
"""Distinct scores above which the replicates are computed on merged thresholds; see `Thresholds.of`."""

Counts = Float64[np.ndarray, "replicates thresholds"]
Values = Float64[np.ndarray, "replicates"]


@dataclass(frozen=True, eq=False)
class Thresholds:
    """How many positive and negative frames (or videos) of each row have each distinct score, highest score first."""

    positive: Float64[np.ndarray, "rows thresholds"]
    negative: Float64[np.ndarray, "rows thresholds"]

    @classmethod
    def of(
        cls,
        scores: Float64[np.ndarray, "frames"],
        positive: Bool[np.ndarray, "frames"],
        row: Int64[np.ndarray, "frames"],
        n_rows: int,
        most: int | None = MOST_THRESHOLDS,
    ) -> "Thresholds":
        """Count the frames of each row (for example, of each video) at each distinct score.

        With more than `most` distinct scores, neighbours are merged into about `most` groups, whose members count as
        ties. A third of the groups hold equal numbers of positives (for recall), a third equal numbers of negatives
        (for the false positive rate), and a third are spaced geometrically from the top (for small false alarm
        rates). A group then holds at most about 0.1 % of the positives, so `frame_ap`, `pr_auc_trapezoid` and the
        operating points of merged thresholds lie within 0.001 of the exact ones.

        Args:
            scores: any finite numbers, higher = more anomalous.
            positive: whether each frame is anomalous.
            row: the row that each frame is counted in, from 0.
            n_rows: number of rows; a row may be empty.
            most: None = never merge.
        """
        return cls.at(*ranks(scores), positive, row, n_rows, most)

    @classmethod
    def at(
        cls,
        rank: Int64[np.ndarray, "frames"],
        n_thresholds: int,
        positive: Bool[np.ndarray, "frames"],
        row: Int64[np.ndarray, "frames"],
        n_rows: int,
        most: int | None = MOST_THRESHOLDS,
    ) -> "Thresholds":
        """Like `of`, from the result of `ranks`, so that several tables share one sort."""
        if most is not None and n_thresholds > most:
            ends = _group_ends(rank, positive, n_thresholds, most)
            rank = np.searchsorted(ends, np.arange(n_thresholds))[rank]
            n_thresholds = len(ends)
        cell = row * n_thresholds + rank
        tables = [
            np.bincount(cell[chosen], minlength=n_rows * n_thresholds).reshape(n_rows, n_thresholds)
            for chosen in (positive, ~positive)
        ]
        return cls(tables[0].astype(float), tables[1].astype(float))


def ranks(scores: Float64[np.ndarray, "frames"]) -> tuple[Int64[np.ndarray, "frames"], int]:
    """Rank of each frame's score among the distinct scores (0 = highest), and the number of distinct scores."""
    distinct, rank = np.unique(-scores, return_inverse=True)
    return rank, len(distinct)


def _group_ends(
    rank: Int64[np.ndarray, "frames"], positive: Bool[np.ndarray, "frames"], n_thresholds: int, most: int
) -> Int64[np.ndarray, "groups"]:
    """Rank of the last threshold of each group of merged thresholds."""
    found, false = (np.cumsum(np.bincount(rank[chosen], minlength=n_thresholds)) for chosen in (positive, ~positive))
    share = np.linspace(0, 1, most // 3)
    growing = np.geomspace(1, max(false[-1], 1), most // 3)
    ends = [
        np.searchsorted(found, share * found[-1]),
        np.searchsorted(false, share * false[-1]),
        np.searchsorted(false, growing),
    ]
    return np.unique(np.concatenate([*ends, [n_thresholds - 1]]).clip(max=n_thresholds - 1))


def roc_area(positive: Counts, negative: Counts) -> Values:
    """Area under the ROC curve: P(score of a positive > score of a negative) + half of P(equal).

    NaN where there is no positive or no negative.
    """
    n_negative = negative.sum(-1)
    below = n_negative[:, None] - np.cumsum(negative, -1) + negative / 2
    return ratio((positive * below).sum(-1), positive.sum(-1) * n_negative)


def area(scores: Float64[np.ndarray, "units"], positive: Bool[np.ndarray, "units"]) -> float:
    """ROC area of scores, ties count one half; NaN without both classes.

    Args:
        scores: of frames or of videos, finite; higher = more anomalous.
        positive: whether each is anomalous.
    """
    counts = Thresholds.of(scores, positive, np.zeros(len(scores), np.int64), 1, most=None)
    return float(roc_area(counts.positive, counts.negative)[0])


def average_precision(positive: Counts, negative: Counts) -> Values:
    """Average precision: sum over thresholds of (increase of recall) x precision. Not a trapezoid.

    NaN where there is no positive.
    """
    at_thresholds = precision(np.cumsum(positive, -1), np.cumsum(negative, -1))
    return ratio(np.einsum("rt,rt->r", positive, at_thresholds), positive.sum(-1))


def precision(found: Counts, false: Counts) -> Counts:
    """Precision at each threshold; 1 where nothing is flagged, the point in which a precision-recall curve starts.

    Args:
        found: positives at or above each threshold.
        false: negatives at or above each threshold.
    """
    flagged = found + false
    return np.divide(found, flagged, out=np.ones_like(found), where=flagged > 0)


def ratio(above: Float64[np.ndarray, "*shape"], below: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Quotient that is NaN (undefined, never 0) where the divisor is 0, without numpy's warning."""
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=np.asarray(below) != 0)
