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
from matplotlib.patheffects import withStroke

from vad.evaluation.curves import on_grid

sns.set_theme(style="whitegrid", palette="colorblind")
AXES = {"roc": ("false positive rate", "true positive rate"), "pr": ("recall", "precision")}
MARKERS = "osD^vPX<>*hp"
DASHES = ("--", (0, (5, 1.5, 1, 1.5)), (0, (2, 1)), (0, (8, 3)))
GRID = np.linspace(0, 1, 401)
MARK_EVERY = 80
DRAWN = {"roc": "default", "pr": "steps-pre"}
FEWEST_ABLATIONS = 3
"""Changed forms of one variant that make a panel of their own."""
VALIDATION_AREAS = {"video_auc": "ROC area, video_auc", "video_ap": "precision-recall area, video_ap"}
"""Columns of the training history that are areas, and how an axis says so."""


class Line(NamedTuple):
    """One row in a figure of curves: its name, its model, the curve tables of its seeds, its area (mean over seeds)."""

    name: str
    family: str
    tables: Sequence[pd.DataFrame]
    area: float | None

    @property
    def label(self) -> str:
        """Name and area, as a legend says them."""
        return self.name if self.area is None else f"{self.name}  {self.area:.3f}"


def styles(families: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each variant: one colour per family (model), one marker per member of a family."""
    names = list(dict.fromkeys(families.values()))
    palette = sns.color_palette("colorblind" if len(names) <= 10 else "husl", len(names))
    members = {family: [v for v, f in families.items() if f == family] for family in names}
    return {
        variant: {"color": palette[names.index(f)], "marker": MARKERS[members[f].index(variant) % len(MARKERS)]}
        for variant, f in families.items()
    }


def ablations(families: Mapping[str, str]) -> dict[str, list[str]]:
    """Variants with so many changed forms that these have a panel of their own.

    Args:
        families: model of each variant; what follows a space in a name is a mark.

    Returns: by variant, at least `FEWEST_ABLATIONS` variants of its model, whose names continue its name after "_".
    """
    plain = {name: name.partition(" ")[0] for name in families}
    found: dict[str, list[str]] = {}
    for name, family in families.items():
        heads = [n for n, f in families.items() if f == family and plain[name].startswith(f"{plain[n]}_")]
        if heads:
            found.setdefault(min(heads, key=len), []).append(name)
    return {head: members for head, members in found.items() if len(members) >= FEWEST_ABLATIONS}


def curve_figure(
    kind: str, title: str, lines: Sequence[Line], baselines: Sequence[Line], chance: float | None, note: str = ""
) -> Figure:
    """ROC (`roc`) or precision-recall (`pr`) curves: the mean over seeds, a band from the lowest to the highest seed.

    Precision-recall curves are steps, as in average precision: between two thresholds nothing can be reached. ROC
    points are joined by straight lines, as ties count one half of the area. Many changed forms of one variant are in a
    second panel beside the variant itself.

    Args:
        kind: `roc` or `pr`.
        title: names data set and level.
        lines: the variants; those of one model have one colour.
        baselines: scores that need no model; dashed.
        chance: precision of a random score (pr); None draws the diagonal (roc).
        note: small, at the foot: what a mark in the names means.
    """
    groups = ablations({line.name: line.family for line in lines})
    apart = {name for members in groups.values() for name in members}
    first = [line for line in lines if line.name not in apart]
    size = (8.4 * (1 + len(groups)), 5.2)
    figure, grid = plt.subplots(1, 1 + len(groups), figsize=size, layout="constrained", squeeze=False)
    _words(grid[0, 0], title, *AXES[kind])
    looks = styles({line.name: line.family for line in first})
    _draw_curves(grid[0, 0], kind, first, looks, baselines, chance)
    for axes, (head, members) in zip(grid[0, 1:], groups.items(), strict=True):
        _words(axes, f"{head} (black) and its ablations", *AXES[kind])
        chosen = [line for line in lines if line.name in (head, *members)]
        looks = styles({name: name for name in members}) | {head: {"color": "0.1", "marker": ""}}
        _draw_curves(axes, kind, chosen, looks, [], chance, head.partition(" ")[0] + "_")
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
    handles, labels = axes.get_legend_handles_labels()
    # Right of the axes it hides nothing, however many entries it has.
    figure.legend(handles, labels, loc="outside right upper", fontsize=7, frameon=False)
    add_note(figure, note)
    return figure


def add_note(figure: Figure, note: str) -> None:
    """A small line at the foot of a figure; an empty one takes no room."""
    if note:
        figure.supxlabel(note, fontsize=6, x=0.01, ha="left")


def _draw_curves(
    axes: Axes,
    kind: str,
    lines: Sequence[Line],
    looks: Mapping[str, Mapping[str, Any]],
    baselines: Sequence[Line],
    chance: float | None,
    common: str = "",
) -> None:
    """One panel: the largest area first, names at the lines, names and areas in the legend right of the axes.

    What is `common` to names is left out at the lines.
    """
    ordered = sorted(lines, key=lambda line: -(line.area or 0))
    drawn: dict[str, tuple[np.ndarray, Any]] = {}
    for number, line in enumerate(ordered):
        seeds = np.array([_at(GRID, table, kind) for table in line.tables])
        shift = (number * 7) % MARK_EVERY  # markers of neighbouring lines do not hide each other
        look = {**looks[line.name], "markevery": (shift, MARK_EVERY), "markersize": 4.5, "lw": 1.3}
        axes.plot(GRID, seeds.mean(axis=0), label=line.label, drawstyle=DRAWN[kind], **look)
        step = "pre" if kind == "pr" else None
        axes.fill_between(GRID, seeds.min(0), seeds.max(0), step=step, color=look["color"], alpha=0.08, lw=0)
        drawn[line.name.removeprefix(common)] = seeds.mean(axis=0), look["color"]
    for dash, line in zip(DASHES, baselines, strict=False):
        places = _at(GRID, line.tables[0], kind)
        axes.plot(GRID, places, color="0.35", lw=1.1, ls=dash, label=line.label, drawstyle=DRAWN[kind])
        drawn[line.name] = places, "0.35"
    if chance is None:
        axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":", label="chance  0.500")
    else:
        axes.axhline(chance, color="0.6", lw=1, ls=":", label=f"chance  {chance:.3f}")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    _name_lines(axes, drawn)
    axes.legend(
        fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1), title="name  area", title_fontsize=7
    )


def _name_lines(axes: Axes, drawn: Mapping[str, tuple[np.ndarray, Any]]) -> None:
    """Each name at its line, where that is farthest from the other lines and from the names that are there already."""
    taken: list[tuple[float, float]] = []
    for name, (line, colour) in drawn.items():
        if np.isnan(line).any():
            continue
        others = [other for key, (other, _) in drawn.items() if key != name and not np.isnan(other).any()]
        room = {}
        for at in range(20, len(GRID) - 60, 5):
            near = [abs(line[at] - other[at]) for other in others]
            near += [max(abs(line[at] - y), abs(GRID[at] - x) / 5) for x, y in taken]
            room[at] = min([*near, 1.0])
        best = max(room, key=lambda at: room[at])
        taken.append((float(GRID[best]), float(line[best])))
        text = axes.annotate(
            name, (float(GRID[best]), float(line[best])), fontsize=6, color=colour, ha="center", va="center"
        )
        text.set_path_effects([withStroke(linewidth=2, foreground="white")])


def _at(grid: Float[np.ndarray, "points"], table: pd.DataFrame, kind: str) -> Float[np.ndarray, "points"]:
    """A curve of a table at given places."""
    chosen = (table["curve"] == kind).to_numpy()
    return on_grid(kind, table["x"].to_numpy(float)[chosen], table["y"].to_numpy(float)[chosen], grid)


def distribution_figure(title: str, unit: str, curves: pd.DataFrame, threshold: float) -> Figure:
    """How the scores of normal and anomalous frames (or videos) are distributed, with the threshold."""
    figure, axes = _canvas((5.2, 3.4), title, "score (higher = more anomalous)", f"share of {unit}s")
    for name, label in (("scores_normal", f"normal {unit}s"), ("scores_anomalous", f"anomalous {unit}s")):
        points = curves[curves["curve"] == name]
        axes.fill_between(points["x"], points["y"], step="mid", alpha=0.45, label=label)
    axes.axvline(threshold, color="0.2", lw=1, ls="--", label="threshold (from validation)")
    axes.legend(fontsize=7)
    return figure


def confusion_figure(title: str, counts: Mapping[str, float], seeds: int, unit: str) -> Figure:
    """What is normal or anomalous, and what was decided at the validation threshold, summed over that many seeds.

    Args:
        title: names the variant.
        counts: `tn`, `fp`, `fn`, `tp`; each cell also says its share of the row.
        seeds: over which the counts are summed.
        unit: what is counted: `video` or `frame`.
    """
    figure, axes = plt.subplots(figsize=(3.8, 3.4), layout="constrained")
    draw_confusion(axes, counts)
    summed = f"{title}: {unit}s, share of each row\nsummed over {seeds} seed{'s' if seeds > 1 else ''}"
    _words(axes, summed, f"decided ({unit}s)", f"true ({unit}s)")  # seaborn clears what was there before
    return figure


def draw_confusion(axes: Axes, counts: Mapping[str, float]) -> Float[np.ndarray, "2 2"]:
    """Draw a confusion matrix: normal and anomalous, the truth in rows, the decision in columns.

    Args:
        axes: where; their title and labels are removed.
        counts: `tn`, `fp`, `fn`, `tp`; each cell also says its share of the row.

    Returns: the shares of each row, 0..1.
    """
    cells = np.array([[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]])
    shares = cells / np.maximum(cells.sum(1, keepdims=True), 1)
    texts = [
        [f"{n:,.0f}\n{share:.1%}" for n, share in zip(*row, strict=True)] for row in zip(cells, shares, strict=True)
    ]
    names = ["normal", "anomalous"]
    look = {"annot": np.array(texts), "fmt": "", "cbar": False, "cmap": "Blues", "vmin": 0, "vmax": 1}
    sns.heatmap(shares, xticklabels=names, yticklabels=names, ax=axes, **look)
    return shares


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
