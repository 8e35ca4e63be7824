"""The figures of predicted pictures: what models made, on one scale, for frames chosen by rule."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.files import write_json, write_text
from vad.artefacts.scores import ScoreFile, StoredScores, write_scores
from vad.artefacts.weights import write_weights
from vad.drawing import pictures
from vad.engine.build import Restored, build
from vad.predictions import write as job
from vad.predictions.frames import Chosen
from vad.predictions.made import shown, window_of
from vad.splits.tables import write_tables
from vad.splits.video import Validation, Video

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "gated": ("mnad", {"width": 2, "gates": True, "window": 3}),
    "rebuilt": ("mnad", {"width": 2, "method": "reconstruction"}),
    "unet": ("frame_pred", {"width": 2, "window": 3}),
}
FRAMES = 6


def run_of(name: str) -> Restored:
    """A model as training left it."""
    model, args = MODELS[name]
    return Restored(build(model, args, 3, seed=1), {"epoch": 4})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runs, scores, metrics, lists and frames of two test videos."""
    videos = [Video(name, "", "train", 0, "Normal") for name in "abc"]
    videos += [Video("y", "", "test", 0, "Normal"), Video("z", "", "test", 1, "cart", intervals=((2.0, 5.0),))]
    rules: dict[str, Any] = {"validation": Validation(), "interval_rule": "zero_based_half_open", "facts": {}}
    write_tables(tmp_path / "split/set/tables", videos, **rules)
    rng = np.random.default_rng(0)
    for video in "yz":
        rows = rng.integers(0, 256, (FRAMES, 3, 16, 16), dtype=np.uint8)
        write_features(tmp_path / f"features/{video}.npz", FeatureFile(rows, np.arange(FRAMES + 1), {}))
    for name, (model, args) in MODELS.items():
        config = {"model": model, "model_args": args, "feature_dim": 3}
        weights = {key: value.numpy() for key, value in build(model, args, 3, seed=1).state_dict().items()}
        write_weights(tmp_path / f"train/{name}/seed0/weights.safetensors", weights, config)
        write_json(tmp_path / f"train/{name}/seed0/config.json", {**config, "seed": 0, "epoch": 4})
        scores = {v: StoredScores(rng.random(FRAMES), 0.9, "test", 25.0) for v in "yz"}
        write_scores(tmp_path / f"infer/{name}/seed0.npz", ScoreFile("frame", scores))
        counts = {"frame_tp": 2, "frame_fp": 1, "frame_tn": 8, "frame_fn": 1, "frame_auc": 0.75}
        protocol = {"threshold": {"rule": "quantile=0.95", "chosen_on": "validation"}}
        document = {"metrics": {key: {"value": value} for key, value in counts.items()}, "protocol": protocol}
        write_json(tmp_path / f"evaluate/{name}/seed0/metrics.json", document)
        write_text(tmp_path / f"evaluate/{name}/seed0/curves.csv", "curve,x,y\nroc,0,0\nroc,0.1,0.7\nroc,1,1\n")
    return tmp_path


def test_the_job_of_a_data_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five frames chosen by the first variant, the same for all; two figures each and a comparison on one scale."""
    scales, titles = [], []
    for name in ("picture_figure", "comparison_figure"):
        real = getattr(pictures, name)

        def noted(title: str, *args: Any, real: Any = real) -> Any:
            titles.append(title)
            scales.append(args[-1])
            return real(title, *args)

        monkeypatch.setattr(pictures, name, noted)
    entries = [
        {"name": name, "dataset": "set", "features": "frames", "model": model, "imported": False}
        for name, (model, _) in MODELS.items()
    ]
    settings = {"dataset": "set", "variants": entries, "seeds": [0], "ground_truth": {"preset": "canonical"}, "dpi": 30}
    paths = {name: folder / name for name in ("split", "train", "infer", "evaluate", "figures")}
    paths |= {f"features_{name}": folder / "features" for name in MODELS} | {"comparison": folder / "compared"}
    job.write(job.Settings.model_validate(settings), paths, folder / "pictures")
    table = pd.read_csv(folder / "pictures/frames.csv")
    drawn = {path.name for path in (folder / "figures").iterdir()}

    assert {f"{name}_{kind}.png" for name in MODELS for kind in ("pictures", "frames")} == drawn
    assert (folder / "compared/comparison.png").stat().st_size > 1000
    assert ["highest score", "upper quartile", "median", "lower quartile", "lowest score"] == table["rank"].tolist()
    assert table["score_gated"].is_monotonic_decreasing
    assert table["frame"].min() >= 2
    assert (table["frame"].between(2, 4) & (table["video_id"] == "z")).astype(int).tolist() == table["label"].tolist()
    assert 1 == len(set(scales))
    assert all("scores by gated (seed 0) are the highest, the quartiles and the lowest" in title for title in titles)


def test_what_is_shown_is_what_the_model_makes(folder: Path) -> None:
    """The last frame of the window is the target, those before it are the inputs; all are RGB."""
    rows = np.load(folder / "features/z.npz", allow_pickle=False)["features"]
    for name, inputs in (("gated", rows[2:4]), ("unet", rows[2:4]), ("rebuilt", rows[:0])):
        (one,) = shown(run_of(name), folder / "features", [Chosen("median", "z", 4)])

        np.testing.assert_array_equal(inputs.transpose(0, 2, 3, 1), one.inputs)
        np.testing.assert_allclose(rows[4].transpose(1, 2, 0) / 255, one.target, atol=1e-6)
        np.testing.assert_allclose(np.abs(one.picture - one.target).mean(axis=2), one.error)
        assert one.picture.min() >= 0
        assert one.picture.max() <= 1


def test_attention_maps_are_those_of_the_gates(folder: Path) -> None:
    """A quarter, half and the whole of the picture's sides; a closed gate is 0, an open one 1."""
    run = run_of("gated")
    with torch.no_grad():
        for number, bias in enumerate((-99.0, 0.0, 99.0)):
            run.model.get_parameter(f"gates.{number}.weigh.1.weight").zero_()
            run.model.get_parameter(f"gates.{number}.weigh.1.bias").fill_(bias)
    (one,) = shown(run, folder / "features", [Chosen("median", "z", 4)])

    assert [(4, 4), (8, 8), (16, 16)] == [values.shape for values in one.attention]
    assert [0.0, 0.5, 1.0] == [pytest.approx(float(values.mean()), abs=1e-6) for values in one.attention]
    assert () == shown(run_of("unet"), folder / "features", [Chosen("median", "z", 4)])[0].attention


def test_a_short_video_is_filled_up_with_its_last_frame() -> None:
    """As in training and scoring; a whole window is cut where it ends."""
    rows = np.arange(2, dtype=np.uint8).reshape(2, 1, 1, 1)

    assert [0, 1, 1, 1] == window_of(rows, 1, 4).ravel().tolist()
    assert [1] == window_of(rows, 1, 1).ravel().tolist()


def test_frames_are_counted_at_the_threshold() -> None:
    """Counts with the share of the true frames, and the point of the threshold on the curve."""
    table = pd.DataFrame({"curve": ["roc", "roc"], "x": [0.0, 1.0], "y": [0.0, 1.0]})
    counts = {"tn": 6, "fp": 2, "fn": 1, "tp": 3}
    figure = pictures.decision_figure("v", counts, {0: table, 1: table}, 0.5, "threshold: youden on validation")
    left, right = figure.axes[:2]
    point = next(line for line in right.lines if line.get_marker() == "X")

    assert ["6\n75.0%", "2\n25.0%", "1\n25.0%", "3\n75.0%"] == [text.get_text() for text in left.texts]
    assert [[0.25, 0.75]] == np.asarray(point.get_xydata()).tolist()
    assert "area 0.500" in right.get_title()
    assert "summed over 2 seed(s)" in left.get_title()
    assert "v\nthreshold: youden on validation" == figure.get_suptitle()


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (0, ["input = target", "rebuilt", "error", "error over target"]),
        (1, ["input, 1 before", "target", "prediction", "error", "error over target"]),
        (5, [*(f"input, {n} before" for n in (4, 3, 2, 1)), "target", "prediction", "error", "error over target"]),
    ],
)
def test_columns_say_what_a_model_was_shown(inputs: int, expected: list[str]) -> None:
    """At most the four frames before the target; a model that rebuilds the target has no others."""
    one = pictures.Shown(np.zeros((inputs, 8, 8, 3), np.uint8), np.zeros((8, 8, 3)), np.ones((8, 8, 3)), ())
    figure = pictures.picture_figure("title", ["median"], [one], 1.0)

    assert expected == [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_compared_models_share_one_scale() -> None:
    """Every error of a figure has the limits that the caller gives; scores stand below their pictures."""
    one = pictures.Shown(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((8, 8, 3)), np.full((8, 8, 3), 0.25), ())
    scores = pd.DataFrame({"a": [0.125], "gated_of_the_documents": [7.0]})
    frames = {"a": [one], "gated_of_the_documents": [one]}
    figure = pictures.comparison_figure("title", ["median"], frames, scores, 0.5)
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.get_title() == "its error"]

    assert [(0, 0.5), (0, 0.5)] == limits
    assert ["score 0.125", "score 7.000"] == [a.get_xlabel() for a in figure.axes if a.get_xlabel()]
    assert {"target", "a", "gated_of_the\n_documents"} <= {axes.get_title() for axes in figure.axes}
    assert 0.25 == one.error.max()
