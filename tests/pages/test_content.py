"""What a page may show is checked before it is written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pages.given import content
from vad.errors import ArtefactError
from vad.pages.content import Peak, Preview, Span, peak_frames, spans


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"times": np.arange(3.0)}, "3 frame times, 200 scores"),
        ({"times": np.arange(200.0)[::-1]}, "go backwards"),
        ({"labels": np.zeros(3, int)}, "3 labels, 200 scores"),
        ({"scores": np.full(200, np.nan)}, "not finite"),
        ({"threshold": float("inf")}, "not finite"),
        ({"threshold": None}, "alarms without a threshold"),
        ({"alarms": [Span(190, 201)]}, "alarm 190:201 outside of 200 frames"),
        ({"peaks": [Peak(200)]}, "peak at frame 200"),
        ({"downloads": ["../secret.csv"]}, "is no name of a file"),
        ({"downloads": ["javascript:/x"]}, "is no name of a file"),
        ({"index": "/etc/passwd"}, "is no name of a file"),
        ({"preview": Preview(Path("/elsewhere/film.mp4"), "full")}, "does not lie in"),
        ({"previews": "blur", "preview": Preview(Path("site/film.mp4"), "full")}, "a full preview for a page"),
    ],
)
def test_contradictions_are_named(changes: dict[str, Any], said: str) -> None:
    """Each with what is wrong."""
    with pytest.raises(ArtefactError, match=said):
        content(**changes).check(Path("site"))


def test_good_content_passes() -> None:
    """Also a video without a score, and a film beside the page."""
    content(previews="full", preview=Preview(Path("site/film.mp4"), "full")).check(Path("site"))
    content(0, times=np.zeros(0), scores=np.zeros(0), labels=None, alarms=[]).check(Path("site"))


def test_the_length_holds_the_last_frame() -> None:
    """From the frame rate, or else from the usual step; without frames it is 0."""
    assert content(fps=20.0).duration_s == pytest.approx(10.0)
    assert content(fps=None).duration_s == pytest.approx(10.0)
    assert content(0, times=np.zeros(0), scores=np.zeros(0), labels=None, alarms=[]).duration_s == 0


def test_spans_are_runs_of_flags() -> None:
    """Also at both ends, and none without flags."""
    assert [Span(0, 2), Span(3, 4)] == spans(np.array([1, 1, 0, 1]))
    assert [] == spans(np.zeros(3, int))


def test_peaks_are_the_highest_frames_of_the_highest_alarms() -> None:
    """In the order of time; without an alarm the highest frame of the video."""
    scores = np.array([0, 5, 6, 0, 9, 8, 0, 7, 0])
    alarms = [Span(1, 3), Span(4, 6), Span(7, 8)]

    assert [4, 7] == peak_frames(scores, alarms, most=2)
    assert [4] == peak_frames(scores, [])
    assert [] == peak_frames(np.zeros(0), [])
