"""Features of random weights stay visible: from the feature file through the scores to the row and the page."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from stages.infer import run as infer
from tests.report.test_tables import metrics
from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.files import write_json, write_text
from vad.artefacts.scores import read_scores
from vad.artefacts.weights import write_weights
from vad.engine.build import build
from vad.report.figures import cost_figure, curve_figures
from vad.report.inputs import Entry, ReportInputs
from vad.report.results import Settings, results_page
from vad.report.tables import MARK, MEANING, result_row
from vad.schema.evaluate import Evaluate
from vad.schema.infer import Infer

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


def words_of(figure: Figure) -> str:
    """Every text of a figure's legend, and the line at its foot."""
    legends = [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]
    return "\n".join([*(text.get_text() for text in legends[0].get_texts()), figure.get_supxlabel()])


@pytest.mark.parametrize(("weights", "marks"), [("random (seed 4)", True), ("kinetics abababababab", False)])
def test_figures_mark_the_names_in_their_legends(
    weights: str, marks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROC, precision-recall and area against cost: the mark behind the name and its meaning at the foot."""
    text = "curve,x,y\nroc,0,0\nroc,1,1\npr,0,1\npr,1,0.5\n"
    write_text(tmp_path / "v" / "seed0" / "curves.csv", text)
    inputs = ReportInputs({"evaluate": tmp_path}, {}, [0])
    monkeypatch.setattr(ReportInputs, "baselines", lambda *_: {})
    head = {"variant": "v", "model": "m", "level": "frame", "extractor_weights": weights}
    row = result_row({**head, "n_positive": 1, "n_frames": 2}, [metrics(0.5)])
    costs = {"variant": "v", "kind": "variant", "params": 1, "head_fps": 9.0, "measured_on": "here"}
    drawn = curve_figures(inputs, "set", [row], Evaluate())
    texts = [words_of(figure) for figure in (*drawn.values(), cost_figure("set", [row], [costs]))]

    assert 3 == len(texts)
    assert [marks] * 3 == [f"v {MARK}" in text for text in texts]
    assert [marks] * 3 == [f"{MARK} {MEANING}" in text for text in texts]


@pytest.mark.parametrize(("made_by", "words"), [(RANDOM, "random (seed 4)"), (CHECKED, "kinetics abababababab")])
def test_from_feature_file_to_page(made_by: dict, words: str, tmp_path: Path) -> None:
    """The protocol names the weights, the row has them as a column, the page marks the name and says why."""
    scores = protocol(tmp_path, made_by)
    row = {"dataset": "set", "model": "c3d_mil", "features": "x3d"}
    facts = {"lists": {}, "notes": [], "n_train": 1, "n_validation": 1, "n_test": 1}
    facts["labels"] = {"train": {"anomalous": 1}}
    write_json(tmp_path / "set" / "tables" / "facts.json", facts)
    write_json(tmp_path / "metrics" / "v" / "seed0" / "metrics.json", {"protocol": {"notes": []}})
    evaluate = {"evaluate": Evaluate(), "dataset": "set", "skipped": {}}
    settings = Settings(variants=[Entry(name="v", imported=False, **row)], seeds=[0], **evaluate)
    inputs = ReportInputs.of(settings, {"split": tmp_path, "evaluate": tmp_path / "metrics"})
    head = {"variant": "v", "dataset": "set", "extractor_weights": scores["extractor_weights"]}
    shown = {"ground_truth": "canonical", "threshold_rule": "fixed", "interval_unit": "videos"}
    page = results_page(inputs, settings, [result_row({**head, **shown}, [metrics(0.5)])], [], {})

    assert words == scores["extractor_weights"]
    assert (f"| v {MARK}" in page) is (made_by is RANDOM)
    assert (MEANING in page) is (made_by is RANDOM)
