"""Which runs alarms are made of, with which operating point."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.alarms.test_measure import block, film
from vad.alarms import scored
from vad.artefacts.scores import ScoreFile
from vad.evaluation.baselines import rows
from vad.report.inputs import ReportInputs
from vad.schema.evaluate import Evaluate

VIDEOS = [film("a", block(100, (10, 20, 2)), [(10, 20)]), film("n", block(100))]
CONFIG = Evaluate.model_validate(
    {"threshold_normal_only": {"rule": "block_quantile", "value": 0.9, "calibrate_frames": 5}}
)


def inputs(n_anomalous: int = 1) -> ReportInputs:
    """Variants `x` and `video` of data set `set`, `other` of another; the threshold is 0.7."""
    threshold = {"value": 0.7, "rule": "youden", "chosen_on": "validation", "n_anomalous": n_anomalous}
    entries = {"x": "set", "video": "set", "other": "another"}
    return cast(
        "ReportInputs",
        SimpleNamespace(
            variants={name: SimpleNamespace(dataset=dataset) for name, dataset in entries.items()},
            table=lambda *_: Path("unused"),
            scores=lambda variant, _: variant,
            metrics=lambda *_: {"protocol": {"threshold": threshold}},
            baselines=lambda *_: rows(VIDEOS),
            truth=lambda *_: VIDEOS,
        ),
    )


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score files and lists without a disk."""

    def scores(variant: Any) -> ScoreFile:
        return ScoreFile("video" if variant == "video" else "frame", {})

    monkeypatch.setattr(scored, "read_test", lambda _: None)
    monkeypatch.setattr(scored, "read_labels", lambda *_: {})
    monkeypatch.setattr(scored, "read_scores", scores)
    monkeypatch.setattr(scored, "scored_under", lambda *_: SimpleNamespace(videos=VIDEOS))
    monkeypatch.setattr(scored, "whole_variants", lambda one: (list(one.variants), {}))


def test_runs_are_those_that_score_frames() -> None:
    """Each seed of each variant of the data set; a model that scores whole videos has no alarms."""
    found = scored.scored_runs(inputs(), "set", CONFIG, [0, 1])

    assert [("x", "variant", 0), ("x", "variant", 1)] == [(run.name, run.kind, run.seed) for run in found]
    assert {(0.7, "youden on validation")} == {(run.threshold, run.rule) for run in found}


@pytest.mark.parametrize(("n_anomalous", "unit"), [(1, 1.0), (0, 1.4826)])
def test_calibration_is_that_of_the_rule_that_was_used(
    monkeypatch: pytest.MonkeyPatch, n_anomalous: int, unit: float
) -> None:
    """Where validation is all normal, `threshold_normal_only` was used: here it calibrates, the other rule does not."""
    rising = [replace(video, scores=np.arange(float(video.n_frames))) for video in VIDEOS]
    monkeypatch.setattr(scored, "scored_under", lambda *_: SimpleNamespace(videos=rising))
    (run,) = scored.scored_runs(inputs(n_anomalous), "set", CONFIG, [0])

    assert [pytest.approx(unit)] * len(VIDEOS) == [video.unit for video in run.videos]


def test_rows_without_a_model_have_a_kind_and_a_threshold() -> None:
    """Labels as scores are an oracle; a baseline without a natural threshold has no operating point."""
    found = {run.name: run for run in scored.rows_without_model(inputs(), "set", CONFIG)}

    assert ("no pixel", 0.5) == (found["centre"].kind, found["centre"].threshold)
    assert ("no pixel", None) == (found["random"].kind, found["random"].threshold)
    assert ("oracle", 1.0) == (found["labels"].kind, found["labels"].threshold)
    assert [10, 0] == [int(np.sum(np.asarray(video.scores))) for video in found["labels"].videos]


def test_frame_rates_are_those_of_test_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation videos are left out."""
    videos = {"a": SimpleNamespace(part="test", fps=30.0), "v": SimpleNamespace(part="validation", fps=25.0)}
    monkeypatch.setattr(scored, "read_scores", lambda _: SimpleNamespace(videos=videos))
    one = cast("ReportInputs", SimpleNamespace(first_variant=lambda _: "x", seeds=[0], scores=lambda *_: "x"))

    assert {"a": 30.0} == scored.frame_rates(one, "set")
