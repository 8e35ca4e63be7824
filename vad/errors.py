"""Errors for users; a message says where, what is wrong, and what to do. Rooms print it without a traceback."""

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

NAMES_SHOWN = 3
"""In a message, at most."""


class VadError(Exception):
    """A problem that the user can solve; base class of all errors that are printed without a traceback.

    Attributes:
        exit_code: of a command that ends with this error.
    """

    exit_code = 2


class ParamsError(VadError):
    """params.yaml is wrong, or asks for something that cannot be run."""


class PluginError(ParamsError):
    """The file of a model, an extractor or a data set breaks its contract, or cannot be imported.

    Attributes:
        file: path of the file.
        problems: what is wrong with it, one line each.
    """

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        super().__init__(f"{file}: {problems[0]}" if len(problems) == 1 else listing(file, problems))
        self.file, self.problems = file, list(problems)


class DatasetError(VadError):
    """A list, an annotation or a folder of a data set is missing or wrong."""


class MediaError(VadError):
    """A video cannot be decoded completely."""


class FeatureError(VadError):
    """A feature array has the wrong shape, width, type or values."""


class ArtefactError(VadError):
    """A file that a room wrote, or scores to audit, are missing, damaged or made from other inputs."""


class StorageError(VadError):
    """A file cannot be written: the disk is full, a limit is reached, or writing is not allowed there."""

    exit_code = os.EX_IOERR


FULL = "Free some space"
STORAGE = {
    errno.ENOSPC: ("disk full", FULL),
    errno.EDQUOT: ("disk quota used up", FULL),
    errno.EFBIG: ("file size limit reached", "Raise the limit (`ulimit -f`)"),
    errno.EROFS: ("read-only file system", "Make it writable"),
    errno.EACCES: ("no permission", "Change owner or mode of the file or its folder"),
    errno.EPERM: ("no permission", "Change owner or mode of the file or its folder"),
}
"""For each error number of the system that `storage_error` knows: what it means, and what to do."""


def storage_error(error: OSError, path: Path | None = None) -> StorageError | None:
    """The error for a user behind an error of the system that came up while something was written.

    Args:
        error: as the system raised it.
        path: what was written; None = what the error itself names.

    Returns: None if the error is not about where things are stored.
    """
    if error.errno not in STORAGE:
        return None
    what, remedy = STORAGE[error.errno]
    where = path or error.filename or Path.cwd()
    rest = "then run the same command again: what was finished before is kept"
    return StorageError(f"{what} at {where}: {os.strerror(error.errno)}. {remedy}, {rest}.")


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Within the block, an error of the system about a full or protected disk becomes a StorageError.

    Args:
        path: what is written; the message names it.
    """
    try:
        yield
    except OSError as error:
        if (known := storage_error(error, path)) is not None:
            raise known from error
        raise


def listing(where: str, problems: Sequence[str], remedy: str = "") -> str:
    """One message for all problems of a place, so that a user can solve them together.

    Args:
        where: the file or the part that has the problems.
        problems: one line for each.
        remedy: what to do, as a sentence; the last line.
    """
    lines = [f"{where}: {len(problems)} problem(s):", *(f"  - {problem}" for problem in problems)]
    return "\n".join([*lines, remedy] if remedy else lines)


def grouped(problems: Sequence[tuple[str, str]]) -> list[str]:
    """One line for each different problem, headed by what has it.

    Args:
        problems: name of a thing (a video, a part), and its problem.

    Returns: lines such as "a.mp4: ..." and "7 times (a.mp4, b.mp4, c.mp4 and 4 more): ...".
    """
    names: dict[str, list[str]] = {}
    for name, problem in problems:
        names.setdefault(problem, []).append(name)
    counted = {problem: (f"{len(n)} times ({first_of(n)})" if len(n) > 1 else n[0]) for problem, n in names.items()}
    return [f"{who}: {problem}" for problem, who in counted.items()]


def first_of(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    rest = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + rest


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown name: the known name that is most like it, and all known names."""
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Known: {', '.join(sorted(known)) or 'none'}."
