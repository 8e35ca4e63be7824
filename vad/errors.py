"""The errors that users see: where - what - what to do. Rooms print them without a traceback and exit with 2."""

from collections.abc import Sequence
from difflib import get_close_matches


class VadError(Exception):
    """A problem that the user can mend; the message says where, what, and what to do."""


class ParamsError(VadError):
    """params.yaml does not say something that can be run."""


class DatasetError(VadError):
    """A list, annotation or folder of a data set is not what it should be."""


class MediaError(VadError):
    """A video cannot be decoded completely."""


class FeatureError(VadError):
    """A feature array has the wrong shape, width, type or values."""


class ArtefactError(VadError):
    """A file that one of the rooms wrote is missing, damaged or from other inputs."""


def listing(where: str, problems: Sequence[str], mend: str = "") -> str:
    """One message for all problems of a place, so that nobody mends them one run at a time."""
    lines = [f"{where}: {len(problems)} problem(s):", *(f"  - {problem}" for problem in problems)]
    return "\n".join([*lines, mend] if mend else lines)


def nearest(name: str, known: Sequence[str]) -> str:
    """The words to print behind an unknown name: the nearest known one and all known ones."""
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Known: {', '.join(sorted(known)) or 'none'}."
