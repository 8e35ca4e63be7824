"""Tables that set results against each other: conventions, differences between variants, claims of others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stages.room import typed
from vad.artefacts.files import read_json
from vad.artefacts.scores import read_scores
from vad.claims.ledger import read_ledger
from vad.claims.table import Source, claims_table, compute, source_of
from vad.claims.table import markdown as claims_page
from vad.evaluation.annotations import read_labels
from vad.evaluation.baselines import NO_PIXEL
from vad.evaluation.conventions import NAMED, scored_under
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.evaluation.significance import COMPARED, Contestants, differences
from vad.ledger.records import record_path
from vad.report.tables import csv, markdown, result_row
from vad.schema.evaluate import Evaluate
from vad.splits.tables import read_test

if TYPE_CHECKING:
    from stages.report.inputs import ReportInputs

UNSEEN = "centre_minus_length"
"""The row without a pixel that every variant is compared with: the strongest of them on UCF-Crime."""
REFERENCES = (UNSEEN, "video_oracle", "video_oracle_centre")
GAP_COLUMNS = (
    *("dataset", "variant", "seed", "selection", "metric", "selected", "best_on_test", "epoch", "gap"),
    "epochs",
)
CLASS_METRICS = ("class_auc_vs_normal", "class_auc_own")
CONVENTIONS_SHOWN = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro")


def tables(shelf: "ReportInputs", results: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Every table by file name."""
    conventions, significance = _conventions(shelf, results), _significance(shelf, results)
    gaps, classes = _gaps(shelf, results), _classes(shelf, results)
    claims = read_ledger(shelf.args.claims)
    claimed = claims_table(claims, results, shelf.slice["skipped"], compute(claims), _sources(shelf, results))
    return {
        "conventions.csv": csv(conventions),
        "conventions.md": _conventions_page(conventions),
        "significance.csv": csv(significance),
        "significance.md": _significance_page(significance),
        "selection_gap.csv": csv(gaps, GAP_COLUMNS),
        "selection_gap.md": _gaps_page(gaps, [row["variant"] for row in results]),
        "classes.csv": csv(classes),
        "classes.md": _classes_page(classes),
        "claims.csv": csv(claimed),
        "claims.md": claims_page(claimed),
    }


def _sources(shelf: "ReportInputs", results: Sequence[dict[str, Any]]) -> dict[str, Source]:
    """Where the lists of the data sets are from: the record of the split knows the kind, its facts the files."""
    found = {}
    for dataset in dict.fromkeys(row["dataset"] for row in results):
        facts = shelf.table(dataset, "facts.json")
        kind = read_json(record_path(facts.parent))["section"]["content"]["kind"]
        found[dataset] = source_of(kind, read_json(facts))
    return found


def _conventions(shelf: "ReportInputs", results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per variant and convention, for variants whose annotation leaves a choice; then the references."""
    found, names = [], {}
    for result in results:
        variant = result["variant"]
        runs = [read_json(shelf.metrics(variant, seed) / "metrics.json")["conventions"] for seed in shelf.seeds]
        names[result["dataset"]] = [name for name in NAMED if name in runs[0]]
        for name in names[result["dataset"]]:
            counts = {k: runs[0][name]["counts"][k] for k in ("n_frames", "n_positive")}
            head = {"dataset": result["dataset"], "variant": variant, "ground_truth": name, **counts}
            found.append(result_row(head, [run[name] for run in runs]))
    return found + [row for dataset, known in names.items() for row in _references(shelf, dataset, known)]


def _references(shelf: "ReportInputs", dataset: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """What a row without a pixel and a perfect classifier of videos get under each convention."""
    config, found = typed(Evaluate, shelf.slice["evaluate"]), []
    for name in names:
        scored = shelf.baselines(dataset, NAMED[name])
        for row in REFERENCES:
            measured = evaluate(scored[row], None, config.bootstrap)
            counts = {k: measured["counts"][k] for k in ("n_frames", "n_positive")}
            head = {"dataset": dataset, "variant": row, "ground_truth": name, **counts}
            found.append(result_row(head, [measured]))
    return found


def _conventions_page(rows: Sequence[dict[str, Any]]) -> str:
    parts = [
        "# Every result under every ground-truth convention\n",
        "What the conventions are: `docs/protocol.md`. Mean over seeds ± standard deviation over seeds [interval by"
        f" bootstrap over videos]. Every metric is in `conventions.csv`. `{UNSEEN}` looks at no pixel, `video_oracle`"
        " is a perfect classifier of videos that localises nothing.\n",
    ]
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        mine = [row for row in rows if row["dataset"] == dataset]
        heads = ["variant", "ground_truth", "n_frames", "n_positive"]
        parts += [f"## {dataset}\n", markdown(mine, heads, CONVENTIONS_SHOWN)]
    return "\n".join(parts if rows else [*parts, "No data set here is annotated by intervals in frames.\n"])


def _classes(shelf: "ReportInputs", results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per variant and class of anomaly: means over seeds."""
    found = []
    for result in results:
        metrics = [read_json(shelf.metrics(result["variant"], s) / "metrics.json")["metrics"] for s in shelf.seeds]
        for name in metrics[0]["classes"]:
            runs = [one["classes"][name] for one in metrics]
            head = {"dataset": result["dataset"], "class": name, "variant": result["variant"]}
            head |= {"n_videos": metrics[0]["classes"][name]["n_videos"], "n_normal": _n_normal(metrics[0])}
            found.append(result_row(head, runs, CLASS_METRICS))
    return found


def _n_normal(metrics: dict[str, Any]) -> int:
    return metrics["counts"]["n_videos"] - metrics["counts"]["n_anomalous"]


def _classes_page(rows: Sequence[dict[str, Any]]) -> str:
    parts = [
        "# Every class of anomaly\n",
        "`class_auc_vs_normal`: frames of the videos of that class and of all normal test videos; `class_auc_own`: of"
        " the videos of that class alone. Mean over seeds ± standard deviation over seeds [interval by bootstrap over"
        " videos; none where a class has too few]. With few videos a class says little.\n",
    ]
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        mine = [row for row in rows if row["dataset"] == dataset]
        parts.append(f"## {dataset}: against {mine[0]['n_normal']} normal test videos\n")
        ordered = sorted(mine, key=lambda row: row["class"])
        parts.append(markdown(ordered, ["class", "n_videos", "variant"], CLASS_METRICS))
    return "\n".join(parts)


def _significance(shelf: "ReportInputs", results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Differences between the variants of each data set, and from a row that looks at no pixel."""
    config = typed(Evaluate, shelf.slice["evaluate"])
    found = []
    for dataset in dict.fromkeys(row["dataset"] for row in results):
        test = read_test(shelf.table(dataset, "test.csv"))
        labelled = read_labels(test, shelf.table(dataset, "frame_labels"))
        contestants: Contestants = {}
        for row in (row for row in results if row["dataset"] == dataset):
            files = [read_scores(shelf.scores(row["variant"], seed)) for seed in shelf.seeds]
            rules = convention(config.ground_truth)
            runs = [scored_under(test, labelled, file, rules).videos for file in files]
            contestants |= {row["variant"]: (files[0].level, runs)}
        unseen = [[v.scored(s := NO_PIXEL[UNSEEN](v), s.max()) for v in next(iter(contestants.values()))[1][0]]]
        compared = differences({**contestants, UNSEEN: ("frame", unseen)}, config.bootstrap)
        found += [{"dataset": dataset, **row} for row in compared]
    return found


def _significance_page(rows: Sequence[dict[str, Any]]) -> str:
    parts = [
        "# Which rows differ\n",
        "First minus second: mean over seeds [interval over the same draws of videos, and of seeds]. **yes** = the"
        " interval leaves 0 out; **yes, after Holm** = its p holds when the number of pairs of the metric is counted in"
        " (p by the replicates beyond 0; where fewer than ten of them are, by a normal tail with their spread)."
        f" `{UNSEEN}` looks at no pixel.\n",
    ]
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        for metric in COMPARED:
            mine = [row for row in rows if (row["dataset"], row["metric"]) == (dataset, metric)]
            if mine:
                parts += [f"## {dataset}, {metric}\n", "| first | second | difference | differ? |\n|---|---|---|---|"]
                parts[-1] += "".join(f"\n| {row['first']} | {row['second']} | {_told(row)} |" for row in mine) + "\n"
    return "\n".join(parts)


def _told(row: dict[str, Any]) -> str:
    if row["difference"] is None:
        return f"- | {row['reason']}"
    verdict = "yes, after Holm" if row["differs_holm"] else "yes" if row["differs"] else "no"
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}] | {verdict}"


def _gaps(shelf: "ReportInputs", results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per run and metric, of the variants that keep their epochs."""
    found = []
    for result in results:
        head = {name: result[name] for name in ("dataset", "variant")}
        for seed in shelf.seeds:
            gaps = read_json(shelf.metrics(result["variant"], seed) / "metrics.json")["selection_gap"]
            row = {**head, "seed": seed, "selection": result["selection"]}
            found += [{**row, "metric": metric, **gaps[metric]} for metric in COMPARED if metric in gaps]
    return found


def _gaps_page(rows: Sequence[dict[str, Any]], variants: Sequence[str]) -> str:
    """selection_gap.md; every variant has a row or is named below, with the reason."""
    heads = ["dataset", "variant", "chosen by", "metric", "chosen on validation", "best on test (optimistic)", "gap"]
    heads += ["epochs compared"]
    parts = [
        "# Selection gap\n",
        "What choosing the epoch **on the test list**, apart for each metric and seed, would have given. Optimistic by"
        " construction: no other table has it, and it chooses nothing. Mean over seeds; each seed is in"
        " `selection_gap.csv`.\n",
        f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}",
    ]
    runs: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        runs.setdefault(tuple(row[name] for name in ("dataset", "variant", "selection", "metric")), []).append(row)
    for head, mine in runs.items():
        means = [sum(row[name] for row in mine) / len(mine) for name in ("selected", "best_on_test", "gap")]
        counts = "-".join(map(str, sorted({min(r["epochs"] for r in mine), max(r["epochs"] for r in mine)})))
        parts.append(f"| {' | '.join(head)} | {means[0]:.3f} | {means[1]:.3f} | {means[2]:+.3f} | {counts} |")
    absent = [name for name in variants if name not in {row["variant"] for row in rows}]
    why = "their `train.keep_epochs` is 0 (each kept epoch scores every test video once more, for each seed)"
    foot = [f"\nNo gap is known of {', '.join(absent)}: {why}."] if absent else []
    return "\n".join([*(parts if rows else parts[:2]), *foot]) + "\n"
