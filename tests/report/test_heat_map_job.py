"""The job that maps the patches of a few frames: what it writes, and the figure of it."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.clips import noise
from tests.report.test_heat_maps import ARGS
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import read_json, write_json
from vad.artefacts.npy import load_npy
from vad.artefacts.scores import ScoreFile, StoredScores, write_scores
from vad.artefacts.weights import write_weights
from vad.engine.build import build
from vad.report.heat_maps import Settings, shown, write
from vad.report.plots import heat_map_figure
from vad.schema.evaluate import GroundTruth
from vad.splits.tables import write_tables
from vad.splits.video import Validation, Video


def a_run(folder: Path) -> Path:
    """Weights, scores, lists and features of two test videos of ten rows of four frames."""
    model = build("stpvad", ARGS, 5, seed=3)
    config = {"model": "stpvad", "model_args": ARGS, "feature_dim": 5}
    write_weights(folder / "run/weights.safetensors", {k: v.numpy() for k, v in model.state_dict().items()}, config)
    write_json(folder / "run/config.json", {**config, "seed": 3, "epoch": 7})
    rows = np.random.default_rng(0).normal(size=(10, 5)).astype(np.float32)
    for seed, name in enumerate("yz"):
        write_features(folder / f"features/{name}.npz", FeatureFile(rows, np.arange(11) * 4, {}, noise(10, seed=seed)))
    scores = {name: StoredScores(np.arange(40) / 40, 0.9, "test", 25.0) for name in "yz"}
    write_scores(folder / "scores.npz", ScoreFile("frame", scores))
    videos = [
        *(Video(name, "", "train", label, "A") for name, label in zip("abcd", (0, 1, 0, 1), strict=True)),
        Video("y", "", "test", 0, "Normal"),
        Video("z", "", "test", 1, "Arson", intervals=((14.0, 22.0),)),
    ]
    write_tables(
        folder / "split", videos, validation=Validation(fraction=0.5), interval_rule="zero_based_half_open", facts={}
    )
    return folder


def test_the_job_writes_what_the_figure_shows(tmp_path: Path) -> None:
    """First annotated frame of the anomalous video, middle of the normal one, with their scores and their maps."""
    folder = a_run(tmp_path)
    rules = GroundTruth.model_validate({"preset": "canonical"})
    paths = {"run": folder / "run", "features": folder / "features", "scores": folder / "scores.npz"}
    paths |= {"test": folder / "split/test.csv", "labels": folder / "none"}
    write(Settings(dataset="set", features="clips", ground_truth=rules), paths, folder / "maps")
    found = pd.read_csv(folder / "maps/frames.csv")
    images, maps = (load_npy(folder / f"maps/{name}.npy") for name in ("images", "maps"))
    model = build("stpvad", ARGS, 5, seed=3)
    expected = [shown(model, read_features(folder / f"features/{v}.npz"), f) for v, f in (("z", 14), ("y", 20))]

    rows = [["z", "Arson", 14, 1, 14 / 40], ["y", "Normal", 20, 0, 20 / 40]]
    assert rows == found.to_numpy().tolist()
    assert {"seed": 3, "epoch": 7} == read_json(folder / "maps/about.json")
    np.testing.assert_array_equal([one.image for one in expected], images)
    np.testing.assert_array_equal([one.heat for one in expected], maps)
    title = heat_map_figure("v", folder / "maps").get_suptitle()
    assert "v, seed 3, weights of epoch 7" in title
    assert "first annotated frame" in title
