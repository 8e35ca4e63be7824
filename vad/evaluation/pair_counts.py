"""ROC areas of any resample of videos from one table of pair counts.

The ROC area is the share of (positive, negative) pairs in the right order, ties one half. Counting the pairs
once per pair of videos makes the area under any weights of the videos a small bilinear form: exact, and a
thousand resamples of a million frames cost as much as one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from vad.evaluation.thresholds import ratio


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Ordered pairs between the positive frames of one video and the negative frames of another."""

    right: Float64[np.ndarray, "videos videos"]
    """Row p, column q: pairs with the positive of p above the negative of q; ties count one half."""
    positives: Float64[np.ndarray, "videos"]
    negatives: Float64[np.ndarray, "videos"]

    @classmethod
    def of(
        cls,
        scores: Float64[np.ndarray, "frames"],
        positive: Bool[np.ndarray, "frames"],
        sizes: Int64[np.ndarray, "videos"],
    ) -> "PairCounts":
        """Count the pairs of frames that are joined video by video, `sizes` frames each.

        One searchsorted places every negative on the grid of the distinct positive scores; per video the rest
        is a running sum over that grid. All counts are whole or half numbers, so no order of summing matters.
        """
        n_videos = len(sizes)
        video = np.repeat(np.arange(n_videos), sizes)
        positives, negatives = (np.bincount(video[of], minlength=n_videos) for of in (positive, ~positive))
        right = np.zeros((n_videos, n_videos))
        if positive.any():
            grid, level = np.unique(scores[positive], return_inverse=True)
            ends = np.cumsum(negatives)[:-1]
            places = zip(*(np.split(part, ends) for part in _places(grid, scores[~positive])), strict=True)
            rows = np.flatnonzero(positives)
            starts = np.cumsum(positives[rows]) - positives[rows]
            for column, (above, tied) in enumerate(places):
                if len(above):
                    credit = _credit(above, tied, len(grid))
                    right[rows, column] = np.add.reduceat(credit[level], starts)
        return cls(right, positives.astype(float), negatives.astype(float))

    def auc(
        self, weights: Float64[np.ndarray, "replicates videos"], of: Bool[np.ndarray, "videos"] | None = None
    ) -> Float64[np.ndarray, "replicates"]:
        """Micro ROC area of the frames of the videos `of`, each video counted `weights` times.

        Returns: one area in [0, 1] per row; NaN where a row has no positive or no negative frame.
        """
        chosen = np.ones(len(self.positives), bool) if of is None else of
        rows = np.flatnonzero(chosen & (self.positives > 0))
        columns = np.flatnonzero(chosen & (self.negatives > 0))
        by_row, by_column = weights[:, rows], weights[:, columns]
        right = ((by_row @ self.right[np.ix_(rows, columns)]) * by_column).sum(1)
        return ratio(right, (by_row @ self.positives[rows]) * (by_column @ self.negatives[columns]))

    def own(self) -> Float64[np.ndarray, "videos"]:
        """Each video's own ROC area; NaN where it lacks one class of frame."""
        return ratio(np.diag(self.right), self.positives * self.negatives)


def _places(
    grid: Float64[np.ndarray, "levels"], scores: Float64[np.ndarray, "frames"]
) -> tuple[Int64[np.ndarray, "frames"], Bool[np.ndarray, "frames"]]:
    """How many levels lie at or below each score, and whether the highest of them equals it."""
    above = np.searchsorted(grid, scores, "right")
    return above, grid[np.maximum(above - 1, 0)] == scores


def _credit(
    above: Int64[np.ndarray, "frames"], tied: Bool[np.ndarray, "frames"], n_levels: int
) -> Float64[np.ndarray, "levels"] | Int64[np.ndarray, "levels"]:
    """Frames below each level, those on it counted one half."""
    below = np.cumsum(np.bincount(above, minlength=n_levels + 1)[:-1])
    return below + np.bincount(above[tied] - 1, minlength=n_levels) / 2 if tied.any() else below
