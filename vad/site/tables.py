"""Tables of a report as plain data for a page: a metric stands in one cell with its spread and its interval."""

import csv
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

ENDS = ("_std", "_low", "_high")
"""Of the columns that belong to a metric: spread over seeds, bounds of the interval."""
DIGITS = 5
"""Significant digits of a number in a page."""

Cell = str | float | None | list[float | None]


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file as text; none where the file is missing or empty."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def number(text: str | None) -> float | None:
    """A number of a table, to `DIGITS` significant digits; None where the cell is empty or not finite.

    Raises: ValueError for text that is no number.
    """
    value = float(f"{float(text):.{DIGITS}g}") if text else math.nan
    return value if math.isfinite(value) else None


def metric(row: Mapping[str, str], name: str) -> list[float | None] | None:
    """Mean, spread over seeds, low and high bound of a metric; None where it is undefined."""
    value = number(row.get(name))
    return None if value is None else [value, *(number(row.get(f"{name}{end}")) for end in ENDS)]


def compact(rows: Sequence[Mapping[str, str]], without: Collection[str] = ()) -> dict[str, Any]:
    """A table of a CSV file as columns and cells.

    Args:
        rows: of the file.
        without: columns that are left out, as is each column without any value.

    Returns: `columns` = pairs of name and kind (`metric`, `number` or `text`), `rows` = cells in that order. A metric
        is [mean, spread, low, high], or text where a published number has a remark.
    """
    names = [name for name in (rows[0] if rows else {}) if name not in without]
    metrics = {name for name in names if f"{name}_low" in names or f"{name}_std" in names}
    beside = {f"{name}{end}" for name in metrics for end in ENDS}
    columns = [
        (name, "metric" if name in metrics else "number" if _all_numbers(rows, name) else "text")
        for name in names
        if name not in beside and any(row[name] for row in rows)
    ]
    return {"columns": columns, "rows": [[_cell(row, *column) for column in columns] for row in rows]}


def _cell(row: Mapping[str, str], name: str, kind: str) -> Cell:
    if kind == "text" or not row[name]:
        return row[name] or None
    try:
        return metric(row, name) if kind == "metric" else number(row[name])
    except ValueError:  # a published number together with its verdict
        return row[name]


def _all_numbers(rows: Sequence[Mapping[str, str]], name: str) -> bool:
    try:
        for row in rows:
            number(row[name])
    except ValueError:
        return False
    return True


def title_of(page: Path) -> str:
    """The title of a Markdown page of a report; empty where there is none."""
    lines = page.read_text(encoding="utf-8").splitlines() if page.is_file() else []
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), "")


def significance(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The pairs of a data set by metric, names as places in one list.

    Returns: `names`, `reasons` and `metrics`: for each a list of pairs [first, second, from_frame, difference, low,
        high, p, mark], mark 0 = not shown to differ, 1 = differs, 2 = also after Holm's correction; or [first, second,
        from_frame, reason].
    """
    names = list(dict.fromkeys(name for row in rows for name in (row["first"], row["second"])))
    reasons = list(dict.fromkeys(row["reason"] for row in rows if not row["difference"]))
    place, why = {name: i for i, name in enumerate(names)}, {reason: i for i, reason in enumerate(reasons)}
    metrics: dict[str, list[list[float | None]]] = {}
    for row in rows:
        pair: list[float | None] = [place[row["first"]], place[row["second"]], number(row["from_frame"])]
        if row["difference"]:
            mark = (row["differs"] == "True") * (1 + (row["differs_holm"] == "True"))
            pair += [*(_short(row[name]) for name in ("difference", "low", "high", "p")), mark]
        else:
            pair.append(why[row["reason"]])
        metrics.setdefault(row["metric"], []).append(pair)
    return {"names": names, "reasons": reasons, "metrics": metrics}


def _short(text: str) -> float | None:
    value = number(text)
    return None if value is None else float(f"{value:.3g}")
