"""Which rows of a data set differ: paired differences between its variants, and from a row without a pixel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.artefacts.scores import read_scores
from vad.evaluation.annotations import read_labels
from vad.evaluation.baselines import NO_PIXEL
from vad.evaluation.conventions import scored_under
from vad.evaluation.ground_truth import convention
from vad.evaluation.significance import COMPARED, Contestants, differences
from vad.report import page
from vad.report.inputs import UNSEEN, JudgedSettings, ReportInputs, whole_variants
from vad.report.tables import csv
from vad.schema.base import Id
from vad.schema.evaluate import Evaluate
from vad.splits.tables import read_test


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


def contestants_of(inputs: ReportInputs, dataset: str, variants: Sequence[str], config: Evaluate) -> Contestants:
    """The judged test videos of every run of some variants.

    Args:
        inputs: the runs.
        dataset: of the variants.
        variants: those that are compared, in this order.
        config: the ground truth.
    """
    test = read_test(inputs.table(dataset, "test.csv"))
    labelled = read_labels(test, inputs.table(dataset, "frame_labels"))
    rules = convention(config.ground_truth)
    found: Contestants = {}
    for variant in variants:
        files = [read_scores(inputs.scores(variant, seed)) for seed in inputs.seeds]
        runs = [scored_under(test, labelled, file, rules).videos for file in files]
        found[variant] = (files[0].level, runs)
    return found


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
