"""Tables and curves become small data that say the same."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pages.given import HOSTILE
from tests.site.given import settings, write_report
from vad.pages.shell import json_text
from vad.site.curves import GRID, embedding_map, operating_curves, training_curve
from vad.site.index import page_data
from vad.site.tables import compact, metric, number, read_rows, significance, title_of

FINITE = st.floats(-1e300, 1e300)


@given(FINITE)
def test_numbers_keep_five_digits(value: float) -> None:
    """Whatever their size."""
    found = number(repr(value))

    assert found is not None
    assert found == pytest.approx(value, rel=5e-5, abs=1e-320)


def test_a_metric_is_one_cell() -> None:
    """Mean, spread, bounds; what is undefined stays so; columns without a value are left out."""
    row = {"kind": "ours", "auc": "0.5", "auc_std": "", "auc_low": "0.4", "auc_high": "0.6", "n": "3", "empty": ""}
    other = {**dict.fromkeys(row, ""), "auc": "0.89 (unsupported)", "kind": HOSTILE}

    assert [0.5, None, 0.4, 0.6] == metric(row, "auc")
    assert None is metric(other, "empty")
    assert [None, None, None] == [number(text) for text in ("nan", "-inf", "1e999")]
    assert {
        "columns": [("kind", "text"), ("auc", "metric"), ("n", "number")],
        "rows": [["ours", [0.5, None, 0.4, 0.6], 3.0], [HOSTILE, "0.89 (unsupported)", None]],
    } == compact([row, other])
    assert {"columns": [], "rows": []} == compact([])


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text(), "b_low": st.text()}), min_size=1))
def test_any_table_can_be_shown(rows: list[dict[str, str]]) -> None:
    """Each row has a cell for each column, and no text is JSON's end."""
    found = compact(rows)

    assert {len(row) for row in found["rows"]} == {len(found["columns"])}
    assert "<" not in json_text(found)


def test_pairs_name_their_rows_by_place() -> None:
    """With a mark for how sure the difference is, or the reason why there is none."""
    head = {"metric": "auc", "from_frame": "0", "low": "0.1", "high": "0.3", "p": "0.01", "reason": ""}
    rows = [
        {**head, "first": "a", "second": "b", "difference": "0.2", "differs": "True", "differs_holm": "False"},
        {**head, "first": "b", "second": "c", "difference": "0.2", "differs": "True", "differs_holm": "True"},
        {**head, "first": "a", "second": "c", "difference": "0.2", "differs": "False", "differs_holm": "False"},
        {**head, "first": "c", "second": "d", "difference": "", "reason": "no frames", "from_frame": "4"},
    ]

    assert {
        "names": ["a", "b", "c", "d"],
        "reasons": ["no frames"],
        "metrics": {
            "auc": [
                [0, 1, 0, 0.2, 0.1, 0.3, 0.01, 1],
                [1, 2, 0, 0.2, 0.1, 0.3, 0.01, 2],
                [0, 2, 0, 0.2, 0.1, 0.3, 0.01, 0],
                [2, 3, 4, 0],
            ]
        },
    } == significance(rows)


def test_precision_is_a_step(tmp_path: Path) -> None:
    """Between two points of an ROC curve lies a line; of a precision-recall curve the later precision."""
    for kind, head, rows in (
        ("roc", "fpr,tpr,seed", ["0,0,0", "1,1,0", "0,1,1", "1,1,1"]),
        ("pr", "recall,precision,seed", ["0,1,0", "0.5,0.8,0", "1,0.5,0"]),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "v.csv").write_text("\n".join([head, *rows]) + "\n")
    found = operating_curves(tmp_path, "v")

    assert found is not None
    assert np.allclose((GRID + 1) / 2, found["roc"], atol=6e-4)  # the mean of two seeds
    assert [0.8, 0.8, 0.5, 0.5] == [found["pr"][i] for i in (0, 50, 51, 100)]
    assert None is operating_curves(tmp_path, "absent")


def test_a_long_training_is_thinned(tmp_path: Path) -> None:
    """At most 200 epochs are shown; a loss that is not a number is a gap; without losses nothing is."""
    path = tmp_path / "v.csv"
    path.write_text("epoch,train_loss,seed\n" + "".join(f"{i},{'nan' if i == 1 else i},7\n" for i in range(1, 901)))
    found = training_curve(path, {7: 3})
    path.write_text("epoch,lr,seed\n1,0.1,0\n")

    assert len(found["epochs"]) == 180
    assert {"seed": 7, "loss": "train"} == {key: found["lines"][0][key] for key in ("seed", "loss")}
    assert [None, 6.0] == found["lines"][0]["values"][:2]
    assert {} == training_curve(path, {0: 1})


def test_a_point_knows_its_video(tmp_path: Path) -> None:
    """By its place in the list; points of one place are no division by zero."""
    (tmp_path / "about.json").write_text('{"unit": "row", "of": 4, "perplexity": 2, "seed": 0}')
    (tmp_path / "points.csv").write_text("video_id,frame,class,label,score,x,y\nb,-1,c,1,0.25,3,2\na,7,c,0,1,3,4\n")
    found = embedding_map(tmp_path, ["a", "b"])

    assert ([1, 0], [-1, 7], [1, 0]) == (found["v"], found["f"], found["l"])
    assert ([0, 0], [0, 1000]) == (found["x"], found["y"])
    assert {} == embedding_map(tmp_path, ["other"])


def test_a_report_may_lack_tables(tmp_path: Path) -> None:
    """Without localisation, claims and published tables there is a page all the same."""
    write_report(tmp_path)
    reports, data = tmp_path / "reports", tmp_path / "data"
    for name in ("localisation", "claims", "alarms"):
        (reports / f"tables/{name}.csv").unlink()
    rooms = {room: data / room for room in ("split", "train", "infer", "evaluate")}
    places = {**rooms, "reports": reports, "plots": data / "plots", "tsne": data / "tsne"}
    found = page_data(settings(files=[]), places)

    assert [[], [], [], []] == [found[name]["rows"] for name in ("localisation", "claims", "alarms")] + [
        found["published"]
    ]
    assert ["good", "poor", "plain", "constant"] == [row["name"] for row in found["datasets"]["one"]["rows"]]
    assert {} == found["datasets"]["two"]["significance"]["metrics"]


def test_only_variants_with_frames_are_linked_to_pages(tmp_path: Path) -> None:
    """A page of a video has no choice for a variant that scores whole videos, and not for each of too many."""
    write_report(tmp_path)
    data = tmp_path / "data"
    places = {room: data / room for room in ("split", "train", "infer", "evaluate", "plots", "tsne")}
    given = settings(), {**places, "reports": tmp_path / "reports"}
    found = page_data(*given)["datasets"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vad.site.index.MOST_VARIANTS", 2)
        crowded = page_data(*given)["datasets"]

    assert [["good", "poor", "plain"], []] == [found[name]["linked"] for name in ("one", "two")]
    assert [["good", "poor", "plain"], []] == [list(found[name]["curves"]) for name in ("one", "two")]
    assert [] == crowded["one"]["linked"]


def test_titles_and_missing_files(tmp_path: Path) -> None:
    """A page without a heading has no title; a file that is not there has no rows."""
    (tmp_path / "a.md").write_text("text\n\n# Title\n")

    assert ("Title", "") == (title_of(tmp_path / "a.md"), title_of(tmp_path / "b.md"))
    assert [] == read_rows(tmp_path / "b.csv")
