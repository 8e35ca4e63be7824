"""Room report: one table of a published system, from nothing but what its rows need."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.report.costs import network_costs, network_part, variant_costs, variant_parts
from stages.report.inputs import ReportInputs, whole_rows
from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.files import read_json, write_text
from vad.artefacts.scores import read_scores
from vad.claims.ledger import read_ledger
from vad.claims.table import compute
from vad.evaluation.annotations import read_labels
from vad.evaluation.baselines import NO_PIXEL
from vad.evaluation.conventions import scored_under
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import JudgedVideo
from vad.evaluation.significance import Contestants, differences
from vad.ledger.records import Job, broken_links, record_path
from vad.published.assemble import AT_THRESHOLD, ORACLE, Found, assemble
from vad.published.page import csv, latex, markdown
from vad.published.rows import Row, category_rows, class_rows, difference_rows, network_rows, variant_rows
from vad.published.tables import TABLES, Table
from vad.schema.evaluate import Evaluate
from vad.splits.tables import read_test, read_train

FORMATS = {"csv": csv, "md": markdown, "tex": latex}


def main(argv: Sequence[str] | None) -> None:
    """Run the job of one table; its artefact is the name that its files share."""
    flags = parser(__doc__)
    for name in ("split", "infer", "metrics"):
        flags.add_argument(f"--{name}", type=Path, required=True, help=f"what room {name} wrote")
    flags.add_argument("--claims", type=Path, required=True, help="ledger of the claims of others")
    flags.add_argument("--costs", type=Path, required=True, help="what rule efficiency measured")
    args = flags.parse_args(argv)
    shelf = ReportInputs(args, settings(args.section))
    table = TABLES[shelf.slice["table"]]
    files = {end: args.out.with_name(f"{args.out.name}.{end}") for end in FORMATS}
    job = Job("report", args.out, args.section, args.code, _inputs(shelf, table), also=list(files.values()))
    make(job, lambda: _write(shelf, table, files))


def _inputs(shelf: ReportInputs, table: Table) -> list[Path]:
    """Every file that decides the table."""
    files = [shelf.args.claims]
    names = ["facts.json", *(["train.csv"] if table.rows == "categories" else [])]
    datasets = list(dict.fromkeys(entry["dataset"] for entry in shelf.variants.values()))
    files += [shelf.table(dataset, name) for dataset in datasets for name in (*names, "test.csv")]
    if table.metrics:
        runs = [(variant, seed) for variant in shelf.variants for seed in shelf.seeds]
        files += [shelf.metrics(*run) / "metrics.json" for run in runs] + [shelf.scores(*run) for run in runs]
        files += [path for d in datasets for path in sorted(shelf.table(d, "frame_labels").glob("*.npy"))]
    if table.costs:
        files += sorted({part for variant in shelf.variants for part in variant_parts(shelf, variant)})
    return files + ([network_part(shelf)] if table.networks else [])


def _write(shelf: ReportInputs, table: Table, files: Mapping[str, Path]) -> None:
    ledger = read_ledger(shelf.args.claims)
    computed = compute(ledger, {cited.id for cited in table.cited})
    page = assemble(shelf.slice["table"], table, _found(shelf, table), {claim.id: claim for claim in ledger}, computed)
    for end, path in files.items():
        write_text(path, FORMATS[end](page))


def _found(shelf: ReportInputs, table: Table) -> Found:
    """What there is: rows with whole chains of records, and why others are not shown."""
    lost: dict[str, str] = {}
    rows = _categories(shelf, lost) if table.rows == "categories" else _variants(shelf, table, lost)
    networks, unknown = network_costs(shelf) if table.networks else ([], {})
    absent = {name: ("not shown", f"{why}; `snakemake` mends it") for name, why in (lost | unknown).items()}
    ranked = [metric for metric in table.metrics if metric not in AT_THRESHOLD]
    return Found(
        rows=rows,
        words={dataset: _words(shelf, dataset) for dataset in rows},
        networks=network_rows(table, networks, _keys([network_part(shelf)]) if networks else ""),
        differences={d: _differences(shelf, rows[d], ranked) for d in rows} if table.differences else {},
        unseen={d: _unseen(shelf, d, ranked) for d in rows} if ranked else {},
        oracle={d: _values(shelf.baselines(d)[ORACLE], ranked) for d in rows} if ranked else {},
        absent=absent | {name: ("not installed", why) for name, why in shelf.slice["skipped"].items()},
        coverage=_evaluate(shelf).bootstrap.coverage if table.metrics else 0,
    )


def _variants(shelf: ReportInputs, table: Table, lost: dict[str, str]) -> dict[str, list[Row]]:
    """Our rows by data set; what breaks the chain of a variant goes to `lost`."""
    results, broken = whole_rows(shelf) if table.metrics else ([], {})
    costs, unmeasured = variant_costs(shelf) if table.costs else ([], {})
    lost |= {name: links[0] for name, links in broken.items()} | unmeasured
    if table.rows == "classes":
        found = [row for result in results for row in class_rows(result, _runs(shelf, result["variant"]))]
    else:
        priced = [row | {"provenance": _keys(variant_parts(shelf, row["variant"]))} for row in costs]
        found = variant_rows(table, results, priced, list(shelf.variants))
    datasets = dict.fromkeys(row["dataset"] for row in found)
    return {dataset: [row for row in found if row["dataset"] == dataset] for dataset in datasets}


def _categories(shelf: ReportInputs, lost: dict[str, str]) -> dict[str, list[Row]]:
    """The classes of the data sets that the variants use."""
    found = {}
    for dataset in dict.fromkeys(entry["dataset"] for entry in shelf.variants.values()):
        tables = shelf.table(dataset, "train.csv").parent
        if links := broken_links(tables):
            lost[dataset] = links[0]
            continue
        train, test = read_train(shelf.table(dataset, "train.csv")), read_test(shelf.table(dataset, "test.csv"))
        found[dataset] = category_rows(dataset, train, test, _keys([tables]))
    return found


def _runs(shelf: ReportInputs, variant: str) -> list[Mapping[str, Any]]:
    """The metrics of every seed."""
    return [read_json(shelf.metrics(variant, seed) / "metrics.json")["metrics"] for seed in shelf.seeds]


def _keys(artefacts: Sequence[Path]) -> str:
    """The first digits of the keys of what a row is made of."""
    return " ".join(read_json(record_path(path))["key"][:12] for path in artefacts)


def _words(shelf: ReportInputs, dataset: str) -> str:
    """What must be said of a data set wherever its name stands."""
    subset = read_json(shelf.table(dataset, "facts.json")).get("subset") or "all"
    words = ["synthetic"] if dataset in shelf.slice["synthetic"] else []
    return ", ".join(words + ([subset] if subset != "all" else []))


def _evaluate(shelf: ReportInputs) -> Evaluate:
    return typed(Evaluate, shelf.slice["evaluate"])


def _unseen(shelf: ReportInputs, dataset: str, metrics: Sequence[str]) -> dict[str, tuple[str, float]]:
    """For each metric the highest row that looks at no pixel."""
    scored = {name: videos for name, videos in shelf.baselines(dataset).items() if name in NO_PIXEL}
    measured = {name: _values(videos, metrics) for name, videos in scored.items()}
    found = {}
    for metric in metrics:
        values = {name: one[metric] for name, one in measured.items() if metric in one}
        if values:
            highest = max(values, key=lambda name: values[name])
            found[metric] = (highest, values[highest])
    return found


def _values(videos: Sequence[JudgedVideo], metrics: Sequence[str]) -> dict[str, float]:
    """The metrics that are defined for scored videos."""
    measured = evaluate(videos)
    return {metric: measured[metric]["value"] for metric in metrics if measured[metric]["value"] is not None}


def _differences(shelf: ReportInputs, rows: Sequence[Row], metrics: Sequence[str]) -> list[Row]:
    """Each row minus the first one, over the same draws of videos and over seeds."""
    first, *others = [row["variant"] for row in rows]
    dataset, config = rows[0]["dataset"], _evaluate(shelf)
    test = read_test(shelf.table(dataset, "test.csv"))
    labelled, rules = read_labels(test, shelf.table(dataset, "frame_labels")), convention(config.ground_truth)
    contestants: Contestants = {}
    for variant in (*others, first):
        files = [read_scores(shelf.scores(variant, seed)) for seed in shelf.seeds]
        runs = [scored_under(test, labelled, file, rules).videos for file in files]
        contestants |= {variant: (files[0].level, runs)}
    pairs = [pair for pair in differences(contestants, config.bootstrap, metrics) if pair["second"] == first]
    return difference_rows(dataset, first, pairs)


if __name__ == "__main__":
    command_line(main)
