"""PCA and the frame difference against their definitions; models without parameters are trained and scored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

import vad.models.pca
from vad.artefacts.weights import read_weights, write_weights
from vad.engine.build import build
from vad.engine.parts import Part
from vad.engine.score import score_video
from vad.engine.train import train
from vad.models._base import device_of
from vad.schema.infer import Infer
from vad.schema.train import Train

UNTRAINED = Train(lr=1.0, epochs=5, batch=4, select_by="last")


def test_pca_is_that_of_scikit_learn() -> None:
    """Mean squared error of what the first components rebuild, in standardised units, averaged over a window."""
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(40, 3)) @ rng.normal(size=(3, 6)) + 0.1 * rng.normal(size=(40, 6))).astype(np.float32)
    new = (rng.normal(size=(5, 6)) * 2).astype(np.float32)
    model = build("pca", {"components": 3, "window": 2}, 6)
    model.prepare(torch.from_numpy(rows)[:, None])
    values, fresh = ((part - rows.mean(0)) / rows.std(0) for part in (rows, new))
    pca = PCA(3).fit(values)
    errors = ((fresh - pca.inverse_transform(pca.transform(fresh))) ** 2).mean(axis=1)
    scores = model.score(torch.from_numpy(np.stack([new[:4], new[1:]], axis=1))).video

    np.testing.assert_allclose(scores, (errors[:-1] + errors[1:]) / 2, rtol=1e-4)


def test_wide_features_have_the_same_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the directions that are kept are computed where the features are wide: the same errors."""
    rows = torch.randn(60, 1, 24, generator=torch.Generator().manual_seed(0))
    scores = []
    for widest in (512, 8):
        monkeypatch.setattr(vad.models.pca, "WHOLE", widest)
        model = build("pca", {"components": 5}, 24)
        model.prepare(rows)
        scores.append(model.score(rows).video)

    torch.testing.assert_close(*scores)


def test_as_many_components_as_numbers_leave_no_error() -> None:
    """More components than the features are wide are all of them."""
    rows = torch.randn(20, 1, 4)
    model = build("pca", {"components": 16}, 4)
    model.prepare(rows)

    assert model.score(rows).video.max() < 1e-8


def test_the_frame_difference_of_a_video() -> None:
    """Each frame against the one before it as a share of 255, no byte below 0; the first has the second's score."""
    frames = np.zeros((4, 3, 2, 2), np.uint8)
    frames[1], frames[2], frames[3, 0] = 255, 204, 204
    model = build("frame_difference", {}, 3)
    found = score_video(model, frames, np.arange(5), Infer()).frames

    np.testing.assert_allclose(found, [1.0, 1.0, 0.2, 204 / 255 * 2 / 3], rtol=1e-6)


@pytest.mark.parametrize("name", ["pca", "frame_difference"])
def test_a_model_without_parameters_is_trained_by_its_constants(name: str, tmp_path: Path) -> None:
    """One epoch without a step, however many are asked for; its weights are its constants, possibly none."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (6, 3, 4, 4), dtype=np.uint8) for _ in range(3)]
    vectors = [rng.normal(size=(6, 4)).astype(np.float32) for _ in range(3)]
    part = Part(pictures if name == "frame_difference" else vectors, [0] * 3)
    model = build(name, {}, 3 if name == "frame_difference" else 4)
    done = train(model, part, part, UNTRAINED, 0, checkpoint=tmp_path / "checkpoint.pt")
    write_weights(tmp_path / "w.safetensors", {k: v.numpy() for k, v in done.state.items()}, {})

    assert (1, 1, 0) == (done.epoch, len(done.history), done.steps)
    assert done.history[0]["validation_loss"] > 0
    assert set(read_weights(tmp_path / "w.safetensors")) == set(model.state_dict())
    assert device_of(model) == torch.device("cpu")
