"""Write one table of a published system, from nothing but what its rows need."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import read_json, write_text
from vad.claims.ledger import read_ledger
from vad.claims.speeds import CLAIM, FILE, read_speeds
from vad.claims.table import compute
from vad.claims.where import read_differences
from vad.cost.table import REFERENCES_FILE, cost_files, read_reference_rows, read_variant_rows
from vad.errors import ParamsError
from vad.evaluation.baselines import NO_PIXEL
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import JudgedVideo
from vad.evaluation.significance import differences
from vad.ledger.chain import broken_links
from vad.ledger.records import record_path
from vad.published.assemble import AT_THRESHOLD, ORACLE, Found, assemble
from vad.published.page import csv, latex, markdown
from vad.published.rows import (
    Row,
    category_rows,
    class_rows,
    difference_rows,
    network_rows,
    variant_rows,
    video_network_rows,
)
from vad.published.tables import TABLES, Table
from vad.report.inputs import ReportInputs, RunSettings, contestants_of, whole_rows
from vad.schema.base import Id
from vad.schema.evaluate import Evaluate
from vad.splits.tables import read_test, read_train

FORMATS = {"csv": csv, "md": markdown, "tex": latex}


class Settings(RunSettings):
    """The rows of a table, and what must be said of them."""

    table: str
    skipped: dict[str, str]
    """Variants of the table that cannot run here, each with the reason."""
    synthetic: list[Id]
    """The data sets among them whose videos are generated."""
    evaluate: Evaluate | None
    """None for a table without metrics."""


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write the table as CSV, Markdown and LaTeX.

    Args:
        settings: name of the table, variants, seeds and how scores are evaluated.
        paths: the folders `split`, `infer`, `evaluate` and `costs`, the file `claims`, and for a table that cites a
            claim of where the table `localisation`, without its endings.
        out: the path that the files share, without their endings.
    """
    table = TABLES[settings.table]
    ledger = read_ledger(paths["claims"])
    cited = {cited.id for cited in table.cited}
    speeds = read_speeds(paths["costs"]) if CLAIM in cited else None
    computed = compute(ledger, cited, speeds, read_differences(paths.get("localisation")))
    found = _Maker(settings, table, ReportInputs.of(settings, paths)).found()
    page = assemble(settings.table, table, found, {claim.id: claim for claim in ledger}, computed)
    for ending, text in FORMATS.items():
        write_text(out.with_name(f"{out.name}.{ending}"), text(page))


class _Maker:
    """Gathers what a table shows.

    Args:
        settings: of the table.
        table: what it shows.
        inputs: the runs behind its rows.
    """

    def __init__(self, settings: Settings, table: Table, inputs: ReportInputs) -> None:
        self.settings, self.table, self.inputs = settings, table, inputs
        self.costs = inputs.paths["costs"]
        self.missing: dict[str, str] = {}
        """What cannot be shown because its chain of records is broken, each with the first broken link."""

    @property
    def evaluate(self) -> Evaluate:
        """How scores are evaluated.

        Raises: ParamsError for a table without metrics.
        """
        if self.settings.evaluate is None:
            raise ParamsError(f"table {self.settings.table}: has no metrics, so nothing is evaluated for it.")
        return self.settings.evaluate

    def found(self) -> Found:
        """Rows with whole chains of records, and why others are not shown."""
        rows = self._categories() if self.table.rows == "categories" else self._variants()
        networks, unknown = read_reference_rows(self.costs) if self.table.networks else ([], {})
        broken = (self.missing | unknown).items()
        absent = {name: ("not shown", f"{why}; `snakemake` makes it anew") for name, why in broken}
        ranked = [metric for metric in self.table.metrics if metric not in AT_THRESHOLD]
        return Found(
            rows=rows,
            words={dataset: self._words(dataset) for dataset in rows},
            video_networks=self._video_networks(),
            networks=network_rows(self.table, networks, _keys([self.costs / REFERENCES_FILE]) if networks else ""),
            differences={d: self._differences(rows[d], ranked) for d in rows} if self.table.differences else {},
            unseen={d: self._unseen(d, ranked) for d in rows} if ranked else {},
            oracle={d: _values(self._baselines(d)[ORACLE], ranked) for d in rows} if ranked else {},
            absent=absent | {name: ("not installed", why) for name, why in self.settings.skipped.items()},
            coverage=self.evaluate.bootstrap.coverage if self.table.metrics else 0,
        )

    def _variants(self) -> dict[str, list[Row]]:
        """Our rows by data set."""
        entries = {name: entry.model_dump() for name, entry in self.inputs.variants.items()}
        results, broken = whole_rows(self.inputs) if self.table.metrics else ([], {})
        costs, unmeasured = read_variant_rows(self.costs, list(entries.values())) if self.table.costs else ([], {})
        self.missing |= {name: links[0] for name, links in broken.items()} | unmeasured
        if self.table.rows == "classes":
            found = [row for result in results for row in class_rows(result, self._runs(result["variant"]))]
        else:
            priced = [r | {"provenance": _keys(cost_files(self.costs, entries[r["variant"]]))} for r in costs]
            found = variant_rows(self.table, results, priced, list(entries))
        datasets = dict.fromkeys(row["dataset"] for row in found)
        return {dataset: [row for row in found if row["dataset"] == dataset] for dataset in datasets}

    def _video_networks(self) -> list[Row]:
        """3D networks by themselves, where the table shows them and they were measured."""
        speeds = read_speeds(self.costs) if self.table.video_networks else None
        return [] if speeds is None else video_network_rows(speeds, _keys([self.costs / FILE]))

    def _categories(self) -> dict[str, list[Row]]:
        """The classes of the data sets that the variants use."""
        found = {}
        for dataset in self.inputs.datasets:
            tables = self.inputs.table(dataset, "train.csv").parent
            if links := broken_links(tables):
                self.missing[dataset] = links[0]
                continue
            train, test = read_train(tables / "train.csv"), read_test(tables / "test.csv")
            found[dataset] = category_rows(dataset, train, test, _keys([tables]))
        return found

    def _runs(self, variant: str) -> list[Mapping[str, Any]]:
        """The metrics of every seed."""
        return [self.inputs.metrics(variant, seed)["metrics"] for seed in self.inputs.seeds]

    def _words(self, dataset: str) -> str:
        """What must be said of a data set wherever its name stands."""
        subset = self.inputs.facts(dataset).get("subset") or "all"
        words = ["synthetic"] if dataset in self.settings.synthetic else []
        return ", ".join(words + ([subset] if subset != "all" else []))

    def _baselines(self, dataset: str) -> dict[str, list[JudgedVideo]]:
        """The test videos as rows without a pixel and oracles score them."""
        return self.inputs.baselines(dataset, convention(self.evaluate.ground_truth), self.evaluate.bootstrap.seed)

    def _unseen(self, dataset: str, metrics: Sequence[str]) -> dict[str, tuple[str, float]]:
        """For each metric the highest row that looks at no pixel."""
        scored = {name: videos for name, videos in self._baselines(dataset).items() if name in NO_PIXEL}
        measured = {name: _values(videos, metrics) for name, videos in scored.items()}
        found = {}
        for metric in metrics:
            values = {name: one[metric] for name, one in measured.items() if metric in one}
            if values:
                highest = max(values, key=lambda name: values[name])
                found[metric] = (highest, values[highest])
        return found

    def _differences(self, rows: Sequence[Row], metrics: Sequence[str]) -> list[Row]:
        """Each row minus the first one, over the same draws of videos and over seeds."""
        first, *others = [row["variant"] for row in rows]
        dataset = rows[0]["dataset"]
        contestants = contestants_of(self.inputs, dataset, [*others, first], self.evaluate)
        compared = differences(contestants, self.evaluate.bootstrap, metrics)
        return difference_rows(dataset, first, [pair for pair in compared if pair["second"] == first])


def _values(videos: Sequence[JudgedVideo], metrics: Sequence[str]) -> dict[str, float]:
    """The metrics that are defined for scored videos."""
    measured = evaluate(videos)
    return {metric: measured[metric]["value"] for metric in metrics if measured[metric]["value"] is not None}


def _keys(artefacts: Sequence[Path]) -> str:
    """The first digits of the keys of what a row is made of."""
    return " ".join(read_json(record_path(path))["key"][:12] for path in artefacts)
