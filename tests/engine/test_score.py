"""A model and one video's features to exactly one score per frame."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vad.artefacts.bag_frames import sultani_m
from vad.artefacts.features import FeatureFile, write_features
from vad.engine.batches import BagSet, WindowSet, set_for
from vad.engine.build import build
from vad.engine.expansion import bag_over_segments, resample
from vad.engine.parts import Part, part_of
from vad.engine.score import score_video, video_scores
from vad.engine.score_run import expansion
from vad.errors import FeatureError
from vad.schema.infer import Infer

WIDTH = 6
MODELS = {
    "c3d_mil": {"bag_segments": 8, "hidden_width": 8, "middle_width": 4},
    "mstsm": {"bag_segments": 8},
    "lstm_memory_ae": {"window": 4, "stride": 2, "hidden_width": 8, "latent_width": 4, "memory_slots": 5},
}


def model(name: str, **changes: Any) -> nn.Module:
    """A small model with random weights."""
    return build(name, {**MODELS[name], **changes}, WIDTH)


def video(rows: int, crops: int = 0, seed: int = 0) -> np.ndarray:
    """Random features of one video."""
    shape = (rows, crops, WIDTH) if crops else (rows, WIDTH)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def bounds_of(rows: int, tail: int = 5) -> np.ndarray:
    """Rows of 16 frames, the last one short."""
    return np.append(np.arange(rows) * 16, (rows - 1) * 16 + tail)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rows", [1, 3, 8, 21])
@pytest.mark.parametrize("crops", [0, 2])
def test_every_frame_gets_one_score(name: str, rows: int, crops: int) -> None:
    """Exactly n_frames finite scores, for videos shorter and longer than a bag or window."""
    scores = score_video(model(name), video(rows, crops), bounds_of(rows), Infer())

    assert ((rows - 1) * 16 + 5,) == scores.frames.shape
    assert np.isfinite(scores.frames).all()
    assert scores.frames.max() == pytest.approx(scores.video)


def test_bag_models_go_back_by_the_bounds_of_the_bag() -> None:
    """Frame scores are the segment scores of the bag, spread by the resample bounds."""
    net, features = model("c3d_mil").eval(), video(21)
    bag = net(torch.from_numpy(resample(features, 8))[None])[0].detach().double().numpy()
    rows = bag_over_segments(bag, 8, 21)

    np.testing.assert_allclose(rows[np.arange(325) // 16], score_video(net, features, bounds_of(21), Infer()).frames)


@pytest.mark.parametrize("rows", [1, 3, 21])
def test_full_length_scores_are_one_per_row(rows: int) -> None:
    """Where the model's settings say so, a video is not resampled: each row's score lies on its own frames."""
    net, features = build("deepmil", {"bag_segments": 8, "hidden_width": 8}, WIDTH).eval(), video(rows)
    own = net(torch.from_numpy(features)[None])[0].detach().double().numpy()
    scores = score_video(net, features, bounds_of(rows), Infer())

    assert net.config.score_full_length
    np.testing.assert_allclose(own[np.arange((rows - 1) * 16 + 5) // 16], scores.frames)


def stored(folder: Path, videos: list[np.ndarray]) -> list[Path]:
    """Feature files of some videos."""
    paths = [folder / f"{number}.npz" for number in range(len(videos))]
    for path, rows in zip(paths, videos, strict=True):
        write_features(path, FeatureFile(rows, bounds_of(len(rows))))
    return paths


def test_full_length_can_be_switched_off() -> None:
    """Then scores are those of the resampled bag, as in validation."""
    net = build("deepmil", {"bag_segments": 8, "hidden_width": 8, "score_full_length": False}, WIDTH).eval()
    scores = score_video(net, video(21), bounds_of(21), Infer(video_score="model"))
    data = BagSet(Part([video(21)], [1]), 8)

    np.testing.assert_allclose(video_scores(net, data), scores.video)
    assert (
        scores.frames.max()
        != score_video(
            build("deepmil", {"bag_segments": 8, "hidden_width": 8}, WIDTH), video(21), bounds_of(21), Infer()
        ).frames.max()
    )


def test_validation_scores_rows_where_inference_does() -> None:
    """The set of a model that scores its own rows keeps them; crops are averaged as in inference."""
    net = build("deepmil", {"bag_segments": 8, "hidden_width": 8}, WIDTH).eval()
    part = Part([video(rows, crops=2, seed=rows) for rows in (3, 9, 20)], [0, 1, 0])
    alone = [score_video(net, f, bounds_of(len(f)), Infer(video_score="model")).video for f in part.features]
    kept = set_for(net, part)

    assert [3, 3, 9, 9, 20, 20] == [len(rows) for rows in kept.rows]
    np.testing.assert_allclose(alone, video_scores(net, kept), rtol=1e-6)
    assert not np.allclose(alone, video_scores(net, BagSet(part, 8)))


def clips(rows: int) -> np.ndarray:
    """Random maps of 4 channels, a row a clip."""
    return np.random.default_rng(rows).normal(size=(rows, 4, 2, 2, 3)).astype(np.float32)


def clip_model(level: str) -> nn.Module:
    """A small STEAD with random weights."""
    args = {"groups": 2, "heads": 2, "convolution_width": 8, "attention_width": 8, "level": level}
    return build("stead", args, 4).eval()


def test_maps_are_pooled_by_maximum_at_video_level() -> None:
    """One score, that of the element-wise maximum over all clips, in inference as in validation."""
    net, features = clip_model("video"), clips(7)
    own = torch.sigmoid(net(torch.from_numpy(features.max(axis=0)[None])).logit).item()
    scores = score_video(net, features, bounds_of(7), Infer(video_score="model"))

    assert own == pytest.approx(scores.video)
    assert {scores.video} == set(scores.frames.tolist())
    np.testing.assert_allclose([own], video_scores(net, set_for(net, Part([features], [1]))), rtol=1e-6)


def test_maps_are_scored_one_by_one_at_frame_level() -> None:
    """Each clip's score lies on its own frames; the model's video score stays that of the maximum."""
    net, features = clip_model("frame"), clips(7)
    own = torch.sigmoid(net(torch.from_numpy(features)).logit).detach().double().numpy()
    scores = score_video(net, features, bounds_of(7), Infer(video_score="model"))

    np.testing.assert_allclose(own[np.arange(6 * 16 + 5) // 16], scores.frames, rtol=1e-6)
    assert score_video(clip_model("video"), features, bounds_of(7), Infer(video_score="model")).video == scores.video
    np.testing.assert_allclose([scores.video], video_scores(net, set_for(net, Part([features], [1]))), rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 7, 8, 21])
@pytest.mark.parametrize("name", ["c3d_mil", "deepmil", "stead"])
def test_training_on_bags_is_training_on_their_videos(name: str, rows: int, tmp_path: Path) -> None:
    """What is kept of a video, crops too, gives the same bag to the last bit."""
    net = clip_model("frame") if name == "stead" else build(name, {"bag_segments": 8}, WIDTH)
    features = clips(rows) if name == "stead" else video(rows, crops=2)
    kept = part_of(net, "fit", stored(tmp_path, [features]), [1])

    assert net.config.bag_segments == len(kept.features[0])
    assert torch.equal(set_for(net, Part([features], [1])).features, set_for(net, kept).features)


def test_rows_that_will_be_scored_are_kept(tmp_path: Path) -> None:
    """Those of validation videos where the model scores rows, and those that windows are cut from."""
    files = stored(tmp_path, [video(21)])
    rows = {
        (name, part): len(part_of(build(name, args, WIDTH), part, files, [0]).features[0])
        for name, args in {**MODELS, "deepmil": {"bag_segments": 8}}.items()
        for part in ("fit", "validation")
    }

    assert {"lstm_memory_ae": 42, "deepmil": 29, "c3d_mil": 16, "mstsm": 16} == {
        name: rows[name, "fit"] + rows[name, "validation"] for name in [*MODELS, "deepmil"]
    }
    assert 21 == rows["deepmil", "validation"]


def test_window_models_sit_at_window_centres() -> None:
    """Window errors at their centres, frames before the first centre hold its score."""
    net, features = model("lstm_memory_ae", window_smoothing=1).eval(), video(8)
    windows = torch.from_numpy(np.stack([features[start : start + 4] for start in (0, 2, 4)]))
    errors = net.score(windows).video.detach().numpy()
    frames = score_video(net, features, bounds_of(8, tail=16), Infer()).frames

    np.testing.assert_allclose(errors, frames[[32, 64, 96]], rtol=1e-6)
    np.testing.assert_allclose(errors[0], frames[:33], rtol=1e-6)
    np.testing.assert_allclose((errors[0] + errors[1]) / 2, frames[48], rtol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_crops_are_averaged_after_scoring(name: str) -> None:
    """The scores of two crops are the mean of the scores of each alone."""
    net, features = model(name), video(9, crops=2)
    both = score_video(net, features, bounds_of(9), Infer(video_score="model"))
    alone = [score_video(net, features[:, crop], bounds_of(9), Infer(video_score="model")) for crop in (0, 1)]

    np.testing.assert_allclose((alone[0].frames + alone[1].frames) / 2, both.frames)
    assert (alone[0].video + alone[1].video) / 2 == pytest.approx(both.video)


def test_a_video_level_model_scores_all_frames_alike() -> None:
    """Its video score, on every frame."""
    net = build("mstsm", {"preset": "claim"}, WIDTH)
    scores = score_video(net, video(9), bounds_of(9), Infer(video_score="model"))

    assert {scores.video} == set(scores.frames.tolist())


def test_smoothing_and_video_score_follow_the_settings() -> None:
    """Smoothing lowers the peak; the video score is taken after it."""
    net, features = model("c3d_mil"), video(21)
    plain = score_video(net, features, bounds_of(21), Infer())
    smooth = score_video(net, features, bounds_of(21), Infer(smooth_sigma=20.0))
    mean = score_video(net, features, bounds_of(21), Infer(smooth_sigma=20.0, video_score="mean"))

    assert smooth.frames.max() < plain.frames.max()
    assert smooth.frames.max() == smooth.video
    assert smooth.frames.mean() == pytest.approx(mean.video)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("crops", [0, 2])
def test_scores_of_a_part_equal_scores_one_by_one(name: str, crops: int) -> None:
    """Validation sees what inference gives with video_score model."""
    net = model(name).eval()
    part = Part([video(rows, crops, rows) for rows in (3, 9, 20)], [0, 1, 0])
    data = BagSet(part, 8) if net.sampling == "bags" else WindowSet(part, 4, 2)
    alone = [
        score_video(net, features, bounds_of(len(features)), Infer(video_score="model")).video
        for features in part.features
    ]

    np.testing.assert_allclose(alone, video_scores(net, data), rtol=1e-5)


def clip(frames: int, seed: int = 0) -> np.ndarray:
    """Random pictures of one video."""
    return np.random.default_rng(seed).integers(0, 256, (frames, 3, 16, 16), dtype=np.uint8)


def predictor(name: str, **args: Any) -> nn.Module:
    """A small model that reads pictures; MNAD without changes of its memory."""
    fixed = {"test_update": False} if name == "mnad" else {}
    return build(name, {"width": 4, **fixed, **args}, 3).eval()


@pytest.mark.parametrize("name", ["mnad", "frame_pred"])
def test_predicted_frames_have_their_own_scores(name: str) -> None:
    """Each frame from the fifth on has the score of the window that ends there; the first four hold the first."""
    net, frames = predictor(name), clip(9)
    own = net.score(torch.from_numpy(np.stack([frames[i : i + 5] for i in range(5)]))).video.detach().numpy()
    scores = score_video(net, frames, np.arange(10), Infer())

    np.testing.assert_allclose(own, scores.frames[4:], rtol=1e-5)
    np.testing.assert_allclose(own[0], scores.frames[:4], rtol=1e-5)
    assert scores.dropped == 0


@pytest.mark.parametrize(("frames", "expected"), [(9, 4), (5, 4), (3, 2), (1, 0)])
def test_first_frames_can_be_dropped(frames: int, expected: int) -> None:
    """They are counted, and the video's score is taken without them; one frame is always left."""
    net, given = predictor("frame_pred"), clip(frames)
    settings = Infer(first_frames="drop", video_score="mean")
    scores = score_video(net, given, np.arange(frames + 1), settings)

    assert (expected, frames) == (scores.dropped, len(scores.frames))
    assert scores.frames[expected:].mean() == pytest.approx(scores.video)


@pytest.mark.parametrize(("name", "span"), [("c3d_mil", 1), ("mstsm", 2)])
def test_bags_can_be_spread_as_by_the_matlab_code(name: str, span: int) -> None:
    """Segment scores of the bag over its 16-frame clips; a position of two segments counts for both."""
    net, features = model(name).eval(), video(40)
    positions = net.score(torch.from_numpy(resample(features, 8))[None]).positions[0].detach().double().numpy()
    scores = score_video(net, features, bounds_of(40), Infer(bag_frames="sultani_m"))

    np.testing.assert_allclose(sultani_m(np.repeat(positions, span), 39 * 16 + 5), scores.frames)
    assert "sultani_m" == expansion(net, Infer(bag_frames="sultani_m"))
    assert "bag_over_segments" == expansion(net, Infer())


def test_reconstruction_scores_every_frame() -> None:
    """A window of one frame: nothing to hold or drop."""
    net, frames = predictor("mnad", method="reconstruction"), clip(4)
    own = net.score(torch.from_numpy(frames[:, None])).video.detach().numpy()
    scores = score_video(net, frames, np.arange(5), Infer())

    np.testing.assert_allclose(own, scores.frames, rtol=1e-5)
    assert scores.dropped == 0


def test_components_are_scaled_by_the_video_alone() -> None:
    """Per-video frames are the mix of components that each run from 0 to 1 in the video; others have none."""
    net, frames = predictor("mnad"), clip(9)
    given = torch.from_numpy(np.stack([frames[i : i + 5] for i in range(5)]))
    components = net._components(net(given)).detach().numpy()
    scaled = (components - components.min(axis=0)) / np.ptp(components, axis=0)
    scores = score_video(net, frames, np.arange(10), Infer())

    assert scores.normalised is not None
    np.testing.assert_allclose(scaled @ [0.6, 0.4], scores.normalised[4:], rtol=1e-4, atol=1e-5)
    assert not np.allclose(scores.normalised, scores.frames)
    assert score_video(predictor("frame_pred"), frames, np.arange(10), Infer()).normalised is None


def test_large_windows_go_through_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on values changes the chunks, not the scores."""
    net, frames = predictor("frame_pred"), clip(9)
    together = score_video(net, frames, np.arange(10), Infer()).frames
    sizes, score = [], net.score
    net.score = lambda windows: sizes.append(len(windows)) or score(windows)
    monkeypatch.setattr("vad.engine.score.CHUNK_VALUES", 2 * 5 * 3 * 16 * 16)

    np.testing.assert_allclose(together, score_video(net, frames, np.arange(10), Infer()).frames, rtol=1e-5)
    assert [2, 2, 1] == sizes


def test_rows_and_bounds_must_fit() -> None:
    """A missing bound is an error with both numbers."""
    with pytest.raises(FeatureError, match="9 rows need 10 bounds, there are 9"):
        score_video(model("c3d_mil"), video(9), bounds_of(8), Infer())


def test_a_score_that_is_no_number_is_an_error() -> None:
    """NaN in features never becomes a score."""
    features = video(9)
    features[3, 2] = np.nan

    with pytest.raises(FeatureError, match="not a finite number"):
        score_video(model("lstm_memory_ae"), features, bounds_of(9), Infer())
