"""Write the table of all claims, each with our own number beside it."""

from collections.abc import Mapping
from pathlib import Path

from vad.artefacts.files import read_json, write_text
from vad.claims.ledger import read_ledger
from vad.claims.speeds import read_speeds
from vad.claims.table import Source, claims_page, claims_table, compute, source_of
from vad.claims.where import read_differences
from vad.ledger.records import record_path
from vad.report.inputs import ReportInputs, RunSettings, whole_rows
from vad.report.tables import csv


class Settings(RunSettings):
    """The variants of all data sets, and those that cannot run here, each with the reason."""

    skipped: dict[str, str]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write claims.csv and claims.md.

    Args:
        settings: variants and seeds.
        paths: the folders `split`, `evaluate` and `costs`, the file `claims`, and where variants have maps the table
            `localisation`, without its endings.
        out: `claims` in the folder of the tables of all data sets.
    """
    inputs = ReportInputs.of(settings, paths)
    results, _ = whole_rows(inputs)
    claims = read_ledger(paths["claims"])
    sources = {row["dataset"]: _source(inputs, row["dataset"]) for row in results}
    differences = read_differences(paths.get("localisation"))
    computed = compute(claims, measured=read_speeds(paths["costs"]), differences=differences)
    rows = claims_table(claims, results, settings.skipped, computed, sources)
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_suffix(".md"), claims_page(rows))


def _source(inputs: ReportInputs, dataset: str) -> Source:
    """Where the lists of a data set are from: the record of the split knows the kind, its facts the files."""
    tables = inputs.table(dataset, "facts.json").parent
    return source_of(read_json(record_path(tables))["section"]["content"]["kind"], inputs.facts(dataset))
