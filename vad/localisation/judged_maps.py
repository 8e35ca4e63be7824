"""Score maps beside their ground truth: the truth is counted in the cells of the maps, so that no map is enlarged.

A map is constant inside each of its cells. What a metric needs of the picture is then how many anomalous and how many
other pixels each cell holds, and this is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int32, Int64

from vad.errors import ArtefactError
from vad.localisation.maps import VideoMaps
from vad.localisation.truth import Truth

NEAR = 8
"""A map is compared with boxes so many frames away: boxes of UCF-Crime are drawn on every 16th frame."""


@dataclass(frozen=True, eq=False)
class RegionCells:
    """The anomalous regions of the judged frames of one video, in cells of its maps."""

    place: Int64[np.ndarray, "regions"]
    """Position of the region's frame among the judged ones."""
    track: Int64[np.ndarray, "regions"]
    area: Int64[np.ndarray, "regions"]
    """Pixels, those that no cell covers included."""
    region: Int64[np.ndarray, "entries"]
    """The region of each cell that holds pixels of it."""
    cell: Int64[np.ndarray, "entries"]
    """Index of that cell in the flattened maps of the judged frames."""
    pixels: Int64[np.ndarray, "entries"]
    """Pixels of the region in that cell."""
    frames: Int64[np.ndarray, "frames"]
    """Positions of the frames that have a region among the judged ones."""
    centres: Bool[np.ndarray, "frames rows columns"]
    """In which cells of these frames the centre lies in a region."""


@dataclass(frozen=True, eq=False)
class JudgedMaps:
    """The maps of one test video, and where the video is anomalous."""

    video_id: str
    label: int
    """1 = anomalous, 0 = normal, as the test list says: videos are drawn inside each label."""
    maps: VideoMaps
    truth: Truth

    def __post_init__(self) -> None:
        """Refuse maps of a picture of another size.

        Raises: ArtefactError naming both sizes.
        """
        shown, true = ((each.height, each.width) for each in (self.maps.geometry, self.truth))
        if shown != true:
            what = f"maps of a picture of {shown} pixels, ground truth of {true} (height, width)"
            raise ArtefactError(f"{self.video_id}: {what}. Give the geometry of the annotated pictures.")

    @cached_property
    def judged(self) -> Int64[np.ndarray, "judged 2"]:
        """The map and the frame of the ground truth that are compared, in the order of the frames.

        With complete ground truth each map is compared with its own frame; with sparse truth each annotated frame
        with the nearest map, if that is at most `NEAR` frames away (of two equally near ones the earlier).
        """
        scored, annotated = self.maps.frames, self.truth.annotated()
        if annotated is None:
            return np.stack([np.arange(len(scored)), scored], 1)
        if not len(scored):
            return np.zeros((0, 2), np.int64)
        after = np.searchsorted(scored, annotated).clip(max=len(scored) - 1)
        before = (after - 1).clip(min=0)
        nearer = np.abs(scored[after] - annotated) < np.abs(scored[before] - annotated)
        nearest = np.where(nearer, after, before)
        kept = np.abs(scored[nearest] - annotated) <= NEAR
        return np.stack([nearest, annotated], 1)[kept]

    @cached_property
    def scores(self) -> Float[np.ndarray, "judged rows columns"]:
        """The maps of the judged frames; of maps that are all the same one the first alone."""
        return self.maps.maps[self.judged[: 1 if self.maps.still else None, 0]]

    def beside(self, maps: VideoMaps) -> "JudgedMaps":
        """Other maps of the same frames and cells beside the same ground truth, which is not counted again."""
        other = replace(self, maps=maps)
        if maps.geometry == self.maps.geometry and np.array_equal(maps.frames, self.maps.frames):
            other.__dict__.update(judged=self.judged, _counted=self._counted)
        return other

    @cached_property
    def _counted(self) -> tuple[RegionCells, Int32[np.ndarray, "judged rows columns"], int]:
        """Regions in cells, anomalous pixels in cells, and anomalous pixels that no cell covers."""
        geometry = self.maps.geometry
        size = geometry.rows * geometry.columns
        positive = np.zeros((len(self.judged), geometry.rows, geometry.columns), np.int32)
        y, x = np.moveaxis(np.floor(geometry.centres()).astype(np.int64), -1, 0)
        unseen, n_regions = 0, 0
        frames: list[int] = []
        centres = [np.zeros((0, geometry.rows, geometry.columns), bool)]
        places, tracks, areas, regions, cells, pixels = ([np.zeros(0, np.int64)] for _ in range(6))
        for place, frame in enumerate(self.judged[:, 1]):
            found = self.truth.regions(int(frame))
            if not len(found.tracks):
                continue
            union = found.masks.any(0, keepdims=True)
            *counts, positive[place] = geometry.pooled(np.concatenate([found.masks, union]))
            unseen += int(union.sum()) - int(positive[place].sum())
            frames.append(place)
            centres.append(union[:, y, x])
            own, where = np.nonzero(np.reshape(counts, (len(counts), size)))
            places.append(np.full(len(counts), place))
            tracks.append(found.tracks)
            areas.append(found.masks.sum((1, 2)))
            regions.append(own + n_regions)
            cells.append(where + place * size)
            pixels.append(np.reshape(counts, (len(counts), size))[own, where])
            n_regions += len(counts)
        joined = (np.concatenate(each) for each in (places, tracks, areas, regions, cells, pixels))
        of_frames = np.array(frames, np.int64), np.concatenate(centres)
        return RegionCells(*joined, *of_frames), positive, unseen

    @property
    def regions(self) -> RegionCells:
        """The anomalous regions of the judged frames."""
        return self._counted[0]

    @cached_property
    def positive(self) -> Int64[np.ndarray, "maps rows columns"]:
        """Anomalous pixels that have each of `scores`: those of all frames where the maps are the same one."""
        positive = self._counted[1]
        if not self.maps.still:
            return positive
        return positive.sum(0, dtype=np.int64, keepdims=True)[: len(self.scores)]  # no map, no pixels with its scores

    @property
    def negative(self) -> Int64[np.ndarray, "maps rows columns"]:
        """The other pixels that have each of `scores`."""
        return self.maps.geometry.pixels * (len(self.judged) if self.maps.still else 1) - self.positive

    def place_in_scores(self, cells: Int64[np.ndarray, "entries"]) -> Int64[np.ndarray, "entries"]:
        """Indices in the flattened `scores` from those in the flattened maps of the judged frames."""
        size = self.maps.geometry.rows * self.maps.geometry.columns
        return cells % size if self.maps.still else cells

    @property
    def unseen(self) -> tuple[int, int]:
        """Anomalous and other pixels of the judged frames that no cell covers."""
        positive = self._counted[2]
        return positive, len(self.judged) * self.maps.geometry.unseen - positive

    def annotated_maps(
        self,
    ) -> Iterator[tuple[Float[np.ndarray, "rows columns"], Bool[np.ndarray, "rows columns"]]]:
        """The map of each judged frame that has a region, and the cells whose centre lies in one."""
        for place, inside in zip(self.regions.frames, self.regions.centres, strict=True):
            yield self.scores[0 if self.maps.still else place], inside
