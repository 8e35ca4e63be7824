"""The feature file of one video: one writer, one reader, checked on both sides."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt8

from vad.artefacts.clips import DATA, Clips
from vad.artefacts.files import UNREADABLE, atomic, read_archive
from vad.artefacts.npy import StoredArray, write_npz
from vad.errors import FeatureError

FEATURES = "features"
"""Name of the array of rows in a feature file."""
IN_MEMORY = 2**30
"""Bytes of one part's bags, or of its rows, that training holds in memory; what is beyond lies in files."""
READ_AT_ONCE = 2**28
"""Bytes of one video's features that are read at once; a larger video is read block by block."""
BLOCK_BYTES = 2**25
"""Bytes of features that are checked at once; bounds memory."""


@dataclass(frozen=True)
class FeatureFile:
    """The features of one video, with the exact place of every row in the video.

    A row holds a vector, a vector per crop, a map with channels first (`[rows, dim, *space]`), or an image
    (uint8, `[rows, dim, height, width]`). `bounds[i]` is the frame (index from 0) where row i starts;
    `bounds[-1]` is the number of frames.
    """

    features: (
        Float[np.ndarray, "rows dim"]
        | Float[np.ndarray, "rows crops dim"]
        | Float[np.ndarray, "rows dim height width *more"]
        | UInt8[np.ndarray, "rows dim height width"]
    )
    bounds: Int[np.ndarray, "rows+1"]
    report: dict[str, Any] = field(default_factory=dict)
    clips: Clips | None = None
    """The images of each row, where the extractor keeps them."""

    @property
    def n_frames(self) -> int:
        """Frames of the video, as decoded (or as stated, for imported features)."""
        return int(self.bounds[-1])

    @property
    def dim(self) -> int:
        """Width of one feature vector, or channels of a map or image."""
        return features_width(self.features)


class OpenFeatures(NamedTuple):
    """What `open_features` gives: as `FeatureFile`, but large features stay in the file."""

    features: Shaped[np.ndarray, "rows *dims"] | StoredArray
    bounds: Int[np.ndarray, "rows+1"]
    report: dict[str, Any]
    clips: Clips | None


def features_width(features: np.ndarray | StoredArray) -> int:
    """Width of one feature vector, or channels of a map or image."""
    return int(features.shape[-1 if features.ndim < 4 else 1])


def _check_features(where: Path, file: FeatureFile | OpenFeatures) -> None:
    """Check types, shapes, values and bounds of a feature file.

    Raises: FeatureError for anything that a later room could not use.
    """
    features, bounds = file.features, file.bounds
    images = features.dtype == np.uint8 and features.ndim == 4
    if not (images or (features.dtype == np.float32 and features.ndim >= 2)) or 0 in features.shape:
        raise FeatureError(
            f"{where}: features are {features.dtype} {features.shape}, expected float32 [rows, dim],"
            " [rows, crops, dim] or [rows, dim, *space], or uint8 images [rows, dim, height, width], none of"
            " them empty. Extract the video again."
        )
    if (row := _first_bad_row(features)) is not None:
        raise FeatureError(f"{where}: NaN or infinite feature in row {row}. Extract the video again.")
    if bounds.shape != (len(features) + 1,) or bounds[0] != 0 or bounds[-1] < 1 or (np.diff(bounds) < 0).any():
        raise FeatureError(f"{where}: frame bounds do not fit {len(features)} rows. Extract the video again.")
    if file.clips is not None and (problem := file.clips.problem(len(features))):
        raise FeatureError(f"{where}: {problem}. Extract the video again.")


def row_bytes(features: np.ndarray | StoredArray) -> int:
    """Bytes of one row."""
    return features.nbytes // len(features)


def _first_bad_row(features: np.ndarray | StoredArray) -> int | None:
    """The first row with a value that is not finite; of features in a file every byte is read and checked."""
    rows = max(BLOCK_BYTES // row_bytes(features), 1)
    held = isinstance(features, np.ndarray)
    blocks = (features[i : i + rows] for i in range(0, len(features), rows)) if held else features.blocks(rows)
    bad = None
    for number, block in enumerate(blocks):
        if bad is None and block.dtype != np.uint8 and not np.isfinite(block).all():  # a byte is always finite
            bad = number * rows + int(np.argwhere(~np.isfinite(block))[0][0])
    return bad


def file_name(video_id: str, copy: int = 0) -> str:
    """The name of the feature file of a video; `copy` 0 is the plain video, the others have changed pictures.

    A dot is in no id: names cannot collide.
    """
    return f"{video_id}.copy{copy}.npz" if copy else f"{video_id}.npz"


def write_features(path: Path, file: FeatureFile) -> None:
    """Write one video's features (equal content gives equal bytes)."""
    _check_features(path, file)
    report = np.array(json.dumps(file.report, sort_keys=True, allow_nan=False))
    with atomic(path) as stream:
        images = file.clips.arrays() if file.clips else {}
        own = {"features": file.features, "bounds": file.bounds.astype(np.int64), "report": report}
        write_npz(stream, {**own, **images})


def stored_features(path: Path) -> StoredArray:
    """The rows of a feature file, of which nothing is read before a part is taken. Values are not checked.

    Raises: FeatureError for a file that holds no such array.
    """
    try:
        return StoredArray(path, FEATURES)
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def read_features(path: Path, dim: int | None = None) -> FeatureFile:
    """Read one video's features.

    Args:
        path: a file that `write_features` wrote.
        dim: expected width of a feature vector; None accepts any.

    Raises: FeatureError for a damaged file or another width.
    """
    file = open_features(path, dim)
    assert isinstance(file.features, np.ndarray)
    return FeatureFile(file.features, file.bounds, file.report, file.clips)


def open_features(
    path: Path, dim: int | None = None, most: int | None = None, stored: StoredArray | None = None
) -> OpenFeatures:
    """Read one video's features, or check them and leave them in the file if they are large.

    Args:
        path: a file that `write_features` wrote.
        dim: expected width of a feature vector; None accepts any.
        most: bytes; features that are larger stay in the file. None = they are always brought into memory.
        stored: the rows of this file, where the caller has found them by `stored_features`: a look at the file less.

    Raises: FeatureError for a damaged file or another width.
    """
    try:
        stored = None if most is None else stored or StoredArray(path, FEATURES)
        if stored is None or (most is not None and stored.nbytes <= most):
            archive = read_archive(path, leave=(DATA,))
            features = archive[FEATURES]
        else:
            archive, features = read_archive(path, leave=(DATA, FEATURES)), stored
        report = json.loads(str(archive["report"]))
        file = OpenFeatures(features, archive["bounds"], report, Clips.stored(path, archive))
        _check_features(path, file)
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    if dim is not None and (found := features_width(file.features)) != dim:
        raise FeatureError(
            f"{path}: features are {found} wide, the model expects {dim}. Check `features` of the variant."
        )
    return file


def shape_of(path: Path) -> dict[str, Any]:
    """What the cost of reading one video's features hangs on: types, sizes and bounds of rows, not the values.

    Args:
        path: a file that `write_features` wrote.

    Returns: equal JSON for files of equal shape.

    Raises: FeatureError for a damaged file.
    """
    file = read_features(path)
    return {
        "features": [str(file.features.dtype), list(file.features.shape)],
        "bounds": hashlib.sha256(file.bounds.tobytes()).hexdigest(),
        "clips": file.clips is not None,
    }


def _unreadable(path: Path, error: Exception) -> FeatureError:
    return FeatureError(f"{path}: not a readable feature file ({error}). Delete it and run snakemake again.")
