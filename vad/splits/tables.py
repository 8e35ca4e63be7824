"""Split tables: which video belongs to which part, joined by video id and never by list position.

`train.csv` is all that room `train` may see of a data set; annotations of test videos are only in `test.csv`.
Imports no torch, so that Snakemake parses fast.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from vad.artefacts.files import write_json, write_text
from vad.errors import ArtefactError, DatasetError, listing
from vad.splits.carving import carve_validation
from vad.splits.video import Intervals, Validation, Video, is_id

INTERVAL_RULES = ("one_based_inclusive", "zero_based_inclusive", "zero_based_half_open")
UNITS = ("frame", "second")
LABELS = ("0", "1")
PARTS = ("fit", "validation", "both")
"""Parts of the train list; `both` = a video of each, where nothing is held back."""
REUSED = 0.2
"""Share of the train videos that chooses thresholds and ranges of scores where nothing is held back."""
TRAIN_COLUMNS = ["video_id", "path", "class", "label", "part"]
TEST_COLUMNS = [
    *("video_id", "path", "class", "label", "intervals", "interval_rule"),
    *("unit", "frame_labels", "frame_level", "n_frames"),
]
INTERVAL_COLUMNS = ["video_id", "intervals"]
VALIDATION_BOXES, TEST_BOXES = "validation_boxes.csv", "test_boxes.csv"
"""Beside the tables: frames near a box that a person drew, of videos of either part that have any."""
_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")


def format_intervals(intervals: Intervals) -> str:
    """Intervals as one table cell: "s-e;s-e", exact and without exponents; "" for none."""
    return ";".join("-".join(np.format_float_positional(x, trim="-") for x in pair) for pair in intervals)


def parse_intervals(text: str) -> Intervals:
    """The inverse of `format_intervals`.

    Raises: ValueError for anything but "" or "s-e;s-e" with s <= e.
    """
    pairs = []
    for cell in text.split(";") if text else []:
        match = _INTERVAL.fullmatch(cell)
        if match is None or float(match[1]) > float(match[2]):
            raise ValueError(f"{cell!r} is not an interval of the form start-end")
        pairs.append((float(match[1]), float(match[2])))
    return tuple(pairs)


def write_tables(
    folder: Path,
    videos: Sequence[Video],
    *,
    validation: Validation,
    interval_rule: str,
    facts: Mapping[str, Any],
    same_side: Sequence[Collection[str]] = (),
) -> None:
    """Write `train.csv`, `test.csv` and `facts.json`, each replaced as a whole.

    Videos that state a part keep it and switch the draw off; rows are sorted by id.

    Raises: DatasetError when an id is unsafe or used twice, or a split has no video.
    """
    _check_videos(folder, videos)
    train = sorted((video for video in videos if video.split == "train"), key=lambda video: video.video_id)
    test = sorted((video for video in videos if video.split == "test"), key=lambda video: video.video_id)
    fit, chosen = parts_of(train, validation, same_side)
    write_text(folder / "train.csv", _train_frame(train, fit, chosen).to_csv(index=False, lineterminator="\n"))
    write_text(folder / "test.csv", _test_frame(test, interval_rule).to_csv(index=False, lineterminator="\n"))
    write_json(folder / "facts.json", {**_counts(train, test, chosen - fit), **facts})


def parts_of(
    train: Sequence[Video], validation: Validation, same_side: Sequence[Collection[str]] = ()
) -> tuple[set[str], set[str]]:
    """The ids of the fit and of the validation part of a train list.

    Validation videos are those that state it, else those drawn from the train videos. Where `validation.fraction` is 0,
    those that are drawn belong to the fit part too.
    """
    stated = {video.video_id for video in train if video.part == "validation"}
    chosen = stated or carve_validation(train, validation.fraction or REUSED, validation.seed, same_side)
    everything = {video.video_id for video in train}
    return everything - chosen if stated or validation.fraction else everything, chosen


def in_part(table: pd.DataFrame, part: str) -> Bool[np.ndarray, "videos"]:
    """True for the rows of `train.csv` that belong to the part `fit` or `validation`."""
    return np.isin(table["part"].to_numpy(str), [part, "both"])


def _check_videos(folder: Path, videos: Sequence[Video]) -> None:
    times = Counter(video.video_id for video in videos)
    problems = [f"{name!r} is not a safe video id" for name in times if not is_id(name)]
    problems += [f"video id {name!r} is used {n} times" for name, n in times.items() if n > 1]
    sizes = Counter(video.split for video in videos)
    problems += [f"no {split} videos" for split in ("train", "test") if not sizes[split]]
    if problems:
        raise DatasetError(listing(str(folder), problems, "Correct the data set's lists."))


def _train_frame(videos: Sequence[Video], fit: Collection[str], chosen: Collection[str]) -> pd.DataFrame:
    words = {(True, False): "fit", (False, True): "validation", (True, True): "both"}
    parts = [words[v.video_id in fit, v.video_id in chosen] for v in videos]
    rows = [(v.video_id, v.path, v.class_name, v.label, part) for v, part in zip(videos, parts, strict=True)]
    return pd.DataFrame(rows, columns=TRAIN_COLUMNS)


def _test_frame(videos: Sequence[Video], rule: str) -> pd.DataFrame:
    rows = [_test_row(video, rule) for video in videos]
    return pd.DataFrame(rows, columns=TEST_COLUMNS)


def _test_row(v: Video, rule: str) -> tuple[str | int, ...]:
    level, frames = str(v.frame_level).lower(), "" if v.n_frames is None else v.n_frames
    place = (v.video_id, v.path, v.class_name, v.label)
    return (*place, format_intervals(v.intervals), rule, v.unit, v.frame_labels, level, frames)


def _counts(train: Sequence[Video], test: Sequence[Video], chosen: Collection[str]) -> dict[str, Any]:
    """Sizes for facts.json; `n_train` is the whole train list, `n_validation` the part carved out of it."""
    parts = {"train": train, "validation": [v for v in train if v.video_id in chosen], "test": test}
    labels = {name: Counter(video.label for video in videos) for name, videos in parts.items()}
    return {
        **{f"n_{name}": len(videos) for name, videos in parts.items()},
        "labels": {name: {"normal": n[0], "anomalous": n[1]} for name, n in labels.items()},
        "n_test_without_frame_labels": sum(not video.frame_level for video in test),
    }


def write_intervals(path: Path, intervals: Mapping[str, Intervals]) -> None:
    """Write intervals of frames by video id, from 0, ends excluded; without any the file is removed."""
    if not intervals:
        path.unlink(missing_ok=True)
        return
    rows = [(video_id, format_intervals(found)) for video_id, found in sorted(intervals.items())]
    write_text(path, pd.DataFrame(rows, columns=INTERVAL_COLUMNS).to_csv(index=False, lineterminator="\n"))


def read_intervals(path: Path) -> dict[str, Intervals] | None:
    """The intervals that `write_intervals` wrote; None where there is no file.

    Raises: ArtefactError for another table.
    """
    if not path.is_file():
        return None
    table = _read(path, INTERVAL_COLUMNS)
    return {video_id: parse_intervals(text) for video_id, text in table.itertuples(index=False)}


def read_train(path: Path) -> pd.DataFrame:
    """Read and check `train.csv`.

    Returns: columns video_id, path, class (text), label (int64, 0|1), part (fit|validation|both).
    Raises: ArtefactError with every problem of the table.
    """
    table = _read(path, TRAIN_COLUMNS)
    problems = _problems(table, {"label": LABELS, "part": PARTS})
    return _checked(path, table, problems)


def read_test(path: Path) -> pd.DataFrame:
    """Read and check `test.csv`.

    Returns: the columns of `TEST_COLUMNS`; label int64, frame_level bool, n_frames Int64 (NA where no list
        states it), the rest text; `intervals` is for `parse_intervals`.
    Raises: ArtefactError with every problem of the table.
    """
    table = _read(path, TEST_COLUMNS)
    allowed = {
        "label": LABELS,
        "interval_rule": INTERVAL_RULES,
        "unit": UNITS,
        "frame_level": ("true", "false"),
    }
    problems = _problems(table, allowed)
    for row, text in enumerate(table["intervals"], start=2):
        try:
            parse_intervals(text)
        except ValueError as error:
            problems.append(f"line {row}: {error}")
    problems += [f"n_frames {n!r} is not a count" for n in table["n_frames"] if n and not n.isdecimal()]
    table = _checked(path, table, problems)
    table["frame_level"] = table["frame_level"] == "true"
    table["n_frames"] = pd.array([int(n) if n else None for n in table["n_frames"]], dtype="Int64")
    return table


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: not a split table ({error}). Run room split again.") from error
    if list(table.columns) != columns:
        found = ", ".join(map(str, table.columns))
        raise ArtefactError(f"{path}: columns {found}; expected {', '.join(columns)}. Run room split again.")
    return table


def _problems(table: pd.DataFrame, allowed: Mapping[str, Sequence[str]]) -> list[str]:
    """Unsafe and repeated ids, and cells outside the allowed words, with line numbers."""
    ids = table["video_id"]
    problems = [f"line {n}: {name!r} is not a safe video id" for n, name in enumerate(ids, 2) if not is_id(name)]
    problems += [f"video id {name!r} is there twice" for name in ids[ids.duplicated()]]
    for column, words in allowed.items():
        wrong = [(n, word) for n, word in enumerate(table[column], 2) if word not in words]
        problems += [f"line {n}: {column} {word!r} is none of {', '.join(words)}" for n, word in wrong]
    return problems


def _checked(path: Path, table: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    if problems:
        raise ArtefactError(listing(str(path), problems, "Run room split again."))
    return table.astype({"label": "int64"})
