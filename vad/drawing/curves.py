"""Figures from tables: no file is read or written here.

Colours are seaborn's colour-blind set; every axis says its unit and level.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from jaxtyping import Float

mpl.use("Agg")  # no display on a server

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

sns.set_theme(style="whitegrid", palette="colorblind")
AXES = {"roc": ("false positive rate", "true positive rate"), "pr": ("recall", "precision")}
MARKERS = "osD^vPX<>*hp"
DASHES = ("--", (0, (5, 1.5, 1, 1.5)), (0, (2, 1)), (0, (8, 3)))
GRID = np.linspace(0, 1, 401)
MARK_EVERY = 80
VALIDATION_AREAS = {"video_auc": "ROC area, video_auc", "video_ap": "precision-recall area, video_ap"}
"""Columns of the training history that are areas, and how an axis says so."""


class Line(NamedTuple):
    """One variant in a figure of curves: its model, the curve tables of its seeds, its area (mean over seeds)."""

    name: str
    family: str
    tables: Sequence[pd.DataFrame]
    area: float | None


def styles(families: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each variant: one colour per family (model), one marker per member of a family."""
    names = list(dict.fromkeys(families.values()))
    palette = sns.color_palette("colorblind" if len(names) <= 10 else "husl", len(names))
    members = {family: [v for v, f in families.items() if f == family] for family in names}
    return {
        variant: {"color": palette[names.index(f)], "marker": MARKERS[members[f].index(variant) % len(MARKERS)]}
        for variant, f in families.items()
    }


def curve_figure(
    kind: str,
    title: str,
    lines: Sequence[Line],
    baselines: Mapping[str, pd.DataFrame],
    chance: float | None,
    note: str = "",
) -> Figure:
    """ROC (`roc`) or precision-recall (`pr`) curves: the mean over seeds, a band from the lowest to the highest seed.

    Args:
        kind: `roc` or `pr`.
        title: names data set and level.
        lines: the variants; those of one model have one colour.
        baselines: by name, curve tables of scores that need no model; dashed.
        chance: precision of a random score (pr); None draws the diagonal (roc).
        note: small, at the foot: what a mark in the names means.
    """
    figure, axes = _canvas((7.4, 4.8), title, *AXES[kind])
    looks = styles({line.name: line.family for line in lines})
    for number, line in enumerate(sorted(lines, key=lambda line: -(line.area or 0))):
        seeds = np.array([_at(GRID, table, kind) for table in line.tables])
        shift = (number * 7) % MARK_EVERY  # markers of neighbouring lines do not hide each other
        look = looks[line.name] | {"markevery": (shift, MARK_EVERY), "markersize": 4.5, "lw": 1.3}
        area = "" if line.area is None else f"  {line.area:.3f}"
        axes.plot(GRID, seeds.mean(axis=0), label=f"{line.name}{area}", **look)
        axes.fill_between(GRID, seeds.min(axis=0), seeds.max(axis=0), color=look["color"], alpha=0.12, lw=0)
    for dash, (name, table) in zip(DASHES, baselines.items(), strict=False):
        axes.plot(GRID, _at(GRID, table, kind), color="0.35", lw=1.1, ls=dash, label=name)
    if chance is None:
        axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":", label="chance")
    else:
        axes.axhline(chance, color="0.6", lw=1, ls=":", label="chance")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    _legend_beside(figure, axes)
    add_note(figure, note)
    return figure


def alarm_figure(
    title: str,
    rates: Float[np.ndarray, "rates"],
    recalls: Mapping[str, Float[np.ndarray, "seeds rates"]],
    families: Mapping[str, str],
    baselines: Mapping[str, Float[np.ndarray, "rates"]],
    note: str = "",
) -> Figure:
    """Recall of events against false alarms: the mean over seeds, a band from the lowest to the highest seed.

    Args:
        title: names the data set.
        rates: false alarms per hour of normal video, > 0, ascending; drawn on a logarithmic axis.
        recalls: of each variant at these rates, one row for each seed.
        families: the model of each variant; those of one model have one colour.
        baselines: by name, of scores that need no model; dashed.
        note: small, at the foot: what a mark in the names means.
    """
    figure, axes = _canvas((7.4, 4.8), title, "false alarms per hour of normal video", "events found (recall)")
    looks = styles(families)
    every = max(len(rates) // 5, 1)
    for number, (name, seeds) in enumerate(sorted(recalls.items(), key=lambda item: -item[1].mean())):
        look = looks[name] | {"markevery": (number * 7 % every, every), "markersize": 4.5, "lw": 1.3}
        axes.plot(rates, seeds.mean(axis=0), label=name, **look)
        axes.fill_between(rates, seeds.min(axis=0), seeds.max(axis=0), color=look["color"], alpha=0.12, lw=0)
    for dash, (name, recall) in zip(DASHES, baselines.items(), strict=False):
        axes.plot(rates, recall, color="0.35", lw=1.1, ls=dash, label=name)
    axes.set(xscale="log", xlim=(rates[0], rates[-1]), ylim=(-0.01, 1.01))
    _legend_beside(figure, axes)
    add_note(figure, note)
    return figure


def add_note(figure: Figure, note: str) -> None:
    """A small line at the foot of a figure; an empty one takes no room."""
    if note:
        figure.supxlabel(note, fontsize=6, x=0.01, ha="left")


def _at(grid: Float[np.ndarray, "points"], table: pd.DataFrame, kind: str) -> Float[np.ndarray, "points"]:
    """A curve at given places; where it jumps, its higher end; NaN for a curve without points."""
    chosen = (table["curve"] == kind).to_numpy()
    x, y = table["x"].to_numpy(float)[chosen], table["y"].to_numpy(float)[chosen]
    if not len(x):
        return np.full_like(grid, np.nan)
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    highest = np.append(np.diff(x) > 0, True)
    return np.interp(grid, x[highest], y[highest])


def _legend_beside(figure: Figure, axes: Axes, **more: Any) -> None:  # noqa: ANN401 - matplotlib's own
    """A legend right of the axes: it hides nothing however many entries it has."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=7, frameon=False, **more)


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
    """Loss, criterion and areas of the validation part by epoch, one line per seed; a dot marks the chosen epoch.

    The areas (`video_auc`, `video_ap`) are shown where the validation part has videos of both labels.

    Args:
        title: names the variant.
        histories: by seed, what training wrote down of each epoch.
        select_by: what chose the epoch; for `last` the validation loss is shown.
        chosen: by seed, the epoch.
    """
    criterion = select_by if select_by not in ("last", "imported") else "validation_loss"
    first = next(iter(histories.values()))
    areas = [name for name in VALIDATION_AREAS if name in first and first[name].notna().any()]
    shown = ["train_loss", *dict.fromkeys(["validation_loss", criterion, *areas])]
    figure, panels = plt.subplots(1, len(shown), figsize=(4.2 * len(shown), 3.4), layout="constrained")
    figure.suptitle(f"{title}; chosen by {select_by}", fontsize=10)
    for colour, (seed, history) in zip(sns.color_palette("colorblind", len(histories)), histories.items(), strict=True):
        at = history[history["epoch"] == chosen[seed]]
        for axes, name in zip(panels, shown, strict=True):
            axes.plot(history["epoch"], history[name], color=colour, lw=1.2, label=f"seed {seed}")
            if name != "train_loss":
                axes.plot(at["epoch"], at[name], "o", color=colour, ms=5)
    for axes, name in zip(panels, shown, strict=True):
        words = {"train_loss": "training loss", **VALIDATION_AREAS}.get(name, name)
        axes.set(xlabel="epoch", ylabel=words if name == "train_loss" else f"{words}\n(validation part)")
        if name in VALIDATION_AREAS:
            axes.set_ylim(-0.02, 1.02)
    panels[-1].legend(fontsize=7)
    return figure


def _canvas(size: tuple[float, float], title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    _words(axes, title, x, y)
    return figure, axes


def _words(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set(xlabel=x, ylabel=y)
