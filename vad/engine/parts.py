"""The videos of a part of the train list in the form that training needs, in bounded memory.

A bag model needs each video's bag: it is resampled as it is read, into one array for all videos of the part, which
lies in a file beyond `IN_MEMORY` bytes. A window model needs rows: those that do not fit in `IN_MEMORY` bytes stay in
their feature files, of which only the windows of a batch are read. So do rows of validation videos that a bag model
scores as they are.
"""

import hashlib
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from vad.artefacts.clips import Clips
from vad.artefacts.features import IN_MEMORY, READ_AT_ONCE, open_features, stored_features
from vad.artefacts.npy import StoredArray
from vad.engine.expansion import resample, resample_stored
from vad.errors import FeatureError, storage_errors
from vad.models._base import Pool, VideoModel

Rows = np.ndarray | StoredArray
"""The features of a video, [rows, dim], [rows, crops, dim] or [rows, dim, *space], in memory or in their file."""


@dataclass(frozen=True)
class StoredRows:
    """The rows of one crop of a video, which stay in its feature file."""

    array: StoredArray
    crop: int | None
    """None where the video has no crops."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, then the shape of one."""
        _, *dims = self.array.shape
        return (len(self.array), *(dims if self.crop is None else dims[1:]))

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.array.nbytes // (1 if self.crop is None else self.array.shape[1])

    def __len__(self) -> int:
        """Rows."""
        return len(self.array)

    def __getitem__(self, rows: slice) -> Shaped[Tensor, "rows *dims"]:
        """Some rows, read from the file."""
        return torch.from_numpy(self.array[rows] if self.crop is None else self.array[rows, self.crop])


@dataclass(frozen=True)
class Part:
    """The fit or the validation part: features and label of each video."""

    features: Sequence[Rows]
    labels: Sequence[int]
    clips: Sequence[Clips] | None = None
    """The images of each video's rows, where the features hold them."""
    copies: "Sequence[Part]" = ()
    """The same videos with changed pictures, in the same order: only for the fit part."""
    bags: Float[np.ndarray, "bags segments dim *space"] | None = None
    """The bags of all crops of all videos in one array, where they were made while the files were read."""
    lengths: Sequence[int] = ()
    """Frames of each video; empty where only its rows are known."""
    frame_auc: Callable[[VideoModel], float] | None = None
    """Of the frames of the validation part, where these have labels (`vad.engine.validation_frames`)."""
    identity: str = ""
    """A hash of the content of the feature files; empty for features that come from no file."""


@overload
def crops_of(features: np.ndarray) -> list[np.ndarray]: ...


@overload
def crops_of(features: Rows) -> list[np.ndarray | StoredRows]: ...


def crops_of(features: Rows) -> Sequence[np.ndarray | StoredRows]:
    """The crops of a video ([rows, crops, dim]) as separate samples; features of another shape are one crop."""
    if isinstance(features, StoredArray):
        crops = range(features.shape[1]) if features.ndim == 3 else [None]
        return [StoredRows(features, crop) for crop in crops]
    if features.ndim != 3:
        return [features]
    return [features[:, crop] for crop in range(features.shape[1])]


def rows_of(crop: np.ndarray | StoredRows) -> Tensor | StoredRows:
    """One crop of a video as a tensor that shares its memory, or in its file."""
    return torch.from_numpy(crop) if isinstance(crop, np.ndarray) else crop


def in_memory(crop: np.ndarray | StoredRows) -> np.ndarray:
    """All rows of one crop of a video."""
    return crop if isinstance(crop, np.ndarray) else crop[:].numpy()


def validates_own_rows(model: VideoModel) -> bool:
    """Whether validation needs the rows of a video, not only its bag.

    With `bag_pool` max the video's score comes from the maximum over all rows, which the bag keeps: the rows would
    give the same score.
    """
    return model.selects_own_rows and model.bag_pool == "mean"


def bags_of(part: Part, bag_segments: int, pool: Pool) -> Float[np.ndarray, "bags segments dim *space"]:
    """The bags of all crops of a part's videos: those that it has, or each video resampled."""
    if part.bags is not None:
        return part.bags
    bags = [resample(in_memory(crop), bag_segments, pool) for own in part.features for crop in crops_of(own)]
    return np.stack(bags) if bags else np.zeros((0, bag_segments, 1), np.float32)


class BagStore:
    """One array for the bags of a part, filled video by video; beyond `IN_MEMORY` bytes it lies in a file.

    The file has no name: it disappears with the process, however that ends.

    Args:
        videos: of the part.
        folder: where the file may lie; None = where the system keeps temporary files.
    """

    def __init__(self, videos: int, folder: Path | None) -> None:
        self.videos, self.folder = videos, folder
        self.bags = np.zeros((0, 0, 0), np.float32)
        self._crops = 0

    def put(
        self,
        video: int,
        bag: Float[np.ndarray, "segments dim *space"] | Float[np.ndarray, "segments crops dim"],
        path: Path,
    ) -> np.ndarray:
        """Keep the bag of a video; returns it as it lies in the array.

        Raises: FeatureError naming the file if a video has another number of crops, or other maps, than the first.
        """
        crops = [bag[:, crop] for crop in range(bag.shape[1])] if bag.ndim == 3 else [bag]
        if not video:
            self._crops = len(crops)
            self.bags = self._allocated((self.videos * len(crops), *crops[0].shape), bag.dtype)
        if len(crops) != self._crops or crops[0].shape != self.bags.shape[1:]:
            raise FeatureError(
                f"{path}: {len(crops)} crop(s) with rows of shape {crops[0].shape[1:]}, the first video of the part has"
                f" {self._crops} with {self.bags.shape[2:]}. All videos of a features entry must have equal ones."
            )
        own = self.bags[video * self._crops : (video + 1) * self._crops]
        for place, crop in zip(own, crops, strict=True):
            place[:] = crop
        return own.swapaxes(0, 1) if bag.ndim == 3 else own[0]

    def _allocated(self, shape: tuple[int, ...], dtype: np.dtype) -> Shaped[np.ndarray, "bags segments dim *space"]:
        size = math.prod(shape) * dtype.itemsize
        if size <= IN_MEMORY:
            return np.empty(shape, dtype)
        folder = Path(tempfile.gettempdir()) if self.folder is None else self.folder
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            with storage_errors(folder):
                os.posix_fallocate(file.fileno(), 0, size)  # without the space, writing to the array would be a crash
            return np.memmap(file, dtype, "r+", shape=shape)


def part_of(
    model: VideoModel,
    part: str,
    files: Sequence[Path],
    labels: Sequence[int],
    dim: int | None = None,
    folder: Path | None = None,
) -> Part:
    """The part `fit` or `validation` from the feature files of its videos, in bounded memory.

    Args:
        model: what it needs is kept: bags, rows, and the images if it looks at them.
        part: `fit` or `validation`.
        files: one a video.
        labels: of the videos, 0 normal, 1 anomalous.
        dim: expected width of a feature vector; None accepts any.
        folder: where large arrays may lie for the time of the process; None = where the system keeps temporary files.

    Raises: FeatureError for a damaged file, another width, or another number of crops than the other videos have.
    """
    features: list[Rows] = []
    clips: list[Clips] = []
    lengths: list[int] = []
    bags = BagStore(len(files), folder) if model.sampling == "bags" else None
    keeps_rows = bags is None or (part == "validation" and validates_own_rows(model))
    left, found = IN_MEMORY, hashlib.sha256()
    for video, (path, label) in enumerate(zip(files, labels, strict=True)):
        stored = stored_features(path)
        found.update(f"{stored.dtype} {stored.shape} {stored.crc}\n".encode())
        if bags is None and part == "fit" and label:
            features.append(stored)  # its windows are never drawn: only its length counts
            continue
        file = open_features(path, dim, left if keeps_rows else READ_AT_ONCE, stored)
        rows = file.features
        lengths.append(int(file.bounds[-1]))
        if bags is not None:
            segments, pool = model.bag_segments, model.bag_pool
            if isinstance(rows, np.ndarray):
                bag = resample(rows, segments, pool)
            else:
                bag = resample_stored(rows, segments, pool)
            kept = bags.put(video, bag, path)
            rows = rows if keeps_rows else kept
        if keeps_rows and isinstance(rows, np.ndarray):
            left -= rows.nbytes
        features.append(rows)
        if model.uses_clips and file.clips is not None:
            clips.append(file.clips)
            found.update(file.clips.offsets.tobytes())  # lengths of the images: a fingerprint that reads none of them
    shown = clips if clips and len(clips) == len(features) else None
    return Part(
        features,
        labels,
        shown,
        bags=None if bags is None else bags.bags,
        lengths=() if bags is None else lengths,
        identity=found.hexdigest(),
    )


def with_copies(part: Part, copies: Sequence[Part]) -> Part:
    """A part whose videos have copies.

    Raises: FeatureError for a copy whose features have another shape than those of the plain video.
    """
    for number, copy in enumerate(copies, start=1):
        shapes = zip(part.features, copy.features, strict=True)
        if wrong := [(plain.shape, other.shape) for plain, other in shapes if plain.shape != other.shape]:
            raise FeatureError(
                f"copy {number} of {len(wrong)} video(s) has features of another shape than the video itself, e.g."
                f" {wrong[0][1]} instead of {wrong[0][0]}. Delete *.copy{number}.npz and run snakemake again."
            )
    return replace(part, copies=tuple(copies))
