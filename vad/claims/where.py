"""What was measured about claims that a model says where an anomaly is."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.claims.arithmetic import Claims, Computed
from vad.ledger.chain import broken_links

CLAIM = "G05"
CHECKED = ("pixel_auc", "rbdc")
"""Metrics that have to be better for `improved spatial localization`."""
ON_ITS_DATA = (
    ("mnad_gated_ped2", "mnad_ped2"),
    ("mnad_gated_ped2_small", "mnad_ped2_small"),
    ("mnad_gated_avenue", "mnad_avenue"),
)
"""Variants with and without gates on the data of the claim."""
NUMBERS = ("difference", "low", "high")
GENERATED = (("mnad_gated", "mnad"),)
"""Likewise on generated sequences: they count where nothing is known of the data of the claim."""

Differences = Sequence[Mapping[str, Any]]


def read_differences(table: Path | None) -> list[dict[str, Any]]:
    """The measured differences between variants of all data sets; none where their record is broken or missing.

    Args:
        table: the table as `vad.report.localisation` writes it, without its endings; None where no variant has maps.
    """
    if table is None or broken_links(table):
        return []
    text = table.with_name(f"{table.name}_differences.csv").read_text(encoding="utf-8")
    return [row | {name: _number(row[name]) for name in NUMBERS} for row in csv.DictReader(text.splitlines())]


def _number(text: str) -> float | None:
    """A number of the table; None where the pair cannot be compared."""
    return float(text) if text else None


def checks(differences: Differences) -> dict[str, Callable[[Claims], dict[str, Computed]]]:
    """Every check by the name that the ledger has for it.

    Args:
        differences: as `read_differences` gives them.
    """
    return {"gates_localise": lambda _: {CLAIM: _gates(differences)}}


def _gates(differences: Differences) -> Computed:
    """A gain in every metric may be right at another scope; anything else leaves the claim without support."""
    own, generated = (
        {pair: found for pair in pairs if (found := _of_pair(differences, *pair))} for pairs in (ON_ITS_DATA, GENERATED)
    )
    counted = own or generated
    if not counted:
        return Computed(True, "not compared: there are no score maps of MNAD with and without gates here")
    rows = [row for found in counted.values() for row in found]
    text = "; ".join(
        f"{first} minus {second}, {found[0]['dataset']}: {', '.join(map(_words, found))}"
        for (first, second), found in counted.items()
    )
    if all(row["low"] > 0 for row in rows):
        return Computed(True, f"{text}. A gain is shown, by gates that are trained", "protocol_differs")
    if any(row["high"] < 0 for row in rows):
        return Computed(True, f"{text}. It is worse", "unsupported")
    return Computed(True, f"{text}. No gain is shown", "unsupported")


def _of_pair(differences: Differences, first: str, second: str) -> list[Mapping[str, Any]]:
    """First minus second in the metrics that count, in whichever order they stand; none unless all are defined."""
    found = [
        row if row["first"] == first else _turned(row)
        for row in differences
        if {row["first"], row["second"]} == {first, second} and row["metric"] in CHECKED and row["low"] is not None
    ]
    return found if len(found) == len(CHECKED) else []


def _turned(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same difference the other way round."""
    return {**row, "difference": -row["difference"], "low": -row["high"], "high": -row["low"]}


def _words(row: Mapping[str, Any]) -> str:
    return f"{row['metric']} {row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
