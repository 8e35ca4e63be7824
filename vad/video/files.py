"""Files under a user's folder: regular files only, none of them outside the folder; frames without a gap.

Used for videos and for published feature files.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from vad.artefacts.fingerprint import frame_order

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".3gp", ".ts", ".mts", ".m2ts")
NOT_READ = (".mpg", ".mpeg", ".vob", ".wmv", ".asf", ".flv", ".rm", ".rmvb", ".ogv", ".dav", ".264", ".h264", ".265")
"""Suffixes of videos that are not read: their containers state no length, so that a cut file would pass as a whole."""
CONVERT = "Convert it: ffmpeg -i OLD -fps_mode passthrough -c:v libx264 -crf 16 NEW.mp4"
FOLLOW = "Set follow_links: true if what links lead to may be read"
_FOLDER_LINK = "a link to a folder, which is not followed"
_NUMBER = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A directory entry: POSIX path relative to the folder that was searched, and why it may not be used."""

    path: PurePosixPath
    refused: str = ""

    @property
    def is_folder_link(self) -> bool:
        """Whether it is a link to a folder that was not searched."""
        return self.refused.startswith(_FOLDER_LINK)


def walk(root: Path, follow_links: bool = False) -> Iterator[Found]:
    """All files below a folder but hidden ones, sorted.

    Args:
        root: the folder.
        follow_links: go on in folders and read files that links lead to, also outside the folder, each folder once.
            False = what a link leads to outside, and every link to a folder, comes with `refused`.
    """
    inside = None if follow_links else root.resolve()
    seen = {root.resolve()}
    for folder, folders, files in os.walk(root, followlinks=follow_links):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        place = PurePosixPath(Path(folder).relative_to(root).as_posix())
        for name in list(folders):
            if follow_links and (target := Path(folder, name).resolve()) in seen:
                folders.remove(name)  # a folder that holds a link to itself has no end
            elif follow_links:
                seen.add(target)
            elif Path(folder, name).is_symlink():
                yield Found(place / name, f"{_FOLDER_LINK}. {FOLLOW}")
        for name in sorted(name for name in files if not name.startswith(".")):
            yield Found(place / name, refusal(Path(folder, name), inside))


def refusal(path: Path, inside: Path | None) -> str:
    """Why a file may not be read, or "" if it may.

    Args:
        path: any directory entry.
        inside: the resolved folder that it must not leave by a link; None = it may lie anywhere.
    """
    try:
        str(path).encode()
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    except (OSError, RuntimeError):
        return "a link to nothing"
    if inside is not None and not target.is_relative_to(inside):
        return f"a link that leaves {inside}. {FOLLOW}"
    return "" if stat.S_ISREG(mode) else "not a regular file"


def numbering_problem(names: Iterable[str]) -> str:
    """Why the images of one video cannot be put in order by the number in their names; "" if they can.

    Frames are counted by position, so a lost or doubled frame would shift all later labels. Numbers may start anywhere,
    in any step that does not change, and must rise in the order in which the images are read.

    Args:
        names: file names of the images, with suffix.
    """
    ordered = sorted(names, key=frame_order)
    numbers: dict[int, str] = {}
    for name, number in zip(ordered, _frame_numbers(ordered), strict=True):
        if number is None:
            return f"{name} has no number in its name"
        if (twin := numbers.setdefault(number, name)) is not name:
            return f"{twin} and {name} have the same number"
    pairs = list(pairwise(numbers))
    if falls := [(numbers[a], numbers[b]) for a, b in pairs if b < a]:
        return (
            f"{falls[0][1]} is read after {falls[0][0]}: the first number that differs in names (a date?) orders them"
        )
    least = min((b - a for a, b in pairs), default=0)
    jumps = [a for a, b in pairs if b - a > least]
    return f"frames are missing after {numbers[jumps[0]]}" if jumps else ""


def position_problem(names: Iterable[str]) -> str:
    """Why a frame number of a list cannot be a position among these images; "" if it can.

    The images must pass `numbering_problem`. They fit a list that counts all frames only if they start at 0 or 1 and go
    up by 1: otherwise frames were lost at the start, or left out throughout.
    """
    ordered = sorted(names, key=frame_order)
    numbers = [number or 0 for number in _frame_numbers(ordered)]
    if numbers[0] > 1:
        return f"frames are missing before {ordered[0]}: numbers must start at 0 or 1"
    if len(numbers) > 1 and (step := numbers[1] - numbers[0]) > 1:
        return f"only every {step}th frame is there ({ordered[0]}, {ordered[1]})"
    return ""


def _frame_numbers(names: Sequence[str]) -> list[int | None]:
    """The number of each image: the last one in its name that is not the same in all names."""
    found = [[int(run) for run in _NUMBER.findall(name.rpartition(".")[0])] for name in names]
    if len({len(runs) for runs in found}) == 1:
        columns = [place for place, column in enumerate(zip(*found, strict=True)) if len(set(column)) > 1]
        if columns:
            return [runs[columns[-1]] for runs in found]
    return [runs[-1] if runs else None for runs in found]
