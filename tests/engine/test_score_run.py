"""The scores of a stored run: models of pictures have other layers then, and the same scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.files import write_json
from vad.artefacts.weights import write_weights
from vad.engine.build import build, load_weights, on_device, restored
from vad.engine.kept_epochs import EpochKeeper
from vad.engine.score import score_video
from vad.engine.score_run import ListedVideo, score_run
from vad.engine.train_run import arrays
from vad.models._base import VideoModel
from vad.networks.convolutions import Convolution
from vad.schema.infer import Infer

SIDE, FRAMES = 16, 9
MODELS: dict[str, dict[str, Any]] = {
    "mnad": {"width": 4, "update_threshold": 2.0},
    "frame_pred": {"width": 4},
}


def trained(name: str, seed: int) -> VideoModel:
    """A model of pictures that has seen some: its batch normalisations are not those of a new one."""
    model = on_device(build(name, MODELS[name], 3, seed), "cpu").train()
    with torch.no_grad():
        model(torch.randint(0, 256, (4, 5, 3, SIDE, SIDE), dtype=torch.uint8))
    return model


def stored(folder: Path, name: str) -> dict[int, VideoModel]:
    """A run with the chosen epoch 2 and the kept epoch 1; its models by the number of the epoch."""
    models = {epoch: trained(name, epoch) for epoch in (1, 2)}
    about = {"model": name, "model_args": MODELS[name], "feature_dim": 3}
    keeper = EpochKeeper(folder, 1, about)
    for epoch, model in models.items():
        keeper.write(epoch, arrays(model.state_dict()))
    (folder / "weights.safetensors").write_bytes((folder / "epochs/0002.safetensors").read_bytes())
    section = {"train": {"device": "cpu", "lr": 0.1, "epochs": 2, "batch": 4, "select_by": "last"}}
    write_json(folder / "config.json", {**about, "epoch": 2, "section": section})
    return models


def videos(folder: Path) -> list[ListedVideo]:
    """One of each part."""
    found = []
    for seed, part in enumerate(("validation", "test")):
        pictures = np.random.default_rng(seed).integers(0, 256, (FRAMES, 3, SIDE, SIDE), dtype=np.uint8)
        path = folder / f"{part}.npz"
        write_features(path, FeatureFile(pictures, np.arange(FRAMES + 1), {}))
        found.append(ListedVideo(part, part, path))
    return found


@pytest.mark.parametrize("name", MODELS)
def test_weights_with_channels_side_by_side_are_stored_as_others(name: str, tmp_path: Path) -> None:
    """On a CPU the weights of a model of pictures lie in another order in memory, never in a file."""
    models = stored(tmp_path, name)
    weights = [value for value in models[2].parameters() if value.dim() == 4 and value.shape[1] > 1]

    assert any(not value.is_contiguous() for value in weights)
    assert all(value.is_contiguous(memory_format=torch.channels_last) for value in weights)
    for name_of, value in restored(tmp_path).model.state_dict().items():
        assert torch.equal(value, models[2].state_dict()[name_of])


@pytest.mark.parametrize("name", MODELS)
def test_folded_layers_score_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chosen and the kept epoch, each with its own memory, by faster convolutions."""
    run = tmp_path / "run"
    stored(run, name)
    listed, seen = videos(tmp_path), []

    def noted(model: VideoModel, *args: Any) -> Any:
        seen.append(model)
        return score_video(model, *args)

    monkeypatch.setattr("vad.engine.score_run.score_video", noted)
    file = score_run(run, listed, Infer(), 1)
    assert all(any(isinstance(layer, Convolution) for layer in model.modules()) for model in seen)

    plain = restored(run).model
    pictures = np.load(listed[1].features)["features"]
    for epoch in (1, 2):
        load_weights(plain, run / f"epochs/{epoch:04}.safetensors")
        plain.reset_memory()
        with torch.inference_mode():
            expected = score_video(plain, pictures, np.arange(FRAMES + 1), Infer())
        np.testing.assert_allclose(file.epochs[epoch]["test"].frames, expected.frames, rtol=1e-3, atol=1e-4)
    assert np.array_equal(file.epochs[2]["test"].frames, file.videos["test"].frames)


def test_a_model_of_pictures_without_weights_is_scored(tmp_path: Path) -> None:
    """The difference from the frame before: nothing to fold, and no weight that says where the model lies."""
    model = on_device(build("frame_difference", {}, 3, 0), "cpu")
    about = {"model": "frame_difference", "model_args": {}, "feature_dim": 3}
    run = tmp_path / "run"
    write_weights(run / "weights.safetensors", arrays(model.state_dict()), about)
    section = {"train": {"select_by": "last", "device": "cpu"}}
    write_json(run / "config.json", {**about, "epoch": 1, "section": section})

    found = score_run(run, videos(tmp_path), Infer(), 1).videos["test"].frames

    pictures = np.load(tmp_path / "test.npz")["features"].astype(float)
    expected = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(found[1:], expected, rtol=1e-5)
