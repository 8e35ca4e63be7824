"""What choosing the epoch on the test list would have given: a warning, never a result."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.evaluation.significance import COMPARED
from vad.report import page
from vad.report.inputs import ReportInputs, RunSettings, whole_variants
from vad.report.tables import csv
from vad.schema.base import Id

COLUMNS = (
    *("dataset", "variant", "seed", "selection", "metric", "selected", "best_on_test", "epoch", "gap"),
    "epochs",
)
SHOWN = (
    *("variant", "chosen by", "metric", "chosen on validation", "best on test (optimistic)", "gap"),
    "epochs compared",
)


class Settings(RunSettings):
    """Data set, variants and seeds."""

    dataset: Id


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write selection_gap.csv and selection_gap.md.

    Args:
        settings: data set, variants and seeds.
        paths: the folder `evaluate`.
        out: `selection_gap` in the folder of the data set's report.
    """
    inputs = ReportInputs.of(settings, paths)
    variants, _ = whole_variants(inputs)
    rows = _rows(inputs, settings.dataset, variants)
    write_text(out.with_suffix(".csv"), csv(rows, COLUMNS))
    write_text(out.with_suffix(".md"), gap_page(settings.dataset, rows, variants))


def _rows(inputs: ReportInputs, dataset: str, variants: Sequence[str]) -> list[dict[str, Any]]:
    """One row per run and metric, of the variants that keep their epochs."""
    found = []
    for variant in variants:
        runs = {seed: inputs.metrics(variant, seed) for seed in inputs.seeds}
        selection = runs[inputs.seeds[0]]["protocol"]["scores"]["selection"]
        for seed, run in runs.items():
            row = {"dataset": dataset, "variant": variant, "seed": seed, "selection": selection}
            gaps = run["selection_gap"]
            found += [{**row, "metric": metric, **gaps[metric]} for metric in COMPARED if metric in gaps]
    return found


def gap_page(dataset: str, rows: Sequence[dict[str, Any]], variants: Sequence[str]) -> str:
    """selection_gap.md; every variant has a row or is named below, with the reason.

    Args:
        dataset: its name.
        rows: of selection_gap.csv.
        variants: all that could have a row.
    """
    runs: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        runs.setdefault((row["variant"], row["selection"], row["metric"]), []).append(row)
    lines = []
    for head, mine in runs.items():
        selected, best, gap = (
            sum(row[name] for row in mine) / len(mine) for name in ("selected", "best_on_test", "gap")
        )
        counts = "-".join(map(str, sorted({min(r["epochs"] for r in mine), max(r["epochs"] for r in mine)})))
        lines.append([*head, f"{selected:.3f}", f"{best:.3f}", f"{gap:+.3f}", counts])
    absent = [name for name in variants if name not in {row["variant"] for row in rows}]
    why = "their `train.keep_epochs` is 0 (each kept epoch scores every test video once more, for each seed)"
    return page.page(
        page.heading(f"Selection gap on {dataset}"),
        "What choosing the epoch **on the test list**, apart for each metric and seed, would have given. Optimistic by"
        " construction: no other table has it, and it chooses nothing. Mean over seeds; each seed is in"
        " `selection_gap.csv`.",
        page.table(SHOWN, lines) if lines else "",
        f"No gap is known of {', '.join(absent)}: {why}." if absent else "",
    )
