"""The page of all results: every table of a report in one file that a browser shows, sorts and filters."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vad.artefacts.files import read_json, write_text
from vad.evaluation.metrics import METRICS
from vad.pages.shell import filled
from vad.report.inputs import ReportInputs, RunSettings
from vad.report.tables import random_features
from vad.schema.base import Id
from vad.site.curves import embedding_map, operating_curves, training_curve
from vad.site.names import INDEX, INDEX_SCRIPTS, INDEX_STYLES, MOST_VARIANTS, page_name
from vad.site.provenance import provenance_of
from vad.site.tables import ENDS, compact, metric, number, read_rows, significance, title_of

SHOWN = {
    "frame_auc": "ROC area over the frames of all test videos together",
    "frame_ap": "average precision over the frames of all test videos together",
    "ano_auc": "ROC area over the frames of anomalous videos alone",
    "frame_auc_macro": "mean of the ROC areas of single videos",
    "frame_auc_pvnorm": "ROC area over all frames, the scores of each video scaled by its own range",
    "far_at_threshold": "share of the frames of normal videos at or above the threshold",
    "frame_f1": "F1 of frames at the threshold",
    "frame_recall": "share of the anomalous frames at or above the threshold",
    "frame_far": "share of all normal frames at or above the threshold",
    "video_auc": "ROC area over videos with one score each",
    "video_ap": "average precision over videos with one score each",
    "video_f1": "F1 of videos at the threshold",
    "video_recall": "share of the anomalous videos at or above the threshold",
    "video_far": "share of the normal videos at or above the threshold",
}
"""The metrics of the page in its words, those by which rows can be compared first; a CSV has all."""
CHOICES = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro", "frame_auc_pvnorm", "video_auc", "video_ap")
"""Metrics by which the page can rank: areas, which need no threshold."""
COSTS = (
    *("params", "extractor_params", "macs_per_second", "ms_per_second", "end_to_end_fps", "fps", "peak_memory_mb"),
    *("head_latency_ms", "cpu_share"),
)
"""Columns of efficiency.csv that the page shows or ranks by."""
ALARMS_SHOWN = (
    *("n_events", "event_recall_10", "event_precision_10", "event_f1_10", "event_f1_50", "delay_median_s"),
    *("false_alarms_per_hour", "false_alarm_time", "recall_at_1_per_hour", "recall_at_10_per_hour"),
)
"""Columns of the table of alarms that the page shows."""
PROTOCOL = (
    *("subset", "extractor_weights", "decoder", "arithmetic", "supervision", "seeds", "threshold_rule", "ground_truth"),
    *("scoring", "score_norm", "video_score", "interval_unit", "n_train", "n_validation", "n_videos", "n_anomalous"),
    *("dataset_is", "provenance", "model", "features", "smooth_sigma", "claim", "sample", "cpu_share", "measured_on"),
)
"""Columns of published tables that stand in their CSV only."""
CLAIM = ("id", "system", "claim", "value", "verdict", "reason", "ours", "level", "data", "selection")
"""Columns of the table of claims, in the order of the page."""
ABSENT = "not installed"
"""Kind of a row of a published table that has no numbers here."""


class Settings(RunSettings):
    """The variants of all data sets, and those that cannot run here, each with the reason."""

    skipped: dict[str, str]
    baselines: list[Id]
    """Variants that are plain baselines."""
    synthetic: list[Id]
    """Data sets that the project generates."""
    files: list[str]
    """Everything else in the folder of reports, relative to it."""


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write the page of all results.

    Args:
        settings: variants, seeds and the files of the report.
        paths: the folders `split`, `train`, `infer` and `evaluate`, `reports` with the tables, `plots` with the plot
            data and `tsne` with the maps of the variants.
        out: index.html.
    """
    text = filled("site.html", "Results", page_data(settings, paths), INDEX_SCRIPTS, INDEX_STYLES, pictures=True)
    write_text(out, text)


def page_data(settings: Settings, paths: Mapping[str, Path]) -> dict[str, Any]:
    """What the scripts of the page read; JSON values only."""
    inputs, reports = ReportInputs.of(settings, paths), paths["reports"]
    tables = reports / "tables"
    published = [Path(name) for name in settings.files if name.startswith("published/") and name.endswith(".csv")]
    claims = read_rows(tables / "claims.csv")
    return {
        "metrics": {
            name: {"level": METRICS[name].level, "lower": METRICS[name].better == "lower", "about": about}
            for name, about in SHOWN.items()
        },
        "choices": CHOICES,
        "datasets": {name: _dataset(name, inputs, settings, reports) for name in inputs.datasets},
        "alarms": _alarms(tables / "alarms.csv"),
        "localisation": compact(read_rows(tables / "localisation.csv"), ("provenance", "extractor_weights")),
        "published": [
            {
                "title": title_of(reports / name.with_suffix(".md")),
                "page": f"../{name.with_suffix('.md')}",
                **_table(reports / name),
            }
            for name in published
        ],
        "claims": {"columns": CLAIM, "rows": [_claim(row) for row in claims]},
        "skipped": settings.skipped,
        "files": settings.files,
    }


def _dataset(name: str, inputs: ReportInputs, settings: Settings, reports: Path) -> dict[str, Any]:
    """Everything about one data set."""
    folder, facts = reports / name, inputs.facts(name)
    tests = read_rows(inputs.table(name, "test.csv"))
    videos = [row["video_id"] for row in tests]
    results = read_rows(folder / "results.csv")
    variants = [row["variant"] for row in results]
    framed = [row["variant"] for row in results if row["level"] == "frame"]
    rows = [_row(row, settings) for row in results]
    rows += [_baseline(row) for row in read_rows(folder / "baselines.csv")]
    plots, tsne = inputs.paths["plots"], inputs.paths["tsne"]
    epochs = {
        variant: {seed: read_json(inputs.run(variant, seed) / "config.json")["epoch"] for seed in inputs.seeds}
        for variant in variants
    }
    drawn = {
        "curves": {variant: operating_curves(plots, variant) for variant in framed},
        "training": {v: training_curve(plots / "training" / f"{v}.csv", epochs[v]) for v in variants},
        "tsne": {variant: embedding_map(tsne / variant, videos) for variant in variants},
    }
    return {
        "synthetic": name in settings.synthetic,
        "counts": {key: facts[key] for key in ("n_train", "n_test")},
        "rows": rows,
        "significance": significance(read_rows(folder / "significance.csv")),
        "costs": [_cost(row) for row in read_rows(folder / "efficiency.csv")],
        **{kind: {variant: one for variant, one in found.items() if one} for kind, found in drawn.items()},
        "provenance": {row["variant"]: provenance_of(inputs, row) for row in results},
        "videos": [[row["video_id"], row["class"], int(row["label"])] for row in tests],
        "pages": {row["video_id"]: page_name(row["video_id"]) for row in tests},
        # With more, a page has those that validate best, which only the pages themselves know.
        "linked": framed if len(framed) <= MOST_VARIANTS else [],
        "list": f"{name}/{INDEX}",
    }


def _row(row: Mapping[str, str], settings: Settings) -> dict[str, Any]:
    """A variant in the table of results."""
    name = row["variant"]
    return {
        "name": name,
        "kind": "plain baseline" if name in settings.baselines else "variant",
        "level": row["level"],
        "model": row["model"],
        "features": row["features"],
        "supervision": row["supervision"],
        "random": random_features(row),
        "m": _metrics(row),
    }


def _baseline(row: Mapping[str, str]) -> dict[str, Any]:
    """A row without a model: one that looks at no pixel, or an oracle."""
    return {"name": row["row"], "kind": row["kind"], "level": "frame", "random": False, "m": _metrics(row)}


def _metrics(row: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name in SHOWN if (value := metric(row, name)) is not None}


def _cost(row: Mapping[str, str]) -> dict[str, Any]:
    costs = {name: number(row.get(name)) for name in COSTS}
    return {"name": row["variant"], "kind": row["kind"], "measured_on": row.get("measured_on") or None, **costs}


def _claim(row: Mapping[str, str]) -> list[str | None]:
    """A claim of others; its unit stands behind the value, and what ours is of behind our number."""
    ours = f"{row['ours_metric']} {row['ours']}: {row['ours_variant']} on {row['ours_data']}" if row["ours"] else ""
    shown = {**row, "value": f"{row['value']} {row['unit']}".strip(), "ours": ours}
    return [shown[name] or None for name in CLAIM]


def _alarms(path: Path) -> dict[str, Any]:
    """Alarms against events: the columns that say most, with names of rows in front."""
    rows = read_rows(path)
    front = ("dataset", "variant", "kind")
    kept = {*front, *ALARMS_SHOWN, *(f"{name}{end}" for name in ALARMS_SHOWN for end in ENDS)}
    return compact([{name: row[name] for name in row if name in kept} for row in rows])


def _table(path: Path) -> dict[str, Any]:
    """A published table: our rows and those of others, each with one name."""
    rows = [row for row in read_rows(path) if row["kind"] != ABSENT]
    front = ("row", "kind", "verdict")  # a published number never stands without its verdict
    named = [{"row": row.get("variant") or row.get("system") or row.get("dataset") or "", **row} for row in rows]
    named = [{**{name: row.get(name, "") for name in front}, **row} for row in named]
    return compact(named, {*PROTOCOL, "variant", "system"})
