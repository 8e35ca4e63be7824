"""Figures of one variant, and the same as data for `dvc plots`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from vad.artefacts.files import read_json, write_text
from vad.drawing import comparisons, curves
from vad.evaluation.evaluate import FEWEST_VIDEOS
from vad.report.figures import save
from vad.report.inputs import ReportInputs, RunSettings

UNITS = {
    "step": "the model's embeddings of its time steps",
    "window": "the model's embeddings of its windows",
    "video": "the model's embeddings of whole videos",
    "row": "the features that it reads (the model offers no embeddings)",
}
CELLS = {
    "tn": ("normal", "normal"),
    "fp": ("normal", "anomalous"),
    "fn": ("anomalous", "normal"),
    "tp": ("anomalous", "anomalous"),
}
"""What a video is, and what was decided."""


class Settings(RunSettings):
    """One variant and its seeds, and points per inch."""

    dpi: int


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write the figures `<variant>_<kind>.png` and the plot data `<kind>/<variant>.csv`.

    Args:
        settings: variant, seeds and resolution.
        paths: the folders `train`, `evaluate`, `plots` (for the plot data), `tsne` (of the variant).
        out: the variant's name in the folder of the figures.
    """
    inputs, variant = ReportInputs.of(settings, paths), settings.variants[0].name
    for kind, table in plot_tables(inputs, variant).items():
        text = table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        write_text(paths["plots"] / kind / f"{variant}.csv", text)
    figures = _figures(inputs, variant)
    for kind, figure in figures.items():
        save(out.with_name(f"{variant}_{kind}.png"), figure, settings.dpi)


def plot_tables(inputs: ReportInputs, variant: str) -> dict[str, pd.DataFrame]:
    """The plot data of a variant by kind, with a column `seed` where runs have several."""
    shares = pd.concat([inputs.curves(variant, seed).assign(seed=seed) for seed in inputs.seeds])
    history = pd.concat([inputs.history(variant, seed).assign(seed=seed) for seed in inputs.seeds])
    roc, pr = (shares.query("curve == @kind") for kind in ("roc", "pr"))
    spread = shares.query("curve in ('scores_normal', 'scores_anomalous')")
    spread = spread.replace({"curve": {"scores_normal": "normal", "scores_anomalous": "anomalous"}})
    tables = {
        "roc": roc.rename(columns={"x": "fpr", "y": "tpr"})[["fpr", "tpr", "seed"]],
        "pr": pr.rename(columns={"x": "recall", "y": "precision"})[["recall", "precision", "seed"]],
        "scores": spread.rename(columns={"curve": "truth", "x": "score", "y": "share"}),
        "training": history,
        "confusion": _decisions(inputs, variant),
        "tsne": pd.read_csv(inputs.paths["tsne"] / "points.csv"),
    }
    return {kind: pd.DataFrame(table) for kind, table in tables.items()}


def _decisions(inputs: ReportInputs, variant: str) -> pd.DataFrame:
    """One row per test video and seed: what it is and what was decided, for DVC's confusion template."""
    rows = []
    for seed in inputs.seeds:
        metrics = inputs.metrics(variant, seed)["metrics"]
        for name, (actual, predicted) in CELLS.items():
            rows += [{"actual": actual, "predicted": predicted, "seed": seed}] * int(metrics[f"video_{name}"]["value"])
    return pd.DataFrame(rows, columns=["actual", "predicted", "seed"])


def _figures(inputs: ReportInputs, variant: str) -> dict[str, Figure]:
    """Score distribution, confusion, training curves and the map of embeddings."""
    first = inputs.seeds[0]
    runs = {seed: inputs.metrics(variant, seed) for seed in inputs.seeds}
    unit = counted_unit(runs[first]["metrics"])
    counts = {name: sum(run["metrics"][f"{unit}_{name}"]["value"] for run in runs.values()) for name in CELLS}
    histories = {seed: inputs.history(variant, seed) for seed in inputs.seeds}
    chosen = {seed: read_json(inputs.run(variant, seed) / "config.json")["epoch"] for seed in inputs.seeds}
    protocol = runs[first]["protocol"]
    level, criterion = protocol["level"], protocol["scores"]["selection"]
    title, threshold = f"{variant}, test scores by {level}, seed {first}", protocol["threshold"]["value"]
    return {
        "scores": curves.distribution_figure(title, level, inputs.curves(variant, first), threshold),
        "confusion": curves.confusion_figure(variant, counts, len(inputs.seeds), unit),
        "training": curves.training_figure(variant, histories, criterion, chosen),
        "tsne": _tsne_figure(variant, first, inputs.paths["tsne"]),
    }


def counted_unit(metrics: Mapping[str, Any]) -> str:
    """What a confusion matrix counts: frames where there are few test videos or those of one label only, else videos.

    Args:
        metrics: of a run; without frame labels there are videos only.
    """
    counts = metrics["counts"]
    few = min(counts["n_anomalous"], counts["n_normal"]) == 0 or counts["n_videos"] < FEWEST_VIDEOS
    return "frame" if few and metrics["frame_tn"]["value"] is not None else "video"


def _tsne_figure(variant: str, seed: int, folder: Path) -> Figure:
    """The map of a variant's embeddings, its title saying what they are."""
    about = read_json(folder / "about.json")
    title = (
        f"{variant}, seed {seed}, test videos: t-SNE of {UNITS[about['unit']]}\n{about['points']} of"
        f" {about['of']} vectors of {about['width']}, perplexity {about['perplexity']:.3g}, seed {about['seed']};"
        " distances between groups mean nothing"
    )
    return comparisons.tsne_figure(title, *(pd.read_csv(folder / f"{name}.csv") for name in ("points", "videos")))
