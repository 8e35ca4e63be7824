"""Apply a trained model to videos: the torch half of scoring (the other half is `vad.engine.expansion`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from numpy import ndarray
from torch import Tensor

from vad.artefacts.bag_frames import sultani_m
from vad.artefacts.clips import BagClips, Clips
from vad.engine.batches import BagSet, WindowSet
from vad.engine.expansion import (
    bag_over_segments,
    position_scores,
    resample,
    rows_to_frames,
    smooth,
    unscored_frames,
    video_score,
    window_starts,
    windows,
)
from vad.engine.parts import Part, Rows, crops_of, in_memory
from vad.errors import FeatureError, VadError
from vad.models._base import OWN, Bags, Scores, VideoModel, defines, device_of
from vad.models._contract import checked_scores
from vad.schema.infer import Infer

CHUNK = 512
"""Bags or windows that go through a model at once; bounds memory, not results."""
CHUNK_VALUES = 2**21
"""The same bound for large windows: values of the windows that go through a model at once, 8 MB, which caches hold."""


class ScoredPlaces(NamedTuple):
    """Where in the pictures of a video its scores come from: maps of the picture that the model sees."""

    maps: Float[ndarray, "maps rows columns"]
    """Higher = more anomalous (a further map: as the model says), any range."""
    frames: Int[ndarray, " maps"]
    """The frame of each map, ascending."""


class ScoredVideo(NamedTuple):
    """Scores of one video, higher = more anomalous, any range: one per decoded frame, and the video's."""

    frames: Float[ndarray, " frames"]
    video: float
    normalised: Float[ndarray, " frames"] | None = None
    """The frame scores from components scaled by the video's own range, of a model that has components."""
    dropped: int = 0
    """Frames at the start that have no score of their own and that evaluation leaves out."""
    places: ScoredPlaces | None = None
    """Only where they were asked for."""
    further: Mapping[str, ScoredPlaces] | None = None
    """Likewise the further maps that the model notes, by name; often none."""


class CropScores(NamedTuple):
    """The scores of one crop: one per position of its bag or per window (None at level video), and the crop's own."""

    positions: Float[ndarray, " positions"] | None
    video: float
    normalised: Float[ndarray, " positions"] | None = None
    maps: Mapping[str, Float[ndarray, "positions rows columns"]] | None = None
    """By name, of a model whose maps are noted."""


def bag_length(model: VideoModel, rows: int) -> int:
    """Segments to which a video is resampled for scoring: its own rows where `score_full_length` is set."""
    return rows if model.scores_own_rows else model.bag_segments


def score_bags(model: VideoModel, bags: Bags) -> Scores:
    """A model's scores of bags; a model that uses clips gets these too."""
    features = bags.features.to(device_of(model))
    scores = model.score(features, bags.clips) if model.uses_clips else model.score(features)
    return checked_scores(model, scores, len(features))


def _for_selection(model: VideoModel, bags: Bags) -> Scores:
    """The scores of bags by which an epoch is chosen."""
    features = bags.features.to(device_of(model))
    return checked_scores(model, model.score_for_selection(features, bags.clips), len(features))


def score_crop(
    model: VideoModel, features: Shaped[ndarray, "rows dim *space"], clips: Clips | None = None
) -> CropScores:
    """Scores of one crop of a video, not yet spread over frames; the model must be in eval mode.

    A model with `score_sequence` gives components, one window after the other, and `mix` makes the score of them.
    """
    if model.sampling == "bags":
        bag = torch.from_numpy(resample(features, bag_length(model, len(features)), model.bag_pool))[None]
        scores = score_bags(model, Bags(bag, torch.zeros(1), None if clips is None else BagClips([clips])))
        positions = None if scores.positions is None else scores.positions[0].double().cpu().numpy()
        return CropScores(positions, float(scores.video[0]))
    found = WindowSet(Part([features], [0]), model.window, model.stride)
    return crop_of_windows(model, in_chunks(model, found, lambda rows: of_windows(model, rows)))


def of_windows(model: VideoModel, windows: Shaped[Tensor, "windows *dims"]) -> Float[Tensor, "windows *components"]:
    """What is kept of each window: its components for a model with `score_sequence`, else its score."""
    if defines(model, VideoModel.score_sequence):
        return model.score_sequence(windows)
    return checked_scores(model, model.score(windows), len(windows)).video


def crop_of_windows(model: VideoModel, found: Float[Tensor, "windows *components"]) -> CropScores:
    """The scores of one crop of a video from what `of_windows` gave for all its windows, in their order."""
    if not defines(model, VideoModel.score_sequence):
        smoothed = model.smooth(found)
        return CropScores(smoothed.double().cpu().numpy(), float(smoothed.max()))
    components = found
    own_ranges = torch.stack([components.amin(dim=0), components.amax(dim=0)], dim=1)
    positions, normalised = (model.mix(components, r).double().cpu().numpy() for r in (model.ranges, own_ranges))
    return CropScores(positions, float(positions.max()), normalised)


def in_chunks(
    model: VideoModel, data: WindowSet, score: Callable[[Tensor], Shaped[Tensor, "windows *rest"]]
) -> Shaped[Tensor, "windows *rest"]:
    """The results of `score` for all windows of a set, which gets a few at a time, in their order."""
    chunks = torch.arange(len(data.starts)).split(windows_together(data.values))
    return torch.cat([score(data.take(chunk).to(device_of(model))) for chunk in chunks])


def windows_together(values: int) -> int:
    """How many windows of so many numbers each go through a model at once."""
    return max(min(CHUNK, CHUNK_VALUES // values), 1)


def _window_scores(model: VideoModel, data: WindowSet) -> Float[Tensor, " windows"]:
    """Scores of all windows of a set, before smoothing."""
    return in_chunks(model, data, lambda rows: checked_scores(model, model.score(rows), len(rows)).video)


def score_place(model: VideoModel) -> Literal["centre", "last"]:
    """Where in its window a score belongs: to the centre, or to the last frame (`Model.predicts_last`)."""
    return "last" if model.predicts_last else "centre"


def _positions_to_frames(
    model: VideoModel, positions: Float[ndarray, " positions"], bounds: Int[ndarray, " bounds"], infer: Infer
) -> Float[ndarray, " frames"]:
    """Scores of bag positions or windows, spread over the frames of the video."""
    rows = len(bounds) - 1
    if infer.bag_frames == "sultani_m":
        return sultani_m(position_scores(positions, model.bag_segments), int(bounds[-1]))
    if model.sampling == "bags":
        return rows_to_frames(bag_over_segments(positions, bag_length(model, rows), rows), bounds)
    starts = window_starts(rows, model.window, model.stride)
    return windows(positions, starts, model.window, bounds, score_place(model))


@torch.no_grad()
def score_video(
    model: VideoModel,
    features: Rows,
    bounds: Int[ndarray, " bounds"],
    infer: Infer,
    clips: Clips | None = None,
    places: bool = False,
) -> ScoredVideo:
    """Scores of every frame of a video, and of the video.

    Args:
        model: put into eval mode. One with `score_sequence` may carry state from video to video.
        features: one vector or image per row, or per row and crop; crops are scored one by one, then averaged.
        bounds: rows + 1 frame indices, the first 0, the last n_frames.
        infer: smoothing (after averaging) and the video's score.
        clips: the images of the rows, for models that look at them.
        places: whether to keep the maps that a model with `scores_places` notes.

    Returns: exactly n_frames frame scores; for a model that only scores videos, all the same.
    Raises: FeatureError when rows and bounds do not fit or a score is not a number.
    """
    if len(bounds) != len(features) + 1:
        raise FeatureError(f"{len(features)} rows need {len(features) + 1} bounds, there are {len(bounds)}.")
    model.eval()
    if model.resets_memory_per_video:
        model.reset_memory()
    crops = [_noted(model, in_memory(crop), clips, places) for crop in crops_of(features)]
    scores = over_frames(model, crops, bounds, infer)
    if not places:
        return scores
    found = _places(model, crops, bounds, clips)
    return scores._replace(places=found.pop(OWN), further=found)


def over_frames(
    model: VideoModel, crops: Sequence[CropScores], bounds: Int[ndarray, " bounds"], infer: Infer
) -> ScoredVideo:
    """The scores of a video from those of its crops. Arguments and errors as of `score_video`."""
    own = float(np.mean([crop.video for crop in crops]))
    frames = _crops_to_frames(model, [crop.positions for crop in crops], bounds, infer)
    normalised = _crops_to_frames(model, [crop.normalised for crop in crops], bounds, infer)
    frames = np.full(bounds[-1], own) if frames is None else frames
    if not (np.isfinite(own) and np.isfinite(frames).all()):
        raise FeatureError("the model gave a score that is not a finite number: check features and weights.")
    dropped = unscored_frames(bounds, model.window, score_place(model)) if infer.first_frames == "drop" else 0
    return ScoredVideo(frames, video_score(frames[dropped:], own, infer), normalised, dropped)


def _noted(
    model: VideoModel, features: Shaped[ndarray, "rows dim *space"], clips: Clips | None, places: bool
) -> CropScores:
    """Scores of one crop, with the maps that the model notes if `places`.

    Raises: VadError if a model gives another number of maps than of scores.
    """
    if not places:
        return score_crop(model, features, clips)
    model.noted_maps = noted = {OWN: []}
    try:
        scores = score_crop(model, features, clips)
    finally:
        model.noted_maps = None
    wanted = 0 if scores.positions is None else len(scores.positions)
    for name, maps in noted.items():
        if (count := sum(map(len, maps))) != wanted or not count:
            which = "maps" if name == OWN else f"maps {name}"
            what = f"{count} {which} for {wanted} scores; a model with scores_places gives note_maps one for each"
            raise VadError(f"{type(model).__module__.replace('.', '/')}.py: {what}. See docs/adding-a-variant.md")
    return scores._replace(maps={name: torch.cat(maps).float().numpy() for name, maps in noted.items()})


def _places(
    model: VideoModel, crops: Sequence[CropScores], bounds: Int[ndarray, " bounds"], clips: Clips | None
) -> dict[str, ScoredPlaces]:
    """By name the mean map over the crops at each place in time, and the frame in the middle of what was seen there."""
    noted = [crop.maps for crop in crops if crop.maps is not None]
    maps = {name: np.stack([crop[name] for crop in noted]).mean(0, dtype=np.float32) for name in noted[0]}
    rows = len(bounds) - 1
    if model.sampling == "windows":
        frames = frames_of_windows(model, bounds)
    else:
        shown = 1 if clips is None else clips.offsets.shape[1] - 1
        seen = np.arange(rows) if clips is None else BagClips([clips]).rows(0, len(maps[OWN]), model.segment_map)
        frames = np.minimum(bounds[seen] + shown // 2, bounds[-1] - 1)
    frames, first = np.unique(frames, return_index=True)
    return {name: ScoredPlaces(each[first], frames) for name, each in maps.items()}


def frames_of_windows(model: VideoModel, bounds: Int[ndarray, " bounds"]) -> Int[ndarray, " windows"]:
    """The frame that the map of each window of a video belongs to: the last one, or that in the middle."""
    rows = len(bounds) - 1
    starts = window_starts(rows, model.window, model.stride)
    last = np.minimum(starts + model.window, rows) - 1
    return bounds[last if model.predicts_last else (starts + last + 1) // 2]


def _crops_to_frames(
    model: VideoModel, crops: Sequence[ndarray | None], bounds: Int[ndarray, " bounds"], infer: Infer
) -> Float[ndarray, " frames"] | None:
    """Frame scores: the mean over the crops, spread over the frames and smoothed; None if there are no positions."""
    positions = [crop for crop in crops if crop is not None]
    return (
        smooth(_positions_to_frames(model, np.mean(positions, axis=0), bounds, infer), infer.smooth_sigma)
        if positions
        else None
    )


@torch.no_grad()
def video_scores(model: VideoModel, data: BagSet | WindowSet) -> Float[ndarray, " videos"]:
    """The score of each video of a part by which epochs are chosen, mean over crops; the model must be in eval mode.

    Bags are scored by `Model.score_for_selection`, in the form that inference scores: resampled, or row by row where
    the set keeps the rows. Windows are scored by `Model.score`; the highest smoothed one counts.
    """
    if isinstance(data, BagSet):
        chunks = torch.arange(len(data.video)).split(1 if data.rows else CHUNK)
        scores = torch.cat([_for_selection(model, data.whole(chunk)).video for chunk in chunks])
        totals = np.bincount(data.video, weights=scores.double().cpu().numpy(), minlength=data.n_videos)
        return totals / np.bincount(data.video, minlength=data.n_videos)
    scores = _window_scores(model, data)
    return np.array([_windows_of_video(model, data, scores, video) for video in range(data.n_videos)])


def _windows_of_video(model: VideoModel, data: WindowSet, scores: Float[Tensor, " windows"], video: int) -> float:
    """Highest smoothed window score of a video, mean over crops."""
    crops = data.crop[data.video == video]
    own = scores[data.video == video]
    return float(np.mean([float(model.smooth(own[crops == crop]).max()) for crop in crops.unique()]))
