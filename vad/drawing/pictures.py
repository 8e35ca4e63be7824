"""Figures of predicted pictures: what a model was shown, what it made of it, and where it was wrong. No I/O.

Errors have one scale in all figures of a data set, so that colours of two models can be compared.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Float, Shaped, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage

from vad.drawing.curves import draw_confusion, plt

ERROR, ATTENTION = "inferno", "viridis"
"""Colour maps of errors and of attention."""
ERROR_LABEL = "absolute error, mean of R, G, B\n(0 = none, 1 = black for white)"
ATTENTION_LABEL = "how far a gate is open, 0 to 1"
MOST_INPUTS = 4
WIDEST_NAME = 20
"""Letters of a variant's name that have room above a picture."""
SIDE = 1.35
"""Width and height of a picture, in inches."""
HEAD = 0.5
"""Height of the row of column titles and the figure's own title, in inches."""


class Shown(NamedTuple):
    """A predicted (or rebuilt) frame of a video beside the true one."""

    inputs: UInt8[np.ndarray, "inputs height width 3"]
    """The frames that the model predicts from, oldest first; none if it rebuilds the target itself."""
    target: Float[np.ndarray, "height width 3"]
    """RGB, 0..1."""
    picture: Float[np.ndarray, "height width 3"]
    """RGB, 0..1."""
    attention: tuple[Float[np.ndarray, "rows columns"], ...]
    """Attention maps, 0..1, from the smallest; empty for models without."""

    @property
    def error(self) -> Float[np.ndarray, "height width"]:
        """Absolute difference of each pixel, the mean over its colours, 0..1."""
        return np.abs(self.picture - self.target).mean(axis=2)


def picture_figure(title: str, words: Sequence[str], shown: Sequence[Shown], largest: float) -> Figure:
    """A row for each frame: inputs, target, prediction, error and the error over the target; below them attention maps.

    Args:
        title: names variant, seed, weights and how the frames were chosen.
        words: what each frame is.
        shown: the frames.
        largest: error at the top of the scale, 0..1.
    """
    inputs, maps = min(len(shown[0].inputs), MOST_INPUTS), shown[0].attention
    names = [f"input, {inputs - i} before" for i in range(inputs)]
    names += ["target", "prediction"] if inputs else ["input = target", "rebuilt"]
    names += ["error", "error over target"]
    height = len(shown) * SIDE + HEAD
    figure = plt.figure(figsize=(len(names) * SIDE + 2.6, height * (2 if maps else 1) + 0.4), layout="constrained")
    figure.suptitle(title, fontsize=9)
    above, below = figure.subfigures(2, 1, squeeze=False)[:, 0] if maps else (figure, None)
    grid = _grid(above, words, names)
    drawn = None
    for one, row in zip(shown, grid, strict=True):
        for axes, image in zip(row, [*one.inputs[-inputs:], one.target, one.picture], strict=False):
            _show(axes, image)
        drawn = _show(row[-2], one.error, cmap=ERROR, vmin=0, vmax=largest)
        _over(row[-1], one.target, one.error / largest, ERROR, np.sqrt)
    _bar(above, grid, drawn, ERROR_LABEL)
    if below is not None:
        _attention(below, words, shown)
    return figure


def _attention(figure: FigureBase, words: Sequence[str], shown: Sequence[Shown]) -> None:
    """A row for each frame: the target, its attention maps, and each of them over the target."""
    sizes = [f"{one.shape[0]} x {one.shape[1]}" for one in shown[0].attention]
    grid = _grid(figure, words, ["target", *(f"attention {s}" for s in sizes), *(f"{s} over target" for s in sizes)])
    drawn = None
    for one, row in zip(shown, grid, strict=True):
        _show(row[0], one.target)
        for number, values in enumerate(one.attention, start=1):
            drawn = _show(row[number], values, cmap=ATTENTION, vmin=0, vmax=1)
            _over(row[number + len(sizes)], one.target, values, ATTENTION, lambda value: 0.6 * value)
    _bar(figure, grid, drawn, ATTENTION_LABEL)


def comparison_figure(
    title: str, words: Sequence[str], shown: Mapping[str, Sequence[Shown]], scores: pd.DataFrame, largest: float
) -> Figure:
    """The same frames by several variants: the target, then of each variant its picture and its error.

    Args:
        title: names data set, seed and how the frames were chosen.
        words: what each frame is.
        shown: by variant, the frames.
        scores: score of each frame (rows) by each variant (columns).
        largest: error at the top of the scale, 0..1.
    """
    names = ["target", *(text for name in shown for text in (_in_two_lines(name), "its error"))]
    size = (len(names) * SIDE + 2.6, len(words) * (SIDE + 0.18) + HEAD + 0.4)
    figure = plt.figure(figsize=size, layout="constrained")
    figure.suptitle(title, fontsize=9)
    grid = _grid(figure, words, names)
    drawn = None
    for number, row in enumerate(grid):
        _show(row[0], next(iter(shown.values()))[number].target)
        for place, (name, frames) in enumerate(shown.items()):
            _show(row[2 * place + 1], frames[number].picture)
            row[2 * place + 1].set_xlabel(f"score {scores[name].iloc[number]:.3f}", fontsize=7, labelpad=2)
            drawn = _show(row[2 * place + 2], frames[number].error, cmap=ERROR, vmin=0, vmax=largest)
    _bar(figure, grid, drawn, ERROR_LABEL)
    return figure


def decision_figure(
    title: str, counts: Mapping[str, float], curves: Mapping[int, pd.DataFrame], area: float | None, note: str
) -> Figure:
    """Frames by truth and decision, and the ROC curve of each seed with the place of that decision.

    Args:
        title: names the variant.
        counts: `tp`, `fp`, `tn` and `fn`, in frames, summed over the seeds.
        curves: by seed, the curve tables of a run.
        area: under the curve, the mean over seeds; None where it is not defined.
        note: where the threshold is from.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.9), layout="constrained")
    figure.suptitle(f"{title}\n{note}", fontsize=9)
    shares = draw_confusion(left, counts)
    left.set(xlabel="decided (frames)", ylabel="true (frames)")
    left.set_title(f"frames at the threshold, share of each row, summed over {len(curves)} seed(s)", fontsize=8)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
    for (seed, table), colour in zip(curves.items(), sns.color_palette("colorblind", len(curves)), strict=True):
        points = table[table["curve"] == "roc"]
        right.plot(points["x"], points["y"], color=colour, lw=1.2, label=f"seed {seed}")
    right.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":", label="chance")
    place = shares[:, 1]
    right.plot(*place, "X", color="0.15", ms=8, label="the threshold, seeds together")
    right.set(xlabel="false positive rate (frames)", ylabel="true positive rate (frames)")
    right.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    right.set_title("ROC" if area is None else f"ROC, area {area:.3f} (mean over seeds)", fontsize=8)
    right.legend(fontsize=7, loc="lower right")
    return figure


def _in_two_lines(name: str) -> str:
    """A name that is too long for a column, broken at the underscore nearest to its middle."""
    breaks = [place for place, letter in enumerate(name) if letter == "_" and place]
    if len(name) <= WIDEST_NAME or not breaks:
        return name
    middle = min(breaks, key=lambda place: abs(place - len(name) / 2))
    return f"{name[:middle]}\n{name[middle:]}"


def _grid(figure: FigureBase, words: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Axes without ticks, a row for each frame with its words on the left, a column for each name."""
    grid = figure.subplots(len(words), len(names), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(name, fontsize=8)
    for axes, text in zip(grid[:, 0], words, strict=True):
        axes.set_ylabel(text, fontsize=7, rotation=0, ha="right", va="center", labelpad=6)
    return grid


def _show(axes: Axes, image: Shaped[np.ndarray, "height width *colours"], **look: Any) -> AxesImage:  # noqa: ANN401
    """A picture or map, every pixel as it is."""
    return axes.imshow(image, interpolation="nearest", **look)


def _bar(figure: FigureBase, grid: np.ndarray, drawn: AxesImage | None, label: str) -> None:
    """The colour scale of a grid of pictures."""
    assert drawn is not None
    bar = figure.colorbar(drawn, ax=grid.ravel().tolist(), shrink=0.6, pad=0.01)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=8)


def _over(
    axes: Axes,
    picture: Float[np.ndarray, "height width 3"],
    values: Float[np.ndarray, "rows columns"],
    colours: str,
    opaque: Callable[[Float[np.ndarray, "rows columns"]], Float[np.ndarray, "rows columns"]],
) -> None:
    """A grey picture, and values 0..1 over it; `opaque` says how much each value hides of it, 0..1."""
    place: dict[str, Any] = {"extent": (0, 1, 0, 1), "aspect": "auto"}
    _show(axes, np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2), **place)
    values = np.clip(values, 0, 1)
    _show(axes, values, cmap=colours, vmin=0, vmax=1, alpha=opaque(values), **place)
    axes.set_box_aspect(picture.shape[0] / picture.shape[1])
