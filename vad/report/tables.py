"""Rows from metrics files, and rows as CSV or Markdown. A metric's level is in its name: no column mixes levels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from vad.artefacts.origin import DALI, is_random
from vad.evaluation.evaluate import METRICS
from vad.report import page

SHOWN = (
    *("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro", "far_at_threshold"),
    *("video_auc", "video_ap", "video_f1", "video_recall", "video_far"),
)
"""The columns of the Markdown tables; the CSV has every metric. An F1 never stands without recall and false alarms."""
BASELINES_SHOWN = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro", "frame_auc_balanced", "video_auc")
SHOWN_ONE_CLASS = (
    *("frame_auc", "frame_auc_macro", "frame_auc_pvnorm", "frame_ap", "frame_accuracy"),
    *("frame_f1", "frame_recall", "frame_far"),
)
"""The columns, also of the baselines, for data sets whose train list is all normal (Ped2, Avenue): micro, macro and
per-video normalised side by side; their test list may lack normal videos."""

MARK = "†"
MEANING = "Made from features of a network with random weights: the row shows that the pipeline runs. It is no result."


def random_features(row: Mapping[str, Any]) -> bool:
    """True if a row was made from features of an extractor with random weights."""
    return is_random(row.get("extractor_weights", ""))


def marked(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows for a page, the names of those with random features followed by the mark; it needs `MEANING` below."""
    return [{**row, "variant": f"{row['variant']} {MARK}"} if random_features(row) else dict(row) for row in rows]


def note(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the mark of `marked` means, where one of the rows has it; empty where none has."""
    return f"{MARK} {MEANING}" if any(map(random_features, rows)) else ""


def decoder_note(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which rows are from videos that another decoder than PyAV decoded, and how many PyAV had to; empty if none is."""
    others = dict.fromkeys(f"{row['variant']}: {row['decoder']}" for row in rows if DALI in (row.get("decoder") or ""))
    return f"Not decoded by PyAV: {'; '.join(others)}." if others else ""


def copies_note(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which rows were trained with copies of changed pictures, and how many of each video; empty if none was."""
    with_copies = [f"{row['variant']}: {row['copies']} of each video" for row in rows if row.get("copies")]
    return f"Trained with copies of changed pictures too: {'; '.join(with_copies)}." if with_copies else ""


def result_row(
    head: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], metrics: Iterable[str] = METRICS
) -> dict[str, Any]:
    """One variant: mean and standard deviation over seeds, and the mean bounds of the seeds' intervals.

    Args:
        head: the columns that say what the row is (variant, data set, protocol ...).
        runs: `metrics` of each seed, as `vad.evaluation.evaluate.evaluate` gives them.
        metrics: names of the metrics that the row has.

    Returns: for each metric m the columns m, m_std, m_low, m_high; None where it is undefined for any seed.
    """
    row = dict(head)
    for name in metrics:
        entries = [run[name] for run in runs]
        values = [entry["value"] for entry in entries]
        row[name], row[f"{name}_std"] = mean(values), spread(values)
        row[f"{name}_low"] = mean([entry["low"] for entry in entries])
        row[f"{name}_high"] = mean([entry["high"] for entry in entries])
    return row


def mean(values: Sequence[float | None]) -> float | None:
    """Mean over seeds; undefined where it is for any of them."""
    defined = [v for v in values if v is not None]
    return float(np.mean(defined)) if values and len(defined) == len(values) else None


def spread(values: Sequence[float | None]) -> float | None:
    """Sample standard deviation over seeds; undefined for a single seed."""
    defined = [v for v in values if v is not None]
    return float(np.std(defined, ddof=1)) if len(defined) == len(values) and len(values) > 1 else None


def csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as CSV text, numbers to six digits; an undefined value is an empty cell."""
    table = pd.DataFrame(list(rows), columns=list(columns) or None)
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6f")


def cell(row: Mapping[str, Any], name: str) -> str:
    """One metric as text: mean, spread over seeds, interval; "-" where it is undefined."""
    value, spread, low, high = (row.get(f"{name}{end}") for end in ("", "_std", "_low", "_high"))
    if value is None:
        return "-"
    text = f"{value:.3f}" + (f" ± {spread:.3f}" if spread is not None else "")
    return text if low is None else f"{text} [{low:.3f}, {high:.3f}]"


def metric_table(rows: Sequence[Mapping[str, Any]], heads: Sequence[str], metrics: Sequence[str]) -> str:
    """Rows as a Markdown table: the head columns as they are, the metrics as `cell` writes them."""
    lines = [[str(row[head]) for head in heads] + [cell(row, metric) for metric in metrics] for row in rows]
    return page.table([*heads, *metrics], lines)


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `dvc metrics` compares: `<variant>.<metric>.mean` and its companions.

    A variant with features of random weights also has `random_weights: true`.
    """
    ends = {"mean": "", "std": "_std", "low": "_low", "high": "_high"}
    return {
        row["variant"]: ({"random_weights": True} if random_features(row) else {})
        | {
            name: {word: round(row[name + end], 6) for word, end in ends.items() if row.get(name + end) is not None}
            for name in METRICS
            if row.get(name) is not None
        }
        for row in rows
    }
