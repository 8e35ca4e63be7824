"""For all data sets: files of one label a frame, a text file with 0 or 1 a line, or a `.npy` array."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vad.artefacts.npy import load_npy
from vad.datasets._text import encoding_of
from vad.errors import DatasetError, listing

FRAME_LABEL_SUFFIXES = (".csv", ".npy")
SEGMENT = 16
"""Frames of a segment in the arrays that circulate with features."""
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


@dataclass(frozen=True)
class Labelled:
    """A test video as its list states it: how many labels of an array are its own, and what they should be."""

    video_id: str
    label: int
    n_frames: int


def split_frame_labels(path: Path, videos: Sequence[Labelled]) -> dict[str, UInt8[np.ndarray, " frames"]]:
    """The labels of each video from one array for all of them, joined in the order of the test list.

    Args:
        path: as for `read_frame_labels`.
        videos: all of the test list, in its order.

    Raises: DatasetError for another number of labels than frames; and for normal videos with marked frames or
        anomalous ones without, which another order of the array gives.
    """
    labels = read_frame_labels(path, None)
    lengths = [video.n_frames for video in videos]
    if len(labels) != sum(lengths):
        whole = sum(length // SEGMENT * SEGMENT for length in lengths)
        also = (
            f" (whole segments of {SEGMENT} frames alone: the last frames have no label)"
            if len(labels) == whole
            else ""
        )
        have = f"the {len(videos)} test videos have {sum(lengths)} frames"
        fix = "Make the array for every frame, or set frame_labels to null."
        raise DatasetError(f"{path}: {len(labels)} labels{also}, but {have}. {fix}")
    parts = np.split(labels, np.cumsum(lengths)[:-1])
    marked = {video.video_id: part for video, part in zip(videos, parts, strict=True)}
    wrong = [video for video in videos if bool(video.label) != bool(marked[video.video_id].any())]
    problems = [
        f"{video.video_id}: {'anomalous, but no frame is' if video.label else 'normal, but some frames are'} marked"
        for video in wrong[:_SHOWN]
    ]
    if wrong:
        where = f"{path}: {len(wrong)} of {len(videos)} test videos" if len(wrong) > _SHOWN else str(path)
        raise DatasetError(listing(where, problems, "Join the labels in the order of the test list."))
    return marked


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
