"""A decimated curve is small and loses no peak."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vad.pages.curve import MOST_EXACT, curve


def test_a_short_curve_is_whole() -> None:
    """Scores to four digits of their range, times to a millisecond, without drift."""
    times, scores = np.arange(100) / 29.97, np.random.default_rng(0).random(100)
    found = curve(times, scores)

    assert (1, None) == (found["per"], found["low"])
    np.testing.assert_allclose(found["high"], scores, atol=6e-5)
    np.testing.assert_allclose(np.cumsum(found["ms"]) / 1000, times, atol=5.1e-4)


@settings(max_examples=25)
@given(st.integers(MOST_EXACT + 1, 3 * MOST_EXACT), st.integers(0, 2**32 - 1))
def test_a_long_curve_keeps_the_ends_of_each_stretch(n_frames: int, seed: int) -> None:
    """Each stretch has its lowest and its highest score: the ends of the whole are those of the video."""
    scores = np.random.default_rng(seed).normal(size=n_frames)
    found = curve(np.arange(n_frames) / 25, scores)
    per = found["per"]

    assert len(found["high"]) == len(found["low"]) == len(found["ms"]) == -(-n_frames // per) <= MOST_EXACT // 2
    assert max(found["high"]) == pytest.approx(scores.max(), abs=1e-4)
    assert min(found["low"]) == pytest.approx(scores.min(), abs=1e-4)
    at = seed % len(found["high"])
    assert found["high"][at] == pytest.approx(scores[at * per : (at + 1) * per].max(), abs=1e-4)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_scores_of_any_range_stay_apart(scale: float) -> None:
    """The decimals follow the range of the scores; scores that are all the same are no fault."""
    scores = scale * np.arange(1000)

    assert 1000 == len(set(curve(np.arange(1000.0), scores)["high"]))
    assert [scale] * 3 == curve(np.arange(3.0), np.full(3, scale))["high"]
