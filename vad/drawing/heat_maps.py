"""Figures of score maps: frame, ground truth, map, and the map over the frame. No file is read or written here."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vad.drawing.curves import plt

COLOURS = "inferno"
TRUTH = "#56b4e9"
"""Sky blue of the colour-blind set: seen on grey pictures and on every colour of the maps."""
NO_CELL = "0.55"
"""Grey of pixels that no cell of the map covers."""
WIDTH = 2.6
"""Of a picture, in inches."""
WORDS, BAR = 1.7, 0.9
"""Width of the words on the left and of the colour scale on the right, in inches."""
HEAD = 0.85
"""Height of the titles, in inches."""


class HeatMap(NamedTuple):
    """One frame, where it is anomalous, and the map of its scores."""

    words: str
    """What the frame is, in short lines."""
    picture: UInt8[np.ndarray, "height width 3"]
    """RGB."""
    regions: Bool[np.ndarray, "regions height width"] | None
    """The anomalous regions; None = not known."""
    scores: Float[np.ndarray, "height width"]
    """The score of the cell that each pixel lies in; NaN = in none."""


def heat_map_figure(title: str, shown: Sequence[HeatMap]) -> Figure:
    """A row for each frame: the frame, its ground truth, its map and the map over the frame; one scale for all maps.

    Args:
        title: names variant, seed and how the frames were chosen.
        shown: the frames, at least one.
    """
    low = min(float(np.nanmin(one.scores)) for one in shown)
    high = max(float(np.nanmax(one.scores)) for one in shown)
    heights = [WIDTH * one.picture.shape[0] / one.picture.shape[1] for one in shown]
    size = (4 * WIDTH + WORDS + BAR, sum(heights) + 0.3 * len(shown) + HEAD)
    figure, grid = plt.subplots(len(shown), 4, figsize=size, layout="constrained", squeeze=False, height_ratios=heights)
    figure.suptitle(title, fontsize=9)
    drawn = None
    for one, row in zip(shown, grid, strict=True):
        grey = _grey(one.picture)
        row[0].imshow(one.picture)
        row[1].imshow(grey)
        drawn = _map(row[2], one.scores, low, high)
        row[3].imshow(grey)
        _map(row[3], one.scores, low, high, alpha=0.55)
        row[2].set_xlabel(f"{np.nanmin(one.scores):.3g} to {np.nanmax(one.scores):.3g}", fontsize=8, labelpad=3)
        row[1].set_xlabel(_truth(one.regions, row[1:]), fontsize=8, labelpad=3)
        row[0].set_ylabel(one.words, fontsize=8, rotation=0, ha="right", va="center", labelpad=8)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
    for axes, name in zip(grid[0], ("frame", "ground truth", "score map", "map over frame"), strict=True):
        axes.set_title(name, fontsize=9)
    assert drawn is not None
    bar = figure.colorbar(drawn, ax=grid.ravel().tolist(), shrink=0.7, pad=0.01, aspect=30)
    bar.set_label("score of a cell (higher = more anomalous)", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure


def _grey(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """The picture without colour."""
    return np.repeat(picture.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)


def _map(axes: Axes, scores: Float[np.ndarray, "height width"], low: float, high: float, **look: Any) -> AxesImage:  # noqa: ANN401
    """A map, every cell as it is."""
    colours = mpl.colormaps[COLOURS].with_extremes(bad=NO_CELL)
    shown = np.ma.masked_invalid(scores)
    return axes.imshow(shown, cmap=colours, vmin=low, vmax=high, interpolation="nearest", **look)


def _truth(regions: Bool[np.ndarray, "regions height width"] | None, axes: Sequence[Axes]) -> str:
    """Fill the regions in the first of some pictures, outline them in all of them; say how many there are."""
    if regions is None:
        return "not known"
    filled = np.zeros((*regions.shape[1:], 4))
    filled[regions.any(0)] = (*mpl.colors.to_rgb(TRUTH), 0.45)
    axes[0].imshow(filled, interpolation="nearest")
    for one in regions:
        # A frame of zeros closes the outlines of regions at the edge of the picture.
        padded = np.pad(one.astype(float), 1)
        places = (np.arange(-1, padded.shape[1] - 1), np.arange(-1, padded.shape[0] - 1))
        for each in axes:
            limits = each.get_xlim(), each.get_ylim()
            each.contour(*places, padded, levels=[0.5], colors=[TRUTH], linewidths=1.2)
            each.set(xlim=limits[0], ylim=limits[1])
    return f"{len(regions)} region{'s' * (len(regions) != 1)}"
