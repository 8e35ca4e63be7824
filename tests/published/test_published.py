"""The published tables: rows of both kinds, no level mixed, no word lost, and three formats that say the same."""

import csv as csv_reader
import re
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vad.claims.ledger import Claim, read_ledger
from vad.claims.speeds import CLAIM
from vad.claims.table import compute
from vad.cost.table import COLUMNS, COUNTED, MEASURED
from vad.errors import DatasetError
from vad.evaluation.evaluate import METRICS
from vad.published.assemble import Found, assemble
from vad.published.page import Block, Page, csv, escaped, latex, markdown
from vad.published.rows import (
    ALWAYS_SAID,
    category_rows,
    class_rows,
    difference_rows,
    network_rows,
    published_rows,
    variant_rows,
    video_network_rows,
)
from vad.published.tables import TABLES, TRAPEZOID, Cited
from vad.report.tables import MARK, MEANING, result_row
from vad.schema.report import Published

SPECIAL = re.compile(r"(?<!\\)[_%&#$]")
"""What LaTeX would not print as it stands."""


@pytest.fixture(scope="module")
def claims() -> dict[str, Claim]:
    """The ledger by id."""
    return {claim.id: claim for claim in read_ledger()}


def result(variant: str, value: float | None = 0.75, weights: str = "xfeat abc") -> dict[str, Any]:
    """A row of the results table in which every metric has one value."""
    head = {"variant": variant, "dataset": "mini_crime", "features": "xfeat", "extractor_weights": weights}
    head |= {"seeds": "0 1", "selection": "video_auc", "threshold_rule": "youden on validation", "scoring": ""}
    head |= {"ground_truth": "canonical", "interval_unit": "videos", "n_train": 8, "n_validation": 2}
    head |= {"n_videos": 5, "n_anomalous": 3, "level": "frame", "provenance": "key"}
    entry = {"value": value, "low": 0.5, "high": 0.9}
    return result_row(head, [dict.fromkeys(METRICS, entry)])


def cost(variant: str) -> dict[str, Any]:
    """A row of the efficiency table."""
    head = {"variant": variant, "dataset": "mini_crime", "features": "xfeat", "kind": "variant", "measured_on": "a CPU"}
    return head | {"params": 1234, "macs": 10, "flops": 20, "end_to_end_fps": 12.5, "provenance": "part"}


def found(name: str, **more: Any) -> Found:
    """One variant with metrics and costs for a table, on a synthetic data set."""
    rows = variant_rows(TABLES[name], [result("mil")], [cost("mil")], ["mil"])
    return Found(rows={"mini_crime": rows}, words={"mini_crime": "synthetic"}, **more)


def cells(page: Page) -> list[dict[str, str]]:
    """The CSV of a page."""
    return list(csv_reader.DictReader(StringIO(csv(page))))


def test_every_table_has_a_place_in_params() -> None:
    """params.yaml can name rows for each table, and for nothing else."""
    assert list(TABLES) == list(Published.model_fields)


@pytest.mark.parametrize("name", TABLES)
def test_tables_show_what_exists(name: str, claims: Mapping[str, Claim]) -> None:
    """Columns are metrics, costs, or of published numbers alone; each claim is in the ledger, at its column's level."""
    table = TABLES[name]
    printed = published_rows(table, claims, {})
    shown = {column for cited in table.cited for column in cited.columns}
    others = {"support", TRAPEZOID, *METRICS, *COLUMNS}

    assert set(table.metrics) <= set(METRICS)
    assert set(table.costs) <= set(COLUMNS)
    assert {column for column in shown if not column.startswith("published_")} <= others
    assert len(printed.numbers) + len(printed.words) <= len(table.cited)


@pytest.mark.parametrize("name", TABLES)
def test_words_are_never_lost(name: str, claims: Mapping[str, Claim]) -> None:
    """A number by leakage or without support carries the word in its cell, in every format."""
    page = assemble(name, TABLES[name], Found({}, {}), claims, {})
    columns = {*METRICS, *COUNTED, *MEASURED, TRAPEZOID, "support"}
    for row in cells(page):
        numbers = [v for k, v in row.items() if v and (k in columns or k.startswith("published_"))]
        if row["verdict"] in ALWAYS_SAID:
            assert all(value.endswith(f"({row['verdict']})") for value in numbers)
    for cited in TABLES[name].cited:
        line = next(line for line in markdown(page).splitlines() if line.startswith("- ") and cited.id in line)

        assert f"**{claims[cited.id].verdict}**" in line


def test_published_numbers_are_shares_with_their_digits(claims: Mapping[str, Claim]) -> None:
    """Percent become shares of 1 and keep the digits that were printed; a text of many numbers is taken apart."""
    third = {row["claims"]: row for row in published_rows(TABLES["memtsm_3"], claims, {}).numbers}
    report = published_rows(TABLES["efficient_vad_classification"], claims, {}).numbers
    sizes = published_rows(TABLES["memtsm_4"], claims, {}).numbers

    assert ("0.8887", "0.8430") == (third["R07"]["video_auc"], third["P15"]["frame_auc"])
    assert "frame_auc" not in third["R07"]
    assert ("0.90 (leakage)", "50 (leakage)") == (report[0]["video_recall"], report[0]["support"])
    assert ["17441", "0.2 M", "1.63 M"] == [row["params"].strip() for row in sizes if "params" in row]


def test_claims_of_one_protocol_share_a_row(claims: Mapping[str, Claim]) -> None:
    """Same system, level, data, selection and verdict: one row; another verdict: another row."""
    numbers = published_rows(TABLES["memtsm_2"], claims, {}).numbers

    assert ["R01 R02", "R03 R04 R05 R06"] == [row["claims"] for row in numbers]
    assert ["protocol_differs", "arithmetic_only"] == [row["verdict"] for row in numbers]


@pytest.mark.parametrize(
    ("accuracy", "verdict", "reason"),
    [
        ("0.8172", "arithmetic_only", "TP 123, FP 36, FN 17, TN 114 on 140 anomalous"),
        ("0.8173", "check_failed", "no confusion matrix has these rates"),
    ],
)
def test_verdicts_are_the_computed_ones(claims: Mapping[str, Claim], accuracy: str, verdict: str, reason: str) -> None:
    """One printed digit changed: no format shows the verdict that the ledger was given, and the reason says why."""
    ledger = {**claims, "R03": claims["R03"].model_copy(update={"value": accuracy})}
    table = TABLES["memtsm_2"]
    computed = compute(list(ledger.values()), [cited.id for cited in table.cited])
    page = assemble("memtsm_2", table, Found({}, {}), ledger, computed)
    row = next(row for row in cells(page) if "R03" in row["claims"])
    mark = " (check_failed)" if verdict == "check_failed" else ""

    assert (verdict, f"{accuracy}{mark}") == (row["verdict"], row["video_accuracy"])
    assert re.search(rf"R06, MemTSM-Net, F1 0.8227: \*\*{verdict}\*\*\. {reason}.*\. The run behind", markdown(page))
    assert verdict.replace("_", r"\_") in latex(page)
    assert {"R01", "R03", "R04", "R05", "R06", "R07", "R08"} == set(computed)


@pytest.mark.parametrize(
    ("cited", "message"),
    [
        (Cited("R01", ("frame_auc",)), "R01: of level video, and does not stand in column frame_auc"),
        (Cited("P01", ("video_auc",)), "P01: of level frame, and does not stand in column video_auc"),
        (Cited("P10", (TRAPEZOID,)), "P10: of level frame"),
        (Cited("X99"), "X99: no such claim"),
    ],
)
def test_levels_never_mix(claims: Mapping[str, Claim], cited: Cited, message: str) -> None:
    """A claim of one level in a column of the other is an error, and so is a claim that the ledger has not."""
    with pytest.raises(DatasetError, match=message):
        published_rows(replace(TABLES["memtsm_3"], cited=(cited,)), claims, {})


def test_our_rows_have_what_the_table_shows() -> None:
    """Metrics with spread and interval, costs, protocol and one provenance; order as asked; absent costs stay empty."""
    table = TABLES["memtsm_4"]
    rows = variant_rows(table, [result("a"), result("b")], [cost("b")], ["b", "a", "c"])

    assert ["b", "a"] == [row["variant"] for row in rows]
    assert (0.75, 0.9, 1234) == tuple(rows[0][name] for name in ("video_auc", "video_auc_high", "params"))
    assert ("key part", "key") == (rows[0]["provenance"], rows[1]["provenance"])
    assert rows[1]["params"] is None
    assert "frame_auc" not in rows[0]
    assert ["mil"] == [row["variant"] for row in variant_rows(TABLES["memtsm_5"], [], [cost("mil")], ["mil"])]


def test_what_is_unknown_of_a_cost_is_said(claims: Mapping[str, Claim]) -> None:
    """Below the table, by the names of the variants that share it."""
    costs = [cost(name) | {"note": "features are imported"} for name in ("a", "b")]
    rows = variant_rows(TABLES["memtsm_6"], [], costs, ["a", "b"])
    text = markdown(
        assemble("memtsm_6", TABLES["memtsm_6"], Found({"d": rows}, {"d": "subset: available"}), claims, {})
    )

    assert "a, b: features are imported." in text
    assert "Times measured on a CPU: another machine gives others." in text
    assert "## d (subset: available)" in text


def test_networks_that_are_cited_have_no_provenance() -> None:
    """What was counted here names its record, what was copied does not."""
    references = [{"variant": "A", "kind": "image network", "flops": 2}, {"variant": "B", "kind": "cited", "flops": 3}]

    assert ["key", ""] == [row["provenance"] for row in network_rows(TABLES["memtsm_5"], references, "key")]


def test_3d_networks_stand_by_themselves(claims: Mapping[str, Claim]) -> None:
    """C3D at its own cost, beside XFeat on frames of the same size; the table's job is given what was measured."""
    machine = {"gpu": None, "processor": "a CPU", "threads": 1, "torch": "2"}
    networks = [("XFeat", 224, 400.0, 2e8), ("XFeat", 112, 1400.0, 5e7), ("C3D", 112, 35.0, 2.4e9)]
    columns = ("network", "side", "frames_per_second", "macs_per_frame")
    speeds = {"networks": [dict(zip(columns, row, strict=True)) for row in networks], "machine": machine}
    (row,) = video_network_rows(speeds, "key")
    text = markdown(
        assemble(
            "mstsm_performance",
            TABLES["mstsm_performance"],
            found("mstsm_performance", video_networks=[row]),
            claims,
            {},
        )
    )

    assert ("C3D, 112 x 112", 35.0, 1400.0, 40.0) == tuple(
        row[name] for name in ("variant", "network_fps", "xfeat_fps", "times_slower")
    )
    assert "| C3D, 112 x 112 |" in re.sub(" +", " ", text)
    assert "has the speed of that row at most" in text
    assert [CLAIM in {one.id for one in table.cited} for table in TABLES.values() if table.video_networks] == [True]


def test_categories_are_counted() -> None:
    """Videos by class and part, normal first, and all of them."""
    train = pd.DataFrame({"class": ["x", "x", "Normal"], "label": [1, 1, 0], "part": ["fit", "validation", "fit"]})
    test = pd.DataFrame({"class": ["Normal", "y"], "label": [0, 1]})
    rows = category_rows("data", train, test, "key")

    expected = [("Normal", 1, 0, 1), ("x", 2, 1, 0), ("y", 0, 0, 1), ("all", 3, 1, 2)]
    assert expected == [tuple(row[name] for name in ("class", "n_train", "n_validation", "n_test")) for row in rows]


def test_classification_report_turns_the_classes_round() -> None:
    """Precision, recall and F1 of either class from one confusion matrix; undefined where nothing was flagged."""
    counts = {"tp": 2, "fp": 1, "tn": 1, "fn": 1}
    runs = [{f"video_{name}": {"value": float(n)} for name, n in counts.items()}]
    silent = [{f"video_{name}": {"value": float(n)} for name, n in {"tp": 0, "fp": 0, "tn": 2, "fn": 3}.items()}]
    normal, anomalous, everyone = class_rows(result("mil"), runs)
    columns = ("video_precision", "video_recall", "video_f1", "support")

    assert (0.5, 0.5, 0.5, 2) == tuple(normal[name] for name in columns)
    assert (2 / 3, 2 / 3, 2 / 3, 3) == pytest.approx(tuple(anomalous[name] for name in columns))
    assert (5, 0.75) == (everyone["support"], everyone["video_accuracy"])
    assert class_rows(result("mil"), silent)[1]["video_precision"] is None
    assert class_rows(result("mil"), silent)[0]["video_recall"] == 1


def test_differences_have_their_interval(claims: Mapping[str, Claim]) -> None:
    """A row per other variant; a sign, the interval, and whether it leaves 0 out."""
    head = {"first": "gated", "second": "mil"}
    unknown = {"difference": None, "low": None, "high": None, "differs": None, "reason": "too few"}
    known = {"difference": 0.01, "low": -0.02, "high": 0.03, "differs": False, "reason": ""}
    pairs = [head | {"metric": "frame_auc"} | known, head | {"metric": "video_auc"} | unknown]
    rows = difference_rows("mini_crime", "mil", pairs)
    page = assemble(
        "mstsm_ablation",
        TABLES["mstsm_ablation"],
        found("mstsm_ablation", differences={"mini_crime": rows}),
        claims,
        {},
    )

    assert "## mini_crime (synthetic): rows minus mil" in markdown(page)
    assert "| gated minus mil | +0.010 [-0.020, +0.030], no clear difference | - (too few) " in markdown(page)


def test_page_says_what_its_rows_are(claims: Mapping[str, Claim]) -> None:
    """Title with data set, the protocol, rows without a pixel and the oracle, and what is not there, each by name."""
    unseen = {"mini_crime": {"video_auc": ("random", 0.54), "video_ap": ("centre", 0.5)}}
    oracle = {"mini_crime": {"video_auc": 1.0, "video_ap": 0.875}}
    absent = {
        "a_ucf": ("not installed", "no root"),
        "b_ucf": ("not installed", "no root"),
        "c": ("not shown", "broken"),
    }
    page = assemble(
        "memtsm_2", TABLES["memtsm_2"], found("memtsm_2", unseen=unseen, oracle=oracle, absent=absent), claims, {}
    )
    text, rows = markdown(page), cells(page)

    assert "# MemTSM-Net, table 2: metrics. Data: mini_crime (synthetic)" in text
    assert "Highest row without a pixel: video_auc 0.540 (random), video_ap 0.500 (centre)." in text
    assert "has the video's label): video_auc 1.000, video_ap 0.875." in text
    assert "8 train videos (2 of them validation), 5 test videos." in text
    assert "Threshold: youden on validation." in text
    assert "- a_ucf, b_ucf: no root" in text
    assert "## Not shown" in text
    assert {"ours", "published", "no pixel", "oracle", "not installed", "not shown"} == {row["kind"] for row in rows}
    assert [("mini_crime", "synthetic", "0.75")] == [
        (row["dataset"], row["dataset_is"], row["video_auc"]) for row in rows if row["kind"] == "ours"
    ]
    assert "nothing is installed" in markdown(assemble("memtsm_2", TABLES["memtsm_2"], Found({}, {}), claims, {}))


def test_random_features_are_marked(claims: Mapping[str, Claim]) -> None:
    """The mark behind the name, its meaning below; the CSV has the name alone, and whose weights they are."""
    rows = variant_rows(TABLES["memtsm_2"], [result("mil", weights="random (seed 0)")], [], ["mil"])
    page = assemble("memtsm_2", TABLES["memtsm_2"], Found({"mini_crime": rows}, {}), claims, {})

    assert f"| mil {MARK} " in markdown(page)
    assert f"{MARK} {MEANING}" in markdown(page)
    assert r"mil $\dagger$" in latex(page)
    assert ("mil", "random (seed 0)") == tuple(cells(page)[0][name] for name in ("variant", "extractor_weights"))


@pytest.mark.parametrize("name", TABLES)
def test_latex_can_be_set(name: str, claims: Mapping[str, Claim]) -> None:
    """Every environment is closed, and outside of column ends and mathematics no special character stands bare."""
    text = latex(assemble(name, TABLES[name], found(name, absent={"x_y": ("not shown", "50 % & #1")}), claims, {}))
    opened, closed = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    body = [line for line in text.splitlines() if not line.startswith(("%", r"\label", r"\end", r"\begin"))]
    plain = re.sub(r"\$\\(pm|dagger)\$", "", "\n".join(line.replace(" & ", " ") for line in body))

    assert sorted(opened) == sorted(closed)
    assert [] == SPECIAL.findall(plain)
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert r"50 \% \& \#1" in text


def test_latex_leaves_the_size_of_letters_as_it_was(claims: Mapping[str, Claim]) -> None:
    """What stands behind the last table is in small letters, and nothing behind that is."""
    absent = {"a": ("not shown", "broken"), "b": ("not installed", "no root")}
    text = latex(assemble("memtsm_2", TABLES["memtsm_2"], found("memtsm_2", absent=absent), claims, {}))
    outside = text.rpartition(r"\end{table}")[2].strip().splitlines()

    assert [
        r"{\par\footnotesize Not shown: a (broken)\par}",
        r"{\par\footnotesize Not installed: b (no root)\par}",
    ] == outside


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_escaping_leaves_nothing_special(text: str) -> None:
    """Whatever a name or a note holds, LaTeX prints it."""
    bare = re.sub(r"\\(textbackslash|textasciitilde|texttt|ensuremath)(?![a-z])", "", escaped(text))

    assert [] == re.findall(r"(?<!\\)[_%&#$^~]", bare)


def test_cells_of_a_page_cannot_break_its_table() -> None:
    """A bar in a cell stays in its cell."""
    page = Page(
        "x", "t", "d", "about", [Block("ours", "d", ("variant", "note"), [{"variant": "a|b", "note": "-"}])], [], {}
    )

    assert r"| a\|b " in markdown(page)
