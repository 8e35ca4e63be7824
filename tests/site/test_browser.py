"""The page of all results in a real browser: loaded from a file, sorted and filtered, silent towards the network."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.pages.browser import CONTRASTS, FOUND, NAMELESS, Browser, browser
from tests.pages.given import HOSTILE
from tests.site.given import VIDEOS, digest, settings, write_report
from vad.site.index import write

pytestmark = pytest.mark.skipif(not FOUND, reason="needs Debian's chromium and chromium-driver")
NAMES = """
  return Array.from(document.querySelectorAll('#' + arguments[0] + ' tbody tr')).map((row) => row.cells[0].innerText
    .split('\\n')[0].trim());
"""
CHOOSE = """
  const one = document.getElementById(arguments[0]);
  one.value = arguments[1];
  for (const kind of ['input', 'change']) one.dispatchEvent(new Event(kind));
"""
SORT = """
  Array.from(document.querySelectorAll('#' + arguments[0] + ' thead button'))
    .find((one) => one.textContent === arguments[1]).click();
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests: each loads the page anew."""
    with browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small report."""
    return write_report(tmp_path_factory.mktemp("report with # and space"))


@pytest.fixture(autouse=True)
def opened(window: Browser, page: Path) -> Iterator[None]:
    """The page is open; afterwards the console is empty, and only files of the report were asked for."""
    window.open(page.as_uri())
    yield
    assert [] == [entry["message"] for entry in window.log("browser")]
    assert [] == [one for one in window.requested() if not one.startswith(page.parents[1].as_uri())]


def test_one_glance_says_what_is_best(window: Browser) -> None:
    """Which row, by how much, whether that is significant, and what it costs; of each data set."""
    cards = window.run("return Array.from(document.querySelectorAll('.glance')).map((one) => one.innerText)")
    first, second = (re.sub(r"\n+", "\n", card) for card in cards)

    assert "good\nframe_auc 0.900 ± 0.010 [0.850, 0.950]" in first
    assert (
        "+0.120\nover the next row, plain: +0.120 [+0.070, +0.170], over the frames that both score (from frame 4)"
        in first
    )
    assert "+0.400 over the best row without a pixel, constant" in first
    assert "yes, over the next row\nbetter than 2 of 2 other rows, 1 of them after Holm" in first
    assert "beats the plain baseline plain" in first
    assert "10 \u00d7 real time\n1 k parameters, extractor 10" in first
    assert "whole\nvideo_auc 0.600" in second
    assert "there is no other row" in second


def test_the_results_sort_and_filter(window: Browser) -> None:
    """By a column either way; by words, level, kind and data set."""
    assert ["good", "plain", "poor", "constant"] == window.run(NAMES, "result-rows")
    window.run(SORT, "result-rows", "frame_auc")
    window.run(SORT, "result-rows", "frame_auc")
    assert ["constant", "poor", "plain", "good"] == window.run(NAMES, "result-rows")
    assert "ascending" == window.run("return document.querySelector('th[aria-sort]').getAttribute('aria-sort')")
    window.run(CHOOSE, "kind", "no pixel")
    assert ["constant"] == window.run(NAMES, "result-rows")
    window.run(CHOOSE, "kind", "")
    window.run(CHOOSE, "find", "PLAIN")
    assert ["plain"] == window.run(NAMES, "result-rows")
    assert "1 of 4 rows" == window.text("#shown")
    window.run(CHOOSE, "find", "no row has this")
    assert [] == window.run(NAMES, "result-rows")
    assert "Infinity" not in window.text("#result-rows")
    window.run(CHOOSE, "find", "")
    window.run("document.getElementById('all-sets').click()")
    window.run(CHOOSE, "level", "video")
    assert ["whole"] == window.run(NAMES, "result-rows")
    window.run(CHOOSE, "level", "frame")
    assert "whole" not in window.run(NAMES, "result-rows")


def test_another_data_set_is_shown_everywhere(window: Browser) -> None:
    """Its rows, its videos, its variants; sections that it lacks are gone."""
    window.run(CHOOSE, "dataset", "two")

    assert "whole" in window.run(NAMES, "result-rows")
    assert VIDEOS["two"] == window.run(
        "return Array.from(document.querySelectorAll('#video-links a')).map((a) => a.text)"
    )
    assert "Nothing is compared." == window.text("#pair")
    hidden = "return ['curves', 'alarms', 'localisation'].map((id) => document.getElementById(id).hidden)"
    assert [True, True, True] == window.run(hidden)
    linked = "return Array.from(document.querySelectorAll('#sections a')).map((one) => one.hash)"
    assert not {"#curves", "#alarms", "#localisation"} & {*window.run(linked)}
    window.run(CHOOSE, "dataset", "one")
    assert {"#curves", "#alarms", "#localisation", "#claims"} <= {*window.run(linked)}


def test_the_matrix_is_read_by_keyboard(window: Browser) -> None:
    """Signs say which row is better; arrows go from cell to cell, and each says its difference."""
    rows = window.run("return Array.from(document.querySelectorAll('#matrix tbody tr')).map((row) => row.innerText)")
    marks = [row.replace("\u2212", "-").replace("\u00b7", ".").split("\t")[1:] for row in rows]

    assert [["", "++", "+", "?"], ["--", "", ".", "?"], ["-", ".", "", "?"], ["?", "?", "?", ""]] == marks
    window.run("document.querySelector('#matrix td[tabindex=\"0\"]').focus()")
    assert "good minus plain: +0.120 [+0.070, +0.170], p 0.010, differs, also after" in window.text("#pair")
    window.press("right", "\ue015")
    assert "plain minus poor: +0.100 [+0.050, +0.150], p 0.010, not shown to differ" in window.text("#pair")


def test_a_point_of_the_map_names_its_video(window: Browser) -> None:
    """By mouse and by keyboard; Enter opens the page of the video with the variant."""
    window.run("document.getElementById('tsne').scrollIntoView({ block: 'center' })")
    window.run("document.querySelector('#tsne svg').focus()")
    window.press("right")
    assert window.text("#point").startswith("Abuse001 (")
    assert "frame 0, normal, score 0.5" in window.text("#point")
    window.press("right", "right")
    assert HOSTILE.replace("/", "") in window.text("#point")
    window.press("left", "\ue007")
    window.wait("return location.pathname.endsWith('/one/Normal001_scores.html') && location.hash === '#good'")


def test_one_variant_says_where_it_comes_from(window: Browser) -> None:
    """A name in the results leads to its training, its records and its parameters."""
    buttons = "Array.from(document.querySelectorAll('#result-rows button'))"
    window.run(f"{buttons}.find((one) => one.textContent === 'poor').click()")

    assert "poor" == window.run("return document.getElementById('variant').value")
    facts = window.run("return document.getElementById('provenance').innerText")
    train, infer, judged = "train/poor/seed0", "infer/poor/seed0.npz", "evaluate/poor/seed{}"
    for word in (
        f"test.csv {digest('input', judged.format(0))[:12]}",
        *(f"{place.split('/')[0]} {digest('code', place)[:12]}" for place in (train, infer, judged.format(0))),
        "Python 3.11",
        *(f"epoch {1 + seed} \u00b7 record {digest('key', judged.format(seed))[:12]}," for seed in (0, 1)),
        "poor/seed1.prov.json",
    ):
        assert word in facts
    assert "Weights of epoch 1 (seed 0), 2 (seed 1)" in window.text("#training-note")


def test_nothing_is_left_of_a_training_that_another_variant_lacks(window: Browser) -> None:
    """No curves, no words for a screen reader; back again, the curves have their height, also in a narrower window."""
    plot = "document.getElementById('training')"
    window.run(CHOOSE, "variant", "plain")
    assert "not trained by epochs" in window.text("#training-note")
    assert [True, None, 0] == window.run(
        f"return [{plot}.hidden, {plot}.getAttribute('aria-label'), {plot}.children.length]"
    )
    window.run(CHOOSE, "variant", "good")
    assert "Training of good over 2 epochs" == window.run(f"return {plot}.getAttribute('aria-label')")
    wide = window.run(f"return {plot}.querySelector('.uplot').clientWidth")
    window.cdp("Emulation.setDeviceMetricsOverride", width=500, height=900, deviceScaleFactor=1, mobile=False)
    window.wait(f"return {plot}.querySelector('.uplot').clientWidth < {wide}")
    assert 300 == window.run(f"return {plot}.querySelector('.u-wrap').clientHeight")
    window.cdp("Emulation.clearDeviceMetricsOverride")


def test_curves_that_are_too_wide_are_cut_off(window: Browser) -> None:
    """Until they follow a window that got narrower: the page does not scroll sideways."""
    found = window.run(
        "for (const one of document.querySelectorAll('.uplot')) one.style.width = '3000px';"
        "return [document.querySelectorAll('.uplot').length, document.documentElement.scrollWidth <= innerWidth]"
    )
    assert [3, True] == found


def test_curves_are_drawn_in_colour_when_asked(window: Browser) -> None:
    """A button for each variant; a press takes its colour away."""
    pressed = (
        "return Array.from(document.querySelectorAll('#lines button[aria-pressed=true]')).map((one) => one.textContent)"
    )

    assert ["good 0.900", "plain 0.800", "poor 0.700"] == window.run(pressed)
    window.run("document.querySelector('#lines button').click()")
    assert ["plain 0.800", "poor 0.700"] == window.run(pressed)
    assert "good 0.900" == window.run("return document.activeElement.textContent")
    assert window.run("return document.querySelectorAll('#roc canvas, #pr canvas').length") == 2


def test_claims_are_filtered_by_verdict(window: Browser) -> None:
    """And published tables show theirs and ours, without what is not installed."""
    window.run("document.querySelectorAll('#verdicts button')[1].click()")
    assert ["C1", "C2"] == window.run(NAMES, "claim-rows")
    assert "2 of 3 claims" == window.text("#claims-shown")
    assert "video_auc 0.8: good on one (not the data of the claim)" in window.text("#claim-rows")
    assert ["good", HOSTILE] == window.run(NAMES, "published-rows")
    assert "0.89 (unsupported)" in window.text("#published-rows")
    assert "pixel_auc" in window.text("#localisation-rows")
    assert "attention_ROWSxCOLUMNS show how far a gate" in window.text("#localisation")


def test_every_link_leads_to_a_file(window: Browser, page: Path) -> None:
    """Those of both data sets, of each variant, and of pictures."""
    found: set[str] = set()
    for dataset in VIDEOS:
        window.run(CHOOSE, "dataset", dataset)
        found |= set(
            window.run(
                "return Array.from(document.querySelectorAll('a, img')).filter((one) => !one.hidden)"
                ".map((one) => one.href || one.src)"
            )
        )
    files = {Path(unquote(urlsplit(one).path)) for one in found}

    assert len(files) > 8
    assert [] == [file for file in files if not file.is_file()]
    assert page.parents[1] / "one/figures/roc_video.png" in files


def test_hostile_names_are_text(window: Browser) -> None:
    """They are shown as they are, and nothing in them runs."""
    assert HOSTILE in window.run("return document.getElementById('claims').textContent")
    assert None is window.run("return window.PWN ?? null")
    assert 0 == window.run("return document.querySelectorAll('img[src=x], main script').length")


def test_a_report_of_nothing_is_a_page(window: Browser, page: Path) -> None:
    """Where no data set is installed: only what does not need one is shown."""
    data = page.parents[2] / "data"
    places = {name: data for name in ("split", "train", "infer", "evaluate", "plots", "tsne")}
    empty = page.with_name("empty.html")
    write(settings(variants=[], baselines=[], synthetic=[]), {**places, "reports": page.parents[1]}, empty)
    window.open(empty.as_uri())

    shown = "return Array.from(document.querySelectorAll('section')).filter((one) => !one.hidden).map((one) => one.id)"
    assert ["published", "claims", "files"] == window.run(shown)


def test_rows_that_cannot_be_shown_leave_the_baselines(window: Browser, page: Path) -> None:
    """Where the chain of records of every variant is broken, results.csv is empty."""
    reports, data = page.parents[1], page.parents[2] / "data"
    rooms = {room: data / room for room in ("split", "train", "infer", "evaluate")}
    table, broken = reports / "one/results.csv", page.with_name("broken.html")
    whole = table.read_bytes()
    table.write_text("\n")
    write(settings(), {**rooms, "reports": reports, "plots": data / "plots", "tsne": data / "tsne"}, broken)
    table.write_bytes(whole)
    window.open(broken.as_uri())

    assert ["constant"] == window.run(NAMES, "result-rows")
    assert "nothing is ranked" in window.text(".glance")
    assert window.run("return document.getElementById('one').hidden && document.getElementById('curves').hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_by_everybody(scheme: str, window: Browser) -> None:
    """Contrast of at least 4.5 to 1 in both schemes; each control and picture has a name; nothing sticks out."""
    window.set_feature("prefers-color-scheme", scheme)

    assert [] == [found for found in window.run(CONTRASTS) if found[0] < 4.5]
    assert [] == window.run(NAMELESS)
    for width in (1280, 400):
        window.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        window.wait(f"return innerWidth === {width} && document.documentElement.scrollWidth <= innerWidth")
    window.cdp("Emulation.clearDeviceMetricsOverride")
