"""Atomic writing, JSON and hashes of files.

Every writer is atomic: the final name holds the whole new content or the old one, whatever happens.
Imports no torch: Snakemake reads this module while it parses.
"""

import contextlib
import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vad.errors import ArtefactError

UNREADABLE = (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, zipfile.BadZipFile)
"""What numpy and json raise for files that are empty, cut, foreign or lack a part."""


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Sorted keys, two-space indent, no NaN: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Write beside `path`, flush to disk, then take its place in one step.

    Raises: ArtefactError when the disk is full; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}:
            raise ArtefactError(f"{path}: disk full. Free some space, then run the same command again.") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Atomic write of UTF-8 text."""
    with atomic(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Atomic write of canonical JSON."""
    write_text(path, canonical_json(value))


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON file.

    Raises: ArtefactError if it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: cannot be read as JSON ({error}). Delete it and run snakemake again.") from error


def write_array(path: Path, array: np.ndarray) -> None:
    """Atomic write of one array as `.npy`."""
    with atomic(path) as stream:
        np.save(stream, array, allow_pickle=False)


def _read_archive(path: Path, leave: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Every array of an npz but those that are left in it; the file is closed even when it is damaged."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name not in leave}
