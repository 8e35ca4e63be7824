"""Embeddings of every model, their places in the video, and the map of them."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.test_every_model import every_model, features_for, made
from vad.artefacts.scores import StoredScores
from vad.engine.build import build
from vad.engine.expansion import rows_to_frames
from vad.evaluation.judged_video import VideoTruth
from vad.models._base import VideoModel
from vad.nn.losses import read_entropy as entropy_of
from vad.report.tsne import draw, embed_video, flat, perplexity_for, read_entropy, tsne, video_points
from vad.schema.report import Tsne


@every_model
def test_embeddings_fit_the_scores(name: str, args: dict[str, Any]) -> None:
    """Finite, the same twice, one vector per sample or per scored step."""
    model = made(name, args).eval()
    features = features_for(model, 3)
    with torch.no_grad():
        vectors, again, steps = model.embeddings(features), model.embeddings(features), model.score(features).positions

    assert torch.isfinite(vectors).all()
    assert torch.equal(vectors, again)
    assert len(features) == len(vectors)
    assert (2 if steps is None else 3) == vectors.ndim
    assert steps is None or steps.shape == vectors.shape[:2]


@pytest.mark.parametrize("rows", [3, 7, 40])
@pytest.mark.parametrize(("name", "args"), [("c3d_mil", {}), ("mstsm", {}), ("deepmil", {})])
def test_steps_lie_where_their_scores_lie(name: str, args: dict[str, Any], rows: int) -> None:
    """One vector per step, but no more than rows, in order, each in a row that the step was made of."""
    model = build(name, args, 4)
    bounds = np.append(np.arange(rows) * 16, rows * 16 - 5)
    features = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
    found = embed_video(model, features, bounds)
    row = rows_to_frames(np.arange(rows), bounds)[found.frames]
    steps = {"c3d_mil": 32, "mstsm": 16, "deepmil": rows}[name]

    assert "step" == found.unit
    assert min(steps, rows) == len(found.vectors) == len(found.frames)
    assert (np.diff(found.frames) > 0).all()
    assert (0, rows - 1) == (row[0], row[-1]) if rows < 16 else row[0] <= 1


def test_a_step_of_its_own_row_lies_in_its_middle() -> None:
    """Where rows are scored one by one, vector i is that of row i, in the middle of its frames."""
    model = build("deepmil", {"hidden_width": 4, "middle_width": 3}, 2)
    features = np.eye(2, dtype=np.float32)
    found = embed_video(model, features, np.array([0, 16, 25]))

    assert [7, 20] == found.frames.tolist()
    np.testing.assert_allclose(embed_video(model, features[1:], np.array([0, 9])).vectors[0], found.vectors[1], 1e-6)


def test_windows_lie_in_their_middle() -> None:
    """Windows of two rows with ten frames each, one row apart: frames 9, 19, 29 are in the middle."""
    model = build("lstm_memory_ae", {"window": 2, "stride": 1, "latent_width": 3}, 2)
    found = embed_video(model, np.ones((4, 2), np.float32), np.arange(5) * 10)

    assert "window" == found.unit
    assert (3, 3) == found.vectors.shape
    assert [9, 19, 29] == found.frames.tolist()


def test_the_entropy_of_a_video_is_over_all_its_windows() -> None:
    """The mean over windows and crops of how a memory is read; models without a memory or windows have none."""
    model = build("lstm_memory_ae", {"window": 2, "stride": 1, "latent_width": 3, "memory_slots": 4}, 2).eval()
    with torch.no_grad():
        model.memory.mul_(9)  # uneven reads
    crops = np.random.default_rng(0).normal(size=(5, 2, 2)).astype(np.float32)
    windows = torch.from_numpy(np.stack([crops[i : i + 2, c] for c in range(2) for i in range(4)]))
    with torch.no_grad():
        expected = entropy_of(model(windows).read_weights).item()

    assert expected == pytest.approx(read_entropy(model, crops), rel=1e-5)
    assert None is read_entropy(build("mstsm", {"preset": "claim"}, 4), np.ones((9, 4), np.float32))


def test_each_video_is_a_point_of_two_numbers() -> None:
    """Score and entropy as they are, and a map of both; without entropies there is no row."""
    videos = [VideoTruth(video_id=f"v{i}", class_name="Fire", label=i % 2, n_frames=3) for i in range(6)]
    scored = {v.video_id: StoredScores(np.zeros(3), 0.1 + 0.1 * i, "test", 30.0) for i, v in enumerate(videos)}
    found = video_points(videos, scored, {v.video_id: float(v.label) for v in videos}, Tsne(points=10, perplexity=2.0))
    none = video_points(videos, scored, dict.fromkeys(scored), Tsne(points=10, perplexity=2.0))

    assert [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] == pytest.approx(found["score"].tolist())
    assert found["entropy"].tolist() == found["label"].tolist()
    assert np.ptp(found["x"]) > 0
    assert ["video_id", "class", "label", "score", "entropy", "x", "y"] == list(none.columns)
    assert none.empty


def test_a_video_model_has_one_vector() -> None:
    """Its place is the whole video."""
    found = embed_video(build("mstsm", {"preset": "claim"}, 4), np.ones((9, 4), np.float32), np.arange(10))

    assert ("video", [-1]) == (found.unit, found.frames.tolist())
    assert (1, 128) == found.vectors.shape


def test_crops_are_averaged() -> None:
    """The mean of what each crop alone gives."""
    model = build("c3d_mil", {"bag_segments": 3}, 4)
    crops = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
    alone = [embed_video(model, crops[:, crop], np.arange(4)).vectors for crop in (0, 1)]

    np.testing.assert_allclose(np.mean(alone, axis=0), embed_video(model, crops, np.arange(4)).vectors, rtol=1e-6)


class Bare(VideoModel):
    """A model that offers no embeddings."""

    sampling = "bags"


@pytest.mark.parametrize(("shape", "width"), [((3, 5), 5), ((3, 2, 5), 5), ((3, 5, 4, 4), 5)])
def test_without_embeddings_the_features_are_shown(shape: tuple[int, ...], width: int) -> None:
    """Rows, the mean over crops or places, and the unit says that they are rows."""
    found = embed_video(Bare(), np.ones(shape, np.float32), np.arange(4) * 2)

    assert "row" == found.unit
    assert (3, width) == found.vectors.shape
    assert (found.vectors == 1).all()
    assert [0, 2, 4] == found.frames.tolist()


def test_drawing_is_seeded_and_bounded() -> None:
    """At most so many, none twice, in order, the same for the same seed."""
    few = Tsne(points=10, seed=3)

    assert list(range(7)) == draw(7, few).tolist()
    assert len(set(draw(1000, few))) == 10
    assert draw(1000, few).tolist() == sorted(draw(1000, few))
    assert draw(1000, few).tolist() != draw(1000, Tsne(points=10, seed=4)).tolist()


def test_tsne_is_the_same_twice_and_keeps_groups_together() -> None:
    """Bit for bit the same; of two far groups every nearest neighbour is of the own group."""
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(30, 5)), rng.normal(size=(30, 5)) + 20])
    settings = Tsne(perplexity=10.0)
    places, again = tsne(vectors, settings), tsne(vectors, settings)
    distances = np.linalg.norm(places[:, None] - places, axis=-1) + 1e9 * np.eye(60)

    assert places.tobytes() == again.tobytes()
    assert ((distances.argmin(axis=1) < 30) == (np.arange(60) < 30)).all()


@pytest.mark.parametrize("count", [1, 3, 4, 8])
@pytest.mark.parametrize("width", [1, 3])
def test_tsne_of_few_points(count: int, width: int) -> None:
    """No error for tiny samples; equal points lie together."""
    vectors = np.random.default_rng(0).normal(size=(count, width))
    settings = Tsne()

    assert (count, 2) == tsne(vectors, settings).shape
    assert np.isfinite(tsne(vectors, settings)).all()
    assert (tsne(np.ones((count, width)), settings) == 0).all()
    assert perplexity_for(91, settings) == 30
    assert perplexity_for(31, settings) == 10


def test_flat_joins_the_videos() -> None:
    """One below the other, in their order."""
    model = build("c3d_mil", {"bag_segments": 2, "hidden_width": 4}, 3)
    found = [embed_video(model, np.full((2, 3), value, np.float32), np.arange(3)) for value in (1, -1)]

    assert json.dumps(flat(found).tolist()) == json.dumps([v for each in found for v in each.vectors.tolist()])
