"""Which rows of a data set differ: paired differences between its variants, and from a row without a pixel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.evaluation.baselines import NO_PIXEL
from vad.evaluation.significance import COMPARED, against, differences
from vad.report import page
from vad.report.inputs import UNSEEN, JudgedSettings, ReportInputs, contestants_of, whole_variants
from vad.report.tables import csv
from vad.schema.base import Id
from vad.schema.evaluate import Evaluate

AGAINST = ("frame_auc", "ano_auc", "video_auc")
"""The metrics of the section on plain baselines, which has a row for each variant."""


class Settings(JudgedSettings):
    """Data set, variants and seeds, how scores are evaluated, and which of the variants are plain baselines."""

    dataset: Id
    baselines: list[Id]


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
    write_text(out.with_suffix(".md"), _page(settings.dataset, rows, settings.baselines))


def _rows(inputs: ReportInputs, dataset: str, variants: Sequence[str], config: Evaluate) -> list[dict[str, Any]]:
    """One row per pair and metric."""
    contestants = contestants_of(inputs, dataset, variants, config)
    _, runs = next(iter(contestants.values()))
    unseen = [[v.scored(scores := NO_PIXEL[UNSEEN](v), scores.max()) for v in runs[0]]]
    compared = differences({**contestants, UNSEEN: ("frame", unseen)}, config.bootstrap)
    return [{"dataset": dataset, **row} for row in compared]


def _page(dataset: str, rows: Sequence[dict[str, Any]], baselines: Sequence[str]) -> str:
    """significance.md: who beats the plain baselines, then a table per metric."""
    blocks = _against_baselines(rows, baselines)
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


def _against_baselines(rows: Sequence[dict[str, Any]], baselines: Sequence[str]) -> list[str]:
    """The section on plain baselines; nothing where the data set has none."""
    compared = [row for row in against(rows, baselines) if row["contestant"] != UNSEEN and row["verdict"]]
    if not compared:
        return []
    sentences, tables = [], []
    for metric in AGAINST:
        own = [row for row in compared if row["metric"] == metric]
        cells: dict[str, dict[str, str]] = {}
        for row in own:
            text = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}] {row['verdict']}"
            cells.setdefault(row["contestant"], {})[row["baseline"]] = text
        for baseline in baselines:
            beside = [row for row in own if row["baseline"] == baseline]
            behind = [row["contestant"] for row in beside if row["verdict"] != "beats it"]
            if beside:
                which = f": {', '.join(behind)}" if behind else ""
                sentences.append(f"`{metric}`: {len(behind)} of {len(beside)} do not beat `{baseline}`{which}.")
        if own:
            lines = [[name, *(found.get(b, "-") for b in baselines)] for name, found in cells.items()]
            tables += [page.heading(f"{metric} against plain baselines", 3), page.table(["variant", *baselines], lines)]
    about = (
        "Plain baselines are trained and scored like every variant. Variant minus baseline, with the interval of the"
        " paired difference as below; a variant beats a baseline when the whole interval is above 0."
    )
    return [page.heading("Which variants do not beat a plain baseline", 2), about, page.bullets(sentences), *tables]


def _verdict(row: Mapping[str, Any]) -> tuple[str, str]:
    """Difference with its interval, and whether the two differ; or why nothing can be said."""
    if row["difference"] is None:
        return "-", row["reason"]
    verdict = "yes, after Holm" if row["differs_holm"] else "yes" if row["differs"] else "no"
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]", verdict
