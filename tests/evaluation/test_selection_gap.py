"""The best epoch on the test list compared with the chosen one, and the files that hold it."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.test_significance import run
from vad.artefacts.scores import ScoreFile, StoredScores, read_scores, write_scores
from vad.errors import ArtefactError
from vad.evaluation.evaluate import evaluate
from vad.evaluation.judged_video import JudgedVideo
from vad.evaluation.selection_gap import selection_gap


def epochs() -> dict[int, list[JudgedVideo]]:
    """Four epochs of different skill."""
    return {number: run(number, skill) for number, skill in enumerate((0.2, 1.5, 0.8, 0.1), start=1)}


def test_gap_by_hand() -> None:
    """Best over epochs minus chosen, for each metric apart."""
    values = {number: evaluate(videos)["frame_auc"]["value"] for number, videos in epochs().items()}
    found = selection_gap(evaluate(epochs()[3]), epochs().items(), "frame")["frame_auc"]

    assert (max(values.values()), 2) == (found["best_on_test"], found["epoch"])
    assert values[3] == found["selected"]
    assert values[2] - values[3] == pytest.approx(found["gap"])
    assert 4 == found["epochs"]


def test_never_negative_when_the_chosen_epoch_is_kept() -> None:
    """The chosen epoch is one of them, so no gap is below 0; the best epoch's own gap is 0."""
    for number in epochs():
        found = selection_gap(evaluate(epochs()[number]), epochs().items(), "frame")

        assert all(gap["gap"] >= 0 for gap in found.values())
        assert (found["frame_auc"]["gap"] == 0) == (number == 2)


def test_without_epochs_and_at_video_level() -> None:
    """Without kept epochs there is no gap; a video-level model has video metrics only."""
    videos = epochs()[1]

    assert {} == selection_gap(evaluate(videos), [], "frame")
    assert {"video_auc", "video_ap"} == set(selection_gap(evaluate(videos, level="video"), [(1, videos)], "video"))


def test_kept_epochs_in_a_score_file(tmp_path: Path) -> None:
    """Epochs are read by number with their frames; a score that is not finite is refused."""
    one = {"a": StoredScores(np.linspace(0, 1, 5, dtype=np.float32), 1.0, "test", 30.0, None, 2)}
    write_scores(tmp_path / "s.npz", ScoreFile("frame", one, {}, {1: one, 12: one}))
    found = read_scores(tmp_path / "s.npz").epochs

    assert [1, 12] == list(found)
    assert np.array_equal(one["a"].frames, found[12]["a"].frames)
    assert ("test", 30.0, 2) == (found[1]["a"].part, found[1]["a"].fps, found[1]["a"].dropped)
    bad = {"a": StoredScores(np.array([np.nan], np.float32), 0.0, "test")}
    with pytest.raises(ArtefactError, match="not finite"):
        write_scores(tmp_path / "t.npz", ScoreFile("frame", one, {}, {1: bad}))
