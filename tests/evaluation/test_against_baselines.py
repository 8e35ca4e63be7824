"""Who beats a plain baseline: the sign of a pair, the verdict by its interval, the page and the line of the README."""

from typing import Any

from vad.documentation import against_baselines
from vad.evaluation.significance import against
from vad.report.significance import _page
from vad.report.tables import csv


def pair(first: str, second: str, low: float | None, high: float | None, metric: str = "video_auc") -> dict[str, Any]:
    """A row of significance.csv."""
    middle = None if low is None or high is None else (low + high) / 2
    ends = {"difference": middle, "low": low, "high": high, "p": 0.5 if middle is not None else None}
    more = {"p_by": "replicates", "differs": middle is not None, "differs_holm": False}
    reason = "" if middle is not None else "few videos"
    head = {"dataset": "one", "first": first, "second": second, "metric": metric, "from_frame": 0}
    return {**head, **ends, **more, "reason": reason}


ROWS = [
    pair("good", "plain", 0.01, 0.2),
    pair("plain", "equal", -0.1, 0.2),
    pair("plain", "poor", 0.1, 0.3),
    pair("good", "equal", 0.1, 0.2),
    pair("short", "plain", None, None),
    pair("centre_minus_length", "plain", -0.3, -0.2),
]


def test_a_contestant_minus_a_baseline() -> None:
    """Pairs are turned round where the baseline stands first; pairs without one are left out."""
    found = {row["contestant"]: row for row in against(ROWS, ["plain"])}

    assert {name: row["verdict"] for name, row in found.items()} == {
        **{"good": "beats it", "equal": "does not beat it", "poor": "is beaten"},
        **{"short": None, "centre_minus_length": "is beaten"},
    }
    assert (-0.3, -0.2, -0.1) == tuple(round(found["poor"][name], 9) for name in ("low", "difference", "high"))


def test_the_page_names_those_that_do_not_beat_it() -> None:
    """Baselines without a pixel are no variants; a data set without plain baselines has no such section."""
    text = _page("one", ROWS, ["plain"])

    assert "- `video_auc`: 2 of 3 do not beat `plain`: equal, poor." in text
    assert "| poor      | -0.200 [-0.300, -0.100] is beaten        |" in text
    assert "plain baseline" not in _page("one", ROWS, [])


def test_pairs_are_a_matrix() -> None:
    """Each pair stands twice, with opposite marks; two marks where it holds after Holm; details are in the CSV."""
    rows = [
        pair("good", "plain", 0.1, 0.3) | {"differs": True, "differs_holm": True},
        pair("good", "equal", 0.01, 0.3) | {"differs": True, "differs_holm": False},
        pair("plain", "equal", -0.2, 0.1) | {"differs": False, "differs_holm": False},
    ]
    unknown = pair("short", "good", None, None) | {"differs": None, "differs_holm": None}
    page = _page("one", [*rows, unknown], [])
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    matrix = {line[1]: line[2:] for line in lines if len(line) == 6}

    assert matrix["good"] == ["", "++", "+", "?"]
    assert matrix["plain"] == ["--", "", ".", "?"]
    assert matrix["equal"] == ["-", ".", "", "?"]
    assert "2 of 4 pairs differ, 1 of them after Holm's correction." in page
    assert "- `?`, 1 pairs: few videos" in page
    assert "[significance.csv](significance.csv)" in page


def test_the_readme_counts_them() -> None:
    """One sentence a data set; nothing where no variant is a baseline."""
    compared = {"one": csv(ROWS)}

    assert against_baselines(compared, ["plain"]) == (
        "Beside plain baselines, by paired 95 % intervals: Of 3 variants on one, 2 do not beat `plain` in `video_auc`\n"
        "([which](reports/one/significance.md))."
    )
    assert against_baselines(compared, []) == ""
