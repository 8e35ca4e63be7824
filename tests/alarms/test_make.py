"""Alarms of hand-made scores, and what holds for any scores."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vad.alarms.make import Alarm, JoinedScores, make_alarms, rule_frames
from vad.errors import ArtefactError
from vad.schema.evaluate import Alarms

PLAIN = Alarms(min_seconds=0, merge_seconds=0, hysteresis=0)


def spans(scores: Sequence[float], settings: Alarms, fps: float = 1.0) -> list[tuple[int, int]]:
    """Start and end of the alarms at the threshold 5."""
    return [(alarm.start, alarm.end) for alarm in make_alarms(np.array(scores), 5.0, settings, fps)]


def test_alarm_is_a_run_of_flagged_frames() -> None:
    """From the first frame at the threshold to the one before the next below it, also at both ends of the video."""
    found = make_alarms(np.array([5.0, 4, 6, 7, 4, 9]), 5.0, PLAIN, 1.0)

    assert found == [Alarm(0, 1, 5.0), Alarm(2, 4, 7.0), Alarm(5, 6, 9.0)]
    assert make_alarms(np.zeros(3), 5.0, PLAIN) == []
    assert make_alarms(np.full(3, 5.0), 5.0, PLAIN) == [Alarm(0, 3, 5.0)]


def test_gaps_are_joined_in_seconds() -> None:
    """A gap of one frame is one second at 1 frame a second, half a second at 2; a gap of two stays at 1."""
    scores = [5, 0, 5, 0, 0, 5]
    one_second = PLAIN.model_copy(update={"merge_seconds": 1.0})

    assert spans(scores, one_second, 1.0) == [(0, 3), (5, 6)]
    assert spans(scores, one_second, 2.0) == [(0, 6)]
    assert spans(scores, one_second.model_copy(update={"merge_seconds": 0.9}), 1.0) == [(0, 1), (2, 3), (5, 6)]


def test_short_alarms_are_dropped_after_gaps_are_joined() -> None:
    """Two frames with a gap between them are three; a frame by itself is too short for two seconds."""
    settings = Alarms(min_seconds=2, merge_seconds=1, hysteresis=0)

    assert spans([5, 0, 5, 0, 0, 5], settings) == [(0, 3)]
    assert spans([5, 5, 0, 0, 0, 5], settings) == [(0, 2)]
    assert make_alarms(np.array([5.0, 5, 5, 0]), 5.0, Alarms(min_seconds=0.3, hysteresis=0), 10.0) == [Alarm(0, 3, 5.0)]


def test_seconds_become_frames() -> None:
    """Up to whole frames for the shortest alarm, down for a gap; a product just off a whole number is that number."""
    settings = Alarms(min_seconds=0.3, merge_seconds=0.3)

    assert rule_frames(settings, 10.0) == (3, 3)
    assert rule_frames(settings, 12.0) == (4, 3)
    assert rule_frames(Alarms(min_seconds=0, merge_seconds=0.29), 100.0) == (1, 29)


def test_hysteresis_keeps_an_alarm_until_the_release_level() -> None:
    """Median 1, threshold 5, a half of the way: it is released below 3, and nothing starts below 5."""
    scores = [1, 4, 5, 3, 4, 2, 4, 1, 1, 1, 1, 1, 1]

    assert spans(scores, PLAIN.model_copy(update={"hysteresis": 0.5})) == [(2, 5)]
    assert spans(scores, PLAIN) == [(2, 3)]


def test_median_above_the_threshold_has_no_effect() -> None:
    """Where most frames are flagged there is no way down to the median: the alarm ends below the threshold."""
    assert spans([9, 9, 9, 4, 9], PLAIN.model_copy(update={"hysteresis": 0.9})) == [(0, 3), (4, 5)]


def test_unknown_frame_rate_is_that_of_the_settings() -> None:
    """Two frames last a second at 2 frames a second."""
    settings = Alarms(min_seconds=1, merge_seconds=0, hysteresis=0, fps=2)

    assert [(0, 2)] == [(a.start, a.end) for a in make_alarms(np.array([5, 5, 0, 5]), 5, settings)]


def test_scores_that_are_not_finite_are_refused() -> None:
    """No alarm is made of them."""
    with pytest.raises(ArtefactError, match="not finite"):
        make_alarms(np.array([0, np.nan]), 5.0, PLAIN)
    with pytest.raises(ArtefactError, match="without a frame"):
        make_alarms(np.zeros(0), 5.0, PLAIN)


VIDEOS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=30), min_size=1, max_size=4)
SETTINGS = st.builds(
    Alarms,
    min_seconds=st.integers(0, 4),
    merge_seconds=st.integers(0, 4),
    hysteresis=st.sampled_from([0, 0.5]),
    fps=st.just(1.0),
)


def by_loop(scores: list[int], threshold: float, settings: Alarms) -> list[tuple[int, int]]:
    """The rules frame by frame."""
    release = threshold - settings.hysteresis * max(threshold - float(np.median(scores)), 0)
    found: list[list[int]] = []
    on = False
    for frame, score in enumerate(scores):
        on = score >= (release if on else threshold)
        if on and found and found[-1][1] == frame:
            found[-1][1] += 1
        elif on:
            found.append([frame, frame + 1])
    joined: list[list[int]] = []
    for start, end in found:
        if joined and start - joined[-1][1] <= settings.merge_seconds:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return [(start, end) for start, end in joined if end - start >= settings.min_seconds]


@given(videos=VIDEOS, settings=SETTINGS, threshold=st.integers(0, 10))
def test_joined_videos_have_the_alarms_of_each_by_itself(
    videos: list[list[int]], settings: Alarms, threshold: int
) -> None:
    """The vectorised code equals a loop over the frames of each video; no alarm crosses from one into the next."""
    joined = JoinedScores([np.array(video) for video in videos], [None] * len(videos), settings)
    alarms = joined.alarms(threshold)
    start = alarms.start - joined.starts[alarms.video]
    end = alarms.end - joined.starts[alarms.video]
    found = list(zip(alarms.video.tolist(), start.tolist(), end.tolist(), joined.peaks(alarms).tolist(), strict=True))

    assert found == [
        (i, a, b, float(max(video[a:b])))
        for i, video in enumerate(videos)
        for a, b in by_loop(video, threshold, settings)
    ]
