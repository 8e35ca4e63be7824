"""For `folder`: `labels.csv`, one row per interval, or one row per video without interval.

Columns: video, split (both required), label, class, start, end, unit. Problems, with line numbers, go to the
caller's list.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from vad.datasets._text import encoding_of
from vad.errors import nearest

REQUIRED = ("video", "split")
COLUMNS = (*REQUIRED, "label", "class", "start", "end", "unit")
CLASS_LENGTH = 100


@dataclass(frozen=True)
class Row:
    """One row, checked by itself.

    Attributes:
        line: number in the file, from 1 (the header).
        video: path below the folder of videos, extension optional.
        label: 0 or 1; None when the cell is empty.
        class_name: "" when the cell is empty.
        interval: None when start and end are empty or -1.
    """

    line: int
    video: str
    split: Literal["train", "val", "test"]
    label: int | None
    class_name: str
    interval: tuple[float, float] | None
    unit: Literal["frame", "second"]

    def of_video(self) -> dict[str, str | int | None]:
        """The cells that all rows of a video must share."""
        return {"split": self.split, "label": self.label, "class": self.class_name, "unit": self.unit}


def read_table(path: Path, rule: str, problems: list[str]) -> list[Row]:
    """The rows of the table.

    Args:
        path: CSV with commas and a header, in UTF-8 or with a byte-order mark.
        rule: how intervals count, to refuse those that cannot be meant.
        problems: receives what is wrong, with line numbers.
    """
    rows = []
    for line, cells in _cells(path, problems):
        try:
            rows.append(_row(line, cells, rule))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    return rows


def _cells(path: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The cells of each row by column, without blanks around them; empty rows are passed over."""
    reader = None
    try:
        with path.open(encoding=encoding_of(path), newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if wrong := _header_problems(header):
                problems.extend(wrong)
                return
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    problems.append(f"line {reader.line_num}: {len(cells)} cells, the header has {len(header)}")
                    continue
                yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except FileNotFoundError:
        problems.append(f"not found: the table of labels is expected at {path} (`labels` of this data set, below root)")
    except (OSError, UnicodeError, csv.Error) as error:
        line = f"after line {reader.line_num}: " if reader else ""
        problems.append(f"{line}cannot be read as UTF-8 CSV ({error})")


def _header_problems(header: list[str]) -> list[str]:
    if not header:
        return ["line 1: no header"]
    if len(header) == 1 and ";" in header[0]:
        return ["line 1: columns are separated by ';'. Save the table with commas"]
    problems = [f"line 1: no column {name!r}" for name in REQUIRED if name not in header]
    problems += [f"line 1: unknown column {name!a}.{nearest(name, COLUMNS)}" for name in header if name not in COLUMNS]
    problems += [f"line 1: column {name!r} is there twice" for name in COLUMNS if header.count(name) > 1]
    return problems


def _row(line: int, cells: dict[str, str], rule: str) -> Row:
    """One row; a cell that is not there counts as empty."""
    cells = {name: cells.get(name, "") for name in COLUMNS}
    if not cells["video"]:
        raise ValueError("no video")
    split = _word(cells, "split", ("train", "val", "test"))
    label = _word(cells, "label", ("0", "1", ""))
    unit = _word(cells, "unit", ("frame", "second", "")) or "frame"
    class_name = cells["class"]
    if len(class_name) > CLASS_LENGTH or not class_name.isprintable():
        raise ValueError(f"class {class_name[:40]!a}: at most {CLASS_LENGTH} printable characters")
    interval = _interval(cells["start"], cells["end"], unit, rule)
    if interval and label == "0":
        raise ValueError("label 0 (normal) with an interval. Set label 1, or empty start and end")
    split, unit = cast(Literal["train", "val", "test"], split), cast(Literal["frame", "second"], unit)
    return Row(line, cells["video"], split, int(label) if label else None, class_name, interval, unit)


def _word(cells: dict[str, str], column: str, words: tuple[str, ...]) -> str:
    if cells[column] not in words:
        raise ValueError(f"{column} {cells[column][:40]!a} is none of {', '.join(word or 'empty' for word in words)}")
    return cells[column]


def _interval(start: str, end: str, unit: str, rule: str) -> tuple[float, float] | None:
    """Start and end as numbers; None for empty or -1.

    Raises: ValueError for what no reading of the rule can mean.
    """
    none = [cell in {"", "-1"} for cell in (start, end)]
    if all(none):
        return None
    if any(none):
        raise ValueError(f"start {start!a}, end {end!a}: give both or none")
    first, last = _number(start, unit), _number(end, unit)
    if first > last:
        raise ValueError(f"start {start} is after end {end}")
    if first == last and (rule == "zero_based_half_open" or unit == "second"):
        raise ValueError(f"interval {start} to {end} is empty: the end does not belong to it")
    if first == 0 and unit == "frame" and rule == "one_based_inclusive":
        raise ValueError("start 0, but frames count from 1 (interval: one_based_inclusive)")
    return first, last


def _number(text: str, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < 1e9:
        raise ValueError(f"{text[:40]!a} is not a {unit} number")
    if unit == "frame" and number != int(number):
        raise ValueError(f"{text} is not a whole frame. Set unit to second?")
    return number
