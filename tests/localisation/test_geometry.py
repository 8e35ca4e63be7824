"""Cells of a map and pixels of the picture: resizing, rotation and crop are undone exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vad.errors import ArtefactError
from vad.localisation.geometry import Geometry


def test_cells_divide_the_picture_evenly() -> None:
    """Of 5 columns in 2 cells the middle one, whose centre lies on the border, belongs to the second."""
    geometry = Geometry(4, 5, 2, 2)

    assert geometry.pixels.tolist() == [[4, 6], [4, 6]]
    assert geometry.unseen == 0
    assert geometry.centres()[0].tolist() == [[1.0, 1.25], [1.0, 3.75]]


def test_a_crop_leaves_the_rim_unseen() -> None:
    """A picture of 8 x 8, halved, of which the middle 2 x 2 is kept: the middle 4 x 4 pixels are seen."""
    geometry = Geometry(8, 8, 2, 2, resized=(4, 4), crop=(1, 1, 2, 2))
    picture = geometry.to_picture(np.array([[[1.0, 2.0], [3.0, 4.0]]]))[0]

    assert geometry.unseen == 64 - 16
    assert np.isnan(picture).sum() == 48
    assert picture[2:6, 2:6].tolist() == np.kron([[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2))).tolist()
    assert geometry.centres()[0, 0].tolist() == [3.0, 3.0]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_picture_is_turned_back(turns: int) -> None:
    """The map of a turned picture, one cell a pixel, is the picture again; its highest cell keeps its place."""
    picture = np.arange(6.0).reshape(2, 3)
    turned = np.rot90(picture, turns)
    geometry = Geometry(2, 3, *turned.shape, turns=turns)

    assert geometry.to_picture(turned[None])[0].tolist() == picture.tolist()
    assert geometry.centres()[np.unravel_index(turned.argmax(), turned.shape)].tolist() == [1.5, 2.5]


@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_pixels_of_a_mask_are_counted_exactly(turns: int, rows: int, columns: int, crop: bool, seed: int) -> None:
    """The count in a cell is the number of mask pixels that have its score in `to_picture`."""
    geometry = Geometry(19, 17, rows, columns, turns, (12, 15), (2, 1, 9, 10) if crop else None)
    mask = np.random.default_rng(seed).random((1, 19, 17)) < 0.4
    names = geometry.to_picture(np.arange(1.0, rows * columns + 1).reshape(1, rows, columns))
    counted = [int((names[mask] == cell).sum()) for cell in range(1, rows * columns + 1)]

    assert geometry.pooled(mask).ravel().tolist() == counted
    assert geometry.unseen == int(np.isnan(names).sum())


@pytest.mark.parametrize(
    ("rows", "turns", "crop", "said"),
    [
        (2, 0, (0, 0, 5, 4), "Correct them"),
        (2, 0, (-1, 0, 2, 2), "Correct them"),
        (2, 4, None, "Correct them"),
        (9, 0, None, "Pool the map to fewer"),
    ],
)
def test_what_cannot_be_is_refused(rows: int, turns: int, crop: tuple[int, int, int, int] | None, said: str) -> None:
    """A crop outside the picture, four quarter turns, more rows of cells than of pixels."""
    with pytest.raises(ArtefactError, match=said):
        Geometry(4, 4, rows, 2, turns, crop=crop)
