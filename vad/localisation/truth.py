"""Spatial ground truth of one video: regions of its frames, from boxes with track ids or from pixel masks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float64, Int64

from vad.errors import DatasetError

NO_TRACK = -1
"""Track id of a region that is not known to belong to a track."""
NEIGHBOURS = np.ones((3, 3), int)
"""Pixels that touch at a corner belong together."""


class Regions(NamedTuple):
    """The anomalous regions of one frame; those from boxes may overlap."""

    masks: Bool[np.ndarray, "regions height width"]
    """The pixels of each region."""
    tracks: Int64[np.ndarray, "regions"]
    """Track id of each region; `NO_TRACK` = none is known."""


class Truth(Protocol):
    """Where a video is anomalous."""

    @property
    def height(self) -> int:
        """Rows of the picture, in pixels."""
        ...

    @property
    def width(self) -> int:
        """Columns of the picture, in pixels."""
        ...

    def annotated(self) -> Int64[np.ndarray, "frames"] | None:
        """The frames whose anomalous regions are known, from 0, ascending; None = all frames."""
        ...

    def regions(self, frame: int) -> Regions:
        """The anomalous regions of a frame, counted from 0."""
        ...


@dataclass(frozen=True)
class BoxTruth:
    """Boxes that people drew, or that a generator knows."""

    height: int
    """Rows of the picture, in pixels."""
    width: int
    """Columns of the picture, in pixels."""
    frames: Int64[np.ndarray, "boxes"]
    """The frame of each box, from 0."""
    tracks: Int64[np.ndarray, "boxes"]
    """The track of each box; `NO_TRACK` = none is known."""
    edges: Float64[np.ndarray, "boxes 4"]
    """Left, top, right and bottom of each box, in pixels from the upper left corner of the picture."""
    sparse: bool = False
    """True = only frames with a box were looked at (UCF-Crime: every 16th frame); nothing is known of the others."""

    @classmethod
    def none(cls, height: int, width: int) -> "BoxTruth":
        """The truth of a normal video."""
        return cls(height, width, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)))

    def with_boxes_of(self, other: "BoxTruth") -> "BoxTruth":
        """The boxes of two tables of the same video."""
        names = ("frames", "tracks", "edges")
        return replace(self, **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names})

    def annotated(self) -> Int64[np.ndarray, "frames"] | None:
        """The frames with a box if only these were looked at; None = all frames."""
        return np.unique(self.frames) if self.sparse else None

    def regions(self, frame: int) -> Regions:
        """One region for each box of the frame that holds the centre of a pixel."""
        chosen = np.flatnonzero(self.frames == frame)
        y, x = np.arange(self.height) + 0.5, np.arange(self.width) + 0.5
        left, top, right, bottom = self.edges[chosen].T[:, :, None]
        inside = ((y >= top) & (y < bottom))[:, :, None] & ((x >= left) & (x < right))[:, None, :]
        seen = inside.any((1, 2))
        return Regions(inside[seen], self.tracks[chosen][seen])


@dataclass(frozen=True)
class MaskTruth:
    """Pixel masks, one for each frame: what touches is one region, and no region has a track."""

    height: int
    """Rows of the masks, in pixels."""
    width: int
    """Columns of the masks, in pixels."""
    n_frames: int
    """Number of masks."""
    read: Callable[[int], Bool[np.ndarray, "height width"]]
    """Gives the mask of a frame, from 0; masks of a long video need not be in memory together."""
    name: str = "masks"
    """For error messages: where the masks lie."""

    def annotated(self) -> Int64[np.ndarray, "frames"] | None:
        """None: every frame has a mask."""
        return None

    def regions(self, frame: int) -> Regions:
        """The connected parts of the mask; pixels that touch at a corner belong together.

        Raises: DatasetError for a frame without a mask, or for a mask of another size than the first.
        """
        if not 0 <= frame < self.n_frames:
            raise DatasetError(f"{self.name}: {self.n_frames} masks, none for frame {frame}. Complete the masks.")
        mask = self.read(frame)
        if mask.shape != (self.height, self.width):
            sizes = f"{mask.shape[0]} x {mask.shape[1]} pixels, the first has {self.height} x {self.width}"
            raise DatasetError(f"{self.name}: the mask of frame {frame} has {sizes}. Replace it.")
        # Snakemake loads this module to know what a data set has; scipy's filters are imported where they are used.
        from scipy import ndimage

        labels, count = ndimage.label(mask, NEIGHBOURS)
        masks = labels[None] == np.arange(1, count + 1)[:, None, None]
        return Regions(masks, np.full(count, NO_TRACK))
