"""Every class of anomaly of a data set by itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.report import page
from vad.report.inputs import ReportInputs, RunSettings, whole_variants
from vad.report.tables import csv, metric_table, result_row
from vad.schema.base import Id

METRICS = ("class_auc_vs_normal", "class_auc_own")


class Settings(RunSettings):
    """Data set, variants and seeds."""

    dataset: Id


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write classes.csv and classes.md.

    Args:
        settings: data set, variants and seeds.
        paths: the folder `evaluate`.
        out: `classes` in the folder of the data set's report.
    """
    inputs = ReportInputs.of(settings, paths)
    rows = [row for variant in whole_variants(inputs)[0] for row in _rows(inputs, settings.dataset, variant)]
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_suffix(".md"), _page(settings.dataset, rows))


def _rows(inputs: ReportInputs, dataset: str, variant: str) -> list[dict[str, Any]]:
    """One row per class of anomaly: means over seeds."""
    runs = [inputs.metrics(variant, seed)["metrics"] for seed in inputs.seeds]
    n_normal = runs[0]["counts"]["n_videos"] - runs[0]["counts"]["n_anomalous"]
    found = []
    for name, first in runs[0]["classes"].items():
        head = {"dataset": dataset, "class": name, "variant": variant}
        head |= {"n_videos": first["n_videos"], "n_normal": n_normal}
        found.append(result_row(head, [run["classes"][name] for run in runs], METRICS))
    return found


def _page(dataset: str, rows: Sequence[dict[str, Any]]) -> str:
    """classes.md."""
    ordered = sorted(rows, key=lambda row: row["class"])
    return page.page(
        page.heading(f"Every class of anomaly of {dataset}"),
        "`class_auc_vs_normal`: frames of the videos of that class and of all normal test videos; `class_auc_own`: of"
        " the videos of that class alone. Mean over seeds ± standard deviation over seeds [interval by bootstrap over"
        " videos; none where a class has too few]. With few videos a class says little.",
        f"Against {rows[0]['n_normal']} normal test videos:" if rows else "No class of anomaly has frame labels.",
        metric_table(ordered, ["class", "n_videos", "variant"], METRICS) if rows else "",
    )
