"""Which figure and which plot data show what, from the files on the shelf."""

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from vad import plots
from vad.artefacts import read_json

if TYPE_CHECKING:
    from stages.report.run import Shelf


def draw(shelf: "Shelf") -> dict[str, Figure]:
    """Every figure by file name."""
    figures: dict[str, Figure] = {}
    for dataset in dict.fromkeys(entry["dataset"] for entry in shelf.variants.values()):
        figures |= _shared(shelf, dataset)
    for variant in shelf.variants:
        figures |= _own(shelf, variant)
    return figures


def plot_data(shelf: "Shelf") -> dict[str, str]:
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
    return texts


def _shared(shelf: "Shelf", dataset: str) -> dict[str, Figure]:
    """ROC and PR of all variants of a data set that score frames (video-level ones never share an axis)."""
    curves, shares = {}, []
    for variant, entry in shelf.variants.items():
        run = _metrics(shelf, variant, shelf.seeds[0])
        counts = run["metrics"]["counts"]
        if entry["dataset"] == dataset and run["protocol"]["level"] == "frame" and counts["n_positive"] is not None:
            curves[variant] = [_curves(shelf, variant, seed) for seed in shelf.seeds]
            shares.append(counts["n_positive"] / counts["n_frames"])
    chance = shares[0] if shares else 0.0
    return {
        f"{dataset}_roc.png": plots.curve_figure("roc", f"{dataset}: ROC over frames", curves, None),
        f"{dataset}_pr.png": plots.curve_figure("pr", f"{dataset}: precision-recall over frames", curves, chance),
    }


def _own(shelf: "Shelf", variant: str) -> dict[str, Figure]:
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


def _decisions(shelf: "Shelf", variant: str) -> pd.DataFrame:
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


def _metrics(shelf: "Shelf", variant: str, seed: int) -> dict:
    return read_json(shelf.metrics(variant, seed) / "metrics.json")


def _curves(shelf: "Shelf", variant: str, seed: int) -> pd.DataFrame:
    table = pd.read_csv(shelf.metrics(variant, seed) / "curves.csv")
    return table.astype({"x": float, "y": float})  # an empty table has no types


def _history(shelf: "Shelf", variant: str, seed: int) -> pd.DataFrame:
    return pd.read_csv(shelf.training(variant, seed) / "history.csv")


def _text(table: pd.DataFrame | pd.Series) -> str:
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
