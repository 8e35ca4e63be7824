"""For `xd_violence`: its lists and its annotation, in every form they circulate in.

A list has a path a line: a video, or a feature file, one line for each of five crops; a second cell (`path,label`) is
allowed. A name ends with its classes: `..._label_A` is normal, `..._label_G-B2-B6` has three. The annotation has
`name s1 e1 s2 e2 ...` with any number of pairs, counted from 0, ends excluded. Names hold dots, `=` and `#`; ids have
`_` in their place. Every reader appends its problems, with line numbers, to the caller's list.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from vad.datasets._text import encoding_of
from vad.datasets._ucf_lists import NORMAL, Annotation, Entry, key, segment, shown
from vad.splits.video import is_id, safe_name

CLASSES = {
    "A": NORMAL,
    "B1": "Fighting",
    "B2": "Shooting",
    "B4": "Riot",
    "B5": "Abuse",
    "B6": "CarAccident",
    "G": "Explosion",
}
"""By the code at the end of a name; of several the first counts."""
HEADS = ("path", "name", "video", "file")
_SUFFIX = re.compile(r"(\.(npy|mp4|avi|mkv|mov|webm))+$", re.IGNORECASE)
_CROP = re.compile(r"__\d+$", re.ASCII)
_CODES = re.compile(r"_label_([A-Z]\d?|0)(-([A-Z]\d?|0))*$")


def plain_name(word: str) -> str:
    """The name of a video from a path in a list: without folders, extension and the number of a crop."""
    return _CROP.sub("", _SUFFIX.sub("", re.split(r"[\\/]", word)[-1]))


def read_list(path: Path, problems: list[str]) -> list[Entry]:
    """The videos of a list in its order; the crops of one video are one."""
    found: dict[str, Entry] = {}
    previous = ""
    for number, line in _lines(path, problems):
        cell = line.split(",")[0].strip()
        if cell.lower() in HEADS:
            continue
        try:
            entry = _entry(number, cell)
        except ValueError as error:
            problems.append(f"{path.name}:{number}: {error}")
            continue
        name = key(entry.video_id)
        if found.setdefault(name, entry) is not entry and previous != name:
            problems.append(f"{path.name}:{number}: {entry.video_id} is already on line {found[name].line}")
        previous = name
    return list(found.values())


def read_annotation(path: Path, rule: str, problems: list[str]) -> list[Annotation]:
    """The segments of each annotated video, as given.

    Args:
        path: `name start end start end ...` a line.
        rule: how its segments count frames.
        problems: receives what is wrong.
    """
    found: dict[str, Annotation] = {}
    for number, line in _lines(path, problems):
        name, *numbers = line.split()
        try:
            entry = _entry(number, name)
            if not numbers or len(numbers) % 2:
                raise ValueError(f"{shown(name)}: {len(numbers)} numbers, expected pairs of start and end")
            pairs = (segment(name, *pair, rule) for pair in zip(numbers[::2], numbers[1::2], strict=True))
            intervals = tuple(pair for pair in pairs if pair is not None)
            one = Annotation(number, "", entry.video_id, entry.class_name, intervals, None)
            if found.setdefault(key(one.video_id), one) is not one:
                raise ValueError(f"{one.video_id} is already on line {found[key(one.video_id)].line}")
        except ValueError as error:
            problems.append(f"{path.name}:{number}: {error}")
    return list(found.values())


def read_counts(path: Path, column: str, problems: list[str]) -> dict[str, int]:
    """Frames of each video, by `key`: a CSV with columns video and `column`, or `name n_frames` text."""
    counts: dict[str, int] = {}
    try:
        if path.suffix.lower() == ".csv":
            with path.open(encoding=encoding_of(path), newline="") as file:
                rows = [(row.get("video") or "", row.get(column) or "") for row in csv.DictReader(file)]
        else:
            rows = [tuple((*line.split(), "")[:2]) for _, line in _lines(path, problems)]
    except (OSError, UnicodeError, csv.Error) as error:
        problems.append(f"{path.name}: cannot be read ({error})")
        return {}
    for number, (name, count) in enumerate(rows, 1):
        if not count.isdecimal() or not 0 < int(count) < 10**9:
            problems.append(f"{path.name}, row {number}: {shown(name)}: {shown(count)} is not a number of frames")
        else:
            counts[key(safe_name(plain_name(name)))] = int(count)
    return counts


def _lines(path: Path, problems: list[str]) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    try:
        text = path.read_text(encoding=encoding_of(path))
    except (OSError, UnicodeError) as error:
        problems.append(f"{path.name}: cannot be read as text ({error})")
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _entry(number: int, word: str) -> Entry:
    """One video of a list.

    Raises: ValueError for a name without classes, or one that gives no id.
    """
    name = plain_name(word)
    codes = _CODES.search(name)
    if codes is None or codes[1] not in CLASSES:
        raise ValueError(f"{shown(word)}: the name does not end with its classes, such as _label_A or _label_B1-0-0")
    video_id = safe_name(name)
    if not is_id(video_id):
        raise ValueError(f"{shown(word)}: no name that can be an id")
    return Entry(number, "", video_id, CLASSES[codes[1]])
