"""Blurred pictures hold a handful of cells and nothing else; films keep the time of each frame."""

import io
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from PIL import Image

from tests.pages.given import jpeg, picture
from vad.pages.pictures import BLUR_CELLS, FILM_SIDE, PICTURE_SIDE, blurred, thumbnail, write_preview


def test_what_a_blurred_picture_lost_cannot_come_back() -> None:
    """Two pictures that differ in every pixel, with the same mean in each cell, become one and the same."""
    fine = np.indices((12 * 20, BLUR_CELLS * 20)).sum(0) % 2 * 200
    one, two = (Image.fromarray(np.stack([a] * 3, -1).astype(np.uint8)) for a in (fine, 200 - fine))

    assert np.asarray(one).std() > 90
    np.testing.assert_array_equal(blurred(one), blurred(two))
    assert np.asarray(blurred(one)).std() < 1


@pytest.mark.parametrize(("height", "width"), [(240, 320), (320, 240), (9, 1000), (5, 4)])
def test_a_blurred_picture_has_its_size_and_few_cells(height: int, width: int) -> None:
    """Whatever its shape; scaled down to its cells again it is the same to a few grey levels."""
    soft = blurred(Image.fromarray(picture(height=height, width=width)))

    assert (width, height) == soft.size
    if max(height, width) > 100 < min(height, width):
        steps = np.abs(np.diff(np.asarray(soft, int), axis=1))
        assert steps.max() <= 255 // (max(height, width) // BLUR_CELLS) + 1


@pytest.mark.parametrize("level", ["blur", "full"])
def test_thumbnails_are_small_and_plain(level: Literal["blur", "full"]) -> None:
    """A JPEG of at most PICTURE_SIDE pixels, without metadata such as a place."""
    image = Image.fromarray(picture(height=600, width=800))
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x010E] = "taken at home"
    image.save(stream, "JPEG", exif=exif)
    small = thumbnail(stream.getvalue(), level)

    with Image.open(io.BytesIO(small)) as opened:
        assert ("JPEG", (PICTURE_SIDE, PICTURE_SIDE * 3 // 4)) == (opened.format, opened.size)
    assert b"taken at home" not in small
    assert len(thumbnail(jpeg(picture()), "blur")) < 4000


def test_a_film_keeps_the_time_of_each_frame(tmp_path: Path) -> None:
    """To a millisecond, also where steps differ; sides are even and at most FILM_SIDE."""
    times = [0.0, 0.04, 0.05, 0.3, 1.25]
    film = write_preview(((time, picture(0, 301, 721)) for time in times), tmp_path / "film.mp4", "full")

    with av.open(str(film.path)) as opened:
        frames = list(opened.decode(video=0))
    assert times == [pytest.approx(frame.time, abs=1e-3) for frame in frames]
    assert (FILM_SIDE, 200) == (frames[0].width, frames[0].height)


def test_a_blurred_film_is_blurred(tmp_path: Path) -> None:
    """Noise, which is all edges, has none in it."""
    film = write_preview([(0.0, picture()), (0.1, picture(1))], tmp_path / "film.mp4", "blur")

    with av.open(str(film.path)) as opened:
        pictures = [frame.to_ndarray(format="gray").astype(int) for frame in opened.decode(video=0)]
    assert "blur" == film.level
    assert max(np.abs(np.diff(p, axis=1)).mean() for p in pictures) < 3 < np.abs(np.diff(picture()[..., 0])).mean()


def test_a_damaged_film_leaves_nothing(tmp_path: Path) -> None:
    """Where the frames end with an error there is no file."""

    def broken() -> "list[tuple[float, np.ndarray]]":
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_preview((one for _ in range(1) for one in broken()), tmp_path / "film.mp4", "full")
    assert [] == list(tmp_path.iterdir())
