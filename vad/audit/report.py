"""Printing an audit, and writing it as JSON or CSV."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vad.artefacts.files import write_json, write_text
from vad.audit.roc import PublishedRoc
from vad.audit.run import THRESHOLD, Audit
from vad.evaluation.metrics import METRICS
from vad.report.tables import csv

WIDTH = 150
"""Characters of a line where the output is no terminal."""

ROUNDING = 5e-4
"""Difference between an area and the stated one that rounding explains."""


def show(audit: Audit, console: Console) -> None:
    """Print the findings, the orders that were tried, and every metric under every convention."""
    console.print(f"{audit.source} against {audit.dataset}\n", highlight=False, soft_wrap=True)
    for finding in audit.findings:
        console.print(f"- {finding.text}", highlight=False, markup=False, soft_wrap=True)
    if len(audit.orders) > 1:
        console.print(_orders(audit))
    console.print(_metrics(audit.rows))
    console.print("Intervals are over videos. Findings say what scores are consistent with; a file proves nothing.")


def show_roc(path: Path, roc: PublishedRoc, console: Console) -> None:
    """Print the area under a published curve, and whether the area that the file states is another."""
    stated = "no AUC field" if roc.stated is None else f"its AUC field says {roc.stated:.4f}"
    text = f"{path}: {len(roc.fpr):,} points, trapezoid {roc.area:.4f}; {stated}"
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if roc.stated is not None and not abs(roc.stated - roc.area) <= ROUNDING:  # also for NaN
        off = f"{roc.stated - roc.area:+.4f}"
        text = f"The AUC field is not the area of these points: {off}. The points give {roc.area:.4f}"
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    console.print("A curve has no videos: it does not show its level, its list or its convention.")


def save(audit: Audit, as_json: Path | None, as_csv: Path | None) -> None:
    """Write the audit as JSON and its metrics as CSV, where a path is given."""
    if as_json is not None:
        write_json(as_json, as_data(audit))
    if as_csv is not None:
        write_text(as_csv, csv(audit.rows))


def as_data(audit: Audit) -> dict[str, Any]:
    """The audit as numbers, text and None, for JSON."""
    return {
        "dataset": audit.dataset,
        "source": audit.source,
        "findings": [{"code": f.code, "text": f.text, "evidence": dict(f.evidence)} for f in audit.findings],
        "orders": [vars(one) for one in audit.orders],
        "conventions": audit.rows,
    }


def _orders(audit: Audit) -> Table:
    """A row for each order in which the vector was read."""
    table = Table(title="The vector, read in each known order")
    for head in ("order", "frame_auc", "score changes on segment bounds"):
        table.add_column(head)
    for one in audit.orders:
        share = "-" if one.aligned is None else f"{100 * one.aligned:.1f} %"
        table.add_row(one.name, f"{one.frame_auc:.4f}", share)
    return table


def _metrics(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each metric, a column for each convention; the first column has intervals."""
    table = Table(title=f"Under every convention; at a threshold = at {THRESHOLD:g}, for scores from 0 to 1")
    table.add_column("metric")
    names: dict[tuple, list[str]] = {}
    for row in rows:
        names.setdefault(tuple(value for key, value in row.items() if key != "ground_truth"), []).append(
            row["ground_truth"]
        )
    rows = [next(row for row in rows if row["ground_truth"] == equal[0]) for equal in names.values()]
    for equal in names.values():
        table.add_column("\n= ".join(equal), justify="right")
    for name in ("n_frames", "n_positive"):
        table.add_row(name, *(f"{row[name]:,}" for row in rows))
    for name in METRICS:
        if any(row[name] is not None for row in rows):
            table.add_row(name, *(_cell(row, name, first=i == 0) for i, row in enumerate(rows)))
    return table


def _cell(row: Mapping[str, Any], name: str, first: bool) -> str:
    """One value as text, with its interval in the first column."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "-"
    digits = 4 if METRICS[name].unit == "share" else 0
    text = f"{value:,.{digits}f}"
    return f"{text} [{low:,.{min(digits, 3)}f}, {high:,.{min(digits, 3)}f}]" if first and low is not None else text
