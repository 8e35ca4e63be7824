"""Which videos and frames a figure of score maps shows, on maps made by hand."""

import numpy as np
import pytest

from tests.localisation.given import boxes, judged
from vad.heat_maps.choice import annotated_place, chosen_videos, highest_place

FLAT = np.zeros((4, 4))


def peak(value: float) -> np.ndarray:
    """A map of 4 x 4 cells with one high cell."""
    found = FLAT.copy()
    found[1, 1] = value
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"a": 0.5, "b": 0.9, "c": 0.1}, [("best", "b"), ("median", "a"), ("worst", "c")]),
        # The lower of two in the middle.
        ({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}, [("best", "a"), ("median", "c"), ("worst", "d")]),
        # Of equal values the later video ranks higher.
        ({"a": 0.5, "b": 0.5, "c": 0.5}, [("best", "c"), ("median", "b"), ("worst", "a")]),
        ({"a": 0.5, "b": None, "c": 0.25}, [("best", "a"), ("median and worst", "c")]),
        ({"a": 0.5, "b": None}, [("best and median and worst", "a")]),
        ({"b": None}, []),
    ],
)
def test_best_median_and_worst(values: dict[str, float | None], expected: list[tuple[str, str]]) -> None:
    """By value; undefined videos are left out, and no video is shown twice."""
    found = chosen_videos(values)

    assert expected == [(one.rank, one.video_id) for one in found]
    assert all(one.value == values[one.video_id] for one in found)


def test_the_frame_has_ground_truth() -> None:
    """Frame 2 has the highest map but no box; of frames 1 and 3, which have one, the map of 3 is higher."""
    truth = boxes([(1, 1, 0, 0, 2, 2), (3, 1, 0, 0, 2, 2)])
    video = judged(np.array([FLAT, peak(0.5), peak(9), peak(0.75)]), truth)

    assert (3, 3) == annotated_place(video)
    assert (2, 2) == highest_place(video.maps)


def test_sparse_truth_shows_the_annotated_frame() -> None:
    """Only frame 6 was annotated; the nearest map is that of frame 3, the last one."""
    video = judged(np.array([FLAT, FLAT, FLAT, peak(1)]), boxes([(6, 1, 0, 0, 2, 2)], sparse=True))

    assert (3, 6) == annotated_place(video)
