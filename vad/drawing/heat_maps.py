"""Figures of score maps: frame, ground truth, map, and the map over the frame. No file is read or written here."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgb
from matplotlib.figure import Figure

from vad.drawing.curves import plt

COLOURS = mpl.colormaps["inferno"]
ROOT = 0.5
"""Colours follow the square root of a score: errors are squares, of which a few are many times the others."""
MOST_HIDDEN = 0.8
"""Of the frame, by the highest score of a map over it."""
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
    """A row for each frame: frame, ground truth, map on one scale for all rows, map over the frame on its own scale.

    Args:
        title: names variant, seed and how the frames were chosen.
        shown: the frames, at least one.
    """
    low, high = (float(end([end(one.scores) for one in shown])) for end in (np.nanmin, np.nanmax))
    scale = PowerNorm(ROOT, low, high if high > low else low + 1)
    heights = [WIDTH * one.picture.shape[0] / one.picture.shape[1] for one in shown]
    size = (4 * WIDTH + WORDS + BAR, sum(heights) + 0.3 * len(shown) + HEAD)
    figure, grid = plt.subplots(len(shown), 4, figsize=size, layout="constrained", squeeze=False, height_ratios=heights)
    figure.suptitle(title, fontsize=9)
    drawn = None
    for one, row in zip(shown, grid, strict=True):
        grey = _grey(one.picture)
        row[0].imshow(one.picture)
        row[1].imshow(grey)
        drawn = row[2].imshow(one.scores, cmap=COLOURS.with_extremes(bad=NO_CELL), norm=scale, interpolation="nearest")
        row[3].imshow(grey)
        row[3].imshow(_over(one.scores), interpolation="nearest")
        row[1].set_xlabel(_truth(one.regions, row[1:]), fontsize=8, labelpad=3)
        row[3].set_xlabel(_range(one.scores), fontsize=8, labelpad=3)
        row[0].set_ylabel(one.words, fontsize=8, rotation=0, ha="right", va="center", labelpad=8)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
    for axes, name in zip(
        grid[0], ("frame", "ground truth", "score map, one scale", "map over frame, its own scale"), strict=True
    ):
        axes.set_title(name, fontsize=9)
    assert drawn is not None
    bar = figure.colorbar(drawn, ax=grid.ravel().tolist(), shrink=0.7, pad=0.01, aspect=30)
    bar.set_label("score of a cell\n(colours by its square root)", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure


def _grey(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """The picture without colour."""
    return np.repeat(picture.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)


def _over(scores: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width 4"]:
    """Colours of a map from its own lowest to its own highest score; the higher, the more they hide."""
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    share = np.nan_to_num((scores - low) / (high - low if high > low else 1)) ** ROOT
    colours = COLOURS(share)
    colours[..., 3] = MOST_HIDDEN * share
    return colours


def _range(scores: Float[np.ndarray, "height width"]) -> str:
    """Lowest and highest score, with as many digits as tell them apart."""
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    digits = next((n for n in range(2, 8) if f"{low:.{n}g}" != f"{high:.{n}g}"), 2)
    return f"{low:.{digits}g} to {high:.{digits}g}"


def _truth(regions: Bool[np.ndarray, "regions height width"] | None, axes: Sequence[Axes]) -> str:
    """Fill the regions in the first of some pictures, outline them in all of them; say how many there are."""
    if regions is None:
        return "not known"
    filled = np.zeros((*regions.shape[1:], 4))
    filled[regions.any(0)] = (*to_rgb(TRUTH), 0.45)
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
