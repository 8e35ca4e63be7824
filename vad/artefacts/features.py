"""The feature file of one video: one writer, one reader, checked on both sides."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from vad.artefacts.clips import DATA, Clips
from vad.artefacts.files import UNREADABLE, atomic, read_archive
from vad.errors import FeatureError


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
        return int(self.features.shape[-1 if self.features.ndim < 4 else 1])


def _check_features(where: Path, file: FeatureFile) -> None:
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
    if not images and not np.isfinite(features).all():  # a byte is always finite
        row = int(np.argwhere(~np.isfinite(features))[0][0])
        raise FeatureError(f"{where}: NaN or infinite feature in row {row}. Extract the video again.")
    if bounds.shape != (len(features) + 1,) or bounds[0] != 0 or bounds[-1] < 1 or (np.diff(bounds) < 0).any():
        raise FeatureError(f"{where}: frame bounds do not fit {len(features)} rows. Extract the video again.")
    if file.clips is not None and (problem := file.clips.problem(len(features))):
        raise FeatureError(f"{where}: {problem}. Extract the video again.")


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
        np.savez(stream, features=file.features, bounds=file.bounds.astype(np.int64), report=report, **images)  # type: ignore[arg-type]


def read_features(path: Path, dim: int | None = None) -> FeatureFile:
    """Read one video's features.

    Args:
        path: a file that `write_features` wrote.
        dim: expected width of a feature vector; None accepts any.

    Raises: FeatureError for a damaged file or another width.
    """
    try:
        archive = read_archive(path, leave=(DATA,))
        report = json.loads(str(archive["report"]))
        file = FeatureFile(archive["features"], archive["bounds"], report, Clips.stored(path, archive))
    except UNREADABLE as error:
        raise FeatureError(
            f"{path}: not a readable feature file ({error}). Delete it and run snakemake again."
        ) from error
    _check_features(path, file)
    if dim is not None and file.dim != dim:
        raise FeatureError(
            f"{path}: features are {file.dim} wide, the model expects {dim}. Check `features` of the variant."
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
