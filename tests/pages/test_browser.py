"""Pages in a real browser: loaded from a file, used by mouse and keyboard, and silent towards the network."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.pages.browser import CONTRASTS, FOUND, NAMELESS, Browser, browser
from tests.pages.given import FPS, HOSTILE, content, jpeg, picture
from vad.pages.content import AlarmRule, Peak, Preview, Span
from vad.pages.overview import OverviewRow, write_overview
from vad.pages.pictures import write_preview
from vad.pages.serve import Server
from vad.pages.shell import PAGE_SCRIPTS, PAGE_STYLES, write_shared
from vad.pages.video_page import write_choices, write_page

pytestmark = pytest.mark.skipif(not FOUND, reason="needs Debian's chromium and chromium-driver")
ALARMS = "return Array.from(document.querySelectorAll('#alarms tr')).map((row) => row.children[2].textContent)"
SLIDE = """
  const slider = document.getElementById('slider');
  slider.value = arguments[0];
  slider.dispatchEvent(new Event('input'));
"""
PLACE = "const box = document.querySelector('.u-over').getBoundingClientRect(); return [box.x, box.y, box.width]"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests: each loads its page anew."""
    with browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with everything, one with nothing but scores, one with hostile names, and their overview."""
    folder = tmp_path_factory.mktemp("site with # and space")
    frames = ((i / FPS, np.full((120, 160, 3), i, np.uint8)) for i in range(200))
    film = write_preview(frames, folder / "film.mp4", "full")
    peaks = [Peak(frame, jpeg(picture(frame)), jpeg(picture(frame + 1))) for frame in (40, 120)]
    full = content(preview=film, previews="full", peaks=peaks, downloads=["scores.csv"], index="index.html")
    hostile = content(
        video_id=HOSTILE, notes=[HOSTILE], downloads=['x"><img src=x onerror=alert(1)>.csv'], peaks=[Peak(40)]
    )
    for name, given in {"full": full, "plain": content(labels=None), "hostile": hostile}.items():
        write_page(folder / f"{name}.html", given)
    rows = [OverviewRow.of(full, "full.html"), OverviewRow.of(hostile, "hostile.html", HOSTILE)]
    low = OverviewRow.of(content(50, alarms=[], scores=np.full(50, 0.2), labels=None), "plain.html")
    write_overview(folder / "index.html", [*rows, low], HOSTILE)
    return folder


@pytest.fixture(autouse=True)
def silent(window: Browser, site: Path, tmp_path: Path) -> Iterator[None]:
    """After each test: the console is empty, and only files of the folder were asked for."""
    yield
    assert [] == [entry["message"] for entry in window.log("browser")]
    allowed = (site.as_uri(), tmp_path.as_uri(), "http://127.0.0.1:", "about:blank")
    assert [] == [address for address in window.requested() if not address.startswith(allowed)]


def open_page(window: Browser, site: Path, name: str) -> None:
    """Load a page from its file."""
    window.open((site / f"{name}.html").as_uri(), ready=name != "index")


def test_a_page_says_at_once_what_was_found(window: Browser, site: Path) -> None:
    """The number of alarms first; where they are, and how they lie to the labels."""
    open_page(window, site, "full")

    assert "2 alarms" == window.text("#verdict")
    assert "1.5 s of 10.0 s" in window.text("#details")
    assert "1 of 1 labelled event met" in window.text("#details")
    assert "1 alarm outside of labels" in window.text("#details")
    assert ["40\u201359", "120\u2013129"] == window.run(ALARMS)
    assert window.run("return document.querySelector('#chart canvas').width") > 400


def test_the_slider_makes_alarms_anew(window: Browser, site: Path) -> None:
    """In the list and in the verdict; Reset brings back those of the run."""
    open_page(window, site, "full")

    window.run(SLIDE, 0.8)
    window.wait("return document.getElementById('verdict').textContent === '1 alarm'")
    assert ["40\u201359"] == window.run(ALARMS)
    window.run(SLIDE, 0.95)
    window.wait("return document.getElementById('verdict').textContent === 'No alarm'")
    assert [] == window.run(ALARMS)
    window.run("document.getElementById('reset').click()")
    window.wait("return document.getElementById('verdict').textContent === '2 alarms'")
    assert "0.5" == window.run("return document.getElementById('number').value")


def test_alarms_follow_the_rule_of_the_run(window: Browser, site: Path, tmp_path: Path) -> None:
    """Hysteresis ends an alarm below its share of the way to the median; gaps are merged, then short ones dropped."""
    scores = np.zeros(200)
    scores[10:20], scores[20:30] = 1.0, 0.5  # goes on at 0.5: the release level at threshold 0.8 is 0.4
    scores[33:36] = 1.0  # three frames later
    scores[50:52] = 1.0  # too short
    scores[100:110] = 0.5  # never starts
    scores[195:200] = 1.0  # until the end
    given = content(
        scores=scores,
        threshold=0.9,
        alarms=[],
        labels=None,
        rule=AlarmRule(hysteresis=0.5, merge_frames=3, min_frames=3),
    )
    write_page(tmp_path / "page.html", given)
    window.open((tmp_path / "page.html").as_uri())

    window.run(SLIDE, 0.8)
    window.wait("return document.getElementById('verdict').textContent === '2 alarms'")
    assert ["10\u201335", "195\u2013199"] == window.run(ALARMS)


def test_a_click_on_the_curve_seeks(window: Browser, site: Path) -> None:
    """The film and the position; from a file, without a server."""
    open_page(window, site, "full")
    window.wait("return document.getElementById('film').readyState >= 1")
    left, top, width = window.run(PLACE)

    window.click(left + 0.75 * width, top + 60)
    window.wait("return Math.abs(document.getElementById('film').currentTime - 7.5) < 0.1")
    assert 149 <= int(re.findall(r"frame (\d+)", window.text("#readout"))[0]) <= 151


def test_keys_move_and_play(window: Browser, site: Path) -> None:
    """Arrows one frame, N and P to the next and the last alarm, space plays and pauses."""
    open_page(window, site, "full")
    window.wait("return document.getElementById('film').readyState >= 2")

    window.press("right", "right", "right", "left")
    assert " frame 2 " in window.text("#readout")
    window.wait("return Math.abs(document.getElementById('film').currentTime - 2.5 / 20) < 0.001")
    window.press("n")
    assert " frame 40 " in window.text("#readout")
    window.press("n", "n")
    assert " frame 120 " in window.text("#readout")
    window.press("p")
    assert " frame 40 " in window.text("#readout")
    window.run("const film = document.getElementById('film'); film.onplay = () => { film.dataset.played = 'yes'; };")
    window.press("space")
    # A busy machine may look again only after the end of the film, where it is paused.
    window.wait("const film = document.getElementById('film'); return film.dataset.played && film.currentTime > 2.2")
    window.press("space")
    assert window.wait("return document.getElementById('film').paused")


def test_keys_of_the_slider_stay_its_own(window: Browser, site: Path) -> None:
    """Arrows there move the threshold, not the position."""
    open_page(window, site, "plain")
    window.run("document.getElementById('slider').focus()")

    window.press("end")
    window.wait("return document.getElementById('verdict').textContent === 'No alarm'")
    assert " frame 0 " in window.text("#readout")


def test_a_page_without_a_film_has_a_position(window: Browser, site: Path) -> None:
    """Neither a player nor the key for it is shown."""
    open_page(window, site, "plain")
    window.press("right", "space")

    assert " frame 1 " in window.text("#readout")
    assert window.run("return document.getElementById('player').hidden && document.getElementById('space').hidden")


def test_heat_maps_lie_over_the_pictures(window: Browser, site: Path) -> None:
    """When they are asked for; a click on a picture goes to its frame."""
    open_page(window, site, "full")
    shown = "return Array.from(document.querySelectorAll('#pictures .over')).map((one) => one.checkVisibility())"

    assert [False, False] == window.run(shown)
    window.run("document.getElementById('heat').click()")
    assert [True, True] == window.run(shown)
    assert window.run("return document.querySelector('#pictures img').naturalWidth === 240")
    window.run("document.querySelectorAll('#pictures button')[1].click()")
    assert " frame 120 " in window.text("#readout")


@pytest.mark.parametrize("name", ["hostile", "index"])
def test_hostile_names_are_text(name: str, window: Browser, site: Path) -> None:
    """They are shown as they are, and nothing in them runs."""
    open_page(window, site, name)

    assert HOSTILE == window.text("h1")
    assert HOSTILE in window.run("return document.title")
    assert None is window.run("return window.PWN ?? null")
    assert 0 == window.run("return document.querySelectorAll('img').length")


def test_the_overview_sorts_and_finds(window: Browser, site: Path) -> None:
    """By a click on a column: numbers highest first, then turned round; words in the field leave what has them."""
    open_page(window, site, "index")
    column = "return Array.from(document.querySelectorAll('#rows tr')).map((row) => row.children[2].textContent)"
    by_length = "document.querySelector('[data-key=seconds]').click()"

    window.run(by_length)
    assert ["10.0 s", "10.0 s", "2.5 s"] == window.run(column)
    window.run(by_length)
    assert ["2.5 s", "10.0 s", "10.0 s"] == window.run(column)
    assert "ascending" == window.run("return document.querySelector('th[aria-sort]').getAttribute('aria-sort')")
    window.run("const f = document.getElementById('filter'); f.value = 'PWN'; f.dispatchEvent(new Event('input'))")
    assert "1 of 3 videos shown" in window.text("#facts")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["full", "index"])
def test_text_can_be_read_by_everybody(name: str, scheme: str, window: Browser, site: Path) -> None:
    """Contrast of at least 4.5 to 1 in both schemes; each control and picture has a name; nothing sticks out."""
    window.set_feature("prefers-color-scheme", scheme)
    open_page(window, site, name)

    assert [] == [found for found in window.run(CONTRASTS) if found[0] < 4.5]
    assert [] == window.run(NAMELESS)
    assert "en" == window.run("return document.documentElement.lang")
    # A curve that does not yet follow a window that got narrower is cut off.
    window.run("for (const one of document.querySelectorAll('.uplot')) one.style.width = '3000px'")
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")


def test_without_motion_nothing_moves(window: Browser, site: Path) -> None:
    """Who prefers reduced motion gets no transition."""
    window.set_feature("prefers-reduced-motion", "reduce")
    open_page(window, site, "full")
    assert "0s" == window.run("return getComputedStyle(document.querySelector('button')).transitionDuration")


def test_a_short_alarm_of_a_long_video_is_listed(window: Browser, site: Path, tmp_path: Path) -> None:
    """At the threshold of the run exactly; where the threshold is moved, to the stretch; frames are found again."""
    scores = np.full(108_000, 0.1)
    scores[60_001] = 0.9
    times = np.arange(108_000) / 30
    given = content(108_000, scores=scores, times=times, alarms=[Span(60_001, 60_002)], labels=None, fps=30.0)
    write_page(tmp_path / "page.html", given)
    window.open((tmp_path / "page.html").as_uri())

    assert ["60001\u201360001"] == window.run(ALARMS)
    window.press("n")
    assert "33:20.0  \u00b7  frame 60001 " in window.text("#readout")
    window.run(SLIDE, 0.6)
    (found,) = window.wait(f"const found = (() => {{ {ALARMS} }})(); return found[0] !== '60001\u201360001' && found")
    first, last = map(int, found.split("\u2013"))
    assert first <= 60_001 <= last < first + 27


def test_a_video_without_a_score_says_why(window: Browser, site: Path, tmp_path: Path) -> None:
    """Instead of an empty curve; a missing film is named by its page, too."""
    nothing = content(
        0, times=np.zeros(0), scores=np.zeros(0), labels=None, alarms=[], notes=["INSUFFICIENT: 7 frames."]
    )
    write_page(tmp_path / "page.html", nothing)
    window.open((tmp_path / "page.html").as_uri())

    assert ("No score", "INSUFFICIENT: 7 frames.") == (window.text("#verdict"), window.text("#details"))
    assert window.run("return document.getElementById('timeline').hidden")


def test_odd_videos_have_pages(window: Browser, site: Path, tmp_path: Path) -> None:
    """One frame, scores that are all the same, negative ones, frames at one time: keys stay inside, alarms hold."""
    one = {"labels": None, "alarms": [], "fps": None}
    videos = {
        "frame": content(1, times=np.zeros(1), scores=np.ones(1), threshold=2.0, **one),
        "same": content(30, scores=np.zeros(30), threshold=0.0, labels=None, alarms=[Span(0, 30)]),
        "negative": content(30, scores=-np.arange(30.0), threshold=-5.0, labels=None, alarms=[Span(0, 6)]),
        "times": content(30, times=np.repeat(np.arange(10) / 5, 3), **one),
    }
    for name, given in videos.items():
        write_page(tmp_path / f"{name}.html", given)
        window.open((tmp_path / f"{name}.html").as_uri())
        window.press("left", "n", *["right"] * 31)
        assert f" frame {len(given.scores) - 1} " in window.text("#readout")
        window.run(SLIDE, float(given.scores.min()))
        window.wait(f"return (() => {{ {ALARMS} }})().join() === arguments[0]", f"0\u2013{len(given.scores) - 1}")


def test_a_page_without_a_threshold_waits_for_one(window: Browser, site: Path, tmp_path: Path) -> None:
    """No alarm is claimed until the reader moves it."""
    write_page(tmp_path / "page.html", content(threshold=None, alarms=[], labels=None))
    window.open((tmp_path / "page.html").as_uri())

    assert "No threshold" == window.text("#verdict")
    window.run(SLIDE, 0.5)
    window.wait("return document.getElementById('verdict').textContent === '2 alarms'")
    assert ["40\u201359", "120\u2013129"] == window.run(ALARMS)


def test_an_unplayable_film_leaves_the_curve(window: Browser, site: Path, tmp_path: Path) -> None:
    """The page names the film and works without it."""
    (tmp_path / "film.mp4").write_bytes(b"no film")
    write_page(tmp_path / "page.html", content(previews="full", preview=Preview(tmp_path / "film.mp4", "full")))
    window.open((tmp_path / "page.html").as_uri())

    window.wait("return !document.getElementById('lost').hidden")
    assert "film.mp4 is not beside this page" in window.text("#lost")
    window.press("n")
    assert " frame 40 " in window.text("#readout")


def test_a_served_page_seeks(window: Browser, site: Path) -> None:
    """Through `vad view`, in parts, and the page keeps quiet there, too."""
    with Server(site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            window.open(server.address("full.html"))
            window.wait("return document.getElementById('film').readyState >= 1")
            window.press("n")
            window.wait("return Math.abs(document.getElementById('film').currentTime - 40.5 / 20) < 0.001")
            asked = [address.removeprefix(server.address()) for address in window.requested()]
            assert {"full.html", "film.mp4"} == set(asked)
        finally:
            server.shutdown()
            thread.join()
            window.open("about:blank", ready=False)


def test_another_model_may_be_chosen(window: Browser, site: Path, tmp_path: Path) -> None:
    """In the list, or by the address of the page; the page has its scores and alarms then."""
    low = content(scores=np.full(200, 0.2), alarms=[])
    write_choices(tmp_path / "page.html", {"high": content(), "low": low}, "assets")
    write_shared(tmp_path / "assets", [*PAGE_SCRIPTS, *PAGE_STYLES])
    window.open((tmp_path / "page.html").as_uri())

    assert "2 alarms" == window.text("#verdict")
    window.run(
        "const one = document.getElementById('model'); one.value = 'low'; one.dispatchEvent(new Event('change'))"
    )
    window.wait("const one = document.getElementById('verdict'); return one && one.textContent === 'No alarm'")
    assert "low" == window.run("return document.getElementById('model').value")
    window.open("about:blank", ready=False)
    window.open((tmp_path / "page.html").as_uri() + "#high")
    assert "2 alarms" == window.text("#verdict")
    assert "has no scores" not in window.text("#notes")
    window.open("about:blank", ready=False)
    window.open((tmp_path / "page.html").as_uri() + "#absent")
    assert "no scores of absent, which its address names: it shows high." in window.text("#notes")


def test_the_list_of_videos_leads_back(window: Browser, site: Path, tmp_path: Path) -> None:
    """To the page over it, where there is one."""
    write_overview(tmp_path / "list.html", [], up="../index.html")
    window.open((tmp_path / "list.html").as_uri(), ready=False)
    assert window.run("return document.getElementById('up').href").endswith("/index.html")
    open_page(window, site, "index")
    assert window.run("return document.getElementById('up').hidden")
