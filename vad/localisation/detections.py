"""Which regions and tracks are detected at each threshold, and how many detections are false.

Paper: Ramachandra and Jones, "Street Scene: A new dataset and evaluation protocol for video anomaly detection", WACV
2020.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.truth import NO_TRACK

ALPHA = 0.1
"""A track is detected when at least this share of its regions is."""
BETA = 0.1
"""A region is detected when a detected region has at least this intersection over union with it."""
POINTS = 64
"""Thresholds at which regions are counted, at most."""
_IN_A_FRAME = np.stack([np.zeros((3, 3), int), np.ones((3, 3), int), np.zeros((3, 3), int)])
"""Cells that touch at a corner belong together; those of two frames never do."""
FEW = 1 / 16
"""Up to this share of flagged cells only these are looked at, which takes less time then."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What is detected in each video at each threshold, highest threshold first."""

    found: Float64[np.ndarray, "videos thresholds"]
    """Regions that are detected."""
    false: Float64[np.ndarray, "videos thresholds"]
    """Detected regions that overlap no region of the ground truth by `BETA`."""
    tracks_found: Float64[np.ndarray, "videos thresholds"]
    """Tracks that are detected."""
    regions: Float64[np.ndarray, "videos"]
    tracks: Float64[np.ndarray, "videos"]
    frames: Float64[np.ndarray, "videos"]
    """Frames that are judged."""

    @classmethod
    def of(cls, videos: Sequence[JudgedMaps], thresholds: Float64[np.ndarray, "thresholds"]) -> "Detections":
        """Count them; a place is flagged when its score is at least the threshold."""
        size = (len(videos), len(thresholds))
        counts = cls(
            found=np.zeros(size),
            false=np.zeros(size),
            tracks_found=np.zeros(size),
            regions=np.array([len(video.regions.area) for video in videos], float),
            tracks=np.array([len(_tracks(video)) for video in videos], float),
            frames=np.array([len(video.judged) for video in videos], float),
        )
        kinds = [(*video.scores.shape[1:], video.maps.still) for video in videos]
        for kind in dict.fromkeys(kinds):
            members = np.array([number for number, own in enumerate(kinds) if own == kind])
            group = _Group([videos[number] for number in members])
            for point, detected in group.at_each(thresholds):
                counts.found[members, point] = detected.found
                counts.false[members, point] = detected.false
                counts.tracks_found[members, point] = detected.tracks
        return counts


def _tracks(video: JudgedMaps) -> Int64[np.ndarray, "tracks"]:
    """The known tracks of the judged frames of a video."""
    return np.unique(video.regions.track[video.regions.track != NO_TRACK])


def thresholds_of(scores: Sequence[Float[np.ndarray, "cells"]], most: int = POINTS) -> Float64[np.ndarray, "points"]:
    """Thresholds at which regions are counted, highest first: every distinct score, or `most` of them.

    Of more distinct scores those are taken that flag a number of cells which grows geometrically, from one cell to
    all: false regions are counted per frame, so that the area lies where few cells are flagged.

    Args:
        scores: of the cells of each video.
        most: thresholds, at least 2.
    """
    ordered = np.sort(np.concatenate(scores) if scores else np.zeros(0))[::-1]
    first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    if first.sum() > most:
        chosen = ordered[np.rint(np.geomspace(1, len(ordered), most)).astype(np.int64) - 1]
        return np.unique(chosen)[::-1].astype(float)
    return ordered[first].astype(float)


class _Counts(NamedTuple):
    """What is detected in each video at one threshold."""

    found: Float64[np.ndarray, "videos"]
    false: Float64[np.ndarray, "videos"]
    tracks: Float64[np.ndarray, "videos"]


class _Group:
    """Videos with maps of one size, counted together: a threshold costs the same for one video and for a hundred.

    Of videos whose maps are all the same one, its detected regions are found once and count in each frame.
    """

    def __init__(self, videos: Sequence[JudgedMaps]) -> None:
        numbers = np.arange(len(videos))
        self.scores = np.concatenate([video.scores for video in videos])
        self.video = np.repeat(numbers, [len(video.scores) for video in videos])
        self.pixels = np.stack([video.maps.geometry.pixels.ravel() for video in videos])
        self.frames = np.array([len(video.judged) if video.maps.still else 1 for video in videos])
        regions = [video.regions for video in videos]
        own = [len(each.area) for each in regions]
        self.area = np.concatenate([each.area for each in regions])
        self.video_of = np.repeat(numbers, own)
        self.place = np.concatenate([each.place for each in regions]) * (self.frames[self.video_of] > 1)
        first = np.cumsum([0, *own])
        self.region = np.concatenate([each.region + start for each, start in zip(regions, first, strict=False)])
        self.starts = np.cumsum([0, *(video.scores.size for video in videos)])
        cells = [video.place_in_scores(v.cell) + at for video, v, at in zip(videos, regions, self.starts, strict=False)]
        order = np.argsort(np.concatenate(cells), kind="stable")
        self.cell, self.region = np.concatenate(cells)[order], self.region[order]
        self.shared = np.concatenate([each.pixels for each in regions]).astype(float)[order]
        tracks = [_tracks(video) for video in videos]
        self.known = np.concatenate([each.track for each in regions]) != NO_TRACK
        before = np.cumsum([0, *map(len, tracks)])
        numbered = [
            np.searchsorted(ids, each.track) + at for ids, each, at in zip(tracks, regions, before, strict=False)
        ]
        self.track = np.concatenate(numbered)[self.known]
        self.video_of_track = np.repeat(numbers, list(map(len, tracks)))
        self.needed = ALPHA * np.bincount(self.track, minlength=len(self.video_of_track))

    def at_each(self, thresholds: Float64[np.ndarray, "thresholds"]) -> Iterator[tuple[int, _Counts]]:
        """The counts at each threshold, lowest first, with its position."""
        scores, flagged = self.scores.ravel(), np.arange(self.scores.size)
        for point in range(len(thresholds))[::-1]:
            # What a higher threshold flags is flagged here too.
            still = scores >= thresholds[point]
            scores, flagged = scores[still], flagged[still]
            yield point, self._counts(flagged)

    def _counts(self, flagged: Int64[np.ndarray, "flagged"]) -> _Counts:
        """What some flagged cells detect.

        Args:
            flagged: indices in the flattened scores, ascending.
        """
        n_videos, n_regions = len(self.frames), len(self.area)
        label, count = components(flagged, self.scores.shape)
        video_of = np.zeros(count, np.int64)
        for video, (start, end) in enumerate(pairwise(np.searchsorted(flagged, self.starts))):
            video_of[label[start:end]] = video
        place = np.searchsorted(flagged, self.cell)
        inside = np.flatnonzero(np.append(flagged, -1)[place] == self.cell)
        met = label[place[inside]]
        pairs = (self.shared[inside], (self.region[inside], met))
        shared = sparse.coo_array(pairs, shape=(n_regions, count)).tocsr().tocoo()
        area = self._area(flagged, label, met, count)
        union = self.area[shared.row] + area[shared.col] - shared.data
        enough = shared.data >= BETA * union - 1e-9  # 0.1 times 30 is a little more than 3
        detected = np.zeros(n_regions, bool)
        detected[shared.row[enough]] = True
        # A component of a map that all frames share is another detected region in each of them.
        copies = self.frames.max(initial=1)
        right = np.unique(shared.col[enough] * copies + self.place[shared.row[enough]]) // copies
        all_of = np.bincount(video_of, minlength=n_videos) * self.frames
        # A share of at least ALPHA; rounding must not lose a track that has exactly that.
        hits = np.bincount(self.track, weights=detected[self.known], minlength=len(self.needed))
        return _Counts(
            np.bincount(self.video_of[detected], minlength=n_videos).astype(float),
            (all_of - np.bincount(video_of[right], minlength=n_videos)).astype(float),
            np.bincount(self.video_of_track[hits >= self.needed - 1e-9], minlength=n_videos).astype(float),
        )

    def _area(
        self,
        flagged: Int64[np.ndarray, "flagged"],
        label: Int64[np.ndarray, "flagged"],
        met: Int64[np.ndarray, "entries"],
        count: int,
    ) -> Float64[np.ndarray, "components"]:
        """Pixels of the components that meet a region; 0 for the others."""
        meets = np.zeros(count, bool)
        meets[met] = True
        chosen = np.flatnonzero(meets[label])
        frame, cell = np.divmod(flagged[chosen], self.pixels.shape[1])
        return np.bincount(label[chosen], weights=self.pixels[self.video[frame], cell], minlength=count)


def components(
    flagged: Int64[np.ndarray, "flagged"], shape: tuple[int, int, int], few: float = FEW
) -> tuple[Int64[np.ndarray, "flagged"], int]:
    """Which flagged cells of a frame touch, corners included: a number from 0 for each cell, and how many there are.

    Args:
        flagged: indices in flattened maps, ascending.
        shape: maps, rows and columns.
        few: share of flagged cells up to which only these are looked at.
    """
    mask = np.zeros(np.prod(shape) + 1, bool)  # one more: the neighbour of the last cell
    mask[flagged] = True
    if len(flagged) > few * np.prod(shape):
        labels, count = ndimage.label(mask[:-1].reshape(shape), _IN_A_FRAME)
        return labels.ravel()[flagged].astype(np.int64) - 1, int(count)
    _, rows, columns = shape
    row, column = flagged // columns % rows, flagged % columns
    number, pairs = np.empty(len(mask), np.int32), []
    number[flagged] = np.arange(len(flagged), dtype=np.int32)
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        other = flagged + down * columns + right
        same_frame = (row + down < rows) & (column + right >= 0) & (column + right < columns)
        touches = np.flatnonzero(same_frame & mask[np.where(same_frame, other, -1)])
        pairs.append((touches, number[other[touches]]))
    one, two = (np.concatenate(each) for each in zip(*pairs, strict=True))
    graph = sparse.coo_array((np.ones(len(one), bool), (one, two)), shape=(len(flagged), len(flagged)))
    count, label = csgraph.connected_components(graph, directed=False)
    return label.astype(np.int64), int(count)
