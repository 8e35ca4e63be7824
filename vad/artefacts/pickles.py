"""Reading pickled data of other people without running anything: numbers, text, lists, mappings and numpy arrays."""

import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np

_HARMLESS = {
    ("builtins", "set"),
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}
"""Names that a pickle may use: each builds data from data."""


class _DataOnly(pickle.Unpickler):
    """An unpickler that knows no other names: a pickle that calls anything else ends with an error."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - of the base class
        """The function or class behind a name.

        Raises: UnpicklingError for a name that could do anything but build data.
        """
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which is not loaded")
        return super().find_class(module, name)


def load_pickle(path: Path) -> Any:  # noqa: ANN401 - whatever data it is
    """The data in a pickle, or in a `.npy` file of Python objects.

    Raises: ValueError saying what is wrong with the file; the caller knows what to do about it.
    """
    try:
        with path.open("rb") as file:
            _skip_header(file)
            found = _DataOnly(file, encoding="latin-1").load()
    except Exception as error:  # a damaged pickle raises errors of every kind
        raise ValueError(f"not readable as pickled data ({error})") from error
    return found.item() if isinstance(found, np.ndarray) and found.dtype == object and not found.ndim else found


def _skip_header(file: IO[bytes]) -> None:
    """Go to the pickle behind the header of a `.npy` file; elsewhere stay at the start."""
    if file.read(6) != np.lib.format.MAGIC_PREFIX:
        file.seek(0)
        return
    version = (file.read(1)[0], file.read(1)[0])
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    read(file)
