"""For data sets of one class: frame labels in the forms that circulate: one vector, MATLAB intervals, pixel masks.

Each reader gives one array per test sequence, by id, and adds what is wrong to the caller's list of problems.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Int64, Shaped, UInt8

from vad.artefacts.fingerprint import image_files
from vad.datasets._frame_labels import read_frame_labels
from vad.datasets._one_class_sequences import StoredSequence
from vad.errors import DatasetError
from vad.evaluation.annotations import FRAME_COUNT_TOLERANCE
from vad.evaluation.ground_truth import SHIFT, IntervalRule

Marks = dict[str, UInt8[np.ndarray, " frames"]]
"""1 = anomalous, by the id of the sequence."""

_GT_FRAME = re.compile(r"gt_frame\s*=\s*\[([^\]]*)\]")
_RANGE = re.compile(r"(\d+)(?::(\d+))?")


def of_vector(path: Path, published: Sequence[int], sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """One `.npy` for all test sequences joined by number, of shape (n,) or (1, n), as MNAD ships them.

    Args:
        path: the vector.
        published: frames of each sequence in the literature, to say which sequences are too short or too long.
        sequences: test sequences in the order of their numbers.
        problems: receives what is wrong.
    """
    try:
        labels = read_frame_labels(path, None)
    except DatasetError as error:
        problems.append(str(error))
        return {}
    lengths = [sequence.n_frames or 0 for sequence in sequences]
    if len(labels) != sum(lengths):
        have = f"the {len(sequences)} test sequences have {sum(lengths)} frames"
        problems.append(f"{path}: {len(labels)} labels, but {have}")
        problems += _other_lengths(sequences, lengths, published)
        return {}
    parts = np.split(labels, np.cumsum(lengths)[:-1])
    return {sequence.video_id: part for sequence, part in zip(sequences, parts, strict=True)}


def _other_lengths(sequences: Sequence[StoredSequence], lengths: Sequence[int], published: Sequence[int]) -> list[str]:
    """The sequences of another length than published; all lengths where that explains nothing."""
    pairs = zip(sequences, lengths, published, strict=False)
    wrong = [f"{sequence.video_id}: {n} frames, {known} as published" for sequence, n, known in pairs if n != known]
    if len(sequences) == len(published) and len(wrong) < len(sequences):
        return wrong
    each = [f"{sequence.video_id} {n}" for sequence, n in zip(sequences, lengths, strict=True)]
    return [f"frames of the sequences: {', '.join(each)}"]


def of_matlab_script(path: Path, rule: str, sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """`UCSDped2.m`: for each test sequence `gt_frame = [61:180];`, by default from 1, both ends included.

    Args:
        path: the script.
        rule: how its intervals count frames, one of `vad.splits.tables.INTERVAL_RULES`.
        sequences: test sequences in the order of their numbers.
        problems: receives what is wrong.
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error})")
        return {}
    found = _GT_FRAME.findall("\n".join(line.partition("%")[0] for line in lines))
    intervals = []
    for cell in found:
        ranges = [_RANGE.fullmatch(word) for word in re.split(r"[\s,]+", cell.strip()) if word]
        if None in ranges:
            problems.append(f"{path}: [{cell[:40]}] is no list of ranges like 61:180")
        intervals.append([(int(r[1]), int(r[2] or r[1])) for r in ranges if r])
    return _filled(path, rule, intervals, sequences, problems)


def of_matlab_intervals(path: Path, rule: str, sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """`avenue.mat` of ano_pred: in `gt` a cell per test sequence, a row of starts, a row of ends, from 1, inclusive.

    Cells that hold an interval in each row instead are read as such; the shapes of all cells decide together.
    Args: see `of_matlab_script`.
    """
    try:
        cells = [_interval_cell(cell) for cell in _cells(path, "gt")]
        by_rows = _intervals_in_rows(cells)
    except (OSError, ValueError, TypeError) as error:
        problems.append(f"{path}: no cell array `gt` of intervals ({error})")
        return {}
    pairs = [(cell.reshape(-1, 2) if by_rows else cell.T).tolist() for cell in cells]
    crossing = [(a, b) for found in pairs for a, b in pairwise(found) if b[0] < a[1]]
    if crossing:
        (s1, e1), (s2, e2) = crossing[0]
        fix = "Store a row of starts, then a row of ends, in the order of time"
        problems.append(f"{path}: intervals {s1} to {e1} and {s2} to {e2} overlap or are not in order. {fix}")
        return {}
    return _filled(path, rule, pairs, sequences, problems)


def _interval_cell(cell: np.ndarray) -> Int64[np.ndarray, "rows columns"]:
    """One cell as a table of whole numbers; a single interval as one column.

    Raises: ValueError for anything else.
    """
    inner = np.asarray(cell)
    while inner.dtype == object and inner.size == 1:
        inner = np.asarray(inner.item())
    if inner.size == 0:
        return np.zeros((2, 0), np.int64)
    table = inner.reshape(2, 1) if inner.size == 2 else inner
    if table.ndim != 2 or 2 not in table.shape:
        raise ValueError(f"a cell has the shape {inner.shape}, expected (2, n): starts, ends")
    whole = table.astype(np.int64)
    if (whole != table).any():
        raise ValueError("a cell holds numbers that are not whole")
    return whole


def _intervals_in_rows(cells: Sequence[Int64[np.ndarray, "rows columns"]]) -> bool:
    """Whether cells of shape (n, 2) hold an interval in each row; False = starts and ends are rows, (2, n).

    Raises: ValueError where cells of both shapes are there.
    """
    telling = {cell.shape for cell in cells if cell.size and cell.shape != (2, 2) and cell.shape != (2, 1)}
    tall = {shape for shape in telling if shape[1] == 2}
    if tall and telling - tall:
        raise ValueError(
            f"cells of shapes {min(tall)} and {min(telling - tall)} are mixed: intervals in rows or columns?"
        )
    return bool(tall)


def _filled(
    path: Path,
    rule: str,
    intervals: Sequence[Sequence[Sequence[int]]],
    sequences: Sequence[StoredSequence],
    problems: list[str],
) -> Marks:
    """One label a frame from intervals; an end that is a frame or two late is cut."""
    before, after = SHIFT[cast(IntervalRule, rule)]
    if len(intervals) != len(sequences):
        have = f"there are {len(sequences)} test sequences"
        problems.append(f"{path}: intervals of {len(intervals)} sequences, but {have}")
        return {}
    marks: Marks = {}
    for sequence, ranges in zip(sequences, intervals, strict=True):
        labels = marks[sequence.video_id] = np.zeros(sequence.n_frames or 0, np.uint8)
        for start, end in ranges:
            first, stop = start + before, end + after
            if not 0 <= first < stop <= len(labels) + FRAME_COUNT_TOLERANCE:
                have = f"the sequence has {len(labels)} frames (interval: {rule})"
                problems.append(f"{path}: {sequence.video_id}: {start} to {end}, but {have}")
            labels[max(first, 0) : max(stop, 0)] = 1
    return marks


def of_mask_images(folders: Mapping[str, Path], sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """A folder of mask images beside each sequence: a frame is anomalous where any pixel is above 0."""
    # Snakemake loads this module only to know paths: picture and MATLAB readers are imported where they are used.
    from PIL import Image

    marks: Marks = {}
    for sequence in sequences:
        images = image_files(folders[sequence.video_id]) if sequence.video_id in folders else []
        try:
            marks[sequence.video_id] = np.array([np.asarray(Image.open(path)).any() for path in images], np.uint8)
        except (OSError, SyntaxError, ValueError) as error:
            problems.append(f"{folders[sequence.video_id]}: a mask cannot be read ({error})")
    return fitting(marks, "masks", sequences, problems)


def of_mask_volumes(files: Mapping[str, Path], sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """`N_label.mat` of Avenue: `volLabel`, a cell per frame with its mask."""
    marks: Marks = {}
    for sequence in sequences:
        try:
            cells = _cells(files[sequence.video_id], "volLabel") if sequence.video_id in files else []
            marks[sequence.video_id] = np.array([np.asarray(cell).any() for cell in cells], np.uint8)
        except (OSError, ValueError, TypeError) as error:
            problems.append(f"{files[sequence.video_id]}: no cell array `volLabel` of masks ({error})")
    return fitting(marks, "masks", sequences, problems)


def fitting(marks: Marks, what: str, sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """Marks of the right length; the others are problems."""
    for sequence in (sequence for sequence in sequences if sequence.video_id in marks):
        if (count := len(marks[sequence.video_id])) != sequence.n_frames:
            problems.append(f"{sequence.video_id}: {count} {what}, but the sequence has {sequence.n_frames} frames")
    return marks


def _cells(path: Path, name: str) -> Shaped[np.ndarray, " cells"]:
    """The cells of a cell array in a `.mat` file.

    Raises: ValueError for any other file.
    """
    from scipy.io import loadmat

    try:
        return loadmat(path)[name].ravel()
    except Exception as error:  # the reader lets errors of its parsers through
        raise ValueError(f"{type(error).__name__}: {error}") from error
