"""Rows of the published tables: ours from metrics, costs and lists, others' from the claims ledger."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import pandas as pd

from vad.claims.arithmetic import Computed
from vad.claims.ledger import Claim
from vad.claims.table import verdict, why
from vad.errors import DatasetError, listing
from vad.evaluation.evaluate import METRICS
from vad.published.tables import TRAPEZOID, Cited, Table
from vad.report.tables import mean, spread

PROTOCOL = (
    *("subset", "model", "features", "extractor_weights", "decoder", "copies", "arithmetic", "supervision", "level"),
    *("seeds", "selection", "threshold_rule", "ground_truth", "scoring", "score_norm", "video_score", "interval_unit"),
    *("n_train", "n_validation", "n_videos", "n_anomalous"),
)
"""Columns of the results table that every row of ours keeps; the last one is always `provenance`."""
ALWAYS_SAID = ("leakage", "unsupported", "check_failed")
"""Verdicts without which a number is never printed."""
UNITS_SAID = ("_ms", "_fps", "_seconds", "_mb")
"""Ends of columns whose name says the unit."""
CLASSES = {"normal": ("tn", "fn", "fp"), "anomalous": ("tp", "fp", "fn")}
"""Of a class: videos found, videos of the other class taken for it, videos of it missed."""
_PARTS = re.compile(r"\s*[/,]\s*")

Row = dict[str, Any]


def variant_rows(
    table: Table, results: Sequence[Mapping[str, Any]], costs: Sequence[Mapping[str, Any]], order: Sequence[str]
) -> list[Row]:
    """One row for each variant that has what the table shows.

    Args:
        table: says which metrics and costs.
        results: rows as `vad.report.tables.result_row` gives them.
        costs: rows as `vad.cost.table.variant_row` gives them, with `provenance`.
        order: variants, in the order of the table.
    """
    by_result, by_cost = ({row["variant"]: row for row in rows} for rows in (results, costs))
    leading = by_result if table.metrics else by_cost
    rows = []
    for name in (name for name in order if name in leading):
        result, cost = by_result.get(name, {}), by_cost.get(name, {})
        head = {column: leading[name][column] for column in ("variant", "dataset")}
        shared = {column: leading[name].get(column) for column in PROTOCOL if column in leading[name]}
        priced = (*_sample(table), *table.costs, *_machine(table), "note") if table.costs else ()
        costs_shown = {column: cost.get(column) for column in priced}
        made_by = " ".join(dict.fromkeys(part["provenance"] for part in (result, cost) if "provenance" in part))
        rows.append({**head, **_metrics(result, table.metrics), **costs_shown, **shared, "provenance": made_by})
    return rows


def _metrics(row: Mapping[str, Any], names: Sequence[str]) -> Row:
    return {name + end: row.get(name + end) for name in names for end in ("", "_std", "_low", "_high")}


def _sample(table: Table) -> tuple[str, ...]:
    """What a head's operations are counted for."""
    return ("sample",) if table.counted else ()


def _machine(table: Table) -> tuple[str, ...]:
    """Where times were taken."""
    return ("cpu_share", "measured_on") if table.timed else ()


def network_rows(table: Table, references: Sequence[Mapping[str, Any]], provenance: str) -> list[Row]:
    """Image networks that the heads are compared with; `provenance` is that of what was counted here."""
    columns = ("variant", *_sample(table), *table.costs, "note")
    made_by = {"cited": ""}
    return [
        {**{name: row.get(name) for name in columns}, "provenance": made_by.get(row["kind"], provenance)}
        for row in references
    ]


def video_network_rows(speeds: Mapping[str, Any], provenance: str) -> list[Row]:
    """3D networks by themselves, each beside XFeat on frames of the same size.

    Args:
        speeds: as `vad.cost.video_networks.measured` gives them.
        provenance: of what was measured.
    """
    from vad.cost.table import machine
    from vad.cost.video_networks import compared  # imports torch, which no other table needs

    cost = {(row["network"], row["side"]): row["macs_per_frame"] for row in speeds["networks"]}
    return [
        {
            "variant": f"{row.name}, {row.side} x {row.side}",
            "network_fps": row.frames_per_second,
            "macs_per_frame": cost[row.name, row.side],
            "xfeat_fps": row.ours,
            "times_slower": row.faster,
            "measured_on": machine(speeds["machine"]),
            "provenance": provenance,
        }
        for row in compared(speeds)
    ]


def category_rows(dataset: str, train: pd.DataFrame, test: pd.DataFrame, provenance: str) -> list[Row]:
    """Videos of each class, and of all, from the split tables `train.csv` and `test.csv`."""
    parts = {"n_train": train, "n_validation": train[train["part"] == "validation"], "n_test": test}
    kinds = sorted(
        {(int(label), name) for part in (train, test) for label, name in zip(part["label"], part["class"], strict=True)}
    )
    found = []
    for label, name in kinds:
        mine = {k: int(((part["class"] == name) & (part["label"] == label)).sum()) for k, part in parts.items()}
        found.append({"class": name, "label": ("normal", "anomalous")[label], **mine})
    found.append({"class": "all", "label": "", **{k: len(part) for k, part in parts.items()}})
    return [{"dataset": dataset, **row, "provenance": provenance} for row in found]


def class_rows(row: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The classification report of a variant: each class of video as the one to be found, then all videos.

    Args:
        row: the variant, as `vad.report.tables.result_row` gives it.
        runs: `metrics` of each seed.

    Returns: precision, recall and F1 as mean and spread over seeds; None where undefined for a seed.
    """
    counts = [{name: run[f"video_{name}"]["value"] for name in ("tp", "fp", "tn", "fn")} for run in runs]
    shared = {column: row.get(column) for column in PROTOCOL if column in row}
    head, tail = {"variant": row["variant"], "dataset": row["dataset"]}, {**shared, "provenance": row["provenance"]}
    found = []
    for name, (hit, false, missed) in CLASSES.items():
        rates = [_rates(one[hit], one[false], one[missed]) for one in counts]
        columns = _over_seeds({key: [rate[key] for rate in rates] for key in rates[0]})
        support = row["n_anomalous"] if name == "anomalous" else row["n_videos"] - row["n_anomalous"]
        found.append({**head, "class": name, **columns, "support": support, **tail})
    everyone = {**_metrics(row, ("video_accuracy",)), "support": row["n_videos"]}
    return [*found, {**head, "class": "all", **everyone, **tail}]


def _rates(hit: float | None, false: float | None, missed: float | None) -> dict[str, float | None]:
    if hit is None or false is None or missed is None:
        return dict.fromkeys(("video_precision", "video_recall", "video_f1"))
    pairs = {"video_precision": (hit, hit + false), "video_recall": (hit, hit + missed)}
    pairs["video_f1"] = (2 * hit, 2 * hit + false + missed)
    return {name: part / whole if whole else None for name, (part, whole) in pairs.items()}


def _over_seeds(values: Mapping[str, Sequence[float | None]]) -> Row:
    return {k + end: summarise(v) for k, v in values.items() for end, summarise in (("", mean), ("_std", spread))}


def difference_rows(dataset: str, first: str, found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Each variant minus the first one of its data set.

    Args:
        dataset: of all of them.
        first: the variant that the others are compared with.
        found: pairs as `vad.evaluation.significance.differences` gives them, `second` being that variant.
    """
    rows: dict[str, Row] = {}
    for pair in found:
        row = rows.setdefault(pair["first"], {"variant": f"{pair['first']} minus {first}", "dataset": dataset})
        metric = pair["metric"]
        row |= {metric: pair["difference"], f"{metric}_low": pair["low"], f"{metric}_high": pair["high"]}
        row |= {f"{metric}_differs": pair["differs"], f"{metric}_reason": pair["reason"]}
    return list(rows.values())


class Printed(NamedTuple):
    """What was printed: rows of numbers, claims that are words, and one line per claim with its reason."""

    numbers: list[Row]
    words: list[Row]
    reasons: list[str]


def published_rows(table: Table, claims: Mapping[str, Claim], computed: Mapping[str, Computed]) -> Printed:
    """The claims beside a table; those of a system that share level, data, selection and verdict are one row.

    Args:
        table: says which claims, and where their numbers stand.
        claims: the ledger by id.
        computed: as `vad.claims.table.compute` gives it; no verdict is printed whose computation does not come out.

    Raises: DatasetError for claims that are not in the ledger, or not of the level of their column.
    """
    problems = [f"{cited.id}: no such claim" for cited in table.cited if cited.id not in claims]
    known = [(cited, claims[cited.id]) for cited in table.cited if cited.id in claims]
    problems += [
        f"{cited.id}: of level {claim.level}, and does not stand in column {column}"
        for cited, claim in known
        for column in cited.columns
        if not _fits(claim, column)
    ]
    if problems:
        raise DatasetError(listing(f"claims of {table.title}", problems, "Correct the ledger, or the table."))
    rows: dict[tuple[str, ...], Row] = {}
    words = []
    for cited, claim in known:
        head = {"system": cited.row or claim.system, "data": claim.data, "level": claim.level}
        head |= {"selection": claim.selection, "verdict": verdict(claim, computed.get(claim.id))}
        if not cited.columns:
            words.append({**head, "claims": claim.id, "claim": f"{claim.claim} {claim.value} {claim.unit}".strip()})
            continue
        row = rows.setdefault(tuple(head.values()), head | {"claims": ""})
        row |= {**_printed(cited, claim, head["verdict"]), "claims": f"{row['claims']} {claim.id}".strip()}
    return Printed(list(rows.values()), words, _reasons([claim for _, claim in known], computed))


def _fits(claim: Claim, column: str) -> bool:
    """True if a claim is of the level of its column; a column that is no metric has no level."""
    if column in METRICS or column == TRAPEZOID:
        return claim.level == ("video" if column.startswith("video_") else "frame")
    return True


def _printed(cited: Cited, claim: Claim, judged: str) -> dict[str, str]:
    """The printed numbers by column; shares of 1 where the column is a metric, with the word where one is needed."""
    parts = _PARTS.split(claim.value) if len(cited.columns) > 1 else [claim.value]
    word = f" ({judged})" if judged in ALWAYS_SAID else ""
    found = {}
    for column, part in zip(cited.columns, parts, strict=True):
        if column in METRICS and claim.unit == "%":
            part = _share(part)
        said = column in METRICS or column.endswith(UNITS_SAID) or len(parts) > 1 or "fraction" in claim.unit
        found[column] = (part if said else f"{part} {claim.unit}") + word
    return found


def _share(percent: str) -> str:
    """Percent as a share of 1, with the digits that were printed."""
    try:
        return str(Decimal(percent).scaleb(-2))
    except InvalidOperation:
        return f"{percent} %"


def _reasons(claims: Sequence[Claim], computed: Mapping[str, Computed]) -> list[str]:
    """One line for the claims that share verdict, what was computed, and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for claim in claims:
        unit = "" if "fraction" in claim.unit else claim.unit
        text = " ".join(part for part in (claim.claim, claim.value, unit) if part)
        one = computed.get(claim.id)
        judgement = (verdict(claim, one), why(claim, one))
        found.setdefault(judgement, []).append(f"{claim.id}, {claim.system}, {text}")
    return [f"{'; '.join(names)}: **{judged}**. {reason}" for (judged, reason), names in found.items()]
