"""The score file of one run: room infer writes it, rooms evaluate and report read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from vad.artefacts.files import UNREADABLE, atomic, read_archive
from vad.artefacts.npy import write_npz
from vad.errors import ArtefactError

MAPS = ".maps"
"""Ending of the folder of maps beside a score file, which share its record."""


def artefact_above(name: str) -> str:
    """The file or folder to which a path belongs if it is no artefact itself; empty = none.

    That is the folder it lies in, and of a folder of maps the score file beside it.
    """
    return f"{name.removesuffix(MAPS)}.npz" if name.endswith(MAPS) else name.rpartition("/")[0]


@dataclass(frozen=True)
class StoredScores:
    """The scores of one video: finite numbers of any range, higher = more anomalous."""

    frames: Float[np.ndarray, "frames"]
    """One score for each decoded frame."""
    video: float
    """The score of the whole video."""
    part: str
    """`validation` or `test`."""
    fps: float | None = None
    """Frames per second as decoded; None = not known."""
    normalised: Float[np.ndarray, "frames"] | None = None
    """For models whose score is mixed of components: frame scores with each component scaled by this video's range."""
    dropped: int = 0
    """Number of frames at the start that have no score of their own; evaluation leaves them out."""

    @property
    def n_frames(self) -> int:
        """Number of frames of the video."""
        return len(self.frames)


@dataclass(frozen=True)
class ScoreFile:
    """The scores of one run (variant and seed) for its validation and test videos."""

    level: Literal["frame", "video"]
    """`video` for a model that scores whole videos only."""
    videos: dict[str, StoredScores]
    """By video id."""
    protocol: dict[str, Any] = field(default_factory=dict)
    """How the scores were made (expansion, crops, smoothing, selection ...); columns of the results table."""
    epochs: dict[int, dict[str, StoredScores]] = field(default_factory=dict)
    """Scores of the test videos by each epoch that was kept, by epoch number; read for the selection gap only."""


def write_scores(path: Path, file: ScoreFile) -> None:
    """Write the scores of one run.

    Raises: ArtefactError for a score that is not finite.
    """
    scored = [*file.videos.items(), *(pair for videos in file.epochs.values() for pair in videos.items())]
    for video_id, score in scored:
        arrays = [score.frames, score.video, *([] if score.normalised is None else [score.normalised])]
        if not all(np.isfinite(values).all() for values in arrays):
            raise ArtefactError(f"{path}: {video_id} has a score that is not finite. Train the variant again.")
    head = {
        "level": file.level,
        "protocol": file.protocol,
        "videos": _heads(file.videos),
        "epochs": {number: _heads(videos) for number, videos in file.epochs.items()},
    }
    frames = {f"frames/{k}": v.frames.astype(np.float32) for k, v in sorted(file.videos.items())}
    frames |= {
        f"normalised/{k}": v.normalised.astype(np.float32)
        for k, v in sorted(file.videos.items())
        if v.normalised is not None
    }
    for number, videos in file.epochs.items():
        frames |= {f"epochs/{number}/{k}": v.frames.astype(np.float32) for k, v in sorted(videos.items())}
    with atomic(path) as stream:
        write_npz(stream, {"head": np.array(json.dumps(head, sort_keys=True, allow_nan=False)), **frames})


def _heads(videos: Mapping[str, StoredScores]) -> dict[str, dict[str, Any]]:
    """What is stored as JSON, by video id; the arrays are stored beside it."""
    return {k: {"video": float(v.video), "part": v.part, "fps": v.fps, "dropped": v.dropped} for k, v in videos.items()}


def read_scores(path: Path) -> ScoreFile:
    """Read the scores of one run.

    Raises: ArtefactError when the file is missing, damaged or of another kind.
    """
    try:
        archive = read_archive(path)
        head = json.loads(str(archive["head"]))
        videos = {
            k: StoredScores(archive[f"frames/{k}"], normalised=archive.get(f"normalised/{k}"), **v)
            for k, v in head["videos"].items()
        }
        epochs = {
            int(number): {k: StoredScores(archive[f"epochs/{number}/{k}"], **v) for k, v in heads.items()}
            for number, heads in head["epochs"].items()
        }
    except UNREADABLE as error:
        raise ArtefactError(
            f"{path}: not a readable score file ({error}). Delete it and run snakemake again."
        ) from error
    return ScoreFile(head["level"], videos, head["protocol"], epochs)
