"""One run under every convention: what moves, what is shared, and when conventions mean nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vad.artefacts.bag_frames import sultani_m
from vad.artefacts.scores import ScoreFile, StoredScores
from vad.evaluation.conventions import (
    NAMED,
    OF_BAGS,
    annotated_by_intervals,
    named_for,
    rows,
    scored_under,
    under_all,
)
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import Convention, fit_scores
from vad.evaluation.judged_video import JudgedVideo
from vad.evaluation.metrics import METRICS
from vad.schema.evaluate import Bootstrap
from vad.splits.tables import TEST_COLUMNS


def table(**changed: object) -> pd.DataFrame:
    """Two anomalous videos and three normal ones, as `read_test` gives them."""
    common = {"path": "", "interval_rule": "one_based_inclusive", "unit": "frame", "frame_labels": "", "n_frames": None}
    lines = [
        common
        | {
            "video_id": name,
            "class": "Arson" if spans else "Normal",
            "label": int(bool(spans)),
            "intervals": spans,
            "frame_level": True,
        }
        | changed
        for name, spans in {"a": "1-4;17-22", "b": "5-9", "c": "", "d": "", "e": ""}.items()
    ]
    return pd.DataFrame(lines, columns=TEST_COLUMNS)


def run(frames: dict[str, np.ndarray], dropped: int = 0, normalised: bool = False) -> ScoreFile:
    """The score file of a run."""
    own = {name: scores / scores.max() if normalised else None for name, scores in frames.items()}
    videos = {k: StoredScores(v, float(v.max()), "test", 30.0, own[k], dropped) for k, v in frames.items()}
    return ScoreFile("frame", videos)


@pytest.fixture
def frames() -> dict[str, np.ndarray]:
    """Scores of 20 frames and more."""
    rng = np.random.default_rng(0)
    return {name: rng.random(20 + 7 * i) for i, name in enumerate("abcde")}


@pytest.fixture
def runs(frames: dict[str, np.ndarray]) -> dict[str, list[JudgedVideo]]:
    """The same scores under every named convention."""
    return {name: scored_under(table(), {}, run(frames), rules).videos for name, rules in NAMED.items()}


def test_lengths_and_positives_of_each_convention(runs: dict[str, list[JudgedVideo]]) -> None:
    """Frames and positives follow the convention, by hand for 1-4, 17-22 in 20 frames and 5-9 in 27."""
    found = {row["ground_truth"]: (row["n_frames"], row["n_positive"]) for row in rows(under_all(runs))}

    assert {
        "canonical": (170, 13),
        "sultani": (170, 13),
        "rtfm": (208, 15),
        "vadclip": (208, 12),
        "ekosman": (170, 10),
        "vadclip_floor16": (144, 7),
    } == found


def test_equal_conventions_are_measured_once(runs: dict[str, list[JudgedVideo]]) -> None:
    """Sultani's rule is the list's own here: both names hold the very same result."""
    found = under_all(runs, 0.5, Bootstrap(resamples=20))

    assert found["canonical"] is found["sultani"]
    assert found["canonical"] is not found["ekosman"]


def test_a_known_result_is_not_computed_again(runs: dict[str, list[JudgedVideo]]) -> None:
    """Conventions equal to the one whose result is known take it, without classes; the others are computed."""
    known = {**evaluate(runs["canonical"], 0.5), "mark": True}
    found = under_all(runs, 0.5, known={"canonical": known})

    assert ["canonical", "sultani"] == [name for name, result in found.items() if "mark" in result]
    assert not any("classes" in result for result in found.values())
    assert list(NAMED) == list(found)


def test_rows_hold_every_metric_with_its_interval(runs: dict[str, list[JudgedVideo]]) -> None:
    """A row has value, low and high of each metric; without draws there is no interval."""
    drawn, plain = (rows(under_all(runs, 0.5, b))[0] for b in (Bootstrap(resamples=20), None))

    assert {f"{name}{end}" for name in METRICS for end in ("", "_low", "_high")} <= set(drawn)
    assert drawn["frame_auc_low"] <= drawn["frame_auc"] <= drawn["frame_auc_high"]
    assert plain["frame_auc"] == drawn["frame_auc"]
    assert plain["frame_auc_low"] is None


def test_the_tail_rule_moves_scores_not_labels(runs: dict[str, list[JudgedVideo]]) -> None:
    """Under ekosman the last n % 32 frames score 0, all 20 of a short video."""
    video = next(v for v in runs["ekosman"] if v.video_id == "a")

    assert [0.0] * 20 == list(video.scores)
    assert 6 == video.labels.sum()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"unit": "second"}, False),
        ({"frame_level": False}, False),
        ({"frame_labels": "a.npy"}, False),
        ({"intervals": ""}, False),
        ({"label": 0}, False),
    ],
)
def test_conventions_need_intervals_in_frames(changed: dict, expected: bool) -> None:
    """Seconds, frame labels, unmarked videos and normal videos alone have no conventions to compare."""
    assert expected == annotated_by_intervals(table(**changed))


def test_a_convention_of_ones_own(frames: dict[str, np.ndarray]) -> None:
    """Any interval and length rule can be asked for."""
    found = scored_under(table(), {}, run(frames), Convention("zero_based_inclusive", "floor16"))

    assert [16, 16, 32, 32, 48] == [v.n_frames for v in found.videos]


def test_runs_as_they_are_stored(frames: dict[str, np.ndarray]) -> None:
    """Validation videos are left out, dropped first frames are cut, own scales follow, clipped ends are noted."""
    file = run(frames, dropped=4, normalised=True)
    file.videos["z"] = StoredScores(np.zeros(9), 0.0, "validation")
    found = scored_under(table(), {}, file, NAMED["rtfm"])
    video = found.videos[0]

    assert list("abcde") == [v.video_id for v in found.videos]
    assert (28, 28, 28) == (video.n_frames, len(video.scores), len(video.normalised))
    assert [] == found.notes
    assert ["a: 1 annotation(s) end past the last frame: clipped"] == scored_under(
        table(), {}, file, NAMED["canonical"]
    ).notes


def test_video_level_runs_have_no_frames(frames: dict[str, np.ndarray]) -> None:
    """A model that scores whole videos keeps its video scores."""
    file = ScoreFile("video", run(frames).videos)
    found = scored_under(table(), {}, file, NAMED["canonical"]).videos

    assert [None] * 5 == [v.scores for v in found]
    assert [float(s.max()) for s in frames.values()] == [v.video_score for v in found]


@given(st.integers(1, 2000))
def test_scores_of_equal_parts_are_spread_anew(n_frames: int) -> None:
    """A bag of 32 that was spread over equal parts of the video, under `sultani_m` as from the bag itself."""
    bag = np.random.default_rng(n_frames).random(32)
    starts = np.arange(33) * n_frames // 32
    equal = bag[np.searchsorted(starts[1:], np.arange(n_frames), side="right")]
    expected = sultani_m(bag, n_frames) if n_frames >= 32 else sultani_m(equal[starts[:-1]], n_frames)

    np.testing.assert_allclose(expected, fit_scores(equal, OF_BAGS["sultani_m"]), rtol=1e-12)


def test_scores_of_bags_have_one_convention_more() -> None:
    """Runs that score rows or windows have no bag to spread anew."""
    assert [*NAMED, "sultani_m"] == list(named_for("bag_over_segments"))
    assert list(NAMED) == list(named_for("rows: each feature row scored on its own frames")) == list(named_for(None))
