"""Files under a folder that somebody else filled: regular files only, none of them outside the folder."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm")


@dataclass(frozen=True)
class Found:
    """A directory entry: POSIX path relative to the folder that was searched, and why it may not be used."""

    path: PurePosixPath
    refused: str = ""


def walk(root: Path) -> Iterator[Found]:
    """All files below a folder but hidden ones, sorted; links to folders are not followed but told."""
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
