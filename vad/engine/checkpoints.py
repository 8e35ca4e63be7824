"""Checkpoints of the training loop: written atomically, checked when read, resumed only by the run that wrote them.

A file holds the sha256 of its content, then the content as torch writes it. The checkpoint before the newest one is
kept beside it and used where the newest is damaged: a disk that flips a bit must cost some steps, never the weights.
"""

import hashlib
import io
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vad.artefacts.files import atomic
from vad.engine.batches import BagSet, WindowSet
from vad.errors import ArtefactError, VadError
from vad.models._base import VideoModel
from vad.schema.train import Train

HASH_BYTES = hashlib.sha256().digest_size
log = logging.getLogger(__name__)


def digest(model: VideoModel, data: Sequence[BagSet | WindowSet], settings: Train, seed: int, made_by: str = "") -> str:
    """A hash of everything that a run depends on, so that no other run resumes from its checkpoint.

    Args:
        model: its settings count, and its weights where training starts with those of another run.
        data: of the fit and the validation part.
        settings: section `train` of the variant.
        seed: of the run.
        made_by: what else decides the weights: the key of its job, with code and arithmetic.
    """
    own = [settings.model_dump(), model.config.model_dump(), seed, made_by, torch.__version__]
    found = hashlib.sha256(json.dumps(own).encode())
    if settings.start:  # of another run: the seed does not say what they are
        for value in model.state_dict().values():
            found.update(value.detach().cpu().contiguous().numpy().tobytes())
    for part in data:
        for version in (part, *part.copies):
            found.update(version.identity.encode())  # of the feature files, without reading gigabytes again
            values = [] if version.identity else [version.features] if isinstance(version, BagSet) else version.rows
            for tensor in (*(rows[:] for rows in values), version.video, version.labels):
                found.update(str(tuple(tensor.shape)).encode())
                found.update(tensor.contiguous().numpy().data)
            for clips in (isinstance(version, BagSet) and version.clips) or ():
                found.update(clips.offsets.tobytes())  # lengths of the images: a fingerprint that reads none of them
    return found.hexdigest()


def previous(path: Path) -> Path:
    """Where the checkpoint before the newest one lies."""
    return path.with_name(f"{path.name}.previous")


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint and keep the one before it; at any moment at least one of both is complete on disk.

    Args:
        path: of the newest checkpoint.
        content: plain types and tensors only.

    Raises: StorageError when the disk is full or may not be written; the checkpoints that are there stay.
    """
    stream = io.BytesIO()
    torch.save(dict(content), stream)
    with atomic(path) as file:
        file.write(hashlib.sha256(stream.getbuffer()).digest())
        file.write(stream.getbuffer())
        file.flush()
        os.fsync(file.fileno())
        if path.exists():
            path.replace(previous(path))


def load(path: Path) -> dict[str, Any]:
    """Read one checkpoint, whose content must have the hash that it states.

    Raises: ArtefactError for a file that is missing, cut or damaged; VadError for one that cannot be read now.
    """
    try:
        stored = path.read_bytes()
    except FileNotFoundError as error:
        raise ArtefactError(f"{path}: no such checkpoint.") from error
    except OSError as error:
        fix = "Run the same command again; if it stays so, delete it, and training goes on from the one before it"
        raise VadError(f"{path}: the checkpoint cannot be read ({error.strerror}). {fix}.") from error
    try:
        if hashlib.sha256(stored[HASH_BYTES:]).digest() != stored[:HASH_BYTES]:
            raise ValueError("its content is not what its hash says")
        content = io.BytesIO(stored[HASH_BYTES:])
        return torch.load(content, map_location="cpu", weights_only=True)
    except MemoryError:
        raise  # no fault of the file
    except Exception as error:  # what torch raises depends on where a file is damaged
        raise ArtefactError(f"{path}: not a readable checkpoint ({error}).") from error


def newest(path: Path) -> dict[str, Any] | None:
    """The newest checkpoint that is whole; what is damaged is deleted, with a notice in the log.

    Args:
        path: of the newest checkpoint; the one before it lies beside it.

    Returns: None where there is none that can be used.
    """
    damaged = False
    for candidate in (path, previous(path)):
        if not candidate.exists():
            continue
        try:
            content = load(candidate)
        except ArtefactError as error:
            log.warning("notice: %s It was deleted.", error)
            candidate.unlink()  # or it would take the place of the good one when the next is written
            damaged = True
            continue
        if damaged:
            log.warning("notice: training goes on from the checkpoint before it, %s.", candidate)
        return content
    if damaged:
        log.warning("notice: no usable checkpoint beside %s: training starts from the beginning.", path)
    return None


def discard(path: Path) -> None:
    """Delete the checkpoints of a run that is finished, and what a killed process left of one that it was writing."""
    for file in (path, previous(path), *path.parent.glob(f".{path.name}.*.tmp")):
        file.unlink(missing_ok=True)
