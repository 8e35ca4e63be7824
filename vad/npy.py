"""Arrays from `.npy` files that somebody else wrote: no pickles, no more and no fewer bytes than promised."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped

_FORMAT = np.lib.format


def load_npy(path: Path) -> Shaped[np.ndarray, "..."]:
    """The array of a `.npy` file, in the type it was saved in.

    Raises: ValueError saying what is wrong with the file; the caller knows what to do about it.
    """
    try:
        _check_header(path)
        with path.open("rb") as file:
            return _FORMAT.read_array(file, allow_pickle=False)
    except Exception as error:  # the header parser lets errors of the tokenizer and of recursion through
        raise ValueError(f"not a readable .npy array ({error})") from error


def _check_header(path: Path) -> None:
    """Refuse by header alone what must not be loaded: a wrong size would be allocated first."""
    with path.open("rb") as file:
        version = _FORMAT.read_magic(file)
        read = _FORMAT.read_array_header_1_0 if version == (1, 0) else _FORMAT.read_array_header_2_0
        shape, _, dtype = read(file)
        stored = path.stat().st_size - file.tell()
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    size = dtype.itemsize
    for side in shape:
        size *= side
    if min(shape, default=1) < 0 or size != stored:
        raise ValueError(f"{stored} bytes of numbers, the header promises {size}")
