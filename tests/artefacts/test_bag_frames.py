"""Convention `sultani_m`: the loop of the published MATLAB code, written out with its counting from 1."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vad.artefacts.bag_frames import matlab_bounds, sultani_m


def half_away(value: float) -> int:
    """MATLAB's `round` of a positive number."""
    return math.floor(value + 0.5)


def by_the_loop(segments: list[float], n_frames: int) -> list[float]:
    """Shots and clips counted from 1; a clip of 16 frames holds the score that was written last."""
    clips = max(n_frames // 16, 1)
    shots = [half_away(1 + i * (clips - 1) / len(segments)) for i in range(len(segments) + 1)]
    frames = [0.0] * (16 * clips)
    for shot, score in enumerate(segments):
        first, last = shots[shot], shots[shot + 1] - 1
        for clip in [first] if last < first else range(first, last + 1):
            frames[16 * (clip - 1) : 16 * clip] = [score] * 16
    frames = frames[:n_frames]
    return frames + frames[-1:] * (n_frames - len(frames))


@given(st.integers(1, 3000), st.sampled_from([1, 2, 32]))
def test_every_length_as_the_loop(n_frames: int, segments: int) -> None:
    """Scores that name their segment; as many as there are frames."""
    scores = [float(number + 1) for number in range(segments)]

    assert by_the_loop(scores, n_frames) == sultani_m(np.array(scores), n_frames).tolist()


def test_bounds_by_hand() -> None:
    """1 to 4 in two parts: 1, 2.5, 4 with the half rounded up; MATLAB's own example of 88 clips begins 1, 4, 6."""
    assert [1, 3, 4] == matlab_bounds(4, 2).tolist()
    assert [1, 4, 6] == matlab_bounds(88, 32)[:3].tolist()
    assert [83, 85, 88] == matlab_bounds(88, 32)[-3:].tolist()


@pytest.mark.parametrize(("clips", "last"), [(1, 32.0), (17, 32.0), (18, 0.0), (88, 0.0)])
def test_the_last_clip_of_a_long_video_is_never_covered(clips: int, last: float) -> None:
    """It and the frames behind it keep 0; up to 17 clips the last segment covers it."""
    frames = sultani_m(np.arange(1.0, 33.0), 16 * clips + 5)

    assert [last] * 21 == frames[-21:].tolist()
