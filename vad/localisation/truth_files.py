"""Reads and writes spatial ground truth in the forms that circulate: rows of boxes, and masks.

Nothing of a file is run: no pickle is loaded.
"""

import csv
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from vad.artefacts.files import write_text
from vad.artefacts.fingerprint import image_files
from vad.artefacts.npy import load_npy
from vad.errors import DatasetError, listing
from vad.localisation.truth import NO_TRACK, BoxTruth, MaskTruth

_LAST_NUMBER = re.compile(r"(\d+)\D*$", re.ASCII)
COLUMNS = ("video", "frame", "x1", "y1", "x2", "y2")
"""Of a table of UCF-Crime's boxes."""
MOST_FRAMES = 10**9
"""A number of this size is no frame number."""


class Box(NamedTuple):
    """One row of a file."""

    frame: int
    """From 0."""
    track: int
    left: float
    top: float
    right: float
    bottom: float


def track_rows(boxes: Iterable[Box]) -> str:
    """The text of a file of boxes: a row `file track x_center y_center width height` for each, frames from 1."""
    return "".join(
        f"{box.frame + 1:06d} {box.track} {(box.left + box.right) / 2:g} {(box.top + box.bottom) / 2:g}"
        f" {box.right - box.left:g} {box.bottom - box.top:g}\n"
        for box in boxes
    )


def write_track_rows(path: Path, boxes: Iterable[Box]) -> None:
    """Write the boxes of one video as `track_rows`, atomically."""
    write_text(path, track_rows(boxes))


def read_track_rows(path: Path, height: int, width: int, first: int = 1) -> BoxTruth:
    """The boxes of one video from rows `file track x_center y_center width height`, separated by blanks or commas.

    In this form the region and track annotations of Ped1, Ped2, Avenue and Street Scene circulate.

    Args:
        path: the file; an empty one means a normal video.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        first: number of the first frame in the names of files; the last number in a name is that of the frame.

    Raises: DatasetError that lists the rows that cannot be read.
    """
    boxes, problems = [], []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            boxes.append(_track_box(line.replace(",", " ").split(), first))
        except ValueError as error:
            problems.append(f"{path.name}, line {number}: {error}")
    if problems:
        raise DatasetError(listing(str(path), problems, "Wanted: file track x_center y_center width height."))
    return _truth(boxes, height, width, sparse=False)


def _track_box(fields: list[str], first: int) -> Box:
    """One row.

    Raises: ValueError saying what is wrong.
    """
    if len(fields) != 6:
        raise ValueError(f"{len(fields)} fields, wanted 6")
    match = _LAST_NUMBER.search(Path(fields[0]).stem)
    if not match or not 0 <= int(match[1]) - first < MOST_FRAMES:
        raise ValueError(f"{fields[0][:40]!a} has no frame number from {first}")
    track, x, y, width, height = map(_number, fields[1:])
    if track != int(track) or width <= 0 or height <= 0:
        raise ValueError("the track is no whole number, or the box has no area")
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Box(int(match[1]) - first, int(track), *box)


def has_edges(path: Path) -> bool:
    """Whether a file is a table with the edges of boxes, and not a pickle or a table of frames alone."""
    if path.suffix.lower() != ".csv":
        return False
    return not [name for name in COLUMNS if name not in next(csv.reader(_text(path).splitlines()), [])]


def read_ucf_boxes(
    path: Path, sizes: dict[str, tuple[int, int]], name_of: Callable[[str], str] = str
) -> dict[str, BoxTruth]:
    """Boxes of UCF-Crime videos, which are drawn on about every 16th frame of an event; no track is known.

    Args:
        path: CSV with the columns of `COLUMNS`: frames from 1, edges of boxes in pixels.
        sizes: height and width of each video's picture; boxes of other videos are left out.
        name_of: gives the name in `sizes` from the one in the table.

    Returns: by video, in the order of `sizes`; videos without a box are left out.
    Raises: DatasetError that lists the rows that cannot be read.

    Paper: Liu and Ma, "Exploring Background-bias for Anomaly Detection in Surveillance Videos", ACM MM 2019.
    """
    boxes: dict[str, list[Box]] = {video: [] for video in sizes}
    problems = []
    table = csv.DictReader(_text(path).splitlines())
    if missing := [name for name in COLUMNS if name not in (table.fieldnames or [])]:
        raise DatasetError(f"{path}: no column {', '.join(missing)}. Wanted: {', '.join(COLUMNS)}.")
    for number, row in enumerate(table, 2):
        if (name := name_of(row["video"] or "")) not in boxes:
            continue
        try:
            frame, *edges = (_number(row[column] or "") for column in COLUMNS[1:])
            if frame != int(frame) or not 1 <= frame < MOST_FRAMES or edges[2] <= edges[0] or edges[3] <= edges[1]:
                raise ValueError("no frame number from 1, or a box without area")
            boxes[name].append(Box(int(frame) - 1, NO_TRACK, *edges))
        except ValueError as error:
            problems.append(f"{path.name}, line {number}: {error}")
    if problems:
        raise DatasetError(listing(str(path), problems, f"Wanted: {', '.join(COLUMNS)}."))
    return {video: _truth(found, *sizes[video], sparse=True) for video, found in boxes.items() if found}


def _number(text: str) -> float:
    """A finite number.

    Raises: ValueError for anything else.
    """
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]!a} is no finite number")
    return value


def _text(path: Path) -> str:
    """The text of a file.

    Raises: DatasetError if it cannot be read as text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: no boxes to read ({error}). Put the file there.") from error


def _truth(boxes: list[Box], height: int, width: int, *, sparse: bool) -> BoxTruth:
    """The rows as arrays."""
    edges = np.array([box[2:] for box in boxes], float).reshape(len(boxes), 4)
    frames = np.array([box.frame for box in boxes], np.int64)
    return BoxTruth(height, width, frames, np.array([box.track for box in boxes], np.int64), edges, sparse)


def mask_images(folder: Path) -> MaskTruth:
    """A folder with one mask image for each frame (Ped1, Ped2: `TestNNN_gt/*.bmp`; `mini_walk`: png), 0 = normal.

    Raises: DatasetError if there is no image or one cannot be read; the images are read when they are used.
    """
    from PIL import Image

    try:
        files = image_files(folder)
    except OSError as error:
        raise DatasetError(f"{folder}: no folder of masks ({error}). Put the masks there.") from error

    def read(frame: int) -> Bool[np.ndarray, "height width"]:
        """The mask of a frame, counted from 0."""
        try:
            picture = np.asarray(Image.open(files[frame]))
        except (OSError, SyntaxError, ValueError) as error:
            raise DatasetError(f"{files[frame]}: the mask cannot be read ({error}). Replace it.") from error
        return np.asarray(picture.reshape(*picture.shape[:2], -1).any(-1))

    return _masks(read, len(files), folder)


def mask_volume(path: Path) -> MaskTruth:
    """A `N_label.mat` of Avenue: `volLabel`, a cell array with one mask for each frame, 0 = normal.

    Raises: DatasetError for any other file.
    """
    from scipy.io import loadmat

    try:
        cells = loadmat(path)["volLabel"].ravel()
    except Exception as error:  # the reader lets errors of its parsers through
        what = f"{type(error).__name__}: {error}"
        raise DatasetError(f"{path}: no cell array `volLabel` of masks ({what}). Replace the file.") from error
    return _masks(lambda frame: np.asarray(cells[frame]) > 0, len(cells), path)


def mask_array(path: Path) -> MaskTruth:
    """A `.npy` of masks, frames first, 0 = normal (ShanghaiTech: `test_pixel_mask/01_0014.npy`).

    Raises: DatasetError for any other file.
    """
    try:
        masks = load_npy(path)
        if masks.ndim != 3:
            raise ValueError(f"shape {masks.shape}, wanted [frames, height, width]")
    except ValueError as error:
        raise DatasetError(f"{path}: no masks ({error}). Replace the file.") from error
    return _masks(lambda frame: masks[frame] > 0, len(masks), path)


def _masks(read: Callable[[int], Bool[np.ndarray, "height width"]], count: int, place: Path) -> MaskTruth:
    """Masks that are as large as the first of them.

    Raises: DatasetError where there is none.
    """
    if not count:
        raise DatasetError(f"{place}: no mask in it. Put one mask for each frame there.")
    first = read(0)
    if first.ndim != 2:
        raise DatasetError(f"{place}: a mask has {first.ndim} axes, wanted height and width. Replace it.")
    return MaskTruth(first.shape[0], first.shape[1], count, read, str(place))
