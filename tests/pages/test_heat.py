"""The heat map over the film of a page: small, only where footage is shown, and drawn by a real browser."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from tests.pages.browser import FOUND, browser
from tests.pages.given import FPS, content, data_of, jpeg, noise, picture
from vad.pages.content import Heat, Peak, Preview
from vad.pages.pictures import BLUR_CELLS, write_preview
from vad.pages.video_page import write_page

OPACITY = """
  const cells = document.getElementById('map').getContext('2d').getImageData(0, 0, 2, 2).data;
  return [3, 7, 11, 15].map((i) => cells[i]);
"""

BOX = "const b = document.getElementById(arguments[0]).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"


def shown_picture(box: list[float], ratio: float) -> list[float]:
    """Left, top, width and height of a picture of width / height `ratio` in the middle of the box of its film."""
    left, top, width, height = box
    wide = min(width, ratio * height)
    return [left + (width - wide) / 2, top + (height - wide / ratio) / 2, wide, wide / ratio]


def heat(frames: list[int], rows: int = 4, columns: int = 8) -> Heat:
    """One map for each frame: all cells 0, but for the first cell of the last map."""
    maps = np.zeros((len(frames), rows, columns))
    maps[-1, 0, 0] = 1
    return Heat(np.array(frames), maps)


def test_maps_are_in_a_page_with_a_film_only(tmp_path: Path) -> None:
    """As levels over all maps; pooled to the cells that a blurred picture has."""
    film = Preview(tmp_path / "film.mp4", "blur")
    write_page(tmp_path / "page.html", content(preview=film, previews="blur", heat=heat([10, 90], 32, 64)))
    found = json.loads(data_of(tmp_path / "page.html"))["heat"]
    levels = np.frombuffer(base64.b64decode(found["levels"]), np.uint8).reshape(2, found["rows"], found["columns"])

    assert (found["frames"], found["rows"], found["columns"]) == ([10, 90], BLUR_CELLS // 2, BLUR_CELLS)
    assert levels[1, 0, 0] == 255
    assert levels.sum() == 255
    write_page(tmp_path / "page.html", content(preview=film, heat=heat([10, 90])))
    assert json.loads(data_of(tmp_path / "page.html"))["heat"] is None


def test_a_page_with_maps_is_small(tmp_path: Path) -> None:
    """An hour of noise with pictures and 128 maps: under 300 kB."""
    given = noise(108_000)
    peaks = [Peak(i, jpeg(picture(i)), jpeg(picture(100 - i))) for i in range(12)]
    maps = Heat(np.arange(128) * 800, np.random.default_rng(0).normal(size=(128, 32, 32)))
    changes = {"peaks": peaks, "previews": "full", "heat": maps, "preview": Preview(tmp_path / "film.mp4", "full")}
    write_page(tmp_path / "page.html", given.__class__(**{**vars(given), **changes}))

    assert (tmp_path / "page.html").stat().st_size < 300_000


@pytest.mark.skipif(not FOUND, reason="needs Debian's chromium and chromium-driver")
def test_the_map_lies_over_the_picture(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Off at first; the one nearest to the position is drawn, as large as the picture, as opaque as chosen."""
    film = write_preview(
        ((i / FPS, np.full((160, 120, 3), i, np.uint8)) for i in range(200)), tmp_path / "f.mp4", "full"
    )
    write_page(tmp_path / "page.html", content(preview=film, previews="full", heat=heat([10, 150])))
    # Chromium puts a socket there: a longer path would not do.
    with browser(tmp_path_factory.mktemp("browser")) as window:
        window.open((tmp_path / "page.html").as_uri())
        window.wait("return document.getElementById('film').videoWidth === 120")
        assert window.run("return document.getElementById('map').hidden")
        window.run("document.getElementById('map-shown').click()")
        window.wait("return !document.getElementById('map').hidden")
        assert "map of frame 10" == window.text("#map-frame")
        window.run("document.querySelectorAll('#alarms button')[1].click()")
        window.wait("return document.getElementById('map-frame').textContent === 'map of frame 150'")
        assert [255, 0, 0, 0] == window.run(OPACITY)
        over, film_box = (window.run(BOX, name) for name in ("map", "film"))
        assert film_box[2] > film_box[3]  # bars stand left and right of this high picture
        assert over == pytest.approx(shown_picture(film_box, 120 / 160), abs=1)
        window.run(
            "const o = document.getElementById('map-opacity'); o.value = 0.3; o.dispatchEvent(new Event('input'))"
        )
        assert "0.3" == window.run("return document.getElementById('map').style.opacity")
        assert [] == [entry["message"] for entry in window.log("browser")]
