"""The figures of a data set: ROC and precision-recall curves over frames and over videos, and area against cost."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from vad.artefacts.files import atomic
from vad.drawing.comparisons import efficiency_figure
from vad.drawing.curves import Line, curve_figure
from vad.evaluation.curves import curves
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import JudgedVideo, Level
from vad.report.efficiency import read_cost_rows
from vad.report.inputs import JudgedSettings, ReportInputs, contestants_of, whole_rows
from vad.report.tables import marked, note
from vad.schema.base import Id
from vad.schema.evaluate import Evaluate

BASELINES: dict[Level, tuple[str, ...]] = {
    "frame": ("centre", "inverse_length", "video_oracle"),
    "video": ("inverse_length",),
}
"""Drawn beside the variants: where, how long, and the ceiling of a score that only knows which videos are anomalous."""
IDLE = 0.95
"""Share of the time in which a processor worked for what is measured: below it other programs took so much that the
speeds are too low."""
POINTS = 200
"""Of a curve that is computed for the figure, at most."""


class Settings(JudgedSettings):
    """Data set, variants and seeds, how scores are evaluated, and points per inch."""

    dataset: Id
    dpi: int


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write roc.png and pr.png (over frames), roc_video.png and pr_video.png, and efficiency.png.

    Args:
        settings: data set, variants, seeds, ground truth and resolution.
        paths: the folders `split`, `infer`, `evaluate` and `costs`.
        out: the folder of the figures.
    """
    inputs = ReportInputs.of(settings, paths)
    results, _ = whole_rows(inputs)
    costs, _ = read_cost_rows(paths["costs"], settings.variants)
    figures = curve_figures(inputs, settings.dataset, results, settings.evaluate)
    figures |= video_curve_figures(inputs, settings.dataset, results, settings.evaluate)
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
    inputs: ReportInputs, dataset: str, results: Sequence[Mapping[str, Any]], config: Evaluate
) -> dict[str, Figure]:
    """ROC (`roc`) and precision-recall (`pr`) of the variants that score frames; video-level ones share no axis.

    Args:
        inputs: the runs.
        dataset: of the variants.
        results: rows of results.csv.
        config: ground truth, and the seed of the baseline `random`.
    """
    rows = [row for row in results if row["level"] == "frame" and row["n_positive"] is not None]
    drawn = {row["variant"]: [inputs.curves(row["variant"], seed) for seed in inputs.seeds] for row in rows}
    chance = rows[0]["n_positive"] / rows[0]["n_frames"] if rows else 0.0
    return _both("frame", dataset, rows, drawn, _baselines("frame", inputs, dataset, config) if rows else {}, chance)


def video_curve_figures(
    inputs: ReportInputs, dataset: str, results: Sequence[Mapping[str, Any]], config: Evaluate
) -> dict[str, Figure]:
    """ROC (`roc_video`) and precision-recall (`pr_video`) of one score a video, which every variant gives.

    Without a line where all test videos are anomalous.

    Args:
        inputs: the runs.
        dataset: of the variants.
        results: rows of results.csv.
        config: ground truth, and the seed of the baseline `random`.
    """
    rows = [row for row in results if row["video_auc"] is not None]
    runs = contestants_of(inputs, dataset, [row["variant"] for row in rows], config)
    drawn = {name: [curves(videos, "video", POINTS) for videos in seeds] for name, (_, seeds) in runs.items()}
    chance = rows[0]["n_anomalous"] / rows[0]["n_videos"] if rows else 0.0
    found = _both("video", dataset, rows, drawn, _baselines("video", inputs, dataset, config) if rows else {}, chance)
    return {f"{kind}_video": figure for kind, figure in found.items()}


def _baselines(level: Level, inputs: ReportInputs, dataset: str, config: Evaluate) -> dict[str, list[JudgedVideo]]:
    videos = inputs.baselines(dataset, convention(config.ground_truth), config.bootstrap.seed)
    return {name: videos[name] for name in BASELINES[level] if name in videos}


def _both(
    level: Level,
    dataset: str,
    rows: Sequence[Mapping[str, Any]],
    drawn: Mapping[str, Sequence[pd.DataFrame]],
    baselines: Mapping[str, Sequence[JudgedVideo]],
    chance: float,
) -> dict[str, Figure]:
    """ROC and precision-recall curves of one level; `chance` is the share of what is anomalous."""
    figures, areas = (
        {},
        {name: evaluate(videos, None, None, level, per_class=False) for name, videos in baselines.items()},
    )
    points = {name: [curves(videos, level, POINTS)] for name, videos in baselines.items()}
    for kind, measure, words in (("roc", "auc", "ROC"), ("pr", "ap", "precision-recall")):
        area = f"{level}_{measure}"
        lines = [
            Line(named["variant"], row["model"], drawn[row["variant"]], row[area])
            for row, named in zip(rows, marked(rows), strict=True)
        ]
        plain = [Line(name, name, points[name], areas[name][area]["value"]) for name in baselines]
        title = f"{dataset}: {words} over {level}s\nmean and range of seeds, {area}"
        figures[kind] = curve_figure(kind, title, lines, plain, chance if kind == "pr" else None, note(rows))
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
    title = f"{dataset}; speed measured on {where}"
    return efficiency_figure(title, marked(rows), images, "\n".join(filter(None, [speed_note(rows), note(rows)])))


def speed_note(costs: Sequence[Mapping[str, Any]]) -> str:
    """How idle the machine was while speeds were measured; empty where nothing was measured.

    Args:
        costs: rows of efficiency.csv; `cpu_share` is the share of the time in which a processor worked for the row.
    """
    shares = {row["variant"]: row["cpu_share"] for row in costs if row.get("cpu_share") is not None}
    if not shares:
        return ""
    slowed = [name for name, share in shares.items() if share < IDLE]
    lowest = f"a processor worked for the measured code in {min(shares.values()):.0%} of the time at least"
    if not slowed:
        return f"Speeds: no other job of the run beside it; {lowest}."
    which = "all variants" if len(slowed) == len(shares) else ", ".join(slowed)
    return f"Speeds are too low for {which}: other programs used the machine ({lowest})."
