"""Images beside rows: each is found again, wrong ones are refused, and bag segments find their rows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips import noise, numbered
from vad.clips import BagClips, Clips, encoded, row_of
from vad.errors import FeatureError
from vad.scores import resample_bounds


def test_every_image_is_found_again() -> None:
    """Row r, frame f of flat grey images has its own value."""
    clips = numbered(3)
    values = [[int(frame[0, 0, 0]) for frame in clips.frames(row)] for row in range(3)]

    assert 3 == len(clips)
    assert (4, 32, 32, 3) == clips.frames(0).shape
    assert [[20 * row + frame for frame in range(4)] for row in range(3)] == values


def test_jpeg_stays_near() -> None:
    """A smooth picture comes back within a few grey levels; a higher quality is nearer."""
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    picture = np.stack([ramp, ramp, 255 - ramp], axis=-1)
    gaps = [
        np.abs(Clips.of([[encoded(picture, quality)]]).frames(0)[0].astype(int) - picture).max() for quality in (95, 20)
    ]

    assert gaps[0] <= 6
    assert gaps[0] < gaps[1]


def test_good_clips_have_no_problem() -> None:
    """Arrays that were stored come back as the same clips."""
    clips = noise(2)
    again = Clips.stored(clips.arrays())

    assert "" == clips.problem(2)
    assert again is not None
    np.testing.assert_array_equal(clips.frames(1), again.frames(1))
    assert Clips.stored({"features": np.zeros(1)}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: replace(c, data=c.data.astype(np.int16)), "int16"),
        (lambda c: replace(c, offsets=c.offsets.astype(np.int32)), "int32"),
        (lambda c: replace(c, offsets=c.offsets[:1]), "1 of 2 rows"),
        (lambda c: replace(c, offsets=c.offsets[:, :1]), "0 frames"),
        (lambda c: replace(c, data=c.data[:-1]), "do not fit"),
        (lambda c: replace(c, offsets=c.offsets + 1), "do not fit"),
        (lambda c: replace(c, offsets=c.offsets[::-1].copy()), "do not fit"),
        (lambda c: replace(c, offsets=c.offsets[:, [0, 2, 1, 3, 4]]), "do not fit"),
        (lambda c: replace(c, data=c.data[::-1].copy()), "no JPEG"),
    ],
)
def test_wrong_clips_are_named(change: Callable[[Clips], Clips], words: str) -> None:
    """Types, shapes, places and first bytes are looked at."""
    assert words in change(noise(2)).problem(2)


def test_a_damaged_image_is_one_error() -> None:
    """Bytes in the middle of an image that no decoder can read."""
    clips = noise(2)
    data = clips.data.copy()
    data[clips.offsets[1, 0] + 2 : clips.offsets[1, 1]] = 0

    with pytest.raises(FeatureError, match="row 1 cannot be decoded"):
        replace(clips, data=data).frames(1)
    with pytest.raises(FeatureError, match="row 0 cannot be decoded"):
        Clips.of([[encoded(np.zeros((16, 16, 3), np.uint8), 90), encoded(np.zeros((32, 32, 3), np.uint8), 90)]]).frames(
            0
        )


@given(rows=st.integers(1, 300), bag_segments=st.integers(1, 250), data=st.data())
def test_rows_of_segments(rows: int, bag_segments: int, data: st.DataObject) -> None:
    """`exact` is the first row of the resample bounds; both rules stay inside the video."""
    segment = data.draw(st.integers(0, bag_segments - 1))

    assert resample_bounds(rows, bag_segments)[segment] == row_of(segment, bag_segments, rows)
    assert 0 <= row_of(segment, bag_segments, rows, "upstream") < rows


@pytest.mark.parametrize(
    ("segment", "rows", "row"), [(0, 450, 0), (1, 450, 1), (2, 450, 3), (199, 450, 397), (5, 80, 4), (150, 80, 79)]
)
def test_released_arithmetic_by_hand(segment: int, rows: int, row: int) -> None:
    """Frame 16 * segment * max(1, rows // 200), less 16 where above 16; no further than the last row."""
    assert row == row_of(segment, 200, rows, "upstream")


def test_a_batch_decodes_what_is_asked() -> None:
    """Bag 1's segment 3 of 4 (row 6 of 8), bag 0's segment 0."""
    batch = BagClips([numbered(2), numbered(8)])
    frames = batch.frames([1, 0], [3, 0], 4)

    assert (2, 4, 32, 32, 3) == frames.shape
    assert [120, 0] == frames[:, 0, 0, 0, 0].tolist()
