"""From the scores of segments or windows to one score per frame and one per video. Numpy only, no torch.

Higher = more anomalous everywhere. Rules by name: `bag_over_segments` (bag models on stored segments), `sultani_m`
(the same bags as published MATLAB code spreads them: `vad.artefacts.bag_frames`), `windows` (window models, at their
centres or at the frame that they predict). All cover exactly the frames that were decoded.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from vad.artefacts.npy import StoredArray
from vad.schema.infer import Infer

BLOCK_BYTES = 2**25
"""Bytes of stored rows that are resampled at once; bounds memory."""


def resample_bounds(rows: int, bag_segments: int) -> Int[ndarray, " bounds"]:
    """The bounds that cut `rows` rows into a bag: r[i] = i * rows / bag_segments, truncated, i from 0.

    Bag segment i is the mean of rows r[i] .. r[i+1]-1, or only row r[i] where that range is empty.
    Differs: whole-number arithmetic; `linspace` in floating point can truncate to one less.
    """
    return np.arange(bag_segments + 1, dtype=np.int64) * rows // bag_segments


def resample(
    features: Float[ndarray, "rows *dims"], bag_segments: int, pool: Literal["mean", "max"] = "mean"
) -> Float[ndarray, "segments *dims"]:
    """A video's rows as a bag of `bag_segments` segments, by the bounds of `resample_bounds`.

    Args:
        features: one row or more.
        bag_segments: segments of the bag, >= 1.
        pool: what a segment is of its rows: their mean, or their element-wise maximum.
    """
    return _pooled(features, resample_bounds(len(features), bag_segments), pool)


def resample_stored(
    features: StoredArray, bag_segments: int, pool: Literal["mean", "max"] = "mean"
) -> Float[ndarray, "segments *dims"]:
    """As `resample`, to the last bit, of rows that stay in their file: a few segments are in memory at a time."""
    bounds = resample_bounds(len(features), bag_segments)
    at_once = max(BLOCK_BYTES * bag_segments // features.nbytes, 1)
    parts = []
    for first in range(0, bag_segments, at_once):
        own = bounds[first : first + at_once + 1]
        rows = features[own[0] : max(own[-1], own[-2] + 1)]
        parts.append(_pooled(rows, own - own[0], pool))
    return np.concatenate(parts)


def _pooled(
    features: Float[ndarray, "rows *dims"], bounds: Int[ndarray, " bounds"], pool: Literal["mean", "max"]
) -> Float[ndarray, "segments *dims"]:
    """Each segment from its rows."""
    # reduceat gives the single row r[i] where r[i] == r[i+1]: just the rule for empty segments.
    if pool == "max":
        return np.maximum.reduceat(features, bounds[:-1], axis=0)
    sums = np.add.reduceat(features, bounds[:-1], axis=0, dtype=np.float32)
    counts = np.maximum(np.diff(bounds), 1).reshape(-1, *[1] * (features.ndim - 1))
    return sums / counts.astype(np.float32)


def position_scores(positions: Float[ndarray, " positions"], bag_segments: int) -> Float[ndarray, " {bag_segments}"]:
    """The score of each bag segment: that of the position that covers it.

    Args:
        positions: one score per position of the model; where a model pools over time, each covers
            `bag_segments // positions` bag segments, the last one also what is left over.
        bag_segments: segments of the bag.
    """
    span = bag_segments // len(positions)
    return positions[np.minimum(np.arange(bag_segments) // span, len(positions) - 1)]


def bag_over_segments(positions: Float[ndarray, " positions"], bag_segments: int, rows: int) -> Float[ndarray, " rows"]:
    """Scores of a bag back onto the rows it was made of: the mean of all bag segments that sample a row.

    Args:
        positions: as `position_scores` takes them.
        bag_segments: segments of the bag.
        rows: rows of the video.
    """
    segments = position_scores(positions, bag_segments)
    bounds = resample_bounds(rows, bag_segments)
    counts = np.maximum(np.diff(bounds), 1)
    sampled = np.repeat(bounds[:-1], counts) + np.concatenate([np.arange(count) for count in counts])
    total = np.bincount(sampled, weights=np.repeat(segments, counts), minlength=rows)
    return total / np.bincount(sampled, minlength=rows)


def rows_to_frames(scores: Float[ndarray, " rows"], bounds: Int[ndarray, " bounds"]) -> Float[ndarray, " frames"]:
    """Each row's score on all its frames.

    Args:
        scores: one per row.
        bounds: rows + 1 frame indices; row i covers frames bounds[i] .. bounds[i+1]-1; the last is n_frames.
    """
    return np.repeat(scores, np.diff(bounds))


def window_starts(rows: int, window: int, stride: int) -> Int[ndarray, " windows"]:
    """First rows of the windows of a video, the last whole window included; [0] for a video shorter than one.

    A video shorter than one window is padded by repeating its last row, so it has one window.
    """
    return np.arange(0, max(rows - window, 0) + 1, stride, dtype=np.int64)


def windows(
    scores: Float[ndarray, " windows"],
    starts: Int[ndarray, " windows"],
    window: int,
    bounds: Int[ndarray, " bounds"],
    place: Literal["centre", "last"] = "centre",
) -> Float[ndarray, " frames"]:
    """Window scores at their centres (or last frames) in frames, linear between them, held at both ends.

    Args:
        scores: one per window.
        starts: first row of each window.
        window: rows of a window; past the end of a short video they are padding and count no frames.
        bounds: rows + 1 frame indices; the last is n_frames.
        place: `last` for models that predict the last frame of a window from the others.
    """
    ends = bounds[np.minimum(starts + window, len(bounds) - 1)]
    at = (bounds[starts] + ends) / 2 if place == "centre" else ends - 1
    return np.interp(np.arange(bounds[-1]), at, scores)


def unscored_frames(bounds: Int[ndarray, " bounds"], window: int, place: Literal["centre", "last"]) -> int:
    """Frames at the start of a video that hold the first score because no window ends on them.

    Never all frames: of a video that is shorter than a window, the last frame counts as scored.
    """
    return int(bounds[min(window, len(bounds) - 1)]) - 1 if place == "last" else 0


def smooth(frames: Float[ndarray, " frames"], sigma: float) -> Float[ndarray, " frames"]:
    """Gaussian smoothing over time, the ends held; sigma in frames, 0 = unchanged."""
    if sigma == 0 or not len(frames):
        return frames
    # Imported here: it takes a quarter of a second, which every job of the rooms train and infer would pay.
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(frames, sigma, mode="nearest")


def video_score(frames: Float[ndarray, " frames"], model_score: float, infer: Infer) -> float:
    """One score per video by `infer.video_score`: from its frame scores, or the model's own."""
    if infer.video_score == "model":
        return model_score
    if infer.video_score == "mean":
        return float(frames.mean())
    best = np.sort(frames)[::-1][: 1 if infer.video_score == "max" else infer.topk]
    return float(best.mean())
