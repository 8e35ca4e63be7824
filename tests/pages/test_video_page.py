"""A page is one small file whose data cannot run."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from tests.pages.given import HOSTILE, content, data_of, jpeg, noise, picture
from vad.errors import ArtefactError
from vad.pages.content import Peak, Preview, Span
from vad.pages.overview import OverviewRow, write_overview
from vad.pages.shell import address, asset, json_text
from vad.pages.video_page import PICTURE_BYTES, write_choices, write_page


@settings(max_examples=40)
@drawn(st.lists(st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([HOSTILE, "\u2029"])))
def test_any_text_stays_inside_its_element(value: Any) -> None:
    """No sign that means something in HTML is left, and the value comes back."""
    text = json_text(value)

    assert set("<>&\u2028\u2029").isdisjoint(text)
    assert value == json.loads(text)


def test_what_is_no_json_is_refused() -> None:
    """A bare NaN would stop the whole script of a page."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(float("nan"))


@pytest.mark.parametrize("name", ["a b.csv", "javascript:alert(1)", "..", "a/b", 'x"y', "ä#?%.mp4"])
def test_addresses_are_relative(name: str) -> None:
    """A name can be no scheme and hold no separator."""
    assert re.fullmatch(r"\./[A-Za-z0-9._~%-]+", address(name))


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    """In the title and in the data; and a name that looks like a place of the template is not filled in."""
    write_page(tmp_path / "page.html", content(video_id=HOSTILE, notes=[HOSTILE]))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")

    assert "window.PWN=1</script>" not in text
    assert "<img" not in text.replace(asset("page.js"), "")
    assert HOSTILE == json.loads(data_of(tmp_path / "page.html"))["id"]
    assert 1 == text.count('id="data"')


@pytest.mark.parametrize("kind", ["page", "overview"])
def test_only_the_inline_parts_may_run(kind: str, tmp_path: Path) -> None:
    """The policy allows two hashes, those of script and style, and names no other place."""
    path = tmp_path / "page.html"
    write_page(path, content()) if kind == "page" else write_overview(path, [])
    text = path.read_text(encoding="utf-8")
    policy = html.unescape(re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[0])
    parts = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", text, re.DOTALL)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(p.encode()).digest()).decode()}'" for p in parts}

    assert 2 == len(parts)
    assert hashes == set(re.findall(r"'sha256-[^']+'", policy))
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"unsafe|\*|https?:", policy)
    assert [] == re.findall(r'(?:src|href)="(?!data:,)[^"#]', text)


@pytest.mark.parametrize("name", ["uPlot.iife.min.js", "page.js", "overview.js", "uPlot.min.css", "page.css"])
def test_assets_do_not_end_their_element(name: str) -> None:
    """And no script of ours reads text as HTML."""
    assert not re.search(r"</(script|style)", asset(name), re.IGNORECASE)
    if name in {"page.js", "overview.js"}:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(", asset(name))


@pytest.mark.parametrize("n_frames", [8_000, 108_000])
def test_a_page_is_small_however_long_the_video_is(n_frames: int, tmp_path: Path) -> None:
    """Under 300 kB with noise for scores and pictures: minutes, and an hour at 30 frames per second."""
    given = noise(n_frames)
    peaks = [Peak(i, jpeg(picture(i)), jpeg(picture(-1 - i + 100))) for i in range(12)]
    write_page(tmp_path / "page.html", given.__class__(**{**vars(given), "peaks": peaks, "previews": "full"}))

    assert (tmp_path / "page.html").stat().st_size < 300_000


def test_pictures_of_the_highest_peaks_are_kept(tmp_path: Path) -> None:
    """Where they do not all fit; peaks stand in the order of time."""
    peaks = [Peak(frame, jpeg(picture(frame))) for frame in (40, 0, 120, 1, 2, 3, 4, 5)]
    write_page(tmp_path / "page.html", content(peaks=peaks, previews="full"))
    shown = json.loads(data_of(tmp_path / "page.html"))["peaks"]

    assert sorted(peak.frame for peak in peaks) == [one["frame"] for one in shown]
    assert {40, 120} <= {one["frame"] for one in shown if one["picture"]}
    assert 2 < sum(bool(one["picture"]) for one in shown) < len(peaks)
    assert sum(len(one["picture"] or "") for one in shown) <= PICTURE_BYTES


def test_nothing_of_the_footage_is_shown_unless_asked(tmp_path: Path) -> None:
    """By default neither film nor pictures, though they are given; blurred ones are small."""
    film = Preview(tmp_path / "film.mp4", "blur")
    given: dict[str, Any] = {"preview": film, "peaks": [Peak(40, jpeg(picture()), jpeg(picture(1)))]}
    sizes = {}
    for level in ("none", "blur", "full"):
        preview = Preview(film.path, level) if level != "none" else film
        write_page(tmp_path / "page.html", content(**{**given, "preview": preview}, previews=level))
        data = json.loads(data_of(tmp_path / "page.html"))
        (peak,) = data["peaks"]
        sizes[level] = len(peak["picture"] or "") + len(peak["heat"] or "")
        assert (data["film"] is None) == (level == "none")
    write_page(tmp_path / "page.html", content(**given))

    assert None is json.loads(data_of(tmp_path / "page.html"))["film"]
    assert sizes["none"] == 0 < 5 * sizes["blur"] < sizes["full"]


def test_alarms_of_any_kind_are_taken(tmp_path: Path) -> None:
    """What has a start and an end, in numpy's numbers or not; and a page may have no threshold."""
    write_page(tmp_path / "page.html", content(alarms=[Span(*np.array([40, 60]))]))
    assert [[40, 60]] == json.loads(data_of(tmp_path / "page.html"))["alarms"]

    write_page(tmp_path / "page.html", content(alarms=[], threshold=None, labels=None))
    data = json.loads(data_of(tmp_path / "page.html"))
    assert (None, None, []) == (data["threshold"], data["labels"], data["alarms"])


def test_contradicting_content_writes_nothing(tmp_path: Path) -> None:
    """The check comes first."""
    with pytest.raises(ArtefactError):
        write_page(tmp_path / "page.html", content(times=np.zeros(3)))
    assert [] == list(tmp_path.iterdir())


def test_a_row_of_the_overview_sums_up_its_page() -> None:
    """Length, highest score, alarms and their seconds; shares of the length for drawing."""
    row = OverviewRow.of(content(), "a.html")

    assert (10.0, 0.9, 2) == (pytest.approx(row.duration_s), row.highest, row.n_alarms)
    assert 1.5 == pytest.approx(row.alarm_s)
    assert [(0.2, 0.3), (0.6, 0.65)] == list(row.drawn)
    assert 160 == len(row.strip)
    assert 0.9 == max(row.strip)


def test_the_overview_stays_small(tmp_path: Path) -> None:
    """Two kilobytes a video, with noise for scores; a video without a score has no curve."""
    rows = [OverviewRow.of(noise(1000), "a.html")] * 100
    nothing = content(0, times=np.zeros(0), scores=np.zeros(0), labels=None, alarms=[])
    write_overview(tmp_path / "index.html", [*rows, OverviewRow.of(nothing, None, HOSTILE)], HOSTILE)
    last = json.loads(data_of(tmp_path / "index.html"))["rows"][-1]

    assert (tmp_path / "index.html").stat().st_size < 400_000
    assert (None, None, [], HOSTILE) == (last["highest"], last["href"], last["strip"], last["note"])


def test_a_page_of_many_models_is_small(tmp_path: Path) -> None:
    """50 models of a long video, whose frame times stand there once; scripts and styles lie beside it."""
    one = noise(20_000)
    write_choices(tmp_path / "page.html", {f"model{i}": one for i in range(50)}, "assets")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    shown = json.loads(data_of(tmp_path / "page.html"))["choices"]

    assert len(text) < 300_000
    assert [f"model{i}" for i in range(50)] == [one["name"] for one in shown]
    assert [False, *[True] * 49] == [one["curve"]["ms"] is None for one in shown]
    assert '<script src="assets/page.js">' in text
    assert "script-src &#x27;self&#x27; file:;" in text


def test_several_short_curves_are_whole(tmp_path: Path) -> None:
    """Every score of a short video stands in the page, for each of 20 models."""
    write_choices(tmp_path / "page.html", {f"model{i}": content(900) for i in range(20)}, "assets")

    assert {1} == {one["curve"]["per"] for one in json.loads(data_of(tmp_path / "page.html"))["choices"]}
