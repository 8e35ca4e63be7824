"""Images beside rows: each is found again, wrong ones are refused, and bag segments find their rows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips import noise, numbered
from vad.artefacts.clips import DATA, OFFSETS, BagClips, Clips, encode_jpeg, row_of
from vad.artefacts.npy import StoredArray
from vad.engine.expansion import resample_bounds
from vad.errors import FeatureError


def test_every_image_is_found_again() -> None:
    """Row r, frame f of flat grey images has its own value."""
    clips = numbered(3)
    values = [[int(frame[0, 0, 0]) for frame in clips.frames(row)] for row in range(3)]

    assert 3 == len(clips)
    assert (4, 32, 32, 3) == clips.frames(0).shape
    assert [[20 * row + frame for frame in range(4)] for row in range(3)] == values


def test_images_that_several_models_see_are_decoded_once() -> None:
    """The second look at a row gives the array of the first one; without `decoded_once` each look decodes."""
    clips = noise(2)
    held = clips.decoded_once()

    assert held.frames(1) is held.frames(1)
    assert (held.frames(1) == clips.frames(1)).all()
    assert clips.frames(1) is not clips.frames(1)


def test_chosen_images_are_those_of_the_whole_row() -> None:
    """Whether or not the row was decoded before."""
    clips = noise(3)
    held = clips.decoded_once()
    whole = held.frames(1)

    np.testing.assert_array_equal(whole[[3, 0]], clips.frames(1, [3, 0]))
    np.testing.assert_array_equal(whole[[3, 0]], held.frames(1, [3, 0]))


def test_jpeg_stays_near() -> None:
    """A smooth picture comes back within a few grey levels; a higher quality is nearer."""
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    picture = np.stack([ramp, ramp, 255 - ramp], axis=-1)
    gaps = [
        np.abs(Clips.of([[encode_jpeg(picture, quality)]]).frames(0)[0].astype(int) - picture).max()
        for quality in (95, 20)
    ]

    assert gaps[0] <= 6
    assert gaps[0] < gaps[1]


def test_good_clips_have_no_problem(tmp_path: Path) -> None:
    """Arrays that were stored come back as the same clips; their bytes stay in the file."""
    clips, path = noise(3), tmp_path / "a.npz"
    np.savez(path, features=np.zeros(5), **clips.arrays())
    again = Clips.stored(path, {OFFSETS: clips.offsets})

    assert "" == clips.problem(3)
    assert again is not None
    assert "" == again.problem(3)
    assert isinstance(again.data, StoredArray)
    for row in range(3):
        np.testing.assert_array_equal(clips.frames(row), again.frames(row))
    np.testing.assert_array_equal(clips.data, again.arrays()[DATA])
    assert Clips.stored(path, {"features": np.zeros(5)}) is None


@pytest.mark.parametrize("array", [np.zeros(5), np.zeros((2, 2), np.uint8)])
def test_other_arrays_are_no_images(tmp_path: Path, array: np.ndarray) -> None:
    """Numbers of another type or shape are refused as images in a file are."""
    np.savez(tmp_path / "a.npz", clips=array)
    stored = Clips.stored(tmp_path / "a.npz", {OFFSETS: np.array([[0, 5]])})

    assert stored is not None
    assert "images are" in stored.problem(1)


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


def test_a_file_that_was_cut_is_one_error(tmp_path: Path) -> None:
    """The feature file loses its end after it was opened, or goes away."""
    clips, path = noise(2), tmp_path / "a.npz"
    np.savez(path, **clips.arrays())
    stored = Clips.stored(path, clips.arrays())
    assert stored is not None
    path.write_bytes(path.read_bytes()[:500])

    with pytest.raises(FeatureError, match="row 1 cannot be decoded"):
        stored.frames(1)
    path.unlink()
    with pytest.raises(FeatureError, match="row 0 cannot be decoded"):
        stored.frames(0)


def test_a_damaged_image_is_one_error() -> None:
    """Bytes in the middle of an image that no decoder can read."""
    clips = noise(2)
    data = clips.data.copy()
    data[clips.offsets[1, 0] + 2 : clips.offsets[1, 1]] = 0

    with pytest.raises(FeatureError, match="row 1 cannot be decoded"):
        replace(clips, data=data).frames(1)
    with pytest.raises(FeatureError, match="row 0 cannot be decoded"):
        Clips.of(
            [[encode_jpeg(np.zeros((16, 16, 3), np.uint8), 90), encode_jpeg(np.zeros((32, 32, 3), np.uint8), 90)]]
        ).frames(0)


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
