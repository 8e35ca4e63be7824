"""What a model makes of a video inside, as vectors with their places in the video, and a map of them in the plane.

A model may define `embeddings(features)`: the vectors that its scores are read from, one per position
([bags, positions, width]) or one per bag or window ([bags, width]). For a model without it the features that it reads
are shown instead, and the unit `row` says so. A model of windows with a memory has a second map, of two numbers a
video: its score and the entropy of its memory reads (Efficient-VAD's own figure).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits
from torch import Tensor

from vad.artefacts.features import read_features
from vad.artefacts.files import write_json, write_text
from vad.artefacts.scores import StoredScores, read_scores
from vad.engine.batches import WindowSet, set_for
from vad.engine.build import restored
from vad.engine.expansion import resample, resample_bounds, window_starts
from vad.engine.parts import Part, crops_of
from vad.engine.score import bag_length, in_chunks
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import VideoTruth
from vad.models._base import VideoModel, defines, device_of
from vad.report.inputs import label_at, truth_of_test
from vad.schema.base import Id, Section
from vad.schema.evaluate import GroundTruth
from vad.schema.report import Tsne

Unit = Literal["step", "window", "video", "row"]
WHOLE = -1
"""The frame of a vector that stands for the whole video."""


@dataclass(frozen=True)
class Embeddings:
    """Vectors of one video, and the frame (index from 0) in the middle of what each stands for; -1 = the video."""

    unit: Unit
    vectors: Float[ndarray, "points width"]
    frames: Int[ndarray, " points"]


@torch.no_grad()
def embed_video(
    model: VideoModel, features: Float[ndarray, "rows *dims"], bounds: Int[ndarray, " bounds"]
) -> Embeddings:
    """Embeddings of one video, the mean over its crops; the model is put into eval mode.

    Positions that begin in the same row of the video are averaged.

    Args:
        model: with or without `embeddings`.
        features: rows of the video, as a feature file holds them.
        bounds: rows + 1 frame indices, the last is n_frames.
    """
    model.eval()
    if not defines(model, VideoModel.embeddings):
        return Embeddings("row", _plain(features), _middle(bounds[:-1], bounds[1:]))
    crops = [_of_crop(model, crop) for crop in crops_of(features)]
    vectors = torch.stack(crops).double().mean(dim=0).cpu().numpy()
    if model.sampling == "windows":
        starts = window_starts(len(features), model.window, model.stride)
        ends = np.minimum(starts + model.window, len(features))
        return Embeddings("window", vectors, _middle(bounds[starts], bounds[ends]))
    if vectors.ndim == 1:
        return Embeddings("video", vectors[None], np.array([WHOLE]))
    first, last = _rows_of_positions(len(vectors), bag_length(model, len(features)), len(features))
    # A short video fills a bag by repeating its rows: equal points would pose as a dense group.
    start, group = np.unique(first, return_inverse=True)
    means = np.stack([vectors[group == number].mean(axis=0) for number in range(len(start))])
    stop = np.array([last[group == number].max() for number in range(len(start))])
    return Embeddings("step", means, _middle(bounds[start], bounds[stop]))


def _of_crop(model: VideoModel, features: Float[ndarray, "rows dim"]) -> Tensor:
    """[positions, width] or [width] of a bag, [windows, width] of a window model."""
    if model.sampling == "bags":
        device = device_of(model)
        bag = torch.from_numpy(resample(features, bag_length(model, len(features)), model.bag_pool))[None]
        return model.embeddings(bag.to(device))[0]
    found = set_for(model, Part([features], [0]))
    assert isinstance(found, WindowSet)
    return in_chunks(model, found, model.embeddings)


def _plain(features: Float[ndarray, "rows *dims"]) -> Float[ndarray, "rows dim"]:
    """Feature rows as vectors: the mean over crops, or over the places of a map or image."""
    axes = (1,) if features.ndim == 3 else tuple(range(2, features.ndim))
    return features.mean(axis=axes, dtype=np.float64) if axes else features.astype(np.float64)


def _rows_of_positions(
    positions: int, segments: int, rows: int
) -> tuple[Int[ndarray, " positions"], Int[ndarray, " positions"]]:
    """First row of each position and the row after its last, as `vad.engine.expansion.bag_over_segments` has them."""
    span, cuts = segments // positions, resample_bounds(rows, segments)
    first = cuts[np.arange(positions) * span]
    ends = np.append(np.arange(1, positions) * span, segments)
    return first, np.maximum(cuts[ends], first + 1)


def _middle(start: Int[ndarray, " points"], stop: Int[ndarray, " points"]) -> Int[ndarray, " points"]:
    return (start + np.maximum(stop, start + 1) - 1) // 2


def draw(count: int, settings: Tsne) -> Int[ndarray, " chosen"]:
    """Which of `count` points are shown: all, or `settings.points` at random, in order."""
    if count <= settings.points:
        return np.arange(count)
    return np.sort(np.random.default_rng(settings.seed).choice(count, settings.points, replace=False))


def perplexity_for(count: int, settings: Tsne) -> float:
    """The wanted perplexity, or a third of the neighbours that there are."""
    return min(settings.perplexity, (count - 1) / 3)


def tsne(vectors: Float[ndarray, "points width"], settings: Tsne) -> Float[ndarray, "points 2"]:
    """Places in the plane, the same for the same vectors: near there means near in the model; distances mean nothing.

    Fewer than four points, or equal ones, have no map: all lie at 0.
    """
    if len(vectors) < 4 or not np.ptp(vectors, axis=0).any():
        return np.zeros((len(vectors), 2))
    start = "pca" if min(vectors.shape) >= 2 else "random"
    method = TSNE(perplexity=perplexity_for(len(vectors), settings), init=start, random_state=settings.seed, n_jobs=1)
    with threadpool_limits(1):  # the order of sums decides the last bits, and these decide the map
        return method.fit_transform(vectors.astype(np.float64)).astype(np.float64)


@torch.no_grad()
def read_entropy(model: VideoModel, features: Float[ndarray, "rows *dims"]) -> float | None:
    """Mean entropy, in nats, with which a model of windows reads its memory over a video; None for other models.

    Args:
        model: its `diagnose` may name `read_entropy`; put into eval mode.
        features: rows of the video, as a feature file holds them.
    """
    model.eval()
    if model.sampling != "windows":
        return None
    found = []
    for crop in crops_of(features):
        windows = set_for(model, Part([crop], [0]))
        assert isinstance(windows, WindowSet)
        if "read_entropy" not in model.diagnose(windows.take(torch.tensor([0]))):
            return None
        found.append(in_chunks(model, windows, lambda part: part.new_full((len(part),), _entropy(model, part))))
    return float(torch.cat(found).double().mean())


def _entropy(model: VideoModel, windows: Tensor) -> float:
    return model.diagnose(windows)["read_entropy"]


def video_points(
    videos: Sequence[VideoTruth],
    scored: Mapping[str, StoredScores],
    entropies: Mapping[str, float | None],
    settings: Tsne,
) -> pd.DataFrame:
    """One row per video: its score (the largest error), the entropy of its memory reads, and a map of these two.

    For the map the logarithm of the error is taken, and both numbers are in units of their spread over the videos: one
    video with a huge error would push all others into one point.

    Args:
        videos: the test videos.
        scored: by id, their scores.
        entropies: by id; None for a model without such a memory, and then there is no row.
        settings: of t-SNE.
    """
    columns = ["video_id", "class", "label", "score", "entropy"]
    rows = [
        (v.video_id, v.class_name, v.label, scored[v.video_id].video, entropy)
        for v in videos
        if (entropy := entropies[v.video_id]) is not None
    ]
    table = pd.DataFrame(rows, columns=columns)
    errors = np.maximum(table["score"].to_numpy(np.float64), np.finfo(np.float32).tiny)
    pairs = np.column_stack([np.log(errors), table["entropy"].to_numpy(np.float64)])
    spread = pairs.std(axis=0) if len(pairs) else np.ones(2)
    places = tsne((pairs - pairs.mean(axis=0)) / np.where(spread > 0, spread, 1), settings) if rows else pairs
    return table.assign(x=places[:, 0], y=places[:, 1])


def flat(found: Sequence[Embeddings]) -> Float[ndarray, "points width"]:
    """The vectors of all videos, one below the other."""
    return np.concatenate([each.vectors for each in found])


class Settings(Section):
    """Which run is embedded, and how points are drawn and laid out."""

    dataset: Id
    features: Id
    ground_truth: GroundTruth
    tsne: Tsne


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Embed the test videos of a trained run, draw points, lay them out, and write what each is.

    Args:
        settings: how points are drawn and laid out; the ground truth colours them and decides nothing.
        paths: the folders `run`, `features` and `labels`, and the files `scores` and `test`.
        out: the folder for points.csv, videos.csv and about.json.
    """
    torch.set_num_threads(1)
    scored = read_scores(paths["scores"]).videos
    videos = truth_of_test(paths["test"], paths["labels"], scored, convention(settings.ground_truth))
    model, config = restored(paths["run"])
    found, entropies = {}, {}
    for video in videos:  # one file after the other: maps and images are large
        file = read_features(paths["features"] / f"{video.video_id}.npz", config["feature_dim"])
        found[video.video_id] = embed_video(model, file.features, file.bounds)
        entropies[video.video_id] = read_entropy(model, file.features)
    vectors = flat(list(found.values()))
    chosen = draw(len(vectors), settings.tsne)
    table = _points(videos, scored, found).iloc[chosen]
    places = tsne(vectors[chosen], settings.tsne)
    table = table.assign(x=places[:, 0], y=places[:, 1])
    about = {
        "unit": next(iter(found.values())).unit,
        "points": len(chosen),
        "of": len(vectors),
        "width": vectors.shape[1],
        "perplexity": perplexity_for(len(chosen), settings.tsne),
        "seed": settings.tsne.seed,
    }
    write_json(out / "about.json", about)
    for name, points in (("points", table), ("videos", video_points(videos, scored, entropies, settings.tsne))):
        write_text(out / f"{name}.csv", points.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


def _points(
    videos: Sequence[VideoTruth], scored: Mapping[str, StoredScores], found: Mapping[str, Embeddings]
) -> pd.DataFrame:
    """One row per vector: video, frame (-1 = whole video), class, label and score there."""
    rows = []
    for video in videos:
        score = scored[video.video_id]
        for frame in found[video.video_id].frames.tolist():
            label = video.label if frame == WHOLE else label_at(video, frame)
            value = score.video if frame == WHOLE else float(score.frames[frame])
            rows.append((video.video_id, frame, video.class_name, label, value))
    return pd.DataFrame(rows, columns=["video_id", "frame", "class", "label", "score"])
