"""Published features, read from the files of those who extracted them: no video is read.

Forms: Sultani's C3D text (32 x 4096), one `.npy` per video, or one `.npy` per video and crop; vectors, or maps with
channels first (STEAD's X3D activations, 192 x 16 x 10 x 10 a video).
Differs: nothing is joined by position; every array is checked for width, type, finite values and length.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, model_validator

from vad.artefacts.features import FeatureFile
from vad.artefacts.files import sha256
from vad.errors import FeatureError
from vad.extractors._base import BaseExtractor, Source
from vad.extractors._imported_arrays import read_npy, read_text
from vad.extractors._imported_sources import FeatureFolder
from vad.schema.base import Count, Section

MAX_CROPS = 10
MISSING = 2
"""Segments that a file may lack at its end: UR-DMU's published files leave out the last one of some videos."""
AXES = {
    "segments_dim": "(segments, dim)",
    "segments_crops_dim": "(segments, crops, dim)",
    "crops_segments_dim": "(crops, segments, dim)",
    "segments_dim_space": "(segments, dim, *space), two axes of space or more",
    "dim_space": "(dim, *space), one map of the whole video",
}
FIRST_AXIS = {"crops_segments_dim": "crop", "dim_space": "channel"}
"""What the first axis of a file counts, where it is not rows."""


class Config(Section):
    """Where the features lie and how their axes and rows are meant."""

    root: str | None = Field(default=None, description="folder of the feature files; null = not installed")
    format: Literal["sultani_text", "npy", "crops_files"] = Field(
        default="npy",
        description="sultani_text: one .txt a video; npy: one .npy a video; crops_files: <video>__0.npy ...",
    )
    layout: Literal["segments_dim", "segments_crops_dim", "crops_segments_dim", "segments_dim_space", "dim_space"] = (
        Field(default="segments_dim", description="axes of one file; dim_space = one map a video, rows: bag")
    )
    dim: Count = Field(description="width of one feature vector, or channels of a map; every file is checked")
    rows: Literal["segments", "bag"] = Field(
        default="segments",
        description="segments = segment_frames frames a row; bag = equal parts of the whole video",
    )
    bag_rows: Count | None = Field(default=32, description="rows of every file when rows is bag; null = any number")
    segment_frames: Count = Field(default=16, description="frames of a segment")
    l2_normalise: bool = Field(default=False, description="scale every vector to length 1 (zero vectors stay)")
    ending: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$")] = Field(
        default="", description="text between the video's name and the suffix of its files, e.g. _i3d"
    )
    name: str = Field(default="", description="the network that made the features, for the record")

    @model_validator(mode="after")
    def _one_crop_a_file(self) -> "Config":
        if self.format != "npy" and self.layout != "segments_dim":
            raise ValueError(f"format {self.format} has files of segments_dim, not {self.layout}")
        return self

    @model_validator(mode="after")
    def _maps_are_no_vectors(self) -> "Config":
        if self.l2_normalise and self.layout.endswith("space"):
            raise ValueError(f"l2_normalise scales vectors, layout {self.layout} has maps")
        return self


class Extractor(BaseExtractor):
    """Reads, checks and converts published features. Building it reads nothing."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.dim = config.dim

    def has(self, video_id: str) -> bool:
        """Whether there is any feature file of a video; its content is not checked."""
        return self._folder.has(video_id)

    def sources(self, video_ids: Iterable[str]) -> dict[str, list[Path]]:
        """The files of each video: one, or one per crop in the order of crops.

        Raises: FeatureError with every video whose files are missing, ambiguous or refused.
        """
        return self._folder.files_of(video_ids)

    def extract(self, source: Source) -> FeatureFile:
        """The features of one video as float32, and the frames each row covers.

        A row of `segments` covers `segment_frames` frames, the last row all frames to the end (`repeat16`); up to
        two missing segments are noted in the report, more are an error;
        row i of a bag of B starts at frame ceil(i * n / B) (`bag_bounds`). Without a stated frame count,
        rows x segment_frames is assumed and the report says so.

        Args:
            source: `paths` are the feature files of the video, one or one per crop (see `sources`).

        Raises: FeatureError when the files are not there or not what the settings say.
        """
        paths, n_frames = source.paths, source.n_frames
        arrays, kinds = zip(*(self._read(path) for path in paths), strict=True)
        if len({array.shape for array in arrays}) > 1:
            shapes = ", ".join(f"{path.name} {array.shape}" for path, array in zip(paths, arrays, strict=True))
            raise FeatureError(f"{source.video_id}: crops of different shape: {shapes}. Fetch them again.")
        features = arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=1)
        if self.config.l2_normalise:
            features = _unit_length(features)
        bounds = self._bounds(paths[0], len(features), n_frames)
        report = self._report(source, sorted(set(kinds))) | self._shortfall(len(features), n_frames)
        return FeatureFile(np.ascontiguousarray(features), bounds, report)

    @cached_property
    def _folder(self) -> FeatureFolder:
        """The files below the root, listed once."""
        config = self.config
        root = None if config.root is None else Path(config.root).expanduser()
        if root is None or not root.is_dir():
            raise FeatureError(f"{root}: no such folder. Set root of these features to their folder, or to null.")
        suffix = ".txt" if config.format == "sultani_text" else ".npy"
        return FeatureFolder(root, suffix, config.ending, crops=config.format == "crops_files")

    def _read(self, path: Path) -> tuple[Float[np.ndarray, "rows *dims"], str]:
        """One file with rows first, and the type its numbers had."""
        if self.config.format == "sultani_text":
            array, kind = read_text(path), "text"
        else:
            array, kind = read_npy(path, FIRST_AXIS.get(self.config.layout, "row"))
        return self._rows_first(path, array), kind

    def _rows_first(
        self, path: Path, array: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, "rows *crops dim"] | Float[np.ndarray, "rows dim *space"]:
        """The axes of a file in the order of a feature file.

        Raises: FeatureError for another shape than the settings say.
        """
        layout, maps = self.config.layout, self.config.layout.endswith("space")
        least = layout.count("_") + (2 if maps else 1)
        if array.ndim < least or (array.ndim > least and not maps):
            raise FeatureError(f"{path}: shape {array.shape}, layout {layout} means {AXES[layout]}. Set layout.")
        if 0 in (shape := array.shape):
            what = "rows" if shape[layout == "crops_segments_dim"] == 0 and layout != "dim_space" else "numbers"
            raise FeatureError(f"{path}: no {what} (shape {shape}). Fetch or extract it again.")
        array = np.moveaxis(array, 0, 1) if layout == "crops_segments_dim" else array
        array = array[None] if layout == "dim_space" else array
        width = array.shape[1 if maps else -1]
        if width != self.dim:
            raise FeatureError(f"{path}: features are {width} wide, dim says {self.dim}. Set dim or layout.")
        if array.ndim == 3 and array.shape[1] > MAX_CROPS:
            raise FeatureError(f"{path}: {array.shape[1]} crops, at most {MAX_CROPS} exist. Set the other layout.")
        return array

    def _bounds(self, path: Path, rows: int, n_frames: int | None) -> Int[np.ndarray, " edges"]:
        """First frame of each row, and the number of frames at the end: rows + 1 edges."""
        step = self.config.segment_frames
        frames = rows * step if n_frames is None else n_frames
        if self.config.rows == "bag":
            if self.config.bag_rows not in {None, rows}:
                raise FeatureError(
                    f"{path}: {rows} rows, a bag has {self.config.bag_rows}. Fetch the file again, or set bag_rows."
                )
            return -(-np.arange(rows + 1, dtype=np.int64) * frames // rows)
        whole, full = frames // step, -(-frames // step)
        if not whole - MISSING <= rows <= full + 1:
            raise FeatureError(
                f"{path}: {rows} rows for {frames} frames, expected {full} ({step} frames a row);"
                f" at most {MISSING} may be missing. Check segment_frames, or fetch the file again."
            )
        bounds = np.minimum(np.arange(rows + 1, dtype=np.int64) * step, frames)
        bounds[-1] = frames
        return bounds

    def _shortfall(self, rows: int, n_frames: int | None) -> dict[str, int]:
        """How many whole segments a file lacks at its end, where it lacks any: its last row covers their frames."""
        lacking = (n_frames or 0) // self.config.segment_frames - rows
        return {"segments_missing": lacking} if self.config.rows == "segments" and lacking > 0 else {}

    def _report(self, source: Source, kinds: list[str]) -> dict[str, Any]:
        """Where the features come from."""
        return {
            "source": self.config.name,
            "files": {path.name: sha256(path) for path in source.paths},
            "stored_as": kinds,
            "rows": self.config.rows,
            "l2_normalised": self.config.l2_normalise,
            "n_frames": "stated" if source.n_frames is not None else "assumed",
        }


def _unit_length(features: Float[np.ndarray, "*axes dim"]) -> Float[np.ndarray, "*axes dim"]:
    """Vectors scaled to Euclidean length 1; zero vectors stay zero."""
    length = np.linalg.norm(features.astype(np.float64), axis=-1, keepdims=True)
    return (features / np.where(length == 0, 1, length)).astype(np.float32)
