"""Models that read windows score a video while its rows are made: the same bits, in bounded memory."""

import tracemalloc
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.videos import scene, write_images
from vad.artefacts.files import write_json
from vad.artefacts.weights import write_weights
from vad.engine.build import build
from vad.engine.score import crop_of_windows, score_crop, score_video
from vad.engine.train_run import arrays
from vad.extractors._base import Source, load_extractor, make_features
from vad.schema.infer import Infer
from vad.scoring.inputs import GivenVideo
from vad.scoring.kept_maps import MOST, KeptMaps
from vad.scoring.runs import find_run
from vad.scoring.video import Scorer
from vad.scoring.window_stream import WindowStream

IMAGES = {"extractor": "frames", "size": 128}
SMALL = {"mnad": {"width": 2}, "frame_pred": {"width": 2}, "frame_difference": {}, "lstm_memory_ae": {"stride": 3}}


def random_run(folder: Path, model: str, entry: dict, settings: dict | None = None) -> Path:
    """The folder of a run with random weights."""
    torch.manual_seed(0)
    built = build(model, SMALL[model] | (settings or {}), 3 if entry == IMAGES else 128)
    config = {"model": model, "model_args": built.config.model_dump(mode="json"), "feature_dim": 3}
    write_weights(folder / "weights.safetensors", arrays(built.state_dict()), config)
    section = {"dataset": "none", "features": "made", "features_entry": entry, "train": {"device": "cpu"}}
    write_json(folder / "config.json", {**config, "epoch": 0, "section": section})
    return folder


@pytest.mark.parametrize(("model", "shape"), [("mnad", (3, 16, 16)), ("lstm_memory_ae", (5,))])
@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(1, 40), max_size=8), n=st.integers(1, 60), stride=st.integers(1, 20))
def test_rows_a_few_at_a_time_give_the_same_bits(
    model: str, shape: tuple[int, ...], cuts: list[int], n: int, stride: int
) -> None:
    """However the rows are cut, with any stride, and for a video that is shorter than a window."""
    torch.manual_seed(0)
    built = build(model, SMALL[model] | {"stride": stride}, shape[0]).eval()
    random = np.random.default_rng(n)
    rows = random.integers(0, 256, (n, *shape), dtype=np.uint8)
    rows = rows if len(shape) > 1 else rows.astype(np.float32)
    with torch.inference_mode(), patch("vad.engine.score.CHUNK", 7):  # windows that go through the model at once
        built.reset_memory()
        whole = score_crop(built, rows)
        built.reset_memory()
        stream = WindowStream(built)
        for part in np.split(rows, sorted({cut for cut in cuts if cut < n})):
            stream.add(part)
        stream.end()
        found = crop_of_windows(built, stream.take())

    assert stream.rows == n
    assert found.positions is not None
    assert whole.positions is not None
    assert found.video == whole.video
    assert np.array_equal(found.positions, whole.positions)


@pytest.mark.parametrize("model", ["mnad", "frame_pred", "frame_difference"])
def test_scores_are_those_of_stored_features(model: str, tmp_path: Path) -> None:
    """As room features stores the pictures and room infer scores them, to the last bit."""
    video = write_images(tmp_path / "images", scene(43, 64, 48))
    scorer = Scorer(find_run(folder=random_run(tmp_path / "train/made/seed0", model, IMAGES)))
    found = scorer.score(GivenVideo("images", video))
    file = make_features(load_extractor(IMAGES), Source("images", (video,)))
    scorer._model.reset_memory()
    with torch.inference_mode():
        wanted = score_video(scorer._model, file.features, file.bounds, Infer.model_validate({}))

    assert np.array_equal(found.scores, wanted.frames.astype(np.float32))
    assert found.video_score == wanted.video
    assert found.report == file.report


def test_pictures_are_not_kept(tmp_path: Path) -> None:
    """Five times the frames need the same memory; kept pictures of 128 x 128 pixels would take 12 MB more."""
    scorer = Scorer(find_run(folder=random_run(tmp_path / "train/made/seed0", "frame_difference", IMAGES)))
    peaks = []
    for number in (20, 60, 300):  # the first one loads what is loaded once
        video = GivenVideo(f"{number}", write_images(tmp_path / f"{number}", scene(number, 32, 48)))
        tracemalloc.start()
        scorer.score(video)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[2] - peaks[1] < 2**20


def test_a_threshold_that_does_not_fit_is_called_into_question(tmp_path: Path) -> None:
    """More than half of the video under alarm: the summary says so."""
    found = find_run(folder=random_run(tmp_path / "train/made/seed0", "frame_difference", IMAGES))
    video = GivenVideo("images", write_images(tmp_path / "images", scene(40, 64, 48)))
    doubted = Scorer(replace(found, threshold=0.0)).score(video)
    plain = Scorer(replace(found, threshold=1.0)).score(video)

    assert any(note.startswith("100% of the frames are under alarm") for note in doubted.notes)
    assert not any("under alarm" in note for note in plain.notes)


@given(scores=st.lists(st.floats(-5, 5), min_size=1, max_size=700), cut=st.integers(0, 700))
@settings(max_examples=30, deadline=None)
def test_the_map_of_the_highest_score_is_kept(scores: list[float], cut: int) -> None:
    """Of each of at most 128 equal stretches, however the places come."""
    given_scores, maps = np.array(scores), KeptMaps()
    pictures = np.arange(len(scores), dtype=float)[:, None, None]
    for part in (slice(0, cut), slice(cut, None)):
        maps.add(given_scores[part], pictures[part])
    found = maps.of_frames(np.arange(len(scores)) * 10)
    length = 2 ** max(int(np.ceil(np.log2(len(scores) / MOST))), 0)
    highest = [start + int(np.argmax(given_scores[start : start + length])) for start in range(0, len(scores), length)]

    assert found is not None
    assert len(found.maps) <= MOST
    assert [int(one) for one in found.maps[:, 0, 0]] == highest
    assert found.frames.tolist() == [10 * place for place in highest]


@pytest.mark.parametrize(("model", "args"), [("mnad", {"gates": True}), ("frame_pred", {})])
def test_maps_of_a_scored_video(model: str, args: dict, tmp_path: Path) -> None:
    """Those that room infer would store, at the same frames; scores are the same with and without."""
    video = GivenVideo("images", write_images(tmp_path / "images", scene(43, 64, 48)))
    found = find_run(folder=random_run(tmp_path / "train/made/seed0", model, IMAGES, args))
    mapped, plain = Scorer(found, maps=True), Scorer(found)
    scored = mapped.score(video)
    file = make_features(load_extractor(IMAGES), Source("images", (video.path,)))
    mapped._model.reset_memory()
    with torch.inference_mode():
        wanted = score_video(mapped._model, file.features, file.bounds, found.infer, places=True).places

    assert wanted is not None
    assert scored.places is not None
    assert np.array_equal(scored.places.frames, wanted.frames)
    assert np.array_equal(scored.places.maps, wanted.maps)
    without = plain.score(video)
    assert without.places is None
    assert np.array_equal(without.scores, scored.scores)
