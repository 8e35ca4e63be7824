"""Which frames are shown: by their rank among all scores of the test list."""

import numpy as np

from vad.predictions.frames import RANKS, Chosen, chosen_frames


def test_frames_by_the_rank_of_their_score() -> None:
    """Highest, quartiles and lowest of all scored frames; those without a score of their own are never shown."""
    scores = {"a": np.array([9.0, 9.0, 4.0, 0.0]), "b": np.array([-9.0, 1.0, 3.0, 2.0])}
    expected = [("a", 2), ("b", 2), ("b", 3), ("b", 1), ("a", 3)]

    assert [Chosen(rank, *place) for rank, place in zip(RANKS, expected, strict=True)] == chosen_frames(
        scores, {"a": 2, "b": 1}
    )


def test_one_frame_is_shown_for_every_rank() -> None:
    """A test list of a single scored frame."""
    assert [("a", 3)] * 5 == [(c.video_id, c.frame) for c in chosen_frames({"a": np.zeros(4)}, {"a": 3})]


def test_equal_scores_rank_by_their_place() -> None:
    """The choice is the same each time."""
    chosen = chosen_frames({"a": np.ones(3), "b": np.ones(2)}, {"a": 0, "b": 0})

    assert [("b", 1), ("b", 0), ("a", 2), ("a", 1), ("a", 0)] == [(c.video_id, c.frame) for c in chosen]
