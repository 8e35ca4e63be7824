"""The files that pass between rooms, each with one writer and one reader, checked on both sides.

Every writer is atomic: the final name holds the whole new content or the old one, whatever happens.
Imports no torch: Snakemake reads this module while it parses.
"""

import contextlib
import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from jaxtyping import Float, Int, UInt8
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from vad.clips import DATA, Clips
from vad.errors import ArtefactError, FeatureError

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


@dataclass(frozen=True)
class FeatureFile:
    """The features of one video, with the exact place of every row in the video.

    A row holds a vector, a vector per crop, a map with channels first (`[rows, dim, *space]`), or an image
    (uint8, `[rows, dim, height, width]`). `bounds[i]` is the frame (index from 0) where row i starts;
    `bounds[-1]` is the number of frames.
    """

    features: (
        Float[np.ndarray, "rows dim"]
        | Float[np.ndarray, "rows crops dim"]
        | Float[np.ndarray, "rows dim height width *more"]
        | UInt8[np.ndarray, "rows dim height width"]
    )
    bounds: Int[np.ndarray, "rows+1"]
    report: dict[str, Any] = field(default_factory=dict)
    clips: Clips | None = None
    """The images of each row, where the extractor keeps them."""

    @property
    def n_frames(self) -> int:
        """Frames of the video, as decoded (or as stated, for imported features)."""
        return int(self.bounds[-1])

    @property
    def dim(self) -> int:
        """Width of one feature vector, or channels of a map or image."""
        return int(self.features.shape[-1 if self.features.ndim < 4 else 1])


def _check_features(where: Path, file: FeatureFile) -> None:
    """Refuse arrays that no later room could trust."""
    features, bounds = file.features, file.bounds
    images = features.dtype == np.uint8 and features.ndim == 4
    if not (images or (features.dtype == np.float32 and features.ndim >= 2)) or 0 in features.shape:
        raise FeatureError(
            f"{where}: features are {features.dtype} {features.shape}, expected float32 [rows, dim],"
            " [rows, crops, dim] or [rows, dim, *space], or uint8 images [rows, dim, height, width], none of"
            " them empty. Extract the video again."
        )
    if not images and not np.isfinite(features).all():  # a byte is always finite
        row = int(np.argwhere(~np.isfinite(features))[0][0])
        raise FeatureError(f"{where}: NaN or infinite feature in row {row}. Extract the video again.")
    if bounds.shape != (len(features) + 1,) or bounds[0] != 0 or bounds[-1] < 1 or (np.diff(bounds) < 0).any():
        raise FeatureError(f"{where}: frame bounds do not fit {len(features)} rows. Extract the video again.")
    if file.clips is not None and (problem := file.clips.problem(len(features))):
        raise FeatureError(f"{where}: {problem}. Extract the video again.")


def write_features(path: Path, file: FeatureFile) -> None:
    """Write one video's features (equal content gives equal bytes)."""
    _check_features(path, file)
    report = np.array(json.dumps(file.report, sort_keys=True, allow_nan=False))
    with atomic(path) as stream:
        images = file.clips.arrays() if file.clips else {}
        np.savez(stream, features=file.features, bounds=file.bounds.astype(np.int64), report=report, **images)  # type: ignore[arg-type]


def read_features(path: Path, dim: int | None = None) -> FeatureFile:
    """Read one video's features.

    Args:
        path: a file that `write_features` wrote.
        dim: expected width of a feature vector; None accepts any.

    Raises: FeatureError for a damaged file or another width.
    """
    try:
        archive = _read_archive(path, leave=(DATA,))
        report = json.loads(str(archive["report"]))
        file = FeatureFile(archive["features"], archive["bounds"], report, Clips.stored(path, archive))
    except UNREADABLE as error:
        raise FeatureError(
            f"{path}: not a readable feature file ({error}). Delete it and run snakemake again."
        ) from error
    _check_features(path, file)
    if dim is not None and file.dim != dim:
        raise FeatureError(
            f"{path}: features are {file.dim} wide, the model expects {dim}. Check `features` of the variant."
        )
    return file


@dataclass(frozen=True)
class VideoScore:
    """What `infer` says of one video. Scores: any range, higher = more anomalous."""

    frames: Float[np.ndarray, "frames"]
    video: float
    part: str
    fps: float | None = None
    normalised: Float[np.ndarray, "frames"] | None = None
    """Frame scores whose components were scaled by this video's own range, of models that have components."""
    dropped: int = 0
    """Frames at the start without a score of their own, which evaluation leaves out."""

    @property
    def n_frames(self) -> int:
        """Frames of the video."""
        return len(self.frames)


@dataclass(frozen=True)
class ScoreFile:
    """The scores of one run (variant and seed) for its validation and test videos."""

    level: Literal["frame", "video"]
    videos: dict[str, VideoScore]
    protocol: dict[str, Any] = field(default_factory=dict)
    """How the scores came to be: expansion, crops, smoothing, selection ..., for the row of the table."""
    epochs: dict[int, dict[str, VideoScore]] = field(default_factory=dict)
    """The test videos scored by every epoch that was kept, for the selection gap alone."""


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
        np.savez(stream, head=np.array(json.dumps(head, sort_keys=True, allow_nan=False)), **frames)  # type: ignore[arg-type]


def _heads(videos: Mapping[str, VideoScore]) -> dict[str, dict[str, Any]]:
    return {k: {"video": float(v.video), "part": v.part, "fps": v.fps, "dropped": v.dropped} for k, v in videos.items()}


def read_scores(path: Path) -> ScoreFile:
    """Read the scores of one run."""
    try:
        archive = _read_archive(path)
        head = json.loads(str(archive["head"]))
        videos = {
            k: VideoScore(archive[f"frames/{k}"], normalised=archive.get(f"normalised/{k}"), **v)
            for k, v in head["videos"].items()
        }
        epochs = {
            int(number): {k: VideoScore(archive[f"epochs/{number}/{k}"], **v) for k, v in heads.items()}
            for number, heads in head["epochs"].items()
        }
    except UNREADABLE as error:
        raise ArtefactError(
            f"{path}: not a readable score file ({error}). Delete it and run snakemake again."
        ) from error
    return ScoreFile(head["level"], videos, head["protocol"], epochs)


def write_weights(path: Path, weights: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> None:
    """Weights as safetensors, with the config that rebuilds the model.

    One metadata key only: with two or more the format is not byte-stable.
    """
    data = save(dict(weights), metadata={"vad": json.dumps(config, sort_keys=True, allow_nan=False)})
    with atomic(path) as stream:
        stream.write(data)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a weights file, by name."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ArtefactError(
            f"{path}: not a readable weights file ({error}). Delete it and run snakemake again."
        ) from error


def _read_archive(path: Path, leave: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Every array of an npz but those that are left in it; the file is closed even when it is damaged."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name not in leave}
