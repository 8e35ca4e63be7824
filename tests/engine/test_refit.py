"""Training on the whole train list: held-out videos choose epoch and threshold, then every video is trained on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression

from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.weights import read_weights
from vad.engine import refit
from vad.engine.build import load_weights, restored
from vad.engine.refit import mean_history
from vad.engine.score import score_video
from vad.engine.score_run import ListedVideo, score_run
from vad.engine.train import Trained, TrainingRun, train
from vad.engine.train_run import VariantTraining
from vad.errors import DatasetError
from vad.schema.infer import Infer
from vad.schema.train import Train
from vad.splits.folds import fold_of

WIDTH = 4
NAMES = [f"{kind}{number}" for kind in ("a", "n") for number in range(8)]
PLAN = {"lr": 0.05, "epochs": 4, "steps_per_epoch": 3, "batch": 4, "select_by": "video_auc"}
BOUNDS = np.arange(7) * 16


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight anomalous and eight normal videos of noise, each with a row that stands out a little if it is anomalous."""
    folder = tmp_path_factory.mktemp("features")
    for number, name in enumerate([*NAMES, "test"]):
        rows = np.random.default_rng(number).normal(size=(6, WIDTH)).astype(np.float32)
        rows[2] += 0.8 * name.startswith("a")
        write_features(folder / f"{name}.npz", FeatureFile(rows, BOUNDS, {}))
    return folder


def fitted(features: Path, out: Path, model: str = "linear", args: dict | None = None, **plan: object) -> Path:
    """One run of a variant on these videos, a quarter of them held back for validation."""
    parts = ["validation" if name[1] in "67" else "fit" for name in NAMES]
    labels = [int(name[0] == "a") for name in NAMES]
    table = pd.DataFrame({"video_id": NAMES, "class": [n[0] for n in NAMES], "label": labels, "part": parts})
    settings = Train.model_validate({**PLAN, **plan})
    section = {"model": model, "model_args": args or {"bag_segments": 6}, "train": settings.model_dump(mode="json")}
    VariantTraining(section, settings, table, [features / f"{name}.npz" for name in NAMES]).run(0, 1, out / "seed0")
    return out / "seed0"


def config(run: Path) -> dict:
    """The config of a run."""
    return json.loads((run / "config.json").read_text())


def equal(one: Path, other: Path) -> bool:
    """All weights of two files equal to the last bit."""
    first, second = read_weights(one), read_weights(other)
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_a_refit_takes_as_many_steps_on_all_videos(features: Path, tmp_path: Path) -> None:
    """The first training is the one without a refit; its validation part becomes a part of the data."""
    plain, whole = fitted(features, tmp_path / "plain"), fitted(features, tmp_path / "refit", refit=True)
    history = pd.read_csv(whole / "history.csv")

    assert equal(whole / "held_out/1.safetensors", plain / "weights.safetensors")
    assert not equal(whole / "weights.safetensors", plain / "weights.safetensors")
    assert config(whole)["epoch"] == config(plain)["epoch"]
    assert config(whole)["held_out"] == {"1": ["a6", "a7", "n6", "n7"]}
    assert history["refit_train_loss"].notna().sum() == config(plain)["epoch"]
    assert history.drop(columns="refit_train_loss").equals(pd.read_csv(plain / "history.csv"))
    assert "held_out" not in config(plain)
    assert sorted(path.name for path in (tmp_path / "refit").iterdir()) == ["seed0"]


def test_the_threshold_comes_from_weights_that_did_not_see_the_video(features: Path, tmp_path: Path) -> None:
    """Validation videos are scored by the first training, test videos by the refitted model; the row says so."""
    run = fitted(features, tmp_path, refit=True)
    listed = [ListedVideo("a6", "validation", features / "a6.npz"), ListedVideo("test", "test", features / "test.npz")]
    file = score_run(run, listed, Infer(), 1)
    model, _ = restored(run)
    rows = np.random.default_rng(16).normal(size=(6, WIDTH)).astype(np.float32)
    tested = score_video(model, rows, BOUNDS, Infer())
    load_weights(model, run / "held_out/1.safetensors")
    held = np.random.default_rng(6).normal(size=(6, WIDTH)).astype(np.float32)
    held[2] += 0.8

    assert file.videos["test"].video == pytest.approx(tested.video)
    assert file.videos["a6"].video == pytest.approx(score_video(model, held, BOUNDS, Infer()).video)
    assert file.protocol["selection"] == "video_auc; refit on fit and validation part"
    assert file.protocol["threshold_on"] == "validation, scored before the refit"


def test_folds_choose_one_epoch_together(features: Path, tmp_path: Path) -> None:
    """Each video is held out once; the epoch is the best of the mean; each fold's weights are of that epoch."""
    run = fitted(features, tmp_path, select={"folds": 4})
    history, held = pd.read_csv(run / "history.csv"), config(run)["held_out"]
    best = history.sort_values(["video_auc", "validation_loss"], ascending=[False, True]).iloc[0]
    scored = score_run(run, [ListedVideo(n, "validation", features / f"{n}.npz") for n in held["2"]], Infer(), 1)
    model, _ = restored(run)
    load_weights(model, run / "held_out/2.safetensors")
    rows = np.random.default_rng(NAMES.index(held["2"][0])).normal(size=(6, WIDTH)).astype(np.float32)
    rows[2] += 0.8 * held["2"][0].startswith("a")

    assert sorted(name for ids in held.values() for name in ids) == NAMES
    assert [len(ids) for ids in held.values()] == [4, 4, 4, 4]
    assert config(run)["epoch"] == best["epoch"]
    assert {"video_auc_se", "validation_loss_se"} <= set(history)
    assert scored.videos[held["2"][0]].video == pytest.approx(score_video(model, rows, BOUNDS, Infer()).video)
    assert scored.protocol["selection"] == "video_auc, mean of 4 folds; refit on all train videos"


class KilledError(Exception):
    """Stands for the process being killed."""


def test_a_killed_run_goes_on_in_the_training_that_was_stopped(
    features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started again after a kill in the refit, it ends with the weights of a run that was never stopped."""
    whole = fitted(features, tmp_path / "whole", select={"folds": 2})
    steps: list[int] = []

    def killed(*given: Any, **named: Any) -> Trained:
        if len(given) > 8:  # the training on all videos: its ninth argument is called after each epoch
            given = (*given[:8], lambda _: (_ for _ in ()).throw(KilledError), *given[9:])
        return train(*given, **named)

    def counted(run: TrainingRun, epoch: int, number: int, batch: Any) -> dict[str, float]:
        steps.append(epoch)
        return step(run, epoch, number, batch)

    step = TrainingRun.step
    with monkeypatch.context() as patched:
        patched.setattr(refit, "train", killed)
        with pytest.raises(KilledError):
            fitted(features, tmp_path / "killed", select={"folds": 2})
    left = sorted(path.name for path in (tmp_path / "killed").glob(".seed0*"))
    monkeypatch.setattr(TrainingRun, "step", counted)
    again = fitted(features, tmp_path / "killed", select={"folds": 2})

    assert {".seed0.checkpoint.1.pt", ".seed0.checkpoint.2.pt"} <= set(left)
    assert len(steps) == 3 * config(again)["epoch"], "a training that was finished took steps again"
    assert equal(whole / "weights.safetensors", again / "weights.safetensors")
    assert (whole / "history.csv").read_text() == (again / "history.csv").read_text()
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["seed0"]


def test_weights_of_earlier_settings_are_removed(features: Path, tmp_path: Path) -> None:
    """Fewer folds, or none, leave no file of a fold behind."""
    fitted(features, tmp_path, select={"folds": 3})
    run = fitted(features, tmp_path, refit=True)
    one = [path.name for path in (run / "held_out").iterdir()]
    fitted(features, tmp_path)

    assert one == ["1.safetensors"]
    assert list((run / "held_out").iterdir()) == []


def test_one_video_under_two_names_stays_in_one_fold() -> None:
    """Videos with equal features share a fold; classes are dealt evenly; the order of the list does not matter."""
    videos = [(f"v{n:02}", n % 2, f"class{n % 4}") for n in range(24)]
    same = [0 if n in (3, 17) else n + 1 for n in range(24)]
    found = fold_of(videos, same, 3)
    turned = fold_of(videos[::-1], same[::-1], 3)

    assert found[3] == found[17]
    assert turned[::-1] == found
    assert {found.count(fold) for fold in (1, 2, 3)} <= {7, 8, 9}


def test_too_many_folds_are_refused() -> None:
    """A fold without a label could choose nothing."""
    with pytest.raises(DatasetError, match="2 normal videos in the train list, 3 folds"):
        fold_of([("a", 0, "x"), ("b", 0, "x"), ("c", 1, "y"), ("d", 1, "y"), ("e", 1, "y")], list("abcde"), 3)


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"folds": -1}])
def test_folds_that_cannot_choose_are_refused(wrong: dict) -> None:
    """With one fold nothing would be left to train on; patience would end folds at different epochs."""
    with pytest.raises(ValidationError):
        Train.model_validate({**PLAN, "select": wrong})
    with pytest.raises(ValidationError, match="patience does not go with"):
        Train.model_validate({**PLAN, "select": {"folds": 2}, "patience": 3})


def test_the_mean_of_histories_has_standard_errors() -> None:
    """A criterion that one fold lacks is missing in the mean."""
    rows = [[{"epoch": 1, "validation_loss": v, "video_auc": a, "video_ap": None}] for v, a in ((1.0, 0.5), (3.0, 0.7))]
    (mean,) = mean_history(rows)

    assert (1, 2.0, 1.0) == (mean["epoch"], mean["validation_loss"], mean["validation_loss_se"])
    assert (pytest.approx(0.6), pytest.approx(0.1), None) == (mean["video_auc"], mean["video_auc_se"], mean["video_ap"])


def test_linear_is_the_logistic_regression_of_scikit_learn(features: Path, tmp_path: Path) -> None:
    """Full batches until nothing moves: weights and intercept of the same objective, on all rows of all videos."""
    l2 = 0.05
    run = fitted(
        features,
        tmp_path,
        args={"bag_segments": 6, "standardise": False, "l2": l2},
        **{"epochs": 1, "steps_per_epoch": 400, "batch": 8, "select_by": "last", "scheduler": "cosine", "refit": True},
    )
    rows = [np.random.default_rng(n).normal(size=(6, WIDTH)).astype(np.float32) for n in range(16)]
    for number in range(8):
        rows[number][2] += 0.8
    values, labels = np.concatenate(rows), np.repeat([1] * 8 + [0] * 8, 6)
    wanted = LogisticRegression(C=1 / (l2 * len(values)), tol=1e-8).fit(values, labels)
    found = read_weights(run / "weights.safetensors")

    np.testing.assert_allclose(found["layer.weight"], wanted.coef_, atol=2e-3)
    np.testing.assert_allclose(found["layer.bias"], wanted.intercept_, atol=2e-3)
