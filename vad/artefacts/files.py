"""Atomic writing of files, JSON, and hashes.

Every writer is atomic: under the final name there is either the complete new content or the old one, whatever happens.
This module imports no torch, because Snakemake imports it while it parses the rules.
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
"""What numpy and json raise for files that are empty, truncated, of another kind or lack a part."""


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Format a value as JSON with sorted keys and without NaN, so that equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; at the end it is flushed to disk and replaces `path` in one step.

    Raises: ArtefactError when the disk is full; the temporary file is removed.
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
    """Write UTF-8 text, atomically."""
    with atomic(path) as stream:
        stream.write(text.encode())


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write a value as `canonical_json`, atomically."""
    write_text(path, canonical_json(value))


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON file.

    Raises: ArtefactError if it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: cannot be read as JSON ({error}). Delete it and run snakemake again.") from error


def write_array(path: Path, array: np.ndarray) -> None:
    """Write one array as `.npy`, atomically."""
    with atomic(path) as stream:
        np.save(stream, array, allow_pickle=False)


def read_archive(path: Path, leave: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file, by name.

    Args:
        path: the file; it is closed even when it is damaged.
        leave: names of arrays that are not read.

    Raises: one of `UNREADABLE`; the caller knows what kind of file it should be.
    """
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name not in leave}
