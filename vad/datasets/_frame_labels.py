"""For all data sets: files of one label a frame, a text file with 0 or 1 a line, or a `.npy` array."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vad.artefacts.npy import load_npy
from vad.datasets._text import encoding_of
from vad.errors import DatasetError, listing

FRAME_LABEL_SUFFIXES = (".csv", ".npy")
_SHOWN = 10


def read_frame_labels(path: Path, n_frames: int | None) -> UInt8[np.ndarray, " frames"]:
    """The labels of one video's frames, 1 = anomalous.

    Args:
        path: `.csv` with one 0 or 1 a line, or `.npy` of shape (n,), (1, n) or (n, 1) with numbers 0 and 1.
        n_frames: frames as decoded; the file must have exactly as many labels. None skips this check.

    Raises: DatasetError for anything else.
    """
    labels = _of_npy(path) if path.suffix.lower() == ".npy" else _of_text(path)
    if n_frames is not None and len(labels) != n_frames:
        raise DatasetError(
            f"{path}: {len(labels)} labels, but the video has {n_frames} frames. Every frame needs one label."
        )
    return labels


def _of_text(path: Path) -> UInt8[np.ndarray, " frames"]:
    try:
        lines = path.read_text(encoding=encoding_of(path)).rstrip().splitlines()
    except (OSError, UnicodeError) as error:
        raise DatasetError(f"{path}: cannot be read as text ({error}). Write one 0 or 1 a line.") from error
    words = [line.strip() for line in lines]
    wrong = [f"line {n}: {word[:40]!a} is neither 0 nor 1" for n, word in enumerate(words, 1) if word not in {"0", "1"}]
    if wrong or not words:
        more = [f"and {len(wrong) - _SHOWN} more lines"] if len(wrong) > _SHOWN else []
        problems = [*wrong[:_SHOWN], *more] or ["no labels"]
        raise DatasetError(listing(str(path), problems, "Write one 0 or 1 a line, without a header."))
    return np.array(words, dtype=np.uint8)


def _of_npy(path: Path) -> UInt8[np.ndarray, " frames"]:
    try:
        array = load_npy(path)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}. Save it again with numpy.save.") from error
    if array.dtype.kind not in "biuf" or array.size != max(array.shape, default=0):
        raise DatasetError(f"{path}: expected one row of numbers. Save an array of shape (frames,).")
    labels = array.ravel()
    if labels.size == 0 or not np.isin(labels, (0, 1)).all():
        raise DatasetError(f"{path}: labels must be 0 or 1, one for each frame, at least one.")
    return labels.astype(np.uint8)
