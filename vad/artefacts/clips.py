"""The pixels beside a feature file's rows: 16 small JPEG images a row, decoded only when a model asks for them.

Imports no torch: `vad.artefacts` reads and writes them.
"""

import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from vad.artefacts.npy import StoredArray
from vad.errors import FeatureError

SegmentMap = Literal["exact", "upstream"]
DATA, OFFSETS = "clips", "clip_offsets"
"""Names of the two arrays in a feature file."""
JPEG = np.frombuffer(b"\xff\xd8", np.uint8)
"""The first two bytes of every JPEG image."""


@dataclass(frozen=True)
class Clips:
    """The images of one video: image f of row r is `data[offsets[r, f] : offsets[r, f + 1]]`."""

    data: UInt8[np.ndarray, " bytes"] | StoredArray
    """In memory, or in the feature file: the images of a large data set are many gigabytes."""
    offsets: Int[np.ndarray, "rows edges"]
    decoded: dict[int, UInt8[np.ndarray, "frames height width 3"]] | None = field(default=None, compare=False)
    """The rows decoded so far, where several models look at the same ones; None keeps nothing."""

    @classmethod
    def of(cls, images: Sequence[Sequence[bytes]]) -> "Clips":
        """From the encoded images of each row, equally many in each."""
        ends = np.cumsum([[len(image) for image in row] for row in images]).reshape(len(images), -1)
        starts = np.concatenate([[0], ends[:-1, -1]])[:, None]
        data = np.frombuffer(b"".join(image for row in images for image in row), np.uint8)
        return cls(data, np.concatenate([starts, ends], axis=1).astype(np.int64))

    @classmethod
    def stored(cls, path: Path, archive: Mapping[str, np.ndarray]) -> "Clips | None":
        """From the arrays of a feature file but DATA, which stays in the file; None for one without images."""
        return cls(StoredArray(path, DATA), archive[OFFSETS]) if OFFSETS in archive else None

    def decoded_once(self) -> "Clips":
        """The same images, each row decoded once and then held: one video's rows, a few megabytes of small images."""
        return replace(self, decoded={})

    def arrays(self) -> dict[str, np.ndarray]:
        """The two arrays that a feature file stores, by name."""
        return {DATA: self.data[0 : len(self.data)], OFFSETS: self.offsets}

    def __len__(self) -> int:
        """Rows."""
        return len(self.offsets)

    def problem(self, rows: int) -> str:
        """Why these arrays cannot be the images of `rows` rows; "" if they can."""
        data, offsets = self.data, self.offsets
        if data.dtype != np.uint8 or data.ndim != 1 or offsets.dtype != np.int64 or offsets.ndim != 2:
            return f"images are {data.dtype} {data.shape} with offsets {offsets.dtype} {offsets.shape}"
        if len(offsets) != rows or offsets.shape[1] < 2:
            return f"images of {offsets.shape[1] - 1} frames for {len(offsets)} of {rows} rows"
        edges = np.append(offsets[:, :-1], offsets[-1, -1])
        joined = (offsets[1:, 0] == offsets[:-1, -1]).all()
        if not joined or edges[0] != 0 or edges[-1] != len(data) or (np.diff(edges) < len(JPEG)).any():
            return "the offsets of the images do not fit their bytes"
        if isinstance(data, np.ndarray) and (data[edges[:-1, None] + np.arange(len(JPEG))] != JPEG).any():
            return "an image is no JPEG"
        return ""

    def frames(self, row: int, chosen: Sequence[int] | None = None) -> UInt8[np.ndarray, "frames height width 3"]:
        """The RGB images of a row, decoded.

        Args:
            row: from 0.
            chosen: which of its images, from 0; None = all. The others are not decoded.

        Raises: FeatureError for an image that cannot be decoded or has another size than the first.
        """
        if self.decoded is not None and row in self.decoded:
            return self.decoded[row] if chosen is None else self.decoded[row][list(chosen)]
        edges = self.offsets[row]
        try:
            data = self.data[edges[0] : edges[-1]].tobytes()
            pairs = list(itertools.pairwise(edges - edges[0]))
            wanted = pairs if chosen is None else [pairs[place] for place in chosen]
            frames = np.stack([_decode_jpeg(data[a:b]) for a, b in wanted])
        except (OSError, SyntaxError, ValueError) as error:
            raise FeatureError(
                f"an image of row {row} cannot be decoded ({error}). Extract the video again."
            ) from error
        if self.decoded is not None and chosen is None:
            self.decoded[row] = frames
        return frames


def encode_jpeg(frame: UInt8[np.ndarray, "height width 3"], quality: int) -> bytes:
    """Encode an RGB image as JPEG; equal images give equal bytes with the same version of Pillow."""
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=quality, subsampling="4:2:0")
    return stream.getvalue()


def _decode_jpeg(image: bytes) -> UInt8[np.ndarray, "height width 3"]:
    with Image.open(io.BytesIO(image), formats=["JPEG"]) as opened:
        return np.asarray(opened.convert("RGB"))


def row_of(segment: int, bag_segments: int, rows: int, rule: SegmentMap = "exact") -> int:
    """The row of a video that holds the clip of a segment of its bag.

    Args:
        segment: index in the bag, from 0.
        bag_segments: segments of the bag.
        rows: rows of the video.
        rule: `exact` = the first row that the segment was made of (`vad.engine.expansion.resample_bounds`);
            `upstream` = as released: steps of rows // bag_segments, at least 1, and one row early.

    Differs: upstream runs past the end of videos shorter than the bag; here it stops at the last row.
    """
    if rule == "exact":
        return segment * rows // bag_segments
    return min(max(segment * max(1, rows // bag_segments) - 1, 0), rows - 1)


@dataclass(frozen=True)
class BagClips:
    """The clips of each bag of a batch; nothing is decoded until `frames`."""

    videos: Sequence[Clips]

    def rows(self, bag: int, bag_segments: int, rule: SegmentMap = "exact") -> list[int]:
        """The row that holds the clip of each segment of a bag (see `row_of`)."""
        return [row_of(segment, bag_segments, len(self.videos[bag]), rule) for segment in range(bag_segments)]

    def frames(
        self,
        bags: Sequence[int],
        segments: Sequence[int],
        bag_segments: int,
        rule: SegmentMap = "exact",
    ) -> UInt8[np.ndarray, "clips frames height width 3"]:
        """The clips of some segments of some bags.

        Args:
            bags: indices in the batch.
            segments: one of each of these bags, from 0.
            bag_segments: segments of every bag.
            rule: see `row_of`.

        Raises: FeatureError for an image that cannot be decoded.
        """
        wanted = [(self.videos[bag], segment) for bag, segment in zip(bags, segments, strict=True)]
        return np.stack([clips.frames(row_of(segment, bag_segments, len(clips), rule)) for clips, segment in wanted])
