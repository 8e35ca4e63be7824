"""Score maps of one video, and maps that look at no pixel, to compare with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int64

from vad.errors import ArtefactError
from vad.localisation.geometry import Geometry

OWN = "model"
"""The row of evaluation with the maps behind a model's scores."""
NO_PIXEL = ("uniform", "centre", "static")
"""Rows of evaluation with maps that look at no pixel: each is a function below."""
STATIC = " static"
"""Ends the name of the row with the mean map of a further map of a model."""


@dataclass(frozen=True, eq=False)
class VideoMaps:
    """Maps of one video; higher = more anomalous, any range."""

    maps: Float[np.ndarray, "maps rows columns"]
    frames: Int64[np.ndarray, "maps"]
    """The frame that each map belongs to, from 0, ascending. Frames without a map are not judged."""
    geometry: Geometry

    def __post_init__(self) -> None:
        """Refuse what does not fit together.

        Raises: ArtefactError saying what.
        """
        cells = (self.geometry.rows, self.geometry.columns)
        if self.maps.shape != (len(self.frames), *cells):
            have = f"maps of shape {self.maps.shape} for {len(self.frames)} frames and {cells} cells"
            raise ArtefactError(f"{have}. Give one map for each frame, as large as its geometry says.")
        if len(self.frames) and (self.frames[0] < 0 or (np.diff(self.frames) <= 0).any()):
            raise ArtefactError("The frames of the maps do not ascend from 0. Sort the maps by frame.")
        if not np.isfinite(self.maps[:1] if self.still else self.maps).all():
            raise ArtefactError("A map has a score that is not finite. Train the variant again.")

    @property
    def still(self) -> bool:
        """Whether it is known that all maps are the same one: a view of it, as `static` makes."""
        return not self.maps.strides[0]


def mean_map(videos: Sequence[VideoMaps]) -> Float[np.ndarray, "rows columns"]:
    """The mean of all maps of some videos: what a model gives to each place whatever happens there.

    Args:
        videos: normal videos that are no test videos; all with maps of one size.

    Raises: ArtefactError if there is no map, or they differ in size.
    """
    sizes = {video.maps.shape[1:] for video in videos if len(video.maps)}
    if len(sizes) != 1:
        raise ArtefactError(f"Maps of {len(sizes)} sizes have no mean map. Score normal videos of one camera.")
    total = np.sum([video.maps.sum(0, dtype=float) for video in videos if len(video.maps)], 0)
    return total / sum(len(video.maps) for video in videos)


def static(video: VideoMaps, one: Float[np.ndarray, "rows columns"]) -> VideoMaps:
    """The same map at every frame that has one, kept once."""
    return replace(video, maps=np.broadcast_to(one, video.maps.shape))


def uniform(video: VideoMaps) -> VideoMaps:
    """Every place of every frame has the same score."""
    return static(video, np.zeros(video.maps.shape[1:]))


def centre(video: VideoMaps) -> VideoMaps:
    """The nearer to the centre of the picture, the higher; distances are shares of its height and width."""
    size = np.array([video.geometry.height, video.geometry.width])
    return static(video, -np.hypot(*np.moveaxis(video.geometry.centres() / size - 0.5, -1, 0)))
