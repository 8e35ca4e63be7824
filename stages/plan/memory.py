"""The memory that jobs ask for, in MB, from what is known before they run: videos, crops and width of the features.

It is the memory of the process itself. Pages of mapped feature files are not in it: the system takes them back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vad.artefacts.features import IN_MEMORY, READ_AT_ONCE

MB = 2**20
BASE, TRAINING = 2000, 500
"""Python, torch, a model and its batches; what training takes beside them."""
ROWS = 453
"""Rows of a video, as in UCF-Crime: 13.77 million frames of 1,900 videos, 16 frames a row; bags are shorter."""
LONGEST_SHARE = 1 / 14
"""Of all rows, those of the longest video, as in UCF-Crime."""
ROW_WORK = 40 * 1024
"""Bytes for each row of a video that is scored at its full length: UR-DMU's 512 channels in all their copies."""
WIDEST, MOST_CROPS = 2048, 10
"""Numbers of a row and crops where the settings of the features do not say them."""


@dataclass(frozen=True)
class Shape:
    """The size of a data set's features.

    Attributes:
        videos: of the train and the test list.
        crops: of a row.
        dim: numbers of a crop.
        longest: rows of the longest video; 0 = not known.
        copies: of each train video.
    """

    videos: int
    crops: int
    dim: int
    longest: int = 0
    copies: int = 0

    @property
    def longest_rows(self) -> int:
        """Rows of the longest video, if need be estimated."""
        return self.longest or int(self.videos * ROWS * LONGEST_SHARE)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.crops * self.dim * 4


def shape_of(entry: Mapping[str, Any], videos: int, copies: int = 0) -> Shape:
    """The size of features.

    Args:
        entry: the settings of the extractor that makes the vectors.
        videos: of the data set.
        copies: of each train video.
    """
    crops = entry.get("crops")
    if not isinstance(crops, int):
        has_crops = entry.get("format") == "crops_files" or "crops" in str(entry.get("layout"))
        crops = MOST_CROPS if has_crops else 1
    return Shape(videos, crops, entry.get("dim", WIDEST), copies=copies)


def train_mb(shape: Shape) -> int:
    """Memory of training: of each part, and of each copy of the fit part, what is not left in files."""
    part = min(shape.videos * ROWS * shape.row_bytes, IN_MEMORY)
    return BASE + TRAINING + ((2 + shape.copies) * part + _read_at_once(shape)) // MB


def infer_mb(shape: Shape) -> int:
    """Memory of scoring: one video, or one crop of it, and what a model holds for each of its rows."""
    crop = shape.longest_rows * (shape.dim * 4 + ROW_WORK)
    return BASE + (2 * _read_at_once(shape) + crop) // MB


def features_mb(shape: Shape) -> int:
    """Memory of making features: those of one video, three times while crops are put together and written."""
    return max(2500, BASE + 3 * shape.longest_rows * shape.row_bytes // MB)


def _read_at_once(shape: Shape) -> int:
    return min(shape.longest_rows * shape.row_bytes, READ_AT_ONCE)
