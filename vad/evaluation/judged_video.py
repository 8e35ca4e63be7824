"""A test video with its labels and its scores, which are joined by video id: the input of every metric.

Nothing is joined by position, and the length of every array is checked against its video before arrays are
concatenated. Videos are sorted by id, so the order of a list changes no number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, SupportsFloat

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64, Real

from vad.errors import ArtefactError, listing

Level = Literal["frame", "video"]
"""What a model scores: each frame, or whole videos only."""


@dataclass(frozen=True, eq=False, kw_only=True)
class VideoTruth:
    """The labels of one video, without scores."""

    video_id: str
    class_name: str
    label: int
    """0 normal, 1 anomalous; from the list, not from the frame labels."""
    n_frames: int
    """Number of frames under the ground-truth convention in use."""
    labels: Int[np.ndarray, "labelled_frames"] | None = None
    """0 or 1 for each frame; None = no frame labels (the frames of a normal video are then all 0)."""
    first_frame: int = 0
    """The frame of the video that the first label and the first score belong to, from 0."""

    def frame_truth(self) -> Int[np.ndarray, "labelled_frames"]:
        """The label of each frame; all 0 where the video has no frame labels."""
        return np.zeros(self.n_frames, np.int8) if self.labels is None else self.labels

    def scored(
        self,
        scores: Real[np.ndarray, "scored_frames"] | None,
        video_score: SupportsFloat,
        normalised: Real[np.ndarray, "scored_frames"] | None = None,
    ) -> "JudgedVideo":
        """This video together with its scores; see `JudgedVideo`."""
        return JudgedVideo(
            video_id=self.video_id,
            class_name=self.class_name,
            label=self.label,
            n_frames=self.n_frames,
            labels=self.labels,
            first_frame=self.first_frame,
            scores=scores,
            video_score=float(video_score),
            normalised=normalised,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedVideo(VideoTruth):
    """One video with its labels and its scores: finite numbers of any range, higher = more anomalous."""

    scores: Real[np.ndarray, "scored_frames"] | None
    """One score for each frame; None for a model that scores whole videos only."""
    video_score: float
    normalised: Real[np.ndarray, "scored_frames"] | None = None
    """Frame scores that the model scaled by this video's own range, read by `frame_auc_pvnorm` alone.

    None = that metric scales `scores` itself, by their minimum and maximum.
    """
    zero: float = 0.0
    """The score that counts as 0 where scores are compared with a threshold; areas do not read it."""
    unit: float = 1.0
    """The difference of scores that counts as 1 there, > 0."""

    def own_threshold(self, threshold: float) -> float:
        """A threshold in the units of this video's scores."""
        return self.zero + threshold * self.unit

    def cut(self, start: int, stop: int | None = None) -> "JudgedVideo":
        """Labels and scores of the frames `start` to `stop` - 1 (None = to the end), as a video of its own."""
        parts = {name: getattr(self, name) for name in ("labels", "scores", "normalised")}
        kept = {name: None if part is None else part[start:stop] for name, part in parts.items()}
        frames = range(self.first_frame, self.first_frame + self.n_frames)[start:stop]
        return replace(self, n_frames=len(frames), first_frame=frames.start, **kept)


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of all videos, concatenated in the order of the videos."""

    scores: Float64[np.ndarray, "frames"]
    positive: Bool[np.ndarray, "frames"]
    own_normalised: Float64[np.ndarray, "frames"] | None
    """Scores that the model scaled per video; None unless every video has them."""
    video: Int64[np.ndarray, "frames"]
    """Index of each frame's video."""
    sizes: Int64[np.ndarray, "videos"]
    """Number of frames of each video."""

    @classmethod
    def of(cls, videos: Sequence[JudgedVideo]) -> "Frames":
        """Concatenate videos that have passed `checked` at level `frame`."""
        sizes = np.array([v.n_frames for v in videos], np.int64)
        labels = [v.frame_truth() for v in videos]
        scores = [np.asarray(v.scores, np.float64) for v in videos]
        given = [np.asarray(v.normalised, np.float64) for v in videos if v.normalised is not None]
        own = np.concatenate(given) if len(given) == len(videos) else None
        video = np.repeat(np.arange(len(videos)), sizes)
        return cls(np.concatenate(scores), np.concatenate(labels) == 1, own, video, sizes)

    def count(
        self, credit: Bool[np.ndarray, "frames"] | Float64[np.ndarray, "frames"]
    ) -> Float64[np.ndarray, "videos"]:
        """Sum of `credit` over the frames of each video; for a Bool array, the number of frames that are True."""
        return np.bincount(self.video, credit, len(self.sizes))

    def normalised(self) -> tuple[Float64[np.ndarray, "frames"], Float64[np.ndarray, "videos"]]:
        """Scores scaled to [0, 1] by each video's own minimum and maximum, and the range of each video's scores.

        All scores of a constant video become 0; its range is 0. Scores that the model itself scaled stay as they are.
        """
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        lowest = np.minimum.reduceat(self.scores, starts)
        spread = np.maximum.reduceat(self.scores, starts) - lowest
        if self.own_normalised is not None:
            return self.own_normalised, spread
        divisor = np.where(spread > 0, spread, 1.0)
        return (self.scores - lowest[self.video]) / divisor[self.video], spread


def join(
    truth: Sequence[VideoTruth],
    scores: Mapping[str, np.ndarray] | None,
    video_scores: Mapping[str, SupportsFloat],
    normalised: Mapping[str, np.ndarray] | None = None,
) -> list[JudgedVideo]:
    """Join labels and scores by video id.

    Args:
        truth: labels of the videos, in any order.
        scores: one score for each frame, by video id; None for a model that scores whole videos only.
        video_scores: one score for each video, by video id.
        normalised: frame scores that the model itself scaled per video, by video id; may lack videos.

    Returns: the videos in the order of `truth`.

    Raises: ArtefactError that lists every video without scores and all scores without a video.
    """
    known = {one.video_id for one in truth}
    problems = []
    for what, given in (("frame scores", scores), ("video score", video_scores)):
        if given is not None:
            problems += [f"{name}: no {what}" for name in sorted(known - given.keys())]
            problems += [f"{name}: {what}, but not a video of this list" for name in sorted(given.keys() - known)]
    if problems:
        raise ArtefactError(listing("scores", problems, "Score exactly the videos of the test list."))
    frames, own = scores or {}, normalised or {}
    ids = [one.video_id for one in truth]
    return [one.scored(frames.get(i), video_scores[i], own.get(i)) for one, i in zip(truth, ids, strict=True)]


def checked(videos: Sequence[JudgedVideo], level: Level) -> list[JudgedVideo]:
    """Check all videos and sort them by id.

    At level `video` only the labels of the videos and the video scores are checked.

    Raises: ArtefactError that lists all problems by video: duplicates, wrong lengths, wrong labels, scores that are
        missing or not finite.
    """
    ordered = sorted(videos, key=lambda v: v.video_id)
    ids = [v.video_id for v in ordered]
    problems = [f"{a}: listed twice" for a, b in pairwise(ids) if a == b]
    for video in ordered:
        found = _video_problems(video) + (_frame_problems(video) if level == "frame" else [])
        problems += [f"{video.video_id}: {what}" for what in found]
    if not videos:
        problems = ["no videos"]
    if problems:
        raise ArtefactError(listing("scores and labels", problems, "Make the scores of these videos again."))
    return ordered


def check_same(one: Sequence[JudgedVideo], two: Sequence[JudgedVideo]) -> None:
    """Check that two score sets have the same videos with the same labels, as a paired comparison needs.

    Raises: ArtefactError that lists every video that differs.
    """
    a, b = {v.video_id: v for v in one}, {v.video_id: v for v in two}
    problems = [f"{name}: in one of the two score sets only" for name in sorted(a.keys() ^ b.keys())]
    for name in sorted(a.keys() & b.keys()):
        same = a[name].label == b[name].label and a[name].class_name == b[name].class_name
        labels = a[name].frame_truth(), b[name].frame_truth()
        problems += [f"{name}: the labels differ"] * (not same or not np.array_equal(*labels))
    if problems:
        raise ArtefactError(listing("paired difference", problems, "Compare scores of the same videos."))


def _video_problems(video: JudgedVideo) -> list[str]:
    found = [f"label {video.label}; 0 is normal, 1 anomalous"] * (video.label not in {0, 1})
    return found + [f"video score {video.video_score} is not finite"] * (not np.isfinite(video.video_score))


def _frame_problems(video: JudgedVideo) -> list[str]:
    if video.scores is None:
        return ["no frame scores"]
    found = [f"{video.n_frames} frames; at least 1 is needed"] * (video.n_frames < 1)
    for scores in [video.scores, *([] if video.normalised is None else [video.normalised])]:
        if scores.shape != (video.n_frames,):
            found.append(f"scores of shape {scores.shape}, {video.n_frames} frames")
        bad = int((~np.isfinite(scores)).sum())
        found += [f"{bad} scores are not finite"] * (bad > 0)
    if video.labels is None:
        return found
    if video.labels.shape != (video.n_frames,):
        found.append(f"labels of shape {video.labels.shape}, {video.n_frames} frames")
    if not np.isin(video.labels, (0, 1)).all():
        found.append("frame labels other than 0 and 1")
    if video.label == 0 and video.labels.any():
        found.append(f"{int(video.labels.sum())} anomalous frames in a video that is labelled normal")
    return found
