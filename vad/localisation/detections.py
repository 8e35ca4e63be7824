"""Which regions and tracks are detected at each threshold, and how many detections are false.

Paper: Ramachandra and Jones, "Street Scene: A new dataset and evaluation protocol for video anomaly detection", WACV
2020.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy import ndimage, sparse

from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.truth import NO_TRACK

ALPHA = 0.1
"""A track is detected when at least this share of its regions is."""
BETA = 0.1
"""A region is detected when a detected region has at least this intersection over union with it."""
POINTS = 100
"""Thresholds at which regions are counted, at most."""
_IN_A_FRAME = np.stack([np.zeros((3, 3), int), np.ones((3, 3), int), np.zeros((3, 3), int)])
"""Cells that touch at a corner belong together; those of two frames never do."""


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
        counted = [_of_video(video, thresholds) for video in videos]
        found, false, tracks_found, tracks = (np.array(each, float) for each in zip(*counted, strict=True))
        regions = np.array([len(video.regions.area) for video in videos], float)
        return cls(found, false, tracks_found, regions, tracks, np.array([len(v.judged) for v in videos], float))


def thresholds_of(scores: Sequence[Float64[np.ndarray, "cells"]], most: int = POINTS) -> Float64[np.ndarray, "points"]:
    """Thresholds at which regions are counted, highest first: every distinct score, or `most` of them.

    Of more distinct scores those are taken that flag a number of cells which grows geometrically, from one cell to
    all: false regions are counted per frame, so that the area lies where few cells are flagged.

    Args:
        scores: of the cells of each video.
        most: thresholds, at least 2.
    """
    ordered = -np.sort(-np.concatenate([np.zeros(0), *scores]))
    distinct = -np.unique(-ordered)
    if len(distinct) <= most:
        return distinct
    return -np.unique(-ordered[np.rint(np.geomspace(1, len(ordered), most)).astype(np.int64) - 1])


def _of_video(
    video: JudgedMaps, thresholds: Float64[np.ndarray, "thresholds"]
) -> tuple[list[int], list[int], list[int], int]:
    """Regions found, false regions and tracks found at each threshold; the number of tracks."""
    known = video.regions.track != NO_TRACK
    ids, own = np.unique(video.regions.track[known], return_inverse=True)
    needed = ALPHA * np.bincount(own, minlength=len(ids))
    rows = []
    for threshold in thresholds:
        detected, false = _at(video, threshold)
        # A share of at least ALPHA; rounding must not lose a track that has exactly that.
        hit = np.bincount(own, weights=detected[known], minlength=len(ids)) >= needed - 1e-9
        rows.append((int(detected.sum()), false, int(hit.sum())))
    found, false, tracks = (list(each) for each in zip(*rows, strict=True)) if rows else ([], [], [])
    return found, false, tracks, len(ids)


def _at(video: JudgedMaps, threshold: float) -> tuple[Bool[np.ndarray, "regions"], int]:
    """Which regions are detected at a threshold, and how many detected regions are false."""
    regions, pixels = video.regions, video.maps.geometry.pixels
    labels, count = ndimage.label(video.scores >= threshold, _IN_A_FRAME)
    flat = labels.ravel().astype(np.int64)
    area = np.bincount(flat, weights=np.broadcast_to(pixels, labels.shape).ravel(), minlength=count + 1)
    met = flat[regions.cell]
    inside = met > 0
    pairs = (regions.pixels[inside].astype(float), (regions.region[inside], met[inside]))
    shared = sparse.coo_array(pairs, shape=(len(regions.area), count + 1)).tocsr().tocoo()
    union = regions.area[shared.row] + area[shared.col] - shared.data
    enough = shared.data >= BETA * union - 1e-9  # 0.1 times 30 is a little more than 3
    detected = np.zeros(len(regions.area), bool)
    detected[shared.row[enough]] = True
    return detected, count - len(np.unique(shared.col[enough]))
