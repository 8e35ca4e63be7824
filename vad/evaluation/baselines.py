"""Baselines that use no pixel, and oracles that know the labels: every result should be compared with them.

Each one scores the frames of a video from its length, its id or its labels alone. The video score is the highest frame
score. `rows` returns them in the form that `vad.evaluation.evaluate.evaluate` takes.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from vad.evaluation.ground_truth import BAG_SEGMENTS
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.splits.video import Intervals

ALWAYS = "always_anomalous"
"""The constant baseline that flags every frame; where most frames are anomalous its accuracy is high."""
HUMAN_BOX = "human_box"
"""Another person's labels: frames near a box, against the official intervals; only where boxes of the test list are."""
THRESHOLDS = {ALWAYS: 1.0, HUMAN_BOX: 1.0}
"""Baselines with an operating point, and the threshold of each."""

FrameScores = Float64[np.ndarray, "frames"]
Scorer = Callable[[VideoTruth], FrameScores]


def centre(n_frames: int) -> FrameScores:
    """1 in the middle of the video, 0 at both ends, linear between; 1 for a single frame."""
    return 1 - np.abs(np.linspace(-1, 1, n_frames)) if n_frames > 1 else np.ones(1)


def _constant(video: VideoTruth) -> FrameScores:
    return np.zeros(video.n_frames)


def _inverse_length(video: VideoTruth) -> FrameScores:
    return np.full(video.n_frames, 1 / video.n_frames)


def _centre_minus_length(video: VideoTruth) -> FrameScores:
    return centre(video.n_frames) - 0.5 * np.log(video.n_frames)


def _frame_index(video: VideoTruth) -> FrameScores:
    return np.arange(video.n_frames, dtype=float)


def _relative_position(video: VideoTruth) -> FrameScores:
    return np.arange(video.n_frames) / max(video.n_frames - 1, 1)


def random_scores(video: VideoTruth, seed: int = 0) -> FrameScores:
    """Uniform in [0, 1), from the seed and the video's id, so that the order of videos does not matter."""
    return np.random.default_rng([seed, zlib.crc32(video.video_id.encode())]).random(video.n_frames)


def label_oracle(video: VideoTruth, bags: int = BAG_SEGMENTS) -> FrameScores:
    """Mean label of the part of the video that each frame lies in: no score with `bags` equal parts can be better."""
    bag = np.arange(video.n_frames) * bags // video.n_frames
    return (np.bincount(bag, video.frame_truth(), bags) / np.maximum(np.bincount(bag, minlength=bags), 1))[bag]


NO_PIXEL: dict[str, Scorer] = {
    "constant": _constant,
    "inverse_length": _inverse_length,
    "centre": lambda video: centre(video.n_frames),
    "centre_minus_length": _centre_minus_length,
    "frame_index": _frame_index,
    "relative_position": _relative_position,
    ALWAYS: lambda video: np.ones(video.n_frames),
    "random": random_scores,
}
"""Scores from a video's length and id alone; `centre_minus_length` is centre - 0.5 ln n."""

ORACLES: dict[str, Scorer] = {
    "video_oracle": lambda video: np.full(video.n_frames, float(video.label)),
    "video_oracle_inverse_length": lambda video: 2 * video.label + _inverse_length(video),
    "video_oracle_centre": lambda video: 2 * video.label + centre(video.n_frames),
    "label_oracle_32": label_oracle,
}
"""Scores that know the test labels: for comparison, never results; `label_oracle_32` is an upper bound."""


def rows(
    videos: Sequence[VideoTruth], seed: int = 0, boxes: Mapping[str, Intervals] | None = None
) -> dict[str, list[JudgedVideo]]:
    """Score the videos by every baseline and oracle; returns them by the name of the row.

    Args:
        videos: labels of the test videos. Where an anomalous video has no frame labels, the label oracle is left out.
        seed: of the baseline `random`.
        boxes: frames near a box that a person drew, from 0, ends excluded, by video id; None = there are no boxes.
    """
    scorers: dict[str, Scorer] = {**NO_PIXEL, **ORACLES}
    scorers["random"] = lambda video: random_scores(video, seed)
    if boxes is not None:
        scorers[HUMAN_BOX] = lambda video: _near_boxes(video.n_frames, boxes.get(video.video_id, ()))
    if any(video.label and video.labels is None for video in videos):
        del scorers["label_oracle_32"]
    return {name: [_scored(video, scorer(video)) for video in videos] for name, scorer in scorers.items()}


def _near_boxes(n_frames: int, intervals: Intervals) -> FrameScores:
    """1 in the intervals, 0 elsewhere."""
    scores = np.zeros(n_frames)
    for start, end in intervals:
        scores[int(start) : int(end)] = 1
    return scores


def _scored(video: VideoTruth, scores: FrameScores) -> JudgedVideo:
    return video.scored(scores, scores.max())
