"""Apply a trained model to videos: the torch half of scoring (the other half is `vad.scores`)."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from vad.batches import BagSet, Part, VideoModel, WindowSet, crops_of
from vad.errors import FeatureError
from vad.schema import Infer
from vad.scores import (
    bag_over_segments,
    resample,
    rows_to_frames,
    smooth,
    video_score,
    window_starts,
    windows,
)

CHUNK = 512
"""Bags or windows that go through a model at once; bounds memory, not results."""


class VideoScores(NamedTuple):
    """Scores of one video, higher = more anomalous, any range: one per decoded frame, and the video's."""

    frames: Float[ndarray, " frames"]
    video: float


class RowScores(NamedTuple):
    """What a model says about one crop: `steps` are bag steps or windows, None for video models."""

    steps: Float[ndarray, " steps"] | None
    video: float


def _device(model: VideoModel) -> torch.device:
    return next(model.parameters()).device


def bag_length(model: VideoModel, rows: int) -> int:
    """Segments to which a video is resampled for scoring: its own rows where `score_full_length` is set."""
    return rows if getattr(model.config, "score_full_length", False) else model.config.bag_segments


def score_rows(model: VideoModel, features: Float[ndarray, "rows dim"]) -> RowScores:
    """Scores of one crop of a video, not yet spread over frames; the model must be in eval mode."""
    if model.sampling == "bags":
        bag = torch.from_numpy(resample(features, bag_length(model, len(features))))[None]
        scores = model.score(bag.to(_device(model)))
        steps = None if scores.steps is None else scores.steps[0].double().cpu().numpy()
        return RowScores(steps, float(scores.video[0]))
    found = WindowSet(Part([features], [0]), model.config.window, model.config.stride)
    smoothed = model.smooth(_window_scores(model, found))
    return RowScores(smoothed.double().cpu().numpy(), float(smoothed.max()))


def _window_scores(model: VideoModel, data: WindowSet) -> Float[Tensor, " windows"]:
    """Scores of all windows of a set, before smoothing."""
    chunks = torch.arange(len(data.starts)).split(CHUNK)
    return torch.cat([model.score(data.take(chunk).to(_device(model))).video for chunk in chunks])


def _frames(
    model: VideoModel, steps: Float[ndarray, " steps"], bounds: Int[ndarray, " bounds"]
) -> Float[ndarray, " frames"]:
    """Scores of bag steps or windows, spread over the frames of the video."""
    rows = len(bounds) - 1
    if model.sampling == "bags":
        return rows_to_frames(bag_over_segments(steps, bag_length(model, rows), rows), bounds)
    starts = window_starts(rows, model.config.window, model.config.stride)
    return windows(steps, starts, model.config.window, bounds)


@torch.no_grad()
def score_video(
    model: VideoModel,
    features: Float[ndarray, "rows *crops dim"],
    bounds: Int[ndarray, " bounds"],
    infer: Infer,
) -> VideoScores:
    """Scores of every frame of a video, and of the video.

    Args:
        model: put into eval mode.
        features: one vector per row, or per row and crop; crops are scored alone, their scores averaged.
        bounds: rows + 1 frame indices, the first 0, the last n_frames.
        infer: smoothing (after averaging) and the video's score.

    Returns: exactly n_frames frame scores; for a model that only scores videos, all the same.
    Raises: FeatureError when rows and bounds do not fit or a score is not a number.
    """
    if len(bounds) != len(features) + 1:
        raise FeatureError(f"{len(features)} rows need {len(features) + 1} bounds, there are {len(bounds)}.")
    model.eval()
    crops = [score_rows(model, crop) for crop in crops_of(features)]
    own = float(np.mean([crop.video for crop in crops]))
    steps = [crop.steps for crop in crops if crop.steps is not None]
    if steps:
        frames = smooth(_frames(model, np.mean(steps, axis=0), bounds), infer.smooth_sigma)
    else:
        frames = np.full(bounds[-1], own)
    if not (np.isfinite(own) and np.isfinite(frames).all()):
        raise FeatureError("the model gave a score that is not a finite number: check features and weights.")
    return VideoScores(frames, video_score(frames, own, infer))


@torch.no_grad()
def video_scores(model: VideoModel, data: BagSet | WindowSet) -> Float[ndarray, " videos"]:
    """The model's own score of each video of a part, mean over crops; the model must be in eval mode.

    Bags are scored as they are, resampled, also for models with `score_full_length`.
    """
    if isinstance(data, BagSet):
        scores = torch.cat([model.score(bags.to(_device(model))).video for bags in data.features.split(CHUNK)])
        totals = np.bincount(data.video, weights=scores.double().cpu().numpy(), minlength=data.n_videos)
        return totals / np.bincount(data.video, minlength=data.n_videos)
    scores = _window_scores(model, data)
    return np.array([_windows_of_video(model, data, scores, video) for video in range(data.n_videos)])


def _windows_of_video(model: VideoModel, data: WindowSet, scores: Float[Tensor, " windows"], video: int) -> float:
    """Highest smoothed window score of a video, mean over crops."""
    crops = data.crop[data.video == video]
    own = scores[data.video == video]
    return float(np.mean([float(model.smooth(own[crops == crop]).max()) for crop in crops.unique()]))
