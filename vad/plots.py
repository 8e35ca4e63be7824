"""Figures from tables: no file is read or written here.

Colours are seaborn's colour-blind set; every axis says its unit and level.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")  # no display on a server

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

sns.set_theme(style="whitegrid", palette="colorblind")
AXES = {"roc": ("false positive rate", "true positive rate"), "pr": ("recall", "precision")}


def curve_figure(kind: str, title: str, curves: Mapping[str, Sequence[pd.DataFrame]], chance: float | None) -> Figure:
    """ROC (`roc`) or precision-recall (`pr`) curves of several variants, one line per seed, one colour per variant.

    Args:
        kind: `roc` or `pr`.
        title: names data set and level.
        curves: by legend text, the curve tables of the seeds.
        chance: precision of a random score (pr); None draws the diagonal (roc).
    """
    figure, axes = _canvas((5.2, 4.6), title, *AXES[kind])
    for (name, tables), colour in zip(curves.items(), sns.color_palette("colorblind", len(curves)), strict=True):
        for i, table in enumerate(tables):
            points = table[table["curve"] == kind]
            axes.plot(points["x"], points["y"], color=colour, lw=1.3, alpha=0.8, label=name if i == 0 else None)
    if chance is None:
        axes.plot([0, 1], [0, 1], color="0.5", lw=1, ls="--", label="chance")
    else:
        axes.axhline(chance, color="0.5", lw=1, ls="--", label="chance")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.legend(fontsize=7, loc="lower right" if kind == "roc" else "upper right")
    return figure


def distribution_figure(title: str, unit: str, curves: pd.DataFrame, threshold: float) -> Figure:
    """How the scores of normal and anomalous frames (or videos) are distributed, with the threshold."""
    figure, axes = _canvas((5.2, 3.4), title, "score (higher = more anomalous)", f"share of {unit}s")
    for name, label in (("scores_normal", f"normal {unit}s"), ("scores_anomalous", f"anomalous {unit}s")):
        points = curves[curves["curve"] == name]
        axes.fill_between(points["x"], points["y"], step="mid", alpha=0.45, label=label)
    axes.axvline(threshold, color="0.2", lw=1, ls="--", label="threshold (from validation)")
    axes.legend(fontsize=7)
    return figure


def confusion_figure(title: str, metrics: Mapping[str, Any], seeds: int) -> Figure:
    """Test videos by truth and decision at the validation threshold, summed over that many seeds."""
    counts = [[metrics["tn"], metrics["fp"]], [metrics["fn"], metrics["tp"]]]
    names = ["normal", "anomalous"]
    figure, axes = plt.subplots(figsize=(3.8, 3.4), layout="constrained")
    sns.heatmap(counts, annot=True, fmt="g", cbar=False, cmap="Blues", xticklabels=names, yticklabels=names, ax=axes)
    summed = f"{title}\nsummed over {seeds} seed{'s' if seeds > 1 else ''}"
    _words(axes, summed, "decided (videos)", "true (videos)")  # seaborn clears what was there before
    return figure


def training_figure(
    title: str, histories: Mapping[int, pd.DataFrame], select_by: str, chosen: Mapping[int, int]
) -> Figure:
    """Loss terms and the validation criterion by epoch, one line per seed; a dot marks the chosen epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    figure.suptitle(title, fontsize=10)
    criterion = select_by if select_by != "last" else "validation_loss"
    for colour, (seed, history) in zip(sns.color_palette("colorblind", len(histories)), histories.items(), strict=True):
        left.plot(history["epoch"], history["train_loss"], color=colour, lw=1.2, label=f"seed {seed}")
        right.plot(history["epoch"], history[criterion], color=colour, lw=1.2, label=f"seed {seed}")
        at = history[history["epoch"] == chosen[seed]]
        right.plot(at["epoch"], at[criterion], "o", color=colour, ms=5)
    left.set(xlabel="epoch", ylabel="training loss")
    right.set(xlabel="epoch", ylabel=f"{criterion}\n(validation part)")
    right.legend(fontsize=7)
    return figure


def _canvas(size: tuple[float, float], title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    _words(axes, title, x, y)
    return figure, axes


def _words(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set(xlabel=x, ylabel=y)
