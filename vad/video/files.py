"""Files under a user's folder: regular files only, none of them outside the folder; frames without a gap.

Used for videos and for published feature files.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm")
_LAST_NUMBER = re.compile(r"(\d+)\D*", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A directory entry: POSIX path relative to the folder that was searched, and why it may not be used."""

    path: PurePosixPath
    refused: str = ""


def walk(root: Path) -> Iterator[Found]:
    """All files below a folder but hidden ones, sorted. A link to a folder is not followed: it comes with `refused`."""
    inside = root.resolve()
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        place = PurePosixPath(Path(folder).relative_to(root).as_posix())
        for name in folders:
            if Path(folder, name).is_symlink():
                yield Found(place / name, "a link to a folder, which is not followed")
        for name in sorted(name for name in files if not name.startswith(".")):
            yield Found(place / name, refusal(Path(folder, name), inside))


def refusal(path: Path, inside: Path) -> str:
    """Why a file may not be read, or "" if it may.

    Args:
        path: any directory entry.
        inside: the resolved folder that it must not leave by a link.
    """
    try:
        str(path).encode()
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    except (OSError, RuntimeError):
        return "a link to nothing"
    if not target.is_relative_to(inside):
        return f"a link that leaves {inside}"
    return "" if stat.S_ISREG(mode) else "not a regular file"


def numbering_problem(names: Iterable[str]) -> str:
    """Why the images of one video cannot be put in order by the last number in their names; "" if they can.

    Frames are counted by position, so a lost or doubled frame would shift all later labels. Numbers may start anywhere,
    in any step that does not change.

    Args:
        names: file names of the images, with suffix.
    """
    numbers: dict[int, str] = {}
    for name in sorted(names):
        found = _LAST_NUMBER.findall(name.rpartition(".")[0])
        if not found:
            return f"{name} has no number in its name"
        if (twin := numbers.setdefault(int(found[-1]), name)) is not name:
            return f"{twin} and {name} have the same number"
    steps = [(after - before, before) for before, after in pairwise(sorted(numbers))]
    jumps = [before for step, before in steps if step > min(steps)[0]]
    return f"frames are missing after {numbers[jumps[0]]}" if jumps else ""
