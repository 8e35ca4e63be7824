"""Checkpoints of the training loop: written atomically, and resumed only by the run that wrote them."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vad.engine.batches import BagSet, WindowSet
from vad.errors import ArtefactError
from vad.models._base import VideoModel
from vad.schema.train import Train


def digest(model: VideoModel, data: Sequence[BagSet | WindowSet], settings: Train, seed: int) -> str:
    """A hash of everything that a run depends on, so that no other run resumes from its checkpoint."""
    found = hashlib.sha256(json.dumps([settings.model_dump(), model.config.model_dump(), seed]).encode())
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


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint: a reader finds the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    torch.save(dict(content), partial)
    os.replace(partial, path)  # noqa: PTH105 - the call that is atomic


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises: ArtefactError for a file that is not one.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ArtefactError(f"{path}: not a readable checkpoint ({error}). Delete it and train again.") from error
