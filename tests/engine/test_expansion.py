"""Expansion of scores to frames: by hand, and against the definitions written out naively."""

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest

from vad.engine import expansion as scores
from vad.schema.infer import Infer


def naive_segments(rows: int, bag_segments: int) -> list[list[int]]:
    """The rows that each bag segment samples, straight from the definition."""
    bounds = [i * rows // bag_segments for i in range(bag_segments + 1)]
    return [list(range(a, b)) or [a] for a, b in pairwise(bounds)]


def test_windows_at_their_last_frame() -> None:
    """Windows of 3 one-frame rows: scores on frames 2, 3, 4; the first is held. Every second window: linear between."""
    found = scores.windows(np.array([1.0, 5.0, 3.0]), np.arange(3), 3, np.arange(6), "last")
    strided = scores.windows(np.array([1.0, 5.0]), np.array([0, 2]), 3, np.arange(6), "last")

    assert [1.0, 1.0, 1.0, 5.0, 3.0] == found.tolist()
    assert [1.0, 1.0, 1.0, 3.0, 5.0] == strided.tolist()


@pytest.mark.parametrize(
    ("rows", "window", "place", "expected"),
    [(9, 5, "last", 4), (9, 1, "last", 0), (3, 5, "last", 2), (1, 5, "last", 0), (9, 5, "centre", 0)],
)
def test_unscored_frames(rows: int, window: int, place: Literal["centre", "last"], expected: int) -> None:
    """All before the first predicted frame, never all of a video; none for models that score every frame."""
    assert expected == scores.unscored_frames(np.arange(rows + 1), window, place)


def test_resample_bounds_of_a_short_and_a_long_video() -> None:
    """3 rows into 4 segments repeat one row; 10 rows into 4 truncate."""
    assert [0, 0, 1, 2, 3] == scores.resample_bounds(3, 4).tolist()
    assert [0, 2, 5, 7, 10] == scores.resample_bounds(10, 4).tolist()


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 57, 200])
@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_resample_is_the_mean_of_sampled_rows(rows: int, shape: tuple[int, ...]) -> None:
    """Each bag segment is the mean of its rows, or the single row where there is none; crops stay apart."""
    features = np.random.default_rng(0).normal(size=(rows, *shape)).astype(np.float32)
    expected = np.stack([features[chosen].mean(axis=0) for chosen in naive_segments(rows, 32)])
    actual = scores.resample(features, 32)

    assert np.float32 == actual.dtype
    np.testing.assert_allclose(expected, actual, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 5, 31])
@pytest.mark.parametrize("bag_segments", [1, 4])
def test_resample_by_maximum(rows: int, bag_segments: int) -> None:
    """Each bag segment is the element-wise maximum of its rows, also of maps; it keeps the type."""
    features = np.random.default_rng(0).normal(size=(rows, 2, 3, 1, 2)).astype(np.float32)
    expected = np.stack([features[chosen].max(axis=0) for chosen in naive_segments(rows, bag_segments)])
    actual = scores.resample(features, bag_segments, "max")

    assert np.float32 == actual.dtype
    np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize("rows", [1, 2, 15, 31, 32, 33, 57, 200])
def test_bag_over_segments_is_the_mean_of_all_that_sample_a_row(rows: int) -> None:
    """Each row gets the mean of the bag segments that sample it."""
    bag = np.random.default_rng(1).normal(size=32)
    sampled = naive_segments(rows, 32)
    expected = [np.mean([bag[i] for i in range(32) if row in sampled[i]]) for row in range(rows)]

    np.testing.assert_allclose(expected, scores.bag_over_segments(bag, 32, rows))


@pytest.mark.parametrize(("bag_segments", "n_positions"), [(4, 2), (5, 2)])
def test_pooled_positions_cover_their_bag_segments(bag_segments: int, n_positions: int) -> None:
    """With half as many positions each covers two bag segments, the last one also the odd one left."""
    positions = np.arange(1.0, n_positions + 1)
    expected = [1.0, 1.0, 2.0, 2.0, 2.0][:bag_segments]

    assert expected == scores.bag_over_segments(positions, bag_segments, bag_segments).tolist()


def test_rows_to_frames_covers_exactly_the_frames() -> None:
    """Row i covers its frames; an empty row covers none, the last may be short."""
    frames = scores.rows_to_frames(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 2, 5]))

    assert [1.0, 1.0, 3.0, 3.0, 3.0] == frames.tolist()


def test_window_starts_include_the_last_whole_window() -> None:
    """Windows of 10 every 5 rows; a video shorter than a window has one."""
    assert [0, 5, 10] == scores.window_starts(20, 10, 5).tolist()
    assert [0, 5] == scores.window_starts(19, 10, 5).tolist()
    assert [0] == scores.window_starts(10, 10, 5).tolist()
    assert [0] == scores.window_starts(1, 10, 5).tolist()


def test_windows_sit_at_their_centres() -> None:
    """Windows of 4 rows of 5 frames, centres at frames 10 and 20: linear between, held outside."""
    bounds = np.arange(0, 35, 5)
    frames = scores.windows(np.array([1.0, 3.0]), np.array([0, 2]), 4, bounds)

    assert 30 == len(frames)
    assert [1.0, 1.0, 2.0, 3.0, 3.0] == frames[[0, 10, 15, 20, 29]].tolist()


def test_window_centres_match_the_published_ones() -> None:
    """With one row per frame, windows of 10 every 5 have their centre at start + 5."""
    frames = scores.windows(np.array([0.0, 5.0, 10.0]), np.array([0, 5, 10]), 10, np.arange(21))

    np.testing.assert_allclose(np.clip(np.arange(20) - 5, 0, 10), frames)


def test_a_video_shorter_than_a_window_has_one_score() -> None:
    """The only window's score on all frames, padding counts none."""
    frames = scores.windows(np.array([7.0]), np.array([0]), 10, np.array([0, 16, 20]))

    assert [7.0] * 20 == frames.tolist()


def test_smoothing_is_in_frames_and_optional() -> None:
    """0 changes nothing; a larger sigma spreads a peak without changing its sum; ends are held."""
    peak = np.zeros(101)
    peak[50] = 1.0
    narrow, wide = scores.smooth(peak, 2.0), scores.smooth(peak, 5.0)

    assert peak.tolist() == scores.smooth(peak, 0.0).tolist()
    assert 1.0 == pytest.approx(wide.sum())
    assert 1 / (2 * np.sqrt(2 * np.pi)) == pytest.approx(narrow.max(), rel=1e-2)
    assert wide.max() < narrow.max()
    np.testing.assert_allclose(np.ones(20), scores.smooth(np.ones(20), 4.0))


@pytest.mark.parametrize(
    ("rule", "topk", "expected"),
    [("max", 16, 4.0), ("mean", 16, 2.0), ("topk_mean", 2, 3.5), ("topk_mean", 99, 2.0), ("model", 16, 0.25)],
)
def test_video_score_rules(rule: str, topk: int, expected: float) -> None:
    """Each rule by hand; more frames asked for than there are take all."""
    frames = np.array([0.0, 4.0, 1.0, 3.0])
    infer = Infer.model_validate({"video_score": rule, "topk": topk})

    assert expected == scores.video_score(frames, 0.25, infer)
