"""Spatial ground truth as room split writes it: one file for each anomalous test video whose truth is known.

Masks are kept as their connected parts, each inside its bounding box, so that a reader opens no picture. Boxes are kept
as they are; the size of their picture is known only where the video was decoded.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from vad.artefacts.files import UNREADABLE, atomic, read_archive
from vad.artefacts.npy import write_npz
from vad.errors import ArtefactError, DatasetError
from vad.localisation.truth import BoxTruth, MaskTruth, Regions, Truth

FOLDER = "truth"
"""Of the tables of a data set."""
UNKNOWN = (0, 0)
"""Height and width of a picture whose video was not decoded."""


class _Part(NamedTuple):
    """One region of a mask."""

    frame: int
    track: int
    top: int
    left: int
    height: int
    width: int
    bits: UInt8[np.ndarray, "bytes"]


@dataclass(frozen=True)
class StoredMasks:
    """The regions of the masks of one video; every frame has a mask."""

    height: int
    """Rows of the masks, in pixels."""
    width: int
    """Columns of the masks, in pixels."""
    n_frames: int
    """Number of masks."""
    places: Int64[np.ndarray, "regions 6"]
    """Frame, track, top, left, height and width of each region; frames ascend."""
    bits: UInt8[np.ndarray, "bytes"]
    """The pixels of each region inside its box, packed, one region after the other."""
    starts: Int64[np.ndarray, "regions+1"]
    """The first byte of each region, and the number of bytes."""

    def annotated(self) -> Int64[np.ndarray, "frames"] | None:
        """None: every frame has a mask."""
        return None

    def regions(self, frame: int) -> Regions:
        """The connected parts of the mask of a frame.

        Raises: DatasetError for a frame without a mask.
        """
        if not 0 <= frame < self.n_frames:
            raise DatasetError(f"{self.n_frames} masks, none for frame {frame}. Complete the masks of this data set.")
        first, end = np.searchsorted(self.places[:, 0], [frame, frame + 1])
        masks = np.zeros((end - first, self.height, self.width), bool)
        for mask, region in zip(masks, range(first, end), strict=True):
            top, left, height, width = self.places[region, 2:]
            packed = self.bits[self.starts[region] : self.starts[region + 1]]
            mask[top : top + height, left : left + width] = _unpacked(packed, height, width)
        return Regions(masks, self.places[first:end, 1])


def _unpacked(bits: UInt8[np.ndarray, "bytes"], height: int, width: int) -> Bool[np.ndarray, "height width"]:
    return np.unpackbits(bits, count=height * width).reshape(height, width).astype(bool)


def write_truth(path: Path, truth: Truth) -> None:
    """Write the ground truth of one video, atomically; equal truth gives equal bytes.

    Raises: DatasetError for a mask that cannot be read.
    """
    if isinstance(truth, BoxTruth):
        kept = {"frames": truth.frames, "tracks": truth.tracks, "edges": truth.edges, "sparse": np.array(truth.sparse)}
    elif isinstance(truth, MaskTruth):
        parts = [part for frame in range(truth.n_frames) for part in _parts(frame, truth.regions(frame))]
        kept = {
            "size": np.array([truth.height, truth.width, truth.n_frames], np.int64),
            "places": np.array([part[:-1] for part in parts], np.int64).reshape(len(parts), 6),
            "bits": np.concatenate([np.zeros(0, np.uint8), *(part.bits for part in parts)]),
            "starts": np.cumsum([0, *(len(part.bits) for part in parts)], dtype=np.int64),
        }
    else:
        raise DatasetError(
            f"{path}: {type(truth).__name__} is neither boxes nor masks. Return one of them in truth_of."
        )
    with atomic(path) as stream:
        write_npz(stream, kept)


def _parts(frame: int, regions: Regions) -> list[_Part]:
    """The regions of a frame, each cut out by its bounding box."""
    found = []
    for mask, track in zip(regions.masks, regions.tracks, strict=True):
        rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        own = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        (height, width), top, left = own.shape, int(rows[0]), int(columns[0])
        found.append(_Part(frame, int(track), top, left, height, width, np.packbits(own)))
    return found


def read_truth(path: Path, size: tuple[int, int]) -> Truth:
    """Read the ground truth of one video.

    Args:
        path: a file that `write_truth` wrote.
        size: height and width of the video's picture in pixels; masks have their own.

    Raises: ArtefactError for a damaged file.
    """
    try:
        kept = read_archive(path)
        if "edges" in kept:
            return BoxTruth(*size, kept["frames"], kept["tracks"], kept["edges"], bool(kept["sparse"]))
        height, width, n_frames = map(int, kept["size"])
        return StoredMasks(height, width, n_frames, kept["places"], kept["bits"], kept["starts"])
    except UNREADABLE as error:
        raise ArtefactError(f"{path}: no readable ground truth ({error}). Run snakemake again.") from error
