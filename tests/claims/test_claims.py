"""The ledger's shape, the arithmetic behind its verdicts, and our own numbers beside the claims."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vad.claims import arithmetic, sizes, speeds, where
from vad.claims.arithmetic import Computed, Confusion, confusions
from vad.claims.ledger import LEDGER, VERDICTS, Claim, read_ledger
from vad.claims.table import COLUMNS, Source, claims_page, claims_table, compute, source_of, verdict
from vad.errors import DatasetError
from vad.evaluation.evaluate import METRICS
from vad.report.tables import result_row


@pytest.fixture(scope="module")
def claims() -> dict[str, Claim]:
    """The ledger by id."""
    return {claim.id: claim for claim in read_ledger()}


def changed(claims: dict[str, Claim], **values: str) -> dict[str, Claim]:
    """The ledger with other printed values."""
    return claims | {name: claims[name].model_copy(update={"value": value}) for name, value in values.items()}


def test_ledger_is_read(claims: dict[str, Claim]) -> None:
    """All 177 claims, their verdicts counted, every check known."""
    verdicts = [claim.verdict for claim in claims.values()]
    expected = {"verified": 25, "arithmetic_only": 7, "protocol_differs": 15}
    expected |= {"unsupported": 45, "leakage": 11, "not_checked": 74}

    assert expected == {name: verdicts.count(name) for name in dict.fromkeys(verdicts)}
    assert 177 == len(claims)
    assert {c.check for c in claims.values()} - {""} == {
        *arithmetic.CHECKS,
        *sizes.CHECKS,
        *speeds.checks(None),
        *where.checks(()),
    }
    assert set(verdicts) < set(VERDICTS)


def with_cell(folder: Path, claim: str, column: str, value: str) -> tuple[Path, int]:
    """A ledger with one cell changed, and the line of the claim."""
    with LEDGER.open() as stream:
        rows = list(csv.DictReader(stream))
    where = next(i for i, row in enumerate(rows) if row["id"] == claim)
    rows[where][column] = value
    with (folder / "ledger.csv").open("w") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "ledger.csv", where + 2


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("verdict", "true", "verdict"),
        ("level", "clip", "level"),
        ("ours", "mil.auc", "no metric called 'auc'"),
        ("ours", "mil.frame_auc", "does not stand beside a claim of level video"),
        ("reason", "", "at least 1 character"),
        ("id", "R1", "pattern"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, column: str, value: str, message: str) -> None:
    """A word outside the vocabulary, or a frame metric beside a video claim, is an error with its line."""
    path, line = with_cell(tmp_path, "R01", column, value)

    with pytest.raises(DatasetError, match=rf"ledger.csv:{line}: .*{message}"):
        read_ledger(path)


@pytest.mark.parametrize(
    ("claim", "value", "example"),
    [
        ("E11", "12.5 / 80", "12.5 / 80 / 512"),
        ("R09", "17,441", "17441"),
        ("R03", "", "0.8172"),
        ("R01", "91.18", "0.8172"),
        ("R07", "101", "88.87"),
        ("E07", "0.96, 50", "0.96/0.90/0.93, 50"),
        ("E09", "0.96/0.90/0.93, 180", "0.96, 180"),
        ("E21", "960 / 50", "960 / 50 / 64"),
        ("G12", "1455 / 165", "1455 165 / 77 265"),
        ("M01", "unknown", "0.8172"),
        ("M03", "-100", r"\+4.8"),
        ("M15", "0", "17441"),
        ("R12", "1.16 M", "29.17"),
    ],
)
def test_values_that_nothing_can_be_computed_with_are_named(
    tmp_path: Path, claim: str, value: str, example: str
) -> None:
    """The error has line and id, what stands there, and how it is to be written; also where another check reads it."""
    path, line = with_cell(tmp_path, claim, "value", value)

    with pytest.raises(DatasetError, match=rf"ledger.csv:{line}: {claim}: .*'{value}' cannot .* like '{example}'"):
        read_ledger(path)


def test_repeated_ids_are_refused(tmp_path: Path) -> None:
    """An id stands for one claim."""
    text = LEDGER.read_text()
    (tmp_path / "ledger.csv").write_text(text + text.splitlines()[1] + "\n")

    with pytest.raises(DatasetError, match="is there twice"):
        read_ledger(tmp_path / "ledger.csv")


def test_one_confusion_fits_the_report() -> None:
    """Precision, recall, accuracy and F1 of MemTSM-Net have one solution up to 400 of either class, and its double."""
    assert [Confusion(123, 36, 17, 114), Confusion(246, 72, 34, 228)] == confusions(
        "0.7736", "0.8786", "0.8172", "0.8227"
    )


def test_confusion_of_efficient_vad(claims: dict[str, Claim]) -> None:
    """128, 5, 2, 45 is the only one on 130 and 50 videos."""
    found = confusions("0.9624", "0.9846", "0.9611", "0.9734")

    assert [Confusion(128, 5, 2, 45)] == [c for c in found if (c.tp + c.fn, c.fp + c.tn) == (130, 50)]
    assert arithmetic.efficient_vad_confusion(claims)["E03"].holds


@given(st.tuples(*[st.integers(1, 60)] * 4))
@settings(deadline=None, max_examples=30)
def test_a_confusion_is_found_from_its_rates(counts: tuple[int, int, int, int]) -> None:
    """Whatever the confusion, it is among the solutions of its own printed rates."""
    one = Confusion(*counts)
    printed = {name: f"{value:.4f}" for name, value in one.rates().items()}

    assert one in confusions(**printed, most=130)


def test_brute_force_agrees() -> None:
    """All solutions, and no other, of two digits up to 12 of either class."""
    goal = {"precision": "0.67", "recall": "0.80", "accuracy": "0.70", "f1": "0.73"}
    tried = [
        Confusion(tp, fp, p - tp, n - fp)
        for p in range(1, 13)
        for n in range(1, 13)
        for tp in range(1, p + 1)
        for fp in range(n + 1)
    ]
    right = [
        c for c in tried if all(abs(value - float(goal[name])) <= 0.005 + 1e-12 for name, value in c.rates().items())
    ]

    assert sorted(right) == sorted(confusions(**goal, most=12))


def test_every_check_comes_out(claims: dict[str, Claim]) -> None:
    """No verdict of the ledger is contradicted by its computation."""
    found = compute(list(claims.values()))

    assert {claim.id for claim in claims.values() if claim.check} == set(found)
    assert [] == [name for name, one in found.items() if not one.holds]


@pytest.mark.parametrize(
    ("check", "values", "failing"),
    [
        ("memtsm_confusion", {"R04": "0.7737"}, {"R03", "R04", "R05", "R06"}),
        (
            "memtsm_confusion",
            {"R04": "0.75", "R05": "0.75", "R03": "0.75", "R06": "0.75"},
            {"R03", "R04", "R05", "R06"},
        ),
        ("efficient_vad_confusion", {"E05": "0.9847"}, {"E03", "E04", "E05", "E06"}),
        ("efficient_vad_report", {"E07": "0.96/0.91/0.93, 50"}, {"E07"}),
        ("efficient_vad_fps", {"E14": "29.18"}, {"E14"}),
        ("efficient_vad_skip", {"E15": "87.52"}, {"E15"}),
        ("efficient_vad_workloads", {"E12": "12.5 / 80 / 1", "E13": "10 / 100 / 1"}, {"E11", "E12", "E13"}),
        ("memtsm_against_stead", {"R08": "91.0"}, {"R16"}),
        ("swapped_classes", {"G12": "1455 166 / 77 265"}, {"G12"}),
        ("memtsm_steps", {"M15": "1610"}, {"R20"}),
        ("memtsm_size", {"R10": "0.3"}, {"R10"}),
        ("stead_fast_size", {"R09": "17442"}, {"R09"}),
        ("stead_base_size", {"R11": "1.64"}, {"R11"}),
        ("memtsm_macs", {"R12": "2.31"}, {"R12", "R15"}),
        ("memtsm_macs", {"R12": "1.15"}, {"R12", "R15"}),
        ("memtsm_macs", {"R12": "1.160"}, {"R12", "R15"}),
        ("efficient_vad_size", {"E21": "960 / 500 / 64"}, {"E21"}),
        ("efficient_vad_size", {"E21": "960 / 50 / 65"}, {"E21"}),
        ("efficient_vad_size", {"E21": "961 / 50 / 64"}, {"E21"}),
    ],
)
def test_checks_can_fail(claims: dict[str, Claim], check: str, values: dict[str, str], failing: set[str]) -> None:
    """Another printed number does not come out: the verdict would not be printed."""
    found = {**arithmetic.CHECKS, **sizes.CHECKS}[check](changed(claims, **values))

    assert failing == {name for name, one in found.items() if not one.holds}


def speeds_of(other: float) -> dict[str, Any]:
    """XFeat with 320 frames a second at 224 x 224 and 900 at 112 x 112, and two 3D networks."""
    rows = [
        ("XFeat", 224, 320.0, 2.0),
        ("XFeat", 112, 900.0, 0.5),
        ("X3D-M", 224, other, 3.0),
        ("C3D", 112, 30.0, 20.0),
    ]
    names = ("network", "side", "frames_per_second", "macs_per_frame")
    machine = {"processor": "P", "gpu": None, "threads": 1, "torch": "2"}
    return {"networks": [dict(zip(names, row, strict=True)) for row in rows], "machine": machine, "load": 0.1}


@pytest.mark.parametrize(
    ("other", "holds", "words"), [(40.0, True, "none gives 3.2"), (100.0, False, "X3D-M gives 3.2")]
)
def test_the_speed_against_3d_networks_is_measured(
    claims: dict[str, Claim], other: float, holds: bool, words: str
) -> None:
    """Each at its own resolution. The verdict does not stand if a network gives the printed ratio."""
    found = compute(list(claims.values()), {"M06"}, speeds_of(other))["M06"]

    assert found.holds is holds
    assert f"{320 / other:.1f} times as fast as X3D-M (1.5 times fewer MACs)" in found.text
    assert "30.0 times as fast as C3D (40.0 times fewer MACs)" in found.text
    assert found.text.endswith(words)
    assert "no measurement" in compute(list(claims.values()), {"M06"})["M06"].text


def gain(first: str, second: str, **metrics: tuple[float, float]) -> list[dict[str, Any]]:
    """Rows of the table of differences: interval by metric, the difference in its middle."""
    head = {"dataset": "walk", "first": first, "second": second}
    return [
        {**head, "metric": name, "difference": (low + high) / 2, "low": low, "high": high}
        for name, (low, high) in metrics.items()
    ]


@pytest.mark.parametrize(
    ("interval", "expected", "words"),
    [
        ((0.01, 0.03), "protocol_differs", "rbdc +0.020 [+0.010, +0.030]. A gain is shown"),
        ((-0.01, 0.03), "unsupported", "rbdc +0.010 [-0.010, +0.030]. No gain is shown"),
        ((-0.03, -0.01), "unsupported", "rbdc -0.020 [-0.030, -0.010]. It is worse"),
    ],
)
def test_the_claim_of_gates_follows_from_the_interval(
    claims: dict[str, Claim], interval: tuple[float, float], expected: str, words: str
) -> None:
    """Above 0, across it, below it, in one metric while the other one gains; other pairs and metrics do not count."""
    rows = gain("mnad_gated", "mnad", pixel_auc=(0.1, 0.2), rbdc=interval, box_hit=(-0.9, -0.8))
    rows += gain("mnad_gated", "uniform", pixel_auc=(-0.9, -0.8), rbdc=(-0.9, -0.8))
    found = compute(list(claims.values()), {"G05"}, differences=rows)["G05"]

    assert expected == verdict(claims["G05"], found)
    assert found.text.startswith("mnad_gated minus mnad, walk: pixel_auc +0.150 [+0.100, +0.200], ")
    assert words in found.text

    low, high = interval
    turned = gain("mnad", "mnad_gated", pixel_auc=(-0.2, -0.1), rbdc=(-high, -low))
    assert found == compute(list(claims.values()), {"G05"}, differences=turned)["G05"]


@pytest.mark.parametrize("size", ["", "_small"])
def test_the_claim_of_gates_is_judged_on_its_own_data_where_it_can_be(claims: dict[str, Claim], size: str) -> None:
    """Ped2 counts, not the generated sequences; without maps the ledger's verdict stands; undefined is not counted."""
    rows = gain("mnad_gated", "mnad", pixel_auc=(0.1, 0.2), rbdc=(0.1, 0.2))
    ped2 = gain(f"mnad_gated_ped2{size}", f"mnad_ped2{size}", pixel_auc=(-0.1, 0.2), rbdc=(0.1, 0.2))
    undefined = gain(f"mnad_gated_ped2{size}", f"mnad_ped2{size}", pixel_auc=(-0.1, 0.2), rbdc=(0.1, 0.2))
    undefined[1]["low"] = None
    own, none, generated = (
        compute(list(claims.values()), {"G05"}, differences=given)["G05"]
        for given in (rows + ped2, (), rows + undefined)
    )

    assert "unsupported" == verdict(claims["G05"], own)
    assert "mnad_gated minus" not in own.text
    assert "there are no score maps" in none.text
    assert claims["G05"].verdict == verdict(claims["G05"], none)
    assert "protocol_differs" == verdict(claims["G05"], generated)


def test_numbers_of_the_texts(claims: dict[str, Claim]) -> None:
    """Interval, products and implied numbers as worked out by hand; the distance multiplies 32 x 128 x 128."""
    texts = {name: one.text for name, one in compute(list(claims.values())).items()}

    assert "0.877 to 0.947" in texts["R01"]
    assert "3 x 29.17 = 87.51" == texts["E15"]
    assert "0.842 (absolute) or 0.849 (relative)" in texts["M03"]
    assert "159,347" in texts["R10"]
    assert "1,155,136 multiply-adds" in texts["R12"]
    assert "there are 524,288 more, 1,679,424 in all" in texts["R12"]
    assert "precision 0.6476, recall 0.1174" in texts["G14"]


def result(variant: str, value: float | None = 0.6, **more: object) -> dict:
    """A row of the results table."""
    head = {
        "variant": variant,
        "dataset": "exam",
        "subset": "all",
        "selection": "video_auc",
        "ground_truth": "canonical",
    }
    head |= {"threshold_rule": "youden on validation", "n_videos": 40, "provenance": "abc"}
    entry = {"value": value, "low": None, "high": None}
    return result_row(head | more, [dict.fromkeys(METRICS, entry)])


SOURCES = {
    "exam": Source("mini_crime", True),
    "lists": Source("ucf_crime", True),
    "mended": Source("ucf_crime", False),
    "walk": Source("ped2", True),
}
"""A generated data set; UCF-Crime from the official lists and from others; Ped2."""


def table(claims: dict[str, Claim], *results: dict, skipped: dict[str, str] | None = None) -> dict[str, dict]:
    """The table by id, without computations."""
    return {row["id"]: row for row in claims_table(list(claims.values()), results, skipped or {}, {}, SOURCES)}


def test_own_number_beside_a_claim(claims: dict[str, Claim]) -> None:
    """A run on the claim's data wins; one on other data is marked as such; both with selection and provenance."""
    official = result("c3d_mil_ucf", 0.6, dataset="lists", n_videos=290)
    both = table(claims, result("c3d_mil", 0.7), official)["P01"]
    other = table(claims, result("c3d_mil", 0.7))["P01"]

    assert ("c3d_mil_ucf", "lists", "0.600") == (both["ours_variant"], both["ours_data"], both["ours"])
    assert ("0.700", "exam (not the data of the claim)") == (other["ours"], other["ours_data"])
    assert ("video_auc", "abc") == (other["ours_selection"], other["ours_provenance"])
    assert tuple(other) == COLUMNS


PART = "subset: 800 of 1,610 train, 10 of 290 test"


@pytest.mark.parametrize(
    ("claim", "variant", "more", "data"),
    [
        ("R01", "mstsm_claim_ucf", {"dataset": "lists", "n_videos": 290}, "lists"),
        ("P01", "c3d_mil", {"dataset": "lists", "n_videos": 290}, "lists"),
        ("G01", "mnad", {"dataset": "walk", "n_videos": 12}, "walk"),
        ("G01", "mnad_ped2", {"dataset": "walk", "n_videos": 11}, "walk (not the data of the claim)"),
        ("G03", "mnad_avenue", {"dataset": "walk", "n_videos": 12}, "walk (not the data of the claim)"),
        ("P01", "c3d_mil_ucf", {"dataset": "mended", "n_videos": 290}, "mended (not the data of the claim)"),
        ("P01", "c3d_mil_ucf", {"dataset": "exam", "n_videos": 290}, "exam (not the data of the claim)"),
        ("E01", "lstm_memory_ae_ucf", {"dataset": "lists", "n_videos": 290}, "lists (not the data of the claim)"),
        ("M01", "mstsm_claim_ucf", {"dataset": "lists", "n_videos": 290}, "lists (not the data of the claim)"),
        (
            *("R01", "mstsm_claim_ucf", {"dataset": "lists", "n_videos": 10, "subset": PART}),
            f"lists, {PART} (not the data of the claim)",
        ),
        (
            *("R01", "mstsm_claim_ucf", {"dataset": "lists", "n_videos": 290, "subset": PART}),
            f"lists, {PART} (not the data of the claim)",
        ),
    ],
)
def test_whose_data_a_number_is_on(
    claims: dict[str, Claim], claim: str, variant: str, more: dict[str, Any], data: str
) -> None:
    """Kind of data set, official lists, all of them: not what the variant is called. A subset is named."""
    row = table(claims, result(variant, **more))[claim]

    assert (variant, data) == (row["ours_variant"], row["ours_data"])


def test_lists_are_official_unless_one_differs() -> None:
    """What has no official file decides nothing."""
    lists = {"a": {"official": True}, "b": {"official": None}}

    assert Source("ucf_crime", True) == source_of("ucf_crime", {"lists": lists})
    assert Source("ucf_crime", False) == source_of("ucf_crime", {"lists": lists | {"c": {"official": False}}})


def test_why_there_is_no_number(claims: dict[str, Claim]) -> None:
    """Not installed, not run, undefined and random weights are said; a claim without counterpart has none."""
    skipped = table(claims, skipped={"c3d_mil_ucf": "data set ucf is not installed"})

    assert "data set ucf is not installed" == skipped["P01"]["ours"]
    assert "not run: no variant of this name" == skipped["P15"]["ours"]
    assert "" == skipped["P17"]["ours"]
    assert "-" == table(claims, result("c3d_mil", None))["P01"]["ours"]
    assert "random weights" in table(claims, result("c3d_mil", extractor_weights="random (seed 0)"))["P01"]["ours"]


def test_a_failed_computation_is_printed(claims: dict[str, Claim]) -> None:
    """The verdict of the ledger stands only where its computation comes out."""
    rows = claims_table(
        list(claims.values()), [], {}, {"R09": Computed(False, "17 parameters"), "R10": Computed(True, "x")}, SOURCES
    )
    found = {row["id"]: (row["verdict"], row["computed"]) for row in rows}

    assert ("check_failed", "17 parameters") == found["R09"]
    assert ("verified", "x") == found["R10"]


def test_page_shows_every_claim(claims: dict[str, Claim]) -> None:
    """One line a claim, with the meaning of every verdict."""
    page = claims_page(claims_table(list(claims.values()), [result("mstsm_claim")], {}, {}, SOURCES))

    assert [] == [name for name in claims if f"\n| {name} |" not in page]
    assert all(f"| {name} |" in page for name in VERDICTS)
    ours = "[mstsm_claim on exam (not the data of the claim); epoch by video_auc; record abc]"
    assert f"video_auc: 0.600 {ours}" in page


@pytest.mark.parametrize(
    ("claim", "variant"),
    [("P03", "c3d_mil"), ("P11", "urdmu"), ("P12", "urdmu"), ("G12", "mnad"), ("R03", "mstsm_claim")],
)
def test_a_number_at_a_threshold_says_which(claims: dict[str, Claim], claim: str, variant: str) -> None:
    """Beside a claim at 0.5, or at a threshold of the test list, stands the rule of ours."""
    row = result(variant, provenance="abc def")
    page = claims_page(claims_table(list(claims.values()), [row], {}, {}, SOURCES))
    line = next(line for line in page.splitlines() if line.startswith(f"| {claim} |"))

    assert "; epoch by video_auc; threshold by youden on validation; record abc]" in line
