"""Atomic writing of files, JSON, and hashes.

Every writer is atomic: under the final name there is either the complete new content or the old one, whatever happens.
This module imports no torch, because Snakemake imports it while it parses the rules.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vad.errors import ArtefactError, storage_errors

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

    Raises: StorageError when the disk is full or may not be written; the temporary file is removed.
    """
    with replacing(path) as temporary, temporary.open("wb") as stream:
        yield stream


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """As `atomic`, for a library that opens its files itself: the temporary file that the block has to write.

    Raises: StorageError when the disk is full or may not be written; the temporary file is removed.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):  # of a read-only file system: nothing was written there
                temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # some network file systems cannot do this for folders
        _sync(path.parent)  # so that a power cut does not undo the replacement


def _sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within the block no other process can lock the folder; the lock ends with the process, however it ends.

    Args:
        folder: made if it is not there. Nothing is written into it.

    Raises: ArtefactError if another process has locked it.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ArtefactError(
            f"{folder}: another process is writing this folder. Wait until it has ended, or end it; then run the same"
            " command again."
        ) from error
    except OSError:  # NFS cannot lock folders: there, Snakemake's own lock has to do
        return


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
    # Into memory first: of a real file numpy reports a full disk by an error that does not say so.
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    with atomic(path) as stream:
        stream.write(content.getbuffer())


def read_archive(path: Path, leave: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file, by name.

    Args:
        path: the file; it is closed even when it is damaged.
        leave: names of arrays that are not read.

    Raises: one of `UNREADABLE`; the caller knows what kind of file it should be.
    """
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name not in leave}
