"""Rows, page and figure of alarms."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.alarms.test_measure import block, film
from vad.alarms import write
from vad.alarms.measure import AlarmSet
from vad.alarms.scored import ScoredRun
from vad.report.inputs import JudgedSettings, ReportInputs

SETTINGS = JudgedSettings.model_validate(
    {
        "variants": [{"name": "x", "dataset": "set", "features": "f", "model": "m", "imported": False}],
        "seeds": [0, 1],
        "evaluate": {"alarms": {"min_seconds": 0, "merge_seconds": 0, "hysteresis": 0, "fps": 1}},
    }
)
PROTOCOL = {"protocol": {"scores": {"extractor_weights": "random (seed 0)"}}}
INPUTS = cast(
    "ReportInputs",
    SimpleNamespace(seeds=[0, 1], variants={"x": SETTINGS.variants[0]}, metrics=lambda *_: PROTOCOL),
)


def runs(normal: bool = True) -> list[ScoredRun]:
    """Two seeds of a variant, the first finds its event; and an oracle."""
    rest = [film("n", block(3600, (5, 9, 1)))] if normal else []
    found = [film("a", block(200, (10, 20, 2)), [(10, 20)]), *rest]
    missed = [film("a", block(200, (50, 60, 2)), [(10, 20)]), *rest]
    rule = "youden on validation"
    return [
        ScoredRun("x", "variant", 0, found, 1.0, rule),
        ScoredRun("x", "variant", 1, missed, 1.0, rule),
        ScoredRun("labels", "oracle", None, found, None, ""),
    ]


def made(given: list[ScoredRun]) -> tuple[list[AlarmSet], list[dict[str, Any]]]:
    """Alarm sets and rows of some runs."""
    sets = [write.alarm_set(run, SETTINGS, {}) for run in given]
    return sets, write.table_rows(INPUTS, "set", given, sets, SETTINGS)


def test_a_row_is_the_mean_over_seeds() -> None:
    """Seed 0 finds the event, seed 1 does not; both raise one false alarm an hour. No threshold: "-"."""
    _, (variant, oracle) = made(runs())

    assert (0.5, 1.0) == (variant["event_recall_10"], variant["false_alarms_per_hour"])
    assert ("0 1", "2 2", 1, 1.0) == tuple(variant[k] for k in ("seeds", "n_alarms", "n_events", "normal_hours"))
    assert ("youden on validation", "random (seed 0)") == (variant["threshold_rule"], variant["extractor_weights"])
    assert (None, "", 1.0) == tuple(oracle[k] for k in ("event_recall_10", "n_alarms", "recall_at_1_per_hour"))


def test_page_says_how_alarms_were_made() -> None:
    """Frame rates, resolution of the false alarm rate, what the mark means; oracles in a table of their own."""
    _, rows = made(runs())
    text = "\n\n".join(write._blocks("set", rows, [30.0, None], "alarms_set.png", SETTINGS))

    assert "frames per second: 1 (not known: `evaluate.alarms.fps`), 30." in text
    assert "Fewer than 1.0 false alarms an hour cannot be told from none on 60.0 minutes." in text
    assert "x †" in text
    assert text.index("x †") < text.index("Without a pixel") < text.index("| labels") < text.index("![")


def test_page_without_normal_videos_says_so() -> None:
    """Ped2's test list has none."""
    _, rows = made(runs(normal=False))

    assert (
        "There is no normal test video: false alarms are not counted."
        in write._blocks("set", rows, [25.0], "alarms_set.png", SETTINGS)[1]
    )
    assert rows[0]["false_alarms_per_hour"] is None


def test_figure_has_a_line_for_each_variant() -> None:
    """Recall of both seeds in the mean, from a rate below one false alarm; the oracle is dashed."""
    given = runs()
    sets, rows = made(given)
    axes = write.figure(INPUTS, "set", given, sets, rows).axes[0]
    lines = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}

    assert {"x †", "labels"} == set(lines)
    assert (0.5, 0.5) == (lines["x †"][0], lines["x †"][-1])
    assert {1.0} == set(lines["labels"])
    assert (0.5, "log") == (pytest.approx(axes.get_xlim()[0]), axes.get_xscale())


def test_figure_without_normal_videos_is_empty() -> None:
    """There is no axis of false alarms to draw on."""
    given = runs(normal=False)
    sets, rows = made(given)

    assert [] == list(write.figure(INPUTS, "set", given, sets, rows).axes[0].lines)
