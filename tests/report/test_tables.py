"""Rows, curves and figures from metrics."""

import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from vad.drawing import curves as drawing
from vad.evaluation.curves import curves
from vad.evaluation.evaluate import METRICS
from vad.evaluation.judged_video import JudgedVideo
from vad.report import tables
from vad.report.plots import counted_unit


def metrics(value: float | None) -> dict:
    """Every metric with one value and a fixed interval."""
    low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
    return {name: {"value": value, "low": low, "high": high} for name in METRICS}


def test_row_is_mean_and_spread_over_seeds() -> None:
    """Mean, sample standard deviation and mean bounds; undefined for one seed is undefined for the row."""
    row = tables.result_row({"variant": "x"}, [metrics(0.6), metrics(0.8)])
    hole = tables.result_row({"variant": "x"}, [metrics(0.6), metrics(None)])

    assert (0.7, pytest.approx(0.2**0.5 / 10**0.5)) == (pytest.approx(row["frame_auc"]), row["frame_auc_std"])
    assert (pytest.approx(0.6), pytest.approx(0.8)) == (row["frame_auc_low"], row["frame_auc_high"])
    assert hole["frame_auc"] is None
    assert tables.result_row({}, [metrics(0.6)])["frame_auc_std"] is None


def test_cells_say_what_is_undefined() -> None:
    """Mean ± spread [interval]; a dash for an undefined metric, never 0."""
    row = tables.result_row({"variant": "x"}, [metrics(0.6), metrics(0.8)])

    assert tables.cell(row, "frame_auc") == "0.700 ± 0.141 [0.600, 0.800]"
    assert tables.cell(tables.result_row({}, [metrics(None)]), "frame_auc") == "-"
    assert "| x" in tables.metric_table([row], ["variant"], ["frame_auc"])


def test_summary_says_what_random_weights_made() -> None:
    """One key beside the metrics of such a variant, as `dvc metrics` reads it; none in the others."""
    heads = [{"variant": name, "extractor_weights": w} for name, w in (("x", "random (seed 0)"), ("y", "kinetics ab"))]
    found = json.loads(json.dumps(tables.summary([tables.result_row(head, [metrics(0.6)]) for head in heads])))

    assert found["x"]["random_weights"] is True
    assert found["y"] == {name: value for name, value in found["x"].items() if name != "random_weights"}


def test_summary_holds_numbers_only() -> None:
    """`dvc metrics` gets nested numbers; what is undefined is left out."""
    rows = [tables.result_row({"variant": "x"}, [metrics(0.6)]), tables.result_row({"variant": "y"}, [metrics(None)])]

    assert tables.summary(rows)["x"]["frame_auc"] == {"mean": 0.6, "low": 0.5, "high": 0.7}
    assert tables.summary(rows)["y"] == {}


def videos(level_scores: float = 1.0) -> list[JudgedVideo]:
    """Two videos, half of the first one anomalous and scored higher."""
    labels = np.repeat([0, 1], 50).astype(np.int8)
    common = {"n_frames": 100, "video_score": level_scores}
    return [
        JudgedVideo(video_id="a", class_name="Fire", label=1, labels=labels, scores=labels * 0.9 + 0.05, **common),
        JudgedVideo(
            video_id="b", class_name="Normal", label=0, labels=None, scores=np.linspace(0, 0.5, 100), n_frames=100,
            video_score=0.0,
        ),
    ]  # fmt: skip


def test_curves_keep_both_ends_and_sum_to_one() -> None:
    """ROC from (0, 0) to (1, 1) with at most the asked points; each distribution sums to 1."""
    table = curves(videos(), "frame", 20)
    roc = table[table["curve"] == "roc"]
    shares = table[table["curve"].str.startswith("scores_")].groupby("curve")["y"].sum()

    assert [(0.0, 0.0), (1.0, 1.0)] == [tuple(roc[["x", "y"]].iloc[i]) for i in (0, -1)]
    assert len(roc) <= 20
    assert shares.round(4).tolist() == [1.0, 1.0]


def test_curves_of_videos_and_of_missing_labels() -> None:
    """A video-level model has curves over videos; without frame labels there are none."""
    unlabelled = JudgedVideo(
        video_id="c", class_name="Fire", label=1, labels=None, scores=np.zeros(3), n_frames=3, video_score=0.0
    )

    assert set(curves(videos(), "video", 20)["curve"]) == {"roc", "pr", "scores_normal", "scores_anomalous"}
    assert curves([*videos(), unlabelled], "frame", 20).empty


def test_figures_of_nothing_are_empty_not_an_error() -> None:
    """Without frame labels there are no curves: the figures have axes and the threshold, nothing else."""
    empty = pd.DataFrame({"curve": pd.Series([], dtype=str), "x": pd.Series([], dtype=float), "y": []}, dtype=None)
    empty = empty.astype({"x": float, "y": float})

    assert drawing.distribution_figure("x", "frame", empty, 0.3).axes[0].lines[0].get_xdata() == [0.3, 0.3]
    assert len(drawing.curve_figure("roc", "set", [], [], None).axes[0].lines) == 1


def test_a_curve_is_the_mean_of_its_seeds_and_the_best_comes_first() -> None:
    """Two seeds, y = x and y = 1: the line runs half-way; of two variants the one with the larger area leads."""
    low = pd.DataFrame({"curve": "roc", "x": [0.0, 1.0], "y": [0.0, 1.0]})
    high = pd.DataFrame({"curve": "roc", "x": [0.0, 0.0, 1.0], "y": [0.0, 1.0, 1.0]})
    lines = [drawing.Line("worse", "m", [low], 0.5), drawing.Line("better", "m", [low, high], 0.75)]
    drawn = drawing.curve_figure("roc", "set", lines, [], None).axes[0].lines

    assert ["better  0.750", "worse  0.500"] == [line.get_label() for line in drawn[:2]]
    np.testing.assert_allclose((1 + drawing.GRID) / 2, drawn[0].get_ydata())
    assert drawn[0].get_color() == drawn[1].get_color()
    assert drawn[0].get_marker() != drawn[1].get_marker()


def legend_of(figure: Figure) -> list[str]:
    """The entries of the legend of a figure's first panel."""
    legend = figure.axes[0].get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_a_constant_score_has_the_precision_of_chance() -> None:
    """One threshold, which flags everything: no straight line from (0, 1) down to it."""
    constant = pd.DataFrame({"curve": "pr", "x": [0.0, 1.0], "y": [1.0, 0.25]})
    two = pd.DataFrame({"curve": "pr", "x": [0.0, 0.0, 0.5, 1.0], "y": [1.0, 0.0, 0.5, 0.25]})
    lines = [drawing.Line("constant", "m", [constant], 0.25), drawing.Line("two", "n", [two], 0.375)]
    drawn = {str(line.get_label()): line for line in drawing.curve_figure("pr", "set", lines, [], 0.25).axes[0].lines}
    steps = np.asarray(drawn["two  0.375"].get_ydata())

    assert {0.25} == set(np.asarray(drawn["constant  0.250"].get_ydata()))
    assert (0.5, 0.5, 0.25, 0.25) == tuple(steps[[0, 200, 201, 400]])
    assert "steps-pre" == drawn["two  0.375"].get_drawstyle()


def test_many_ablations_of_one_variant_are_a_panel_of_their_own() -> None:
    """Three changed forms or more; each has its own colour and is named at its line; the marks of names stay."""
    table = pd.DataFrame({"curve": "roc", "x": [0.0, 1.0], "y": [0.0, 1.0]})
    names = ["a †", "a_no_x †", "a_no_y", "a_no_z", "b", "b_big"]
    lines = [drawing.Line(name, name[0], [table], 0.5) for name in names]
    first, second = drawing.curve_figure("roc", "set", lines, [], None).axes
    colours = {str(line.get_color()) for line in second.lines[:-1]}

    assert drawing.ablations({line.name: line.family for line in lines}) == {"a †": ["a_no_x †", "a_no_y", "a_no_z"]}
    assert ["a †  0.500", "b  0.500", "b_big  0.500"] == [str(line.get_label()) for line in first.lines[:-1]]
    assert "a † (black) and its ablations" == second.get_title()
    assert 4 == len(colours)
    assert ["a †", "no_x †", "no_y", "no_z"] == [text.get_text() for text in second.texts]


def test_few_videos_are_counted_by_frame() -> None:
    """One test video, or videos of one label only, say nothing about decisions on videos."""
    counts = {"n_videos": 40, "n_anomalous": 20, "n_normal": 20}
    labelled = {"frame_tn": {"value": 3.0}}

    assert "video" == counted_unit({"counts": counts, **labelled})
    assert "frame" == counted_unit({"counts": {**counts, "n_normal": 0}, **labelled})
    assert "frame" == counted_unit({"counts": {"n_videos": 2, "n_anomalous": 1, "n_normal": 1}, **labelled})
    assert "video" == counted_unit({"counts": {**counts, "n_normal": 0}, "frame_tn": {"value": None}})


def test_figures_show_what_they_are_given() -> None:
    """Each figure has its lines, its axis names and its counts."""
    table = curves(videos(), "frame", 20)
    centre = drawing.Line("centre", "centre", [table], 0.25)
    roc = drawing.curve_figure("roc", "set", [drawing.Line("one", "m", [table, table], 0.5)], [centre], None)
    pr = drawing.curve_figure("pr", "set", [drawing.Line("one", "m", [table], None)], [], 0.25)
    confusion = drawing.confusion_figure("x", {"tp": 3, "fp": 1, "tn": 3, "fn": 1}, 3, "frame")
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "validation_loss": [4.0, 3.0]})
    history = history.assign(video_auc=[0.5, 0.75], video_ap=[0.25, 0.5])
    training = drawing.training_figure("x", {0: history}, "video_auc", {0: 2})

    assert [3, 2] == [len(figure.axes[0].lines) for figure in (roc, pr)]
    assert roc.axes[0].get_xlabel() == "false positive rate"
    assert ["one  0.500", "centre  0.250", "chance  0.500"] == legend_of(roc)
    assert ["one", "chance  0.250"] == legend_of(pr)
    assert [text.get_text() for text in confusion.axes[0].texts] == ["3\n75.0%", "1\n25.0%", "1\n25.0%", "3\n75.0%"]
    assert ["decided (frames)", "true (frames)"] == [confusion.axes[0].get_xlabel(), confusion.axes[0].get_ylabel()]
    assert "x: frames, share of each row\nsummed over 3 seeds" == confusion.axes[0].get_title()
    assert [[2.0, 3.0], [2.0, 0.75], [2.0, 0.5]] == [
        axes.lines[1].get_xydata()[0].tolist() for axes in training.axes[1:]
    ]
    assert drawing.distribution_figure("x", "frame", table, 0.3).axes[0].get_ylabel() == "share of frames"


@pytest.mark.parametrize("criterion", ["last", "validation_loss"])
def test_training_curves_show_areas_only_where_there_are_some(criterion: str) -> None:
    """A validation part of normal videos has no area: the losses stand alone, and the title says what chose."""
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "validation_loss": [4.0, 3.0]})
    figure = drawing.training_figure("x", {0: history.assign(video_auc=np.nan)}, criterion, {0: 2})

    assert ["training loss", "validation_loss\n(validation part)"] == [axes.get_ylabel() for axes in figure.axes]
    assert f"x; chosen by {criterion}" == figure.get_suptitle()


def test_training_curves_of_imported_weights_are_one_point() -> None:
    """Nobody trained: no training loss, and the validation loss of what was imported, marked as the chosen epoch."""
    history = pd.DataFrame({"epoch": [0], "train_loss": [None], "validation_loss": [0.25]})

    _, right = drawing.training_figure("x", {0: history}, "imported", {0: 0}).axes

    assert [[(0.0, 0.25)], [(0.0, 0.25)]] == [list(zip(*line.get_data(), strict=True)) for line in right.get_lines()]


def test_rows_of_random_features_are_marked() -> None:
    """The variant's name carries the mark, wherever the page prints it; other rows are as they were."""
    rows = [{"variant": "a", "extractor_weights": "random (seed 0)"}, {"variant": "b", "extractor_weights": "x3d 0f"}]
    shown = tables.marked([tables.result_row(row, [metrics(0.6)]) for row in rows])

    assert [f"a {tables.MARK}", "b"] == [row["variant"] for row in shown]
    assert f"| a {tables.MARK}" in tables.metric_table(shown, ["variant"], ["frame_auc"])
    assert [True, False] == [tables.random_features(row) for row in rows]


def test_rows_trained_with_copies_and_decoded_otherwise_say_so() -> None:
    """Decoders and copies are named, with how many videos PyAV had to decode; without either there is no word."""
    plain = {"variant": "a", "decoder": "PyAV"}
    other = {"variant": "b", "decoder": "DALI on gpu (3 of 290 by PyAV)", "copies": 2}

    assert "Not decoded by PyAV: b: DALI on gpu (3 of 290 by PyAV)." == tables.decoder_note([plain, other])
    assert "Trained with copies of changed pictures too: b: 2 of each video." == tables.copies_note([plain, other])
    assert "" == tables.decoder_note([plain]) == tables.copies_note([plain])
