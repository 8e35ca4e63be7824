"""Which rows of a data set differ: paired differences between its variants, and from a row without a pixel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.evaluation.baselines import NO_PIXEL
from vad.evaluation.significance import COMPARED, differences
from vad.report import page
from vad.report.inputs import UNSEEN, JudgedSettings, ReportInputs, contestants_of, whole_variants
from vad.report.tables import csv
from vad.schema.base import Id
from vad.schema.evaluate import Evaluate


class Settings(JudgedSettings):
    """Data set, variants and seeds, and how scores are evaluated."""

    dataset: Id


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write significance.csv and significance.md.

    Args:
        settings: data set, variants, seeds, ground truth and bootstrap.
        paths: the folders `split`, `infer` and `evaluate`.
        out: `significance` in the folder of the data set's report.
    """
    inputs = ReportInputs.of(settings, paths)
    variants, _ = whole_variants(inputs)
    rows = _rows(inputs, settings.dataset, variants, settings.evaluate) if variants else []
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_suffix(".md"), _page(settings.dataset, rows))


def _rows(inputs: ReportInputs, dataset: str, variants: Sequence[str], config: Evaluate) -> list[dict[str, Any]]:
    """One row per pair and metric."""
    contestants = contestants_of(inputs, dataset, variants, config)
    _, runs = next(iter(contestants.values()))
    unseen = [[v.scored(scores := NO_PIXEL[UNSEEN](v), scores.max()) for v in runs[0]]]
    compared = differences({**contestants, UNSEEN: ("frame", unseen)}, config.bootstrap)
    return [{"dataset": dataset, **row} for row in compared]


def _page(dataset: str, rows: Sequence[dict[str, Any]]) -> str:
    """significance.md, a table per metric."""
    blocks = []
    for metric in COMPARED:
        lines = [[row["first"], row["second"], *_verdict(row)] for row in rows if row["metric"] == metric]
        if lines:
            blocks += [page.heading(metric, 2), page.table(["first", "second", "difference", "differ?"], lines)]
    return page.page(
        page.heading(f"Which rows differ on {dataset}"),
        "First minus second: mean over seeds [interval over the same draws of videos, and of seeds]. **yes** = the"
        " interval leaves 0 out; **yes, after Holm** = its p holds when the number of pairs of the metric is counted in"
        " (p by the replicates beyond 0; where fewer than ten of them are, by a normal tail with their spread)."
        f" `{UNSEEN}` looks at no pixel.",
        *blocks,
    )


def _verdict(row: Mapping[str, Any]) -> tuple[str, str]:
    """Difference with its interval, and whether the two differ; or why nothing can be said."""
    if row["difference"] is None:
        return "-", row["reason"]
    verdict = "yes, after Holm" if row["differs_holm"] else "yes" if row["differs"] else "no"
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]", verdict
