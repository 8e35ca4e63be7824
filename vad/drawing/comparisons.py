"""Figures that set variants side by side with what they cost, and maps of embeddings: from tables, no I/O.

The colours and markers of variants are those of `vad.drawing.curves`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vad.drawing.curves import add_note, plt, styles

COSTS = (
    ("MACs per frame", "macs_per_frame_head", "macs_per_frame"),
    ("parameters", "params", "params_whole"),
    ("frames per second", "head_fps", "end_to_end_fps"),
)
"""Axis, column of the head alone, column of decoder + extractor + head."""
NORMAL = "normal"
PARTS: tuple[tuple[str, Literal["none", "full"]], ...] = (
    ("head alone", "none"),
    ("decoder + extractor + head", "full"),
)


def efficiency_figure(
    title: str, rows: Sequence[Mapping[str, Any]], images: Mapping[str, Mapping[str, Any]], note: str = ""
) -> Figure:
    """Areas against MACs, parameters and speed, on log axes; one row of panels per area that is defined.

    Args:
        title: names the data set and the machine.
        rows: variants with `variant`, `model`, areas with their bounds, and costs; what is None is left out.
        images: costs of image networks by name, drawn as lines across where they have the column.
        note: small, at the foot: what a mark in the names means.
    """
    areas = [name for name in ("frame_auc", "video_auc") if any(row.get(name) is not None for row in rows)]
    panels = max(len(areas), 1)
    figure, grid = plt.subplots(panels, 3, figsize=(12.4, 3.3 * panels + 0.5), layout="constrained", squeeze=False)
    figure.suptitle(title, fontsize=10)
    looks = styles({row["variant"]: row["model"] for row in rows})
    for area, line in zip(areas, grid, strict=False):
        for axes, (label, alone, whole) in zip(line, COSTS, strict=True):
            axes.set(xlabel=label, ylabel=area, xscale="log")
            for row in rows:
                _point(axes, row, area, (alone, whole), looks[row["variant"]])
            for name, costs in images.items():
                _across(axes, name, costs.get(whole))
    names = [Line2D([], [], ls="", ms=5, **look, label=name) for name, look in looks.items()]
    parts = [Line2D([], [], ls="", marker="o", color="0.3", fillstyle=fill, label=text) for text, fill in PARTS]
    figure.legend(handles=[*names, *parts], loc="outside right upper", fontsize=7, frameon=False)
    add_note(figure, note)
    return figure


def _point(axes: Axes, row: Mapping[str, Any], area: str, columns: tuple[str, str], look: Mapping[str, Any]) -> None:
    """Hollow: the head alone; filled: all that is needed, with the interval of the area; a line joins the two."""
    places = [row.get(column) for column in columns]
    if row.get(area) is None:
        return
    both = [place for place in places if place]
    axes.plot(both, [row[area]] * len(both), color=look["color"], lw=0.8, alpha=0.5)
    for place, (_, fill) in zip(places, PARTS, strict=True):
        if place:
            axes.plot(place, row[area], ls="", ms=6, fillstyle=fill, **look)
    if both and row.get(f"{area}_low") is not None:
        axes.vlines(both[-1], row[f"{area}_low"], row[f"{area}_high"], color=look["color"], lw=0.8, alpha=0.4)


def _across(axes: Axes, name: str, place: float | None) -> None:
    """A network that gives no anomaly score: a dotted line at its cost."""
    if place:
        axes.axvline(place, color="0.6", lw=0.8, ls=":")
        axes.annotate(name, (place, 0.02), xycoords=("data", "axes fraction"), rotation=90, fontsize=6, color="0.4")


def tsne_figure(title: str, points: pd.DataFrame, videos: pd.DataFrame | None = None) -> Figure:
    """The same map three times, coloured by label, by class and by score; below it the videos of a memory model.

    Args:
        title: names variant, vectors, sample and settings.
        points: columns x, y, label (0 | 1), class, score.
        videos: columns x, y, label, class, score, entropy (nats), a row per video; None or no row = no second line of
            panels: the two numbers, and their own map by label and by class.
    """
    lines = 1 if videos is None or videos.empty else 2
    figure, grid = plt.subplots(lines, 3, figsize=(13.2, 4.0 * lines), layout="constrained", squeeze=False)
    figure.suptitle(title, fontsize=9)
    _by_label(grid[0, 0], points)
    _by_class(grid[0, 1], points)
    drawn = grid[0, 2].scatter(points["x"], points["y"], s=12, c=points["score"], cmap="viridis", alpha=0.85, lw=0)
    figure.colorbar(drawn, ax=grid[0, 2], label="score (higher = more anomalous)")
    if videos is not None and lines == 2:
        _by_label(grid[1, 0], videos.assign(x=videos["score"], y=videos["entropy"]))
        grid[1, 0].set_xscale("log" if (videos["score"] > 0).all() else "linear")
        grid[1, 0].set(
            xlabel="score of the video (largest error)", ylabel="entropy of its memory reads (nats)", title="videos"
        )
        _by_label(grid[1, 1], videos)
        _by_class(grid[1, 2], videos)
        for axes in grid[1, 1:]:
            axes.set_title("videos: t-SNE of entropy and log score")
    for axes in [*grid[0], *grid[1:, 1:].flat]:
        axes.set(xticks=[], yticks=[])
    for axes in grid[1:].flat:
        axes.title.set_fontsize(8)
    return figure


def _by_label(axes: Axes, points: pd.DataFrame) -> None:
    truth = ["anomalous" if label else "normal" for label in points["label"]]
    _coloured(axes, "label", points, truth, ["normal", "anomalous"])


def _by_class(axes: Axes, points: pd.DataFrame) -> None:
    """The class of what is anomalous; normal parts of anomalous videos are normal, and lie below the others."""
    classes = [name if label else NORMAL for name, label in zip(points["class"], points["label"], strict=True)]
    _coloured(axes, "class", points, classes, sorted(set(classes), key=lambda name: (name != NORMAL, name)))


def _coloured(axes: Axes, name: str, points: pd.DataFrame, values: Sequence[str], order: Sequence[str]) -> None:
    """The points in one colour for each value, with a legend beside them."""
    palette = sns.color_palette("colorblind" if len(order) <= 10 else "husl", len(order))
    for value, colour in zip(order, palette, strict=True):
        mine = points[np.array(values) == value]
        colour = "0.8" if name == "class" and value == NORMAL else colour
        axes.scatter(mine["x"], mine["y"], s=12, color=colour, alpha=0.75, lw=0, label=value)
    axes.legend(fontsize=6, title=name, title_fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
