"""Anomalous and other pixels of each video at each score, from counts in cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from vad.evaluation.thresholds import MOST_THRESHOLDS
from vad.localisation.judged_maps import JudgedMaps


@dataclass(frozen=True, eq=False)
class PixelCounts:
    """Pixels of each video by score, highest score first; the last one holds the pixels that no cell covers."""

    positive: Float64[np.ndarray, "videos scores"]
    """Anomalous pixels."""
    negative: Float64[np.ndarray, "videos scores"]
    """All other pixels."""
    overlap: Float64[np.ndarray, "videos scores"]
    """Sum over the regions of the share of their pixels that has the score."""
    regions: Float64[np.ndarray, "videos"]

    @classmethod
    def of(cls, videos: Sequence[JudgedMaps], most: int = MOST_THRESHOLDS) -> "PixelCounts":
        """Count them.

        With more than `most` distinct scores neighbours are merged into about `most` groups, whose members count as
        ties: half of the groups hold equal numbers of distinct scores, half are spaced geometrically from the top.

        Args:
            videos: the maps beside the ground truth.
            most: scores that are told apart.
        """
        lowest = _lowest_of_groups([np.unique(video.scores) for video in videos], most)
        tables = np.array([_of_video(video, lowest) for video in videos], float).reshape(len(videos), 3, -1)
        regions = np.array([len(video.regions.area) for video in videos], float)
        return cls(tables[:, 0], tables[:, 1], tables[:, 2], regions)


def _lowest_of_groups(scores: Sequence[Float64[np.ndarray, "scores"]], most: int) -> Float64[np.ndarray, "groups"]:
    """The lowest score of each group of merged scores, ascending."""
    distinct = np.unique(np.concatenate([np.zeros(0), *scores]))
    if len(distinct) <= most:
        return distinct
    from_top = len(distinct) - np.geomspace(1, len(distinct), most // 2)
    places = np.concatenate([np.linspace(0, len(distinct) - 1, most // 2), from_top])
    return distinct[np.unique(np.rint(places).astype(np.int64))]


def _of_video(
    video: JudgedMaps, lowest: Float64[np.ndarray, "groups"]
) -> tuple[Float64[np.ndarray, "scores"], Float64[np.ndarray, "scores"], Float64[np.ndarray, "scores"]]:
    """Anomalous pixels, other pixels and overlap of one video at each group of scores, then outside all cells."""
    n_scores = len(lowest) + 1
    ascending = np.searchsorted(lowest, video.scores.ravel(), "right") - 1
    group = len(lowest) - 1 - ascending
    regions, unseen = video.regions, video.unseen
    positive = np.bincount(group, weights=video.positive.ravel(), minlength=n_scores)
    negative = np.bincount(group, weights=video.negative.ravel(), minlength=n_scores)
    share = regions.pixels / regions.area[regions.region]
    overlap = np.bincount(group[video.place_in_scores(regions.cell)], weights=share, minlength=n_scores)
    positive[-1], negative[-1], overlap[-1] = *unseen, len(regions.area) - share.sum()
    return positive, negative, overlap
