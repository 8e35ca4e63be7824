"""ROC areas of any resample of videos, computed from one table of pair counts.

The ROC area is the share of (positive, negative) pairs of frames in the right order; ties count one half. The pairs are
counted once for each pair of videos. The area under any weights of the videos then is a small bilinear form of that
table: it is exact, and a thousand resamples of a million frames cost about as much as one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from vad.evaluation.thresholds import ratio


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Pairs of a positive frame of one video and a negative frame of another (or the same) in the right order."""

    right: Float64[np.ndarray, "videos videos"]
    """Row p, column q: pairs in which the positive of p has a higher score than the negative of q; ties one half."""
    positives: Float64[np.ndarray, "videos"]
    """Number of positive frames of each video; `negatives` alike."""
    negatives: Float64[np.ndarray, "videos"]

    @classmethod
    def of(
        cls,
        scores: Float64[np.ndarray, "frames"],
        positive: Bool[np.ndarray, "frames"],
        sizes: Int64[np.ndarray, "videos"],
    ) -> "PairCounts":
        """Count the pairs of all frames.

        One searchsorted places every negative on the grid of the distinct positive scores; the rest is a running sum
        over that grid for each video. All counts are whole or half numbers, so the order of summing changes nothing.

        Args:
            scores: of the frames, concatenated video by video.
            positive: whether each frame is anomalous.
            sizes: number of frames of each video.
        """
        n_videos = len(sizes)
        video = np.repeat(np.arange(n_videos), sizes)
        positives, negatives = (np.bincount(video[chosen], minlength=n_videos) for chosen in (positive, ~positive))
        right = np.zeros((n_videos, n_videos))
        if positive.any():
            grid, rank = np.unique(scores[positive], return_inverse=True)
            ends = np.cumsum(negatives)[:-1]
            places = zip(*(np.split(part, ends) for part in _places(grid, scores[~positive])), strict=True)
            rows = np.flatnonzero(positives)
            starts = np.cumsum(positives[rows]) - positives[rows]
            for column, (above, tied) in enumerate(places):
                if len(above):
                    credit = _credit(above, tied, len(grid))
                    right[rows, column] = np.add.reduceat(credit[rank], starts)
        return cls(right, positives.astype(float), negatives.astype(float))

    def auc(
        self, weights: Float64[np.ndarray, "replicates videos"], among: Bool[np.ndarray, "videos"] | None = None
    ) -> Float64[np.ndarray, "replicates"]:
        """Micro ROC area of the frames of some videos.

        Args:
            weights: how often each video counts in each replicate.
            among: which videos; None = all.

        Returns: one area in [0, 1] for each row; NaN where a row has no positive or no negative frame.
        """
        chosen = np.ones(len(self.positives), bool) if among is None else among
        rows = np.flatnonzero(chosen & (self.positives > 0))
        columns = np.flatnonzero(chosen & (self.negatives > 0))
        by_row, by_column = weights[:, rows], weights[:, columns]
        right = ((by_row @ self.right[np.ix_(rows, columns)]) * by_column).sum(1)
        return ratio(right, (by_row @ self.positives[rows]) * (by_column @ self.negatives[columns]))

    def own(self) -> Float64[np.ndarray, "videos"]:
        """ROC area of each video over its own frames; NaN where it has one class of frame only."""
        return ratio(np.diag(self.right), self.positives * self.negatives)


def _places(
    grid: Float64[np.ndarray, "points"], scores: Float64[np.ndarray, "frames"]
) -> tuple[Int64[np.ndarray, "frames"], Bool[np.ndarray, "frames"]]:
    """How many points of the grid lie at or below each score, and whether the highest of them equals it."""
    above = np.searchsorted(grid, scores, "right")
    return above, grid[np.maximum(above - 1, 0)] == scores


def _credit(
    above: Int64[np.ndarray, "frames"], tied: Bool[np.ndarray, "frames"], n_points: int
) -> Float64[np.ndarray, "points"] | Int64[np.ndarray, "points"]:
    """Number of frames below each point of the grid; those that equal it count one half."""
    below = np.cumsum(np.bincount(above, minlength=n_points + 1)[:-1])
    return below + np.bincount(above[tied] - 1, minlength=n_points) / 2 if tied.any() else below
