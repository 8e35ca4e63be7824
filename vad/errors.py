"""Errors for users; a message says where, what is wrong, and what to do. Rooms print it without a traceback, exit 2."""

from collections.abc import Sequence
from difflib import get_close_matches


class VadError(Exception):
    """A problem that the user can solve; base class of all errors that are printed without a traceback."""


class ParamsError(VadError):
    """params.yaml is wrong, or asks for something that cannot be run."""


class DatasetError(VadError):
    """A list, an annotation or a folder of a data set is missing or wrong."""


class MediaError(VadError):
    """A video cannot be decoded completely."""


class FeatureError(VadError):
    """A feature array has the wrong shape, width, type or values."""


class ArtefactError(VadError):
    """A file that a room wrote, or scores to audit, are missing, damaged or made from other inputs."""


def listing(where: str, problems: Sequence[str], remedy: str = "") -> str:
    """One message for all problems of a place, so that a user can solve them together.

    Args:
        where: the file or the part that has the problems.
        problems: one line for each.
        remedy: what to do, as a sentence; the last line.
    """
    lines = [f"{where}: {len(problems)} problem(s):", *(f"  - {problem}" for problem in problems)]
    return "\n".join([*lines, remedy] if remedy else lines)


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown name: the known name that is most like it, and all known names."""
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Known: {', '.join(sorted(known)) or 'none'}."
