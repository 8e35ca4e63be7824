"""For `imported`: feature arrays from published files, `.npy` without pickles or blank-separated text."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from vad.artefacts.npy import load_npy
from vad.errors import FeatureError


def read_npy(path: Path, axis: str = "row") -> tuple[Float[np.ndarray, "..."], str]:
    """Read a `.npy` file as float32; also the type it had.

    float16 and byte-swapped values convert exactly, float64 is rounded; every other type is refused.

    Args:
        path: the file.
        axis: what its first axis counts, for errors: row, crop or channel.

    Raises: FeatureError for another type, a pickle, or a file that is shorter or longer than its header says.
    """
    try:
        array = load_npy(path)
    except ValueError as error:
        raise FeatureError(f"{path}: {error}. Fetch or save it again.") from error
    return to_float32(path, array, axis), array.dtype.str


def to_float32(path: Path, array: np.ndarray, axis: str = "row") -> Float[np.ndarray, "..."]:
    """Floating-point numbers as native float32.

    Raises: FeatureError for other types and for numbers that float32 cannot hold.
    """
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise FeatureError(f"{path}: type {array.dtype}, expected float16, float32 or float64. Save it as float32.")
    with np.errstate(over="ignore"):
        converted = array.astype(np.float32)
    if not np.isfinite(converted).all():
        place = tuple(np.argwhere(~np.isfinite(converted))[0])
        what = "value too large for float32" if np.isfinite(array[place]) else "NaN or infinite value"
        raise FeatureError(f"{path}: {what} in {axis} {place[0]}. Fetch or extract it again.")
    return converted


def read_text(path: Path) -> Float[np.ndarray, "rows dim"]:
    """Blank-separated numbers, one row a line, as float32. Blank lines at the end are passed over.

    Raises: FeatureError for lines of different length and for words that are no numbers.
    """
    try:
        lines = path.read_text(encoding="ascii").rstrip().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FeatureError(f"{path}: not a text file of numbers ({error}). Fetch it again.") from error
    if not lines[0].strip():
        raise FeatureError(f"{path}: empty. Fetch it again.")
    return to_float32(path, np.stack([_numbers(path, i, line, lines[0]) for i, line in enumerate(lines, start=1)]))


def _numbers(path: Path, number: int, line: str, first: str) -> Float[np.ndarray, " dim"]:
    words = line.split()
    if len(words) != len(first.split()):
        raise FeatureError(
            f"{path}:{number}: {len(words)} numbers, {len(first.split())} on line 1. Fetch the file again."
        )
    try:
        return np.array(words, dtype=np.float64)
    except ValueError as error:
        raise FeatureError(f"{path}:{number}: not a row of numbers ({error}). Fetch it again.") from error
