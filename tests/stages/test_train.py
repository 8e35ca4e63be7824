"""The errors of room train name the variant that they are about; which epochs it keeps, and what scores them."""

from pathlib import Path

import numpy as np
import pytest

from stages.infer import run as infer
from stages.infer.run import kept_epochs
from stages.train.run import main
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import read_json, write_json
from vad.artefacts.scores import read_scores
from vad.artefacts.weights import read_weights
from vad.engine.build import build, load_weights
from vad.engine.score import score_video
from vad.errors import VadError
from vad.schema.infer import Infer
from vad.schema.train import Train
from vad.splits.tables import write_tables
from vad.splits.video import Validation, Video


def fitted(folder: Path, keep_epochs: int, epochs: int = 7) -> Path:
    """A run of a small autoencoder, which is the same whatever it keeps."""
    names = ["a", "b", "c", "z"]
    for number, name in enumerate(names):
        rows = np.random.default_rng(number).normal(size=(6, 4)).astype(np.float32)
        write_features(folder / f"features/{name}.npz", FeatureFile(rows, np.arange(7) * 16, {}))
    videos = [*(Video(name, "", "train", 0, "Normal") for name in names[:3]), Video("z", "", "test", 0, "Normal")]
    write_tables(
        folder / "split", videos, validation=Validation(fraction=0.4), interval_rule="zero_based_half_open", facts={}
    )
    model_args = {"window": 2, "stride": 1, "hidden_width": 3, "latent_width": 2, "memory_slots": 2}
    plan = {"lr": 0.05, "epochs": epochs, "batch": 2, "select_by": "validation_loss", "keep_epochs": keep_epochs}
    write_json(folder / "train.json", {"model": "lstm_memory_ae", "model_args": model_args, "train": _resolved(plan)})
    flags = [
        "--section",
        f"{folder}/train.json",
        "--code",
        f"{folder}/train.json",
        "--videos",
        f"{folder}/split/train.csv",
    ]
    main([*flags, "--features", f"{folder}/features", "--seed", "0", "--out", f"{folder}/run"])
    return folder / "run"


def _resolved(plan: dict) -> dict:
    return Train.model_validate({**plan, "device": "cpu"}).model_dump(mode="json")


@pytest.mark.parametrize(
    ("every", "epochs", "kept"),
    [(0, 7, set()), (1, 7, {1, 2, 3, 4, 5, 6, 7}), (3, 7, {3, 6, 7}), (3, 6, {3, 6}), (50, 7, {7})],
)
def test_every_nth_epoch_is_kept_and_the_last_and_the_chosen(
    tmp_path: Path, every: int, epochs: int, kept: set[int]
) -> None:
    """Their weights are those of their epoch, the chosen one's are the run's; what an earlier run kept is gone."""
    every_one = fitted(tmp_path / "all", 1, epochs)
    (tmp_path / "some/run/epochs").mkdir(parents=True)
    (tmp_path / "some/run/epochs/0099.safetensors").write_bytes(b"")
    run = fitted(tmp_path / "some", every, epochs)
    chosen = read_json(run / "config.json")["epoch"]
    found = {int(path.stem) for path in kept_epochs(run)}

    assert (kept | {chosen} if every else set()) == found
    for number in found:
        mine, same = (read_weights(folder / f"epochs/{number:04}.safetensors") for folder in (run, every_one))
        assert all(np.array_equal(mine[name], same[name]) for name in same)
    weights = read_weights(run / "weights.safetensors")
    expected = read_weights(every_one / f"epochs/{chosen:04}.safetensors")
    assert all(np.array_equal(expected[name], weights[name]) for name in expected)


def test_kept_epochs_score_the_test_videos(tmp_path: Path) -> None:
    """Each by its own weights; the chosen one as the run itself does; validation videos are scored once."""
    run = fitted(tmp_path, 3)
    parts, files = {"c": "validation", "z": "test"}, [tmp_path / f"features/{name}.npz" for name in "cz"]
    infer._score(run, parts, files, Infer.model_validate({}), 1, tmp_path / "scores.npz")
    found, config = read_scores(tmp_path / "scores.npz"), read_json(run / "config.json")

    assert {"c", "z"} == set(found.videos)
    assert [int(path.stem) for path in kept_epochs(run)] == sorted(found.epochs)
    assert np.array_equal(found.videos["z"].frames, found.epochs[config["epoch"]]["z"].frames)
    for number, videos in found.epochs.items():
        model = build(config["model"], config["model_args"], 4)
        load_weights(model, run / f"epochs/{number:04}.safetensors")
        file = read_features(files[1])
        expected = score_video(model, file.features, file.bounds, Infer.model_validate({})).frames.astype(np.float32)
        assert {"z"} == set(videos)
        assert np.array_equal(expected, videos["z"].frames)


def test_errors_name_the_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A normal list for a weakly supervised model: which of the variants it is, and what is wrong."""
    monkeypatch.chdir(tmp_path)
    names = ["a", "b", "c"]
    videos = [*(Video(name, "", "train", 0, "Normal") for name in names), Video("z", "", "test", 0, "Normal")]
    write_tables(Path("split"), videos, validation=Validation(), interval_rule="zero_based_half_open", facts={})
    for name in names:
        rows = np.ones((2, 4), np.float32)
        write_features(Path("features", f"{name}.npz"), FeatureFile(rows, np.array([0, 16, 32]), {}))
    schedule = {"lr": 0.01, "epochs": 1, "batch": 2, "select_by": "last"}
    write_json(Path("section.json"), {"model": "c3d_mil", "model_args": {}, "train": {"device": "cpu", **schedule}})
    flags = ["--section", "section.json", "--code", "section.json", "--videos", "split/train.csv"]
    with pytest.raises(VadError, match=r"^variant my_mil: .*this part has 2 normal and 0 anomalous"):
        main([*flags, "--features", "features", "--seed", "0", "--out", "data/train/my_mil/seed0"])
