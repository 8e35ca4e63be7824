"""The example of docs/adding-a-metric.md is a whole metric: its two blocks are all that has to be written."""

import re

import numpy as np
import pytest

from tests.project import ROOT
from vad.documentation import metrics_reference
from vad.evaluation import metrics
from vad.evaluation.conventions import rows, under_all
from vad.evaluation.evaluate import evaluate
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.report.tables import result_row
from vad.schema.evaluate import Bootstrap

NAME = "frame_peak_hits"


def videos(n_anomalous: int = 6) -> list[JudgedVideo]:
    """Anomalous videos, of which every second has its highest score on its anomalous frame, and four normal ones."""
    made = []
    for i in range(n_anomalous + 4):
        labels = np.array([0, 0, int(i < n_anomalous), 0])
        truth = VideoTruth(video_id=f"v{i}", class_name="a", label=int(i < n_anomalous), n_frames=4, labels=labels)
        made.append(truth.scored(np.array([0.1, 0.6 * (i % 2), 0.5, 0.2]), 0.6))
    return made


@pytest.fixture(autouse=True)
def _the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example as a part of its module."""
    function, entry = re.findall(r"```python\n(.*?)```", (ROOT / "docs/adding-a-metric.md").read_text(), re.DOTALL)
    inside = dict(vars(metrics))
    exec(compile(function, "docs/adding-a-metric.md", "exec"), inside)
    exec(compile(f"metric = {entry.strip()}", "docs/adding-a-metric.md", "exec"), inside)
    monkeypatch.setitem(metrics.METRICS, NAME, inside["metric"])


def test_value_interval_and_columns_follow_from_the_entry() -> None:
    """Three of six videos have their peak on the anomalous frame; the tables have the columns of the metric."""
    found = evaluate(videos(), None, Bootstrap(resamples=100))
    columns = {NAME, f"{NAME}_low", f"{NAME}_high"}

    assert 0.5 == found[NAME]["value"]
    assert 0 <= found[NAME]["low"] < 0.5 < found[NAME]["high"] <= 1
    assert columns <= set(result_row({}, [found]))
    assert columns <= set(rows(under_all({"canonical": videos()}))[0])


def test_what_is_undefined_has_a_reason() -> None:
    """Without an anomalous video there is no value; nor for a model that scores whole videos."""
    whole = [video.scored(None, video.video_score) for video in videos()]

    assert "no anomalous videos" == evaluate(videos(0))[NAME]["reason"]
    assert "video-level model" == evaluate(whole, level="video")[NAME]["reason"]


def test_the_docs_follow_from_the_entry() -> None:
    """docs/metrics.md would have a row with the docstring."""
    (row,) = (line for line in metrics_reference().splitlines() if f"`{NAME}`" in line)

    assert "Share of the anomalous test videos whose highest frame score" in row
    assert "no anomalous videos" not in row
    assert "anomalous videos" in row
