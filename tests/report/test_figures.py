"""Figures of costs and of embeddings: every row is where its numbers are."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from vad.drawing.comparisons import efficiency_figure, tsne_figure
from vad.evaluation.judged_video import VideoTruth
from vad.report import figures
from vad.report.inputs import ReportInputs
from vad.schema.evaluate import Evaluate


def row(name: str, **changes: Any) -> dict[str, Any]:
    """A variant with its areas and costs."""
    costs = {"macs_per_frame_head": 10.0, "macs_per_frame": 1000.0, "params": 50, "params_whole": 500}
    areas = {"frame_auc": 0.8, "frame_auc_low": 0.7, "frame_auc_high": 0.9, "video_auc": 0.6}
    return {"variant": name, "model": "m", **areas, **costs, "head_fps": 900.0, "end_to_end_fps": 30.0, **changes}


def marks(figure: Figure, panel: int) -> list[tuple[float, float, str]]:
    """(x, y, fill) of every single mark in a panel."""
    lines = [line for line in figure.axes[panel].lines if line.get_linestyle() == "None"]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_fillstyle()) for line in lines]


def test_head_and_whole_are_two_marks() -> None:
    """Hollow at the cost of the head, filled at the cost of all, in each panel; axes are logarithmic."""
    figure = efficiency_figure("title", [row("one")], {"Net": {"macs_per_frame": 2000.0, "params_whole": 7}})

    assert [(10, 0.8, "none"), (1000, 0.8, "full")] == marks(figure, 0)
    assert [(50, 0.8, "none"), (500, 0.8, "full")] == marks(figure, 1)
    assert [(900, 0.6, "none"), (30, 0.6, "full")] == marks(figure, 5)
    assert {"log"} == {axes.get_xscale() for axes in figure.axes}
    assert ["Net"] == [text.get_text() for text in figure.axes[0].texts]
    assert [] == list(figure.axes[2].texts)


def test_what_is_unknown_is_left_out() -> None:
    """Imported features: no filled mark. A model without frame scores: no row of panels for their area."""
    imported = row("one", macs_per_frame=None, params_whole=None, end_to_end_fps=None)
    video = row("two", frame_auc=None)

    assert [(10, 0.8, "none")] == marks(efficiency_figure("title", [imported, video], {}), 0)
    assert 3 == len(efficiency_figure("title", [video], {}).axes)


@pytest.mark.parametrize("rows", [[], [row("one", frame_auc=None, video_auc=None)]])
def test_no_areas_is_no_error(rows: list[dict[str, Any]]) -> None:
    """Nothing to show gives empty panels."""
    assert [] == marks(efficiency_figure("title", rows, {}), 0)


def test_a_map_is_coloured_three_times() -> None:
    """Every point in all three panels, by label, by class, by score."""
    points = pd.DataFrame(
        {
            "x": [0.0, 1, 2],
            "y": [0.0, 1, 4],
            "label": [0, 1, 1],
            "class": ["Normal", "Fire", "Fire"],
            "score": [1, 2, 3],
        }
    )
    figure = tsne_figure("title", points)
    sizes = [[len(drawn.get_offsets()) for drawn in axes.collections] for axes in figure.axes[:3]]
    legends = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in figure.axes[:2]]

    assert [[1, 2], [1, 2], [3]] == sizes
    assert [["normal", "anomalous"], ["normal", "Fire"]] == legends


def test_normal_parts_of_anomalous_videos_are_not_painted_as_the_class() -> None:
    """In the panel by class a point is of the class only where it is anomalous itself."""
    points = pd.DataFrame({"x": [0.0, 1, 2], "y": [0.0, 1, 2], "label": [0, 1, 0], "class": "Fire", "score": [1, 2, 3]})
    panel = tsne_figure("title", points).axes[1]

    assert ["normal", "Fire"] == [text.get_text() for text in panel.get_legend().get_texts()]
    assert [[1.0, 1.0]] == panel.collections[1].get_offsets().tolist()


def test_videos_of_a_memory_model_have_a_second_line() -> None:
    """Score against entropy as they are, then their map by label and by class; no row of videos, no second line."""
    points = pd.DataFrame({"x": [0.0, 1], "y": [0.0, 1], "label": [0, 1], "class": ["Normal", "Fire"], "score": [1, 2]})
    videos = points.assign(score=[0.25, 0.75], entropy=[3.0, 1.0])
    panels = [axes for axes in tsne_figure("title", points, videos).axes if axes.get_label() != "<colorbar>"]
    places = [[drawn.get_offsets().tolist()[0] for drawn in axes.collections] for axes in panels[3:]]

    assert [[0.25, 3.0], [0.75, 1.0]] == places[0]
    assert [[0.0, 0.0], [1.0, 1.0]] == places[1]
    assert [[0.0, 0.0], [1.0, 1.0]] == places[2]
    assert "entropy of its memory reads (nats)" == panels[3].get_ylabel()
    assert 3 == len([a for a in tsne_figure("title", points, videos[:0]).axes if a.get_label() != "<colorbar>"])


def judged(scores: list[float], labels: list[int]) -> list[Any]:
    """Videos of three frames, with one score each."""
    truth = [VideoTruth(video_id=f"v{i}", class_name="x", label=label, n_frames=3) for i, label in enumerate(labels)]
    return [video.scored(None, score) for video, score in zip(truth, scores, strict=True)]


def test_curves_over_videos_are_of_all_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant that scores whole videos only has curves too: of its video scores, the mean over seeds."""
    labels = [0, 0, 1, 1]
    runs = [judged([0.1, 0.2, 0.8, 0.9], labels), judged([0.1, 0.85, 0.8, 0.9], labels)]
    monkeypatch.setattr(figures, "contestants_of", lambda *_: {"a": ("video", runs)})
    inputs = SimpleNamespace(baselines=lambda *_: {"inverse_length": runs[0], "centre": runs[0]})
    counts = {"n_anomalous": 2, "n_videos": 4, "extractor_weights": "x", "level": "video", "n_positive": None}
    result = {"variant": "a", "model": "m", "video_auc": 0.875, "video_ap": 0.9, **counts}
    found = figures.video_curve_figures(cast("ReportInputs", inputs), "set", [result], Evaluate.model_validate({}))
    roc, pr = found["roc_video"].axes[0], found["pr_video"].axes[0]
    line = dict(zip(*(np.asarray(part) for part in roc.lines[0].get_data()), strict=True))

    assert "set: ROC over videos\nmean and range of seeds, video_auc" == roc.get_title()
    assert ["a  0.875", "inverse_length  1.000", "chance  0.500"] == [str(each.get_label()) for each in roc.lines]
    assert (0.75, 1.0) == (line[0.0], line[0.5])
    assert 0.5 == pr.lines[-1].get_ydata()[0]


def test_videos_of_one_label_have_no_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ped2's test list is anomalous throughout: empty panels, no error."""
    monkeypatch.setattr(figures, "contestants_of", lambda *_: {})
    rows = [{"variant": "a", "model": "m", "video_auc": None}]
    found = figures.video_curve_figures(cast("ReportInputs", None), "set", rows, Evaluate.model_validate({}))

    assert [1, 1] == [len(figure.axes[0].lines) for figure in found.values()]


def test_the_figure_of_costs_says_whether_the_machine_was_idle() -> None:
    """Below 95 % of the time other programs took the processor: the speeds of these variants are too low."""
    idle = [{"variant": "a", "cpu_share": 0.99}, {"variant": "b", "cpu_share": 0.97}]
    loaded = [{"variant": "a", "cpu_share": 0.99}, {"variant": "b", "cpu_share": 0.5}, {"variant": "c"}]
    result = {"variant": "b", "model": "m", "frame_auc": 0.5, "extractor_weights": "x"}
    cost = {"variant": "b", "kind": "variant", "params": 1, "head_fps": 9.0, "measured_on": "here", "cpu_share": 0.5}

    assert "" == figures.speed_note([{"variant": "c"}])
    assert "in 97% of the time at least." in figures.speed_note(idle)
    assert "Speeds are too low for b: other programs used the machine" in figures.speed_note(loaded)
    assert "Speeds are too low for all variants" in figures.cost_figure("set", [result], [cost]).get_supxlabel()
