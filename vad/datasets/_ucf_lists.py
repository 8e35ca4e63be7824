"""For `ucf_crime`: its official list files, in every form they circulate in.

A split list has one `Class/Name_x264.mp4` a line; the annotation has `Name.mp4 Class s1 e1 s2 e2` (6 fields)
or `Class/Name.mp4 n_frames Class s1 e1 s2 e2` (7 fields). CRLF, UTF-16, a byte-order mark, blank lines, trailing
blanks, `./` in front, lower case, a missing extension, a missing `_x264` and a missing folder are accepted; names that
could leave the folder or reach a shell are not. Every reader appends its problems, with line
numbers, to the caller's list.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from vad.datasets._text import encoding_of
from vad.errors import nearest
from vad.splits.video import Intervals, is_id, safe_name
from vad.video.files import VIDEO_SUFFIXES

CLASSES = (
    *("Abuse", "Arrest", "Arson", "Assault", "Burglary", "Explosion", "Fighting"),
    *("RoadAccidents", "Robbery", "Shooting", "Shoplifting", "Stealing", "Vandalism"),
)
NORMAL = "Normal"
EVENT_FOLDERS = ("Normal_Videos_event", "Normal_Videos_for_Event_Recognition")
"""Videos for another task, as lists and the distributed archives call their folder; they repeat test videos."""
_BY_LOWER_CASE = {name.lower(): name for name in (*CLASSES, NORMAL)}
_NORMAL_FOLDER = re.compile(r"(training|testing)[_-]normal[_-]videos?([_-]\w+)*|normal", re.IGNORECASE)
_FRAME = re.compile(r"-1|\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One line of a list.

    Attributes:
        line: number in the file, from 1.
        folder: last folder of the path, "" when the list has none.
        video_id: name without folders and extension.
        class_name: one of `CLASSES` or "Normal".
    """

    line: int
    folder: str
    video_id: str
    class_name: str


@dataclass(frozen=True)
class Annotation(Entry):
    """One line of the temporal annotation: an entry, its segments as given, and its frame count if stated."""

    intervals: Intervals
    n_frames: int | None


E = TypeVar("E", bound=Entry)


@lru_cache(2**14)
def key(video_id: str) -> str:
    """The part of a video's name that all spellings share: in lower case, as an id, without `_x264`."""
    return safe_name(video_id).lower().removesuffix("_x264")


def lines(path: Path, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The words of each line that is not blank, with its number from 1."""
    try:
        encoding = encoding_of(path)
        raw = path.read_bytes()
        if encoding != "utf-8":  # UTF-8 without a mark is decoded line by line: a problem then has its line
            raw = raw.decode(encoding).encode()
    except OSError as error:
        problems.append(f"{path.name}: cannot be read ({error.strerror})")
        return
    except UnicodeError as error:
        problems.append(f"{path.name}: cannot be read as {encoding} text ({error})")
        return
    for number, line in enumerate(raw.split(b"\n"), start=1):
        try:
            words = line.decode("utf-8").split()
        except UnicodeDecodeError:
            problems.append(f"{path.name}:{number}: not UTF-8 text")
            continue
        if words:
            yield number, words


def read_split(path: Path, problems: list[str]) -> list[Entry]:
    """The entries of a train or test list.

    Args:
        path: the list; a second word, as in `path n_frames`, is allowed.
        problems: receives what is wrong, with line numbers.
    """
    entries = []
    for number, words in lines(path, problems):
        try:
            if len(words) > 1 and not (len(words) == 2 and words[1].isdecimal()):
                raise ValueError(f"{shown(' '.join(words))}: {len(words)} words, expected one path without blanks")
            entries.append(Entry(number, *_named(words[0])))
        except ValueError as error:
            problems.append(f"{path.name}:{number}: {error}")
    return _unique(path, entries, problems)


def read_annotation(path: Path, problems: list[str], rule: str = "one_based_inclusive") -> list[Annotation]:
    """The entries of the temporal annotation, segments neither shifted nor clipped; `-1 -1` is no segment.

    Args:
        path: 6-field or 7-field form.
        problems: receives what is wrong, with line numbers.
        rule: how its segments count frames, to refuse those that cannot be meant.
    """
    entries = []
    for number, words in lines(path, problems):
        try:
            entries.append(_annotation(number, words, rule))
        except ValueError as error:
            problems.append(f"{path.name}:{number}: {error}")
    return _unique(path, entries, problems)


def read_frame_counts(path: Path, column: str, problems: list[str]) -> dict[str, int]:
    """Frames of each video, by `key`: a CSV with columns video and `column`, or `path n_frames ...` text."""
    counts: dict[str, int] = {}
    rows = _counts_of_csv(path, column, problems) if path.suffix.lower() == ".csv" else lines(path, problems)
    for number, words in rows:
        try:
            name = key(_place(words[0])[1])
            if len(words) < 2 or not words[1].isdecimal() or not 0 < int(words[1]) < 10**9:
                raise ValueError(f"{shown(words[0])}: {shown(' '.join(words[1:2]))} is not a number of frames")
            if name in counts:
                raise ValueError(f"{shown(words[0])}: stated twice")
            counts[name] = int(words[1])
        except ValueError as error:
            problems.append(f"{path.name}:{number}: {error}")
    return counts


def _counts_of_csv(path: Path, column: str, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding=encoding_of(path), newline="") as file:
            rows = csv.DictReader(file)
            if absent := {"video", column} - set(rows.fieldnames or ()):
                problems.append(f"{path.name}:1: no column {', '.join(sorted(absent))}")
                return
            for row in rows:
                yield rows.line_num, [row["video"] or "", row[column] or ""]
    except (OSError, ValueError, csv.Error) as error:
        problems.append(f"{path.name}: cannot be read as CSV ({error})")


def class_of(folder: str) -> str:
    """The class that a folder name, or the class word of an annotation, stands for.

    Raises: ValueError for a folder that holds no class of this data set.
    """
    if folder.lower() in map(str.lower, EVENT_FOLDERS):
        raise ValueError(f"{folder} belongs to another task and repeats test videos (leakage). Remove the line")
    if _NORMAL_FOLDER.fullmatch(folder):
        return NORMAL
    if folder.lower() not in _BY_LOWER_CASE:
        raise ValueError(f"no class {shown(folder)}.{nearest(folder, [*CLASSES, NORMAL])}")
    return _BY_LOWER_CASE[folder.lower()]


def shown(text: str) -> str:
    """Text from a file as it may stand in a message: quoted, control characters escaped, not too long."""
    return ascii(text if len(text) <= 80 else f"{text[:77]}...")


def _named(word: str) -> tuple[str, str, str]:
    """Folder, id and class of one list entry.

    Raises: ValueError when the entry is unsafe, or when folder and name are of two classes.
    """
    folder, video_id = _place(word)
    prefix = re.match("[A-Za-z]*", video_id)[0]  # type: ignore[index]  # matches always
    of_name = _BY_LOWER_CASE.get(prefix.lower(), "")
    class_name = class_of(folder) if folder else of_name
    if not class_name:
        raise ValueError(f"{shown(word)}: no folder, and no class in the name. Write Class/Name.mp4")
    if of_name and of_name != class_name:
        raise ValueError(f"{shown(word)}: the folder says {class_name}, the name says {of_name}")
    return folder, video_id, class_name


def _place(word: str) -> tuple[str, str]:
    """Last folder and id of a path from a list.

    Raises: ValueError naming what makes the path unsafe.
    """
    if reason := _unsafe(word):
        raise ValueError(f"{shown(word)}: {reason}")
    *folders, name = [part for part in word.split("/") if part != "."] or [word]
    stem, dot, suffix = name.rpartition(".")
    video_id = stem if dot and f".{suffix.lower()}" in VIDEO_SUFFIXES else name
    for part in (*folders, video_id):
        if not is_id(part):
            raise ValueError(f"{shown(word)}: only letters, digits, _ and - are allowed in names")
    return (folders[-1] if folders else ""), video_id


def _unsafe(word: str) -> str:
    """Why a path must not be used, or ""."""
    parts = word.split("/")
    if "\0" in word:
        return "holds a NUL character"
    if "\\" in word:
        return "holds a backslash. Write Class/Name.mp4"
    if word.startswith("/") or re.match("[A-Za-z]:", word):
        return "is an absolute path. Write Class/Name.mp4"
    if ".." in parts:
        return "leaves the folder of the data set"
    if max(len(part.encode()) for part in parts) > 255:  # of a file name
        return "is longer than 255 bytes"
    return ""


def _annotation(number: int, words: list[str], rule: str) -> Annotation:
    """One line of the annotation."""
    if len(words) not in {6, 7}:
        raise ValueError(f"{shown(' '.join(words))}: {len(words)} fields, expected 6 or 7")
    name, *stated, class_word, start_1, end_1, start_2, end_2 = words
    folder, video_id = _place(name)
    if stated and not (stated[0].isdecimal() and 0 < int(stated[0]) < 10**9):
        raise ValueError(f"{shown(name)}: {shown(stated[0])} is not a number of frames")
    pairs = (segment(name, start_1, end_1, rule), segment(name, start_2, end_2, rule))
    intervals = tuple(pair for pair in pairs if pair is not None)
    return Annotation(number, folder, video_id, class_of(class_word), intervals, int(stated[0]) if stated else None)


def segment(name: str, start: str, end: str, rule: str) -> tuple[float, float] | None:
    """One pair of frames of a list; None for `-1 -1`.

    Raises: ValueError for what no reading of the rule can mean.
    """
    if not (_FRAME.fullmatch(start) and _FRAME.fullmatch(end)):
        raise ValueError(f"{shown(name)}: {shown(f'{start} {end}')} is not a pair of frame numbers")
    if start == end == "-1":
        return None
    if "-1" in (start, end) or int(start) > int(end):
        raise ValueError(f"{shown(name)}: segment {start} {end} does not start before it ends")
    if int(start) == 0 and rule == "one_based_inclusive":
        fix = "Set interval of this data set to zero_based_half_open or zero_based_inclusive"
        raise ValueError(f"{shown(name)}: segment {start} {end} starts at 0, but frames count from 1. {fix}")
    if start == end and rule == "zero_based_half_open":
        raise ValueError(f"{shown(name)}: segment {start} {end} is empty: its end does not belong to it ({rule})")
    return float(start), float(end)


def _unique(path: Path, entries: list[E], problems: list[str]) -> list[E]:
    """The entries without repeated names; each repetition is a problem."""
    first: dict[str, E] = {}
    for entry in entries:
        known = first.setdefault(key(entry.video_id), entry)
        if known is not entry:
            problems.append(f"{path.name}:{entry.line}: {entry.video_id} is already on line {known.line}")
    return list(first.values())
