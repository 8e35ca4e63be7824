"""The figures of a data set: ROC and precision-recall curves, and area against cost."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from vad.artefacts.files import atomic
from vad.drawing.comparisons import efficiency_figure
from vad.drawing.curves import Line, curve_figure
from vad.evaluation.curves import curves
from vad.evaluation.ground_truth import convention
from vad.report.efficiency import read_cost_rows
from vad.report.inputs import JudgedSettings, ReportInputs, whole_rows
from vad.report.tables import marked, note
from vad.schema.base import Id
from vad.schema.evaluate import Evaluate

BASELINES = ("centre", "inverse_length", "video_oracle")
"""Drawn beside the variants: where, how long, and the ceiling of a score that only knows which videos are anomalous."""
POINTS = 200
"""Of the curve of a baseline, at most."""


class Settings(JudgedSettings):
    """Data set, variants and seeds, how scores are evaluated, and points per inch."""

    dataset: Id
    dpi: int


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write roc.png, pr.png and efficiency.png.

    Args:
        settings: data set, variants, seeds, ground truth and resolution.
        paths: the folders `split`, `infer`, `evaluate` and `costs`.
        out: the folder of the figures.
    """
    inputs = ReportInputs.of(settings, paths)
    results, _ = whole_rows(inputs)
    costs, _ = read_cost_rows(paths["costs"], settings.variants)
    figures = curve_figures(inputs, settings.dataset, results, settings.evaluate)
    figures["efficiency"] = cost_figure(settings.dataset, results, costs)
    for name, figure in figures.items():
        save(out / f"{name}.png", figure, settings.dpi)


def save(path: Path, figure: Figure, dpi: int) -> None:
    """Write a figure as PNG, the same bytes for the same figure.

    Args:
        path: of the file.
        figure: what to write.
        dpi: points per inch.
    """
    image = BytesIO()
    figure.savefig(image, format="png", dpi=dpi, metadata={"Software": None})
    with atomic(path) as stream:
        stream.write(image.getvalue())


def curve_figures(
    inputs: ReportInputs, dataset: str, results: Sequence[Mapping[str, Any]], evaluate: Evaluate
) -> dict[str, Figure]:
    """ROC (`roc`) and precision-recall (`pr`) of the variants that score frames; video-level ones share no axis.

    Args:
        inputs: the runs.
        dataset: of the variants.
        results: rows of results.csv.
        evaluate: ground truth, and the seed of the baseline `random`.
    """
    rows = [row for row in results if row["level"] == "frame" and row["n_positive"] is not None]
    drawn = {row["variant"]: [inputs.curves(row["variant"], seed) for seed in inputs.seeds] for row in rows}
    rules = convention(evaluate.ground_truth)
    videos = inputs.baselines(dataset, rules, evaluate.bootstrap.seed) if rows else {}
    baselines = {name: curves(videos[name], "frame", POINTS) for name in BASELINES if name in videos}
    chance = rows[0]["n_positive"] / rows[0]["n_frames"] if rows else 0.0
    figures = {}
    for kind, area, words in (("roc", "frame_auc", "ROC"), ("pr", "frame_ap", "precision-recall")):
        lines = [
            Line(named["variant"], row["model"], drawn[row["variant"]], row[area])
            for row, named in zip(rows, marked(rows), strict=True)
        ]
        title = f"{dataset}: {words} over frames\nmean and range of seeds, {area}"
        figures[kind] = curve_figure(kind, title, lines, baselines, chance if kind == "pr" else None, note(rows))
    return figures


def cost_figure(dataset: str, results: Sequence[Mapping[str, Any]], costs: Sequence[Mapping[str, Any]]) -> Figure:
    """What the variants of a data set reach and cost; parameters of head and extractor are added up.

    Args:
        dataset: its name.
        results: rows of results.csv.
        costs: rows of efficiency.csv.
    """
    known = {row["variant"]: row for row in costs if row["kind"] == "variant"}
    rows = []
    for row in (row for row in results if row["variant"] in known):
        cost = known[row["variant"]]
        extractor = cost.get("extractor_params")
        whole = None if extractor is None else cost["params"] + extractor
        rows.append({**row, **cost, "params_whole": whole})
    images = {
        row["variant"]: {"macs_per_frame": row["macs_per_frame"], "params_whole": row["params"]}
        for row in costs
        if row["kind"] == "image network"
    }
    where = " / ".join(dict.fromkeys(row["measured_on"] for row in rows))
    return efficiency_figure(f"{dataset}; speed measured on {where}", marked(rows), images, note(rows))
