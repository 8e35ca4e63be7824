"""The results of all data sets together: one CSV, one page, and the numbers that `dvc metrics` compares."""

from collections.abc import Mapping
from pathlib import Path

from vad.artefacts.files import write_json, write_text
from vad.report import page
from vad.report.index import FIGURES
from vad.report.inputs import ReportInputs, RunSettings, whole_rows
from vad.report.results import is_one_class, not_shown, variant_table
from vad.report.tables import csv, summary

ABOUT = (
    "Mean over seeds ± standard deviation over seeds [interval by bootstrap over videos, mean of the seeds' bounds]."
    ' The level of a metric is in its name; what is undefined is "-". Every choice behind a row is in `results.csv`.'
    " What can be had without looking at a pixel, and all other tables, are in the report of each data set;"
    " parameters and operations of every variant are in [sizes.md](sizes.md)."
)


class Settings(RunSettings):
    """The variants of all data sets, and those that cannot run here, each with the reason."""

    skipped: dict[str, str]
    reports: dict[str, str]
    """The first page of each data set's report, relative to results.md."""
    beside: list[str]
    """Other pages over all data sets, relative to results.md."""


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write results.csv, results.md and the summary.

    Args:
        settings: variants, seeds and the reports of the data sets.
        paths: the folders `split` and `evaluate`, and the file `summary` to write.
        out: `results` in the folder of the tables of all data sets.
    """
    inputs = ReportInputs.of(settings, paths)
    results, broken = whole_rows(inputs)
    write_text(out.with_suffix(".csv"), csv(results))
    write_json(paths["summary"], summary(results))
    blocks = []
    for dataset in inputs.datasets:
        table = variant_table([row for row in results if row["dataset"] == dataset], is_one_class(inputs, dataset))
        more = page.link(f"Report on {dataset}", settings.reports[dataset])
        folder = Path(settings.reports[dataset]).parent
        figures = ", ".join(page.link(about, f"{folder}/figures/{name}.png") for name, about in FIGURES.items())
        more = f"{more}: what these numbers are made of, all tables and figures. {figures}."
        blocks += [page.heading(dataset, 2), table, more]
    skipped = [f"{variant}: {why}" for variant, why in settings.skipped.items()]
    beside = page.section("Beside these results", [page.link(Path(target).stem, target) for target in settings.beside])
    parts = (*blocks, beside, not_shown(broken), page.section("Not installed", skipped))
    text = page.page(page.heading("Results"), ABOUT, *parts)
    write_text(out.with_suffix(".md"), text)
