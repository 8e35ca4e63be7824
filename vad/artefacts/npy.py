"""Safe reading of arrays: users' `.npy` files, without pickles and of exactly the promised size.

Also byte arrays inside our own `.npz` files, of which a slice is read only when it is used.
"""

import struct
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

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


class StoredBytes:
    """A flat array of bytes inside an uncompressed `.npz`; a slice is read from the disk when it is taken."""

    dtype, ndim = np.dtype(np.uint8), 1

    def __init__(self, path: Path, name: str) -> None:
        """Find the array; nothing of it is read.

        Raises: KeyError, ValueError or OSError for a file without such an array.
        """
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed")
        with path.open("rb") as file:
            file.seek(member.header_offset + 26)
            file.seek(sum(struct.unpack("<HH", file.read(4))), 1)  # name and extra field of the local header
            _FORMAT.read_magic(file)
            self.shape, _, dtype = _FORMAT.read_array_header_1_0(file)
            self._path, self._start = path, file.tell()
        if dtype != self.dtype or len(self.shape) != self.ndim:
            raise ValueError(f"{name} is no plain array of bytes")

    def __len__(self) -> int:
        """Bytes."""
        return self.shape[0]

    def __getitem__(self, part: slice) -> UInt8[np.ndarray, " bytes"]:
        """The bytes from `part.start` to `part.stop`, both inside the array."""
        return np.fromfile(self._path, np.uint8, part.stop - part.start, offset=self._start + part.start)


def _check_header(path: Path) -> None:
    """Refuse a bad file by its header, before numpy allocates the size that the header states.

    Raises: ValueError for Python objects, and for another number of bytes than the header promises.
    """
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
