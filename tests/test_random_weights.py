"""Features of random weights stay visible: from the feature file through the scores to the row and the page."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from stages.infer import run as infer
from stages.report import run as report
from tests.test_tables import metrics
from vad.artefacts import FeatureFile, read_scores, write_features, write_json, write_weights
from vad.modelling import build
from vad.schema import Infer
from vad.tables import MARK, MEANING

RANDOM = {"extractor": {"name": "x3d", "weights": "random", "weights_seed": 4}}
CHECKED = {"extractor": {"name": "x3d", "weights": "kinetics", "weights_sha256": "ab" * 32}}


def protocol(folder: Path, made_by: dict) -> dict:
    """What room infer says of a run over one video with such features."""
    model = build("c3d_mil", {"hidden_width": 2}, 3)
    config = {"model": "c3d_mil", "model_args": {"hidden_width": 2}, "feature_dim": 3}
    write_json(folder / "run" / "config.json", {**config, "section": {"train": {"select_by": "last", "device": "cpu"}}})
    values = {name: value.numpy() for name, value in model.state_dict().items()}
    write_weights(folder / "run" / "weights.safetensors", values, config)
    features = np.ones((2, 3), np.float32)
    write_features(folder / "a.npz", FeatureFile(features, np.array([0, 16, 32]), made_by))
    infer._score(folder / "run", {"a": "test"}, [folder / "a.npz"], Infer(), 1, folder / "scores.npz")  # type: ignore[call-arg]
    return read_scores(folder / "scores.npz").protocol


@pytest.mark.parametrize(("made_by", "words"), [(RANDOM, "random (seed 4)"), (CHECKED, "kinetics abababababab")])
def test_from_feature_file_to_page(made_by: dict, words: str, tmp_path: Path) -> None:
    """The protocol names the weights, the row has them as a column, the page marks the name and says why."""
    scores = protocol(tmp_path, made_by)
    row = {"dataset": "set", "model": "c3d_mil", "features": "x3d"}
    facts = {"lists": {}, "notes": [], "n_train": 1, "n_validation": 1, "n_test": 1}
    facts["labels"] = {"train": {"anomalous": 1}}
    write_json(tmp_path / "set" / "tables" / "facts.json", facts)
    write_json(tmp_path / "metrics" / "v" / "seed0" / "metrics.json", {"protocol": {"notes": []}})
    shelf = report.Shelf(
        Namespace(split=tmp_path, metrics=tmp_path / "metrics"),
        {"variants": [{"name": "v", **row}], "skipped": {}, "seeds": [0]},
    )
    head = {"variant": "v", "dataset": "set", "extractor_weights": scores["extractor_weights"]}
    shown = {"ground_truth": "canonical", "threshold_rule": "fixed", "interval_unit": "videos"}
    page = report._page(shelf, [report.result_row({**head, **shown}, [metrics(0.5)])], [], {})

    assert words == scores["extractor_weights"]
    assert (f"| v {MARK}" in page) is (made_by is RANDOM)
    assert (MEANING in page) is (made_by is RANDOM)
