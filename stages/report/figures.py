"""Which figure and which plot data show what, from the files on the shelf."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vad.artefacts.files import read_json
from vad.evaluation.curves import curves
from vad.report import figures as maps
from vad.report import plots
from vad.report.tables import marked, note

if TYPE_CHECKING:
    from stages.report.inputs import ReportInputs


BASELINES = ("centre", "inverse_length", "video_oracle")
"""Drawn beside the variants: where, how long, and the ceiling of a score that only knows which videos are anomalous."""
UNITS = {
    "step": "the model's embeddings of its time steps",
    "window": "the model's embeddings of its windows",
    "video": "the model's embeddings of whole videos",
    "row": "the features that it reads (the model offers no embeddings)",
}

POINTS = 200


def draw(
    shelf: "ReportInputs", results: Sequence[Mapping[str, Any]], costs: Sequence[Mapping[str, Any]]
) -> dict[str, Figure]:
    """Every figure by file name.

    Args:
        shelf: where everything lies.
        results: rows of results.csv.
        costs: rows of efficiency.csv.
    """
    figures: dict[str, Figure] = {}
    for dataset in dict.fromkeys(entry["dataset"] for entry in shelf.variants.values()):
        mine = [row for row in results if row["dataset"] == dataset]
        figures |= _shared(shelf, dataset, mine)
        figures[f"{dataset}_efficiency.png"] = _efficiency(dataset, mine, costs)
    for variant in shelf.variants:
        figures |= _own(shelf, variant)
        figures[f"{variant}_tsne.png"] = _tsne(shelf, variant)
    for variant, folder in shelf.patch_maps.items():
        figures[f"{variant}_heat_maps.png"] = _heat_maps(variant, folder)
    return figures


def plot_data(shelf: "ReportInputs") -> dict[str, str]:
    """The same as data for `dvc plots`, by file name below reports/plots."""
    texts = {}
    for variant in shelf.variants:
        curves = pd.concat([_curves(shelf, variant, s).assign(seed=s) for s in shelf.seeds])
        history = pd.concat([_history(shelf, variant, s).assign(seed=s) for s in shelf.seeds])
        roc, pr = (curves.query("curve == @kind") for kind in ("roc", "pr"))
        texts[f"roc/{variant}.csv"] = _text(roc.rename(columns={"x": "fpr", "y": "tpr"})[["fpr", "tpr", "seed"]])
        texts[f"pr/{variant}.csv"] = _text(
            pr.rename(columns={"x": "recall", "y": "precision"})[["recall", "precision", "seed"]]
        )
        spread = curves.query("curve in ('scores_normal', 'scores_anomalous')")
        spread = spread.replace({"curve": {"scores_normal": "normal", "scores_anomalous": "anomalous"}})
        texts[f"scores/{variant}.csv"] = _text(spread.rename(columns={"curve": "truth", "x": "score", "y": "share"}))
        texts[f"training/{variant}.csv"] = _text(history)
        texts[f"confusion/{variant}.csv"] = _text(_decisions(shelf, variant))
        texts[f"tsne/{variant}.csv"] = _text(pd.read_csv(shelf.map(variant, "points.csv")))
    return texts


def _shared(shelf: "ReportInputs", dataset: str, results: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """ROC and PR of all variants of a data set that score frames (video-level ones never share an axis)."""
    rows = [row for row in results if row["level"] == "frame" and row["n_positive"] is not None]
    drawn = {row["variant"]: [_curves(shelf, row["variant"], seed) for seed in shelf.seeds] for row in rows}
    videos = shelf.baselines(dataset) if rows else {}
    baselines = {name: curves(videos[name], "frame", POINTS) for name in BASELINES if name in videos}
    chance = rows[0]["n_positive"] / rows[0]["n_frames"] if rows else 0.0
    figures = {}
    for kind, area, words in (("roc", "frame_auc", "ROC"), ("pr", "frame_ap", "precision-recall")):
        lines = [
            plots.Line(shown["variant"], row["model"], drawn[row["variant"]], row[area])
            for row, shown in zip(rows, marked(rows), strict=True)
        ]
        title = f"{dataset}: {words} over frames\nmean and range of seeds, {area}"
        figures[f"{dataset}_{kind}.png"] = plots.curve_figure(
            kind, title, lines, baselines, chance if kind == "pr" else None, note(rows)
        )
    return figures


def _efficiency(dataset: str, results: Sequence[Mapping[str, Any]], costs: Sequence[Mapping[str, Any]]) -> Figure:
    """What the variants of a data set reach and cost; parameters of head and extractor are added up."""
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
    return maps.efficiency_figure(f"{dataset}; speed measured on {where}", marked(rows), images, note(rows))


def _tsne(shelf: "ReportInputs", variant: str) -> Figure:
    """The map of a variant's embeddings, its title saying what they are."""
    about = read_json(shelf.map(variant, "about.json"))
    title = (
        f"{variant}, seed {shelf.seeds[0]}, test videos: t-SNE of {UNITS[about['unit']]}\n{about['points']} of"
        f" {about['of']} vectors of {about['width']}, perplexity {about['perplexity']:.3g}, seed {about['seed']};"
        " distances between groups mean nothing"
    )
    return maps.tsne_figure(title, pd.read_csv(shelf.map(variant, "points.csv")))


def _heat_maps(variant: str, folder: Path) -> Figure:
    """A few frames of a variant and its patch maps, the title saying how the frames were chosen."""
    about = read_json(folder / "about.json")
    title = (
        f"{variant}, seed {about['seed']}, weights of epoch {about['epoch']}: scores of patches (stage 2), 0 to 1\n"
        "first annotated frame of the first test video of each of the first classes in list order; first normal"
        " video, middle frame"
    )
    images, maps_ = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("images", "maps"))
    return maps.heat_map_figure(title, pd.read_csv(folder / "frames.csv"), images, maps_)


def _own(shelf: "ReportInputs", variant: str) -> dict[str, Figure]:
    """Score distribution, confusion and training curves of one variant."""
    first = shelf.seeds[0]
    run = _metrics(shelf, variant, first)
    level = run["protocol"]["level"]
    counts = {
        n: sum(_metrics(shelf, variant, s)["metrics"][f"video_{n}"]["value"] for s in shelf.seeds)
        for n in ("tp", "fp", "tn", "fn")
    }
    histories = {seed: _history(shelf, variant, seed) for seed in shelf.seeds}
    chosen = {seed: read_json(shelf.training(variant, seed) / "config.json")["epoch"] for seed in shelf.seeds}
    criterion = run["protocol"]["scores"]["selection"]
    title = f"{variant}, test scores by {level}, seed {first}"
    threshold = run["protocol"]["threshold"]["value"]
    return {
        f"{variant}_scores.png": plots.distribution_figure(title, level, _curves(shelf, variant, first), threshold),
        f"{variant}_confusion.png": plots.confusion_figure(variant, counts, len(shelf.seeds)),
        f"{variant}_training.png": plots.training_figure(variant, histories, criterion, chosen),
    }


def _decisions(shelf: "ReportInputs", variant: str) -> pd.DataFrame:
    """One row per test video and seed: what it is and what was decided, for DVC's confusion template."""
    cells = {
        "tn": ("normal", "normal"),
        "fp": ("normal", "anomalous"),
        "fn": ("anomalous", "normal"),
        "tp": ("anomalous", "anomalous"),
    }
    rows = []
    for seed in shelf.seeds:
        metrics = _metrics(shelf, variant, seed)["metrics"]
        for name, (actual, predicted) in cells.items():
            rows += [{"actual": actual, "predicted": predicted, "seed": seed}] * int(metrics[f"video_{name}"]["value"])
    return pd.DataFrame(rows, columns=["actual", "predicted", "seed"])


def _metrics(shelf: "ReportInputs", variant: str, seed: int) -> dict:
    return read_json(shelf.metrics(variant, seed) / "metrics.json")


def _curves(shelf: "ReportInputs", variant: str, seed: int) -> pd.DataFrame:
    table = pd.read_csv(shelf.metrics(variant, seed) / "curves.csv")
    return table.astype({"x": float, "y": float})  # an empty table has no types


def _history(shelf: "ReportInputs", variant: str, seed: int) -> pd.DataFrame:
    return pd.read_csv(shelf.training(variant, seed) / "history.csv")


def _text(table: pd.DataFrame | pd.Series) -> str:
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
