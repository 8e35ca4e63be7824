"""Safe reading of arrays: users' `.npy` files, without pickles and of exactly the promised size.

Also our own `.npz` files: equal arrays give equal bytes, and a part of an array is read only when it is used.
"""

import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Shaped

_FORMAT = np.lib.format
LARGE = 2**31 - 2**16
"""Bytes of an array from which on its place in a `.npz` needs a 64-bit header."""


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


def npy_shape(path: Path) -> tuple[int, ...]:
    """The shape of the array in a `.npy` file, from its header alone.

    Raises: ValueError saying what is wrong with the file.
    """
    try:
        return _check_header(path)
    except Exception as error:  # as in `load_npy`
        raise ValueError(f"not a readable .npy array ({error})") from error


def write_npz(stream: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as an uncompressed `.npz`, equal arrays as equal bytes with every version of Python.

    `numpy.savez` asks for a 64-bit header of every array, which Python writes in another way since 3.11.4.

    Args:
        stream: open for writing.
        arrays: by name, in the order of the file; none with Python objects.
    """
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
            with archive.open(member, "w", force_zip64=array.nbytes >= LARGE) as file:
                _FORMAT.write_array(file, np.asanyarray(array), allow_pickle=False)


class StoredArray:
    """An array inside an uncompressed `.npz`; a part of it is read from the disk when it is taken.

    No file stays open: there may be thousands of these arrays at once, and a process may open a thousand files.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Find the array; nothing of it is read.

        Raises: KeyError, ValueError, OSError or BadZipFile for a file without such an array.
        """
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed")
        with path.open("rb") as file:
            file.seek(member.header_offset + 26)
            file.seek(sum(struct.unpack("<HH", file.read(4))), 1)  # name and extra field of the local header
            begin = file.tell()
            _FORMAT.read_magic(file)
            self.shape, fortran, self.dtype = _FORMAT.read_array_header_1_0(file)
            self._offset = file.tell()
        self.path, self.member, self.crc = path, member.filename, member.CRC
        if fortran and self.ndim > 1:
            raise ValueError(f"{name} is not stored row by row")
        if self.dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which are never loaded")
        if self._offset - begin + self.nbytes != member.file_size:
            raise ValueError(f"{name} has another size than its header promises")

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    def __getitem__(self, part: slice | tuple[slice | int, ...]) -> Shaped[np.ndarray, "..."]:
        """A copy of a part, as numpy would cut it; nothing else is read.

        Raises: OSError or ValueError if the file is gone or shorter than before.
        """
        # The numbers begin anywhere in the file: the copy is aligned, as torch wants it.
        return np.array(np.memmap(self.path, self.dtype, "r", self._offset, self.shape)[part])

    def blocks(self, rows: int) -> Iterator[Shaped[np.ndarray, "rows *dims"]]:
        """All rows in their order, at most `rows` at a time, each block with arrays of its own.

        Raises: BadZipFile, at the end, if the bytes are not those that were written.
        """
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
            _FORMAT.read_magic(file)
            _FORMAT.read_array_header_1_0(file)
            for first in range(0, len(self), rows):
                count = min(rows, len(self) - first)
                yield np.frombuffer(file.read(count * size), self.dtype).reshape(count, *self.shape[1:])


def _check_header(path: Path) -> tuple[int, ...]:
    """The shape that a header states; a bad file is refused before numpy allocates that size.

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
    return shape
