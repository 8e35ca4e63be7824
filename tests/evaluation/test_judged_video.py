"""Scores meet their videos by id, and every length is checked before anything is joined."""

import numpy as np
import pytest

from vad.errors import ArtefactError
from vad.evaluation.judged_video import Frames, VideoTruth, checked, join


def truth(name: str, label: int = 0, n_frames: int = 3, labels: list[int] | None = None) -> VideoTruth:
    """A small video."""
    given = None if labels is None else np.array(labels)
    return VideoTruth(video_id=name, class_name="x", label=label, n_frames=n_frames, labels=given)


def test_join_is_by_id() -> None:
    """The order of the scores does not matter."""
    scores = {"b": np.full(3, 2.0), "a": np.full(3, 1.0)}
    joined = join([truth("a"), truth("b")], scores, {"b": 2.0, "a": 1.0})

    assert [("a", 1.0, 1.0), ("b", 2.0, 2.0)] == [(v.video_id, v.scores[0], v.video_score) for v in joined]


def test_per_video_normalised_scores_are_joined_and_used() -> None:
    """Where every video brings its own they are not scaled again; where one lacks them, all are scaled here."""
    truths, scores = [truth("a"), truth("b")], {"a": np.arange(3.0), "b": np.arange(3.0)}
    own = {"a": np.array([0.1, 0.2, 0.3]), "b": np.array([0.5, 0.5, 0.6])}
    both = Frames.of(join(truths, scores, {"a": 2, "b": 2}, own))
    one = Frames.of(join(truths, scores, {"a": 2, "b": 2}, {"a": own["a"]}))

    assert [0.1, 0.2, 0.3, 0.5, 0.5, 0.6] == both.normalised()[0].tolist()
    assert [0.0, 0.5, 1.0] * 2 == one.normalised()[0].tolist()
    assert [2.0, 2.0] == both.normalised()[1].tolist()


def test_cut_takes_labels_and_scores_alike() -> None:
    """The first two of five frames are left out everywhere; a video without labels stays without."""
    full = truth("a", 1, 5, [0, 1, 0, 1, 1]).scored(np.arange(5.0), 4.0, np.arange(5.0) / 4)
    cut, bare = full.cut(2), truth("b", 0, 5).scored(np.arange(5.0), 4.0).cut(2, 4)

    assert full.labels is not None
    assert (3, [0, 1, 1], [2.0, 3.0, 4.0], [0.5, 0.75, 1.0]) == (
        *(cut.n_frames, cut.labels.tolist(), cut.scores.tolist(), cut.normalised.tolist()),
    )
    assert (2, None, None) == (bare.n_frames, bare.labels, bare.normalised)
    assert 5 == full.n_frames


def test_join_of_video_scores_only() -> None:
    """A model that scores whole videos brings no frame scores."""
    assert [None] == [v.scores for v in join([truth("a")], None, {"a": 1.0})]


def test_missing_and_extra_videos_are_all_listed() -> None:
    """Every missing and every extra video is named, for frame and video scores."""
    with pytest.raises(ArtefactError, match="4 problem") as caught:
        join([truth("a"), truth("b"), truth("c")], {"a": np.zeros(3), "x": np.zeros(3)}, {"a": 0, "b": 0})

    expected = ["b: no frame", "c: no frame", "x: frame scores, but not", "c: no video score"]
    assert all(f"- {line}" in str(caught.value) for line in expected)


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (truth("Arson011").scored(np.zeros(4), 0), r"scores of shape \(4,\), 3 frames"),
        (truth("Arson011", 1, labels=[0, 1]).scored(np.zeros(3), 0), r"labels of shape \(2,\), 3 frames"),
        (truth("Arson011").scored(np.array([0, np.nan, np.inf]), 0), "2 scores are not finite"),
        (truth("Arson011").scored(np.zeros(3), float("nan")), "video score nan is not finite"),
        (truth("Arson011").scored(None, 0), "no frame scores"),
        (truth("Arson011").scored(np.zeros(3), 0, np.zeros(2)), r"scores of shape \(2,\), 3 frames"),
        (truth("Arson011").scored(np.zeros(3), 0, np.full(3, np.nan)), "3 scores are not finite"),
        (truth("Arson011", 2).scored(np.zeros(3), 0), "label 2"),
        (truth("Arson011", 1, labels=[0, 1, 2]).scored(np.zeros(3), 0), "other than 0 and 1"),
        (
            truth("Arson011", 0, labels=[0, 1, 1]).scored(np.zeros(3), 0),
            "2 anomalous frames .* labelled normal",
        ),
        (truth("Arson011", n_frames=0).scored(np.zeros(0), 0), "at least 1"),
    ],
)
def test_bad_scores_name_the_video(video: VideoTruth, message: str) -> None:
    """Each problem of scores or labels is an error that names its video."""
    with pytest.raises(ArtefactError, match=f"Arson011: .*{message}"):
        checked([video], "frame")


def test_all_problems_at_once() -> None:
    """A duplicate and two bad videos are reported together; an empty list is an error too."""
    good, bad = truth("a").scored(np.zeros(3), 0), truth("b").scored(np.zeros(4), 0)

    with pytest.raises(ArtefactError, match=r"(?s)3 problem.*a: listed twice.*b: scores.*c: scores"):
        checked([good, bad, good, truth("c").scored(np.zeros(1), 0)], "frame")
    with pytest.raises(ArtefactError, match="no videos"):
        checked([], "frame")


def test_video_level_looks_at_video_scores_only() -> None:
    """At video level missing frame scores are no problem."""
    assert ["a", "b"] == [
        v.video_id for v in checked([truth("b").scored(None, 0), truth("a").scored(None, 0)], "video")
    ]


def test_per_video_scaling() -> None:
    """Each video is scaled by its own extremes; a constant one becomes all 0."""
    videos = [truth("a").scored(np.array([5.0, 7, 9]), 0), truth("b").scored(np.full(3, 4.0), 0)]
    scaled, spread = Frames.of(videos).normalised()

    assert [0, 0.5, 1, 0, 0, 0] == scaled.tolist()
    assert [4, 0] == spread.tolist()
