"""Published features, read from the files of those who extracted them: no video is read.

Forms: Sultani's C3D text (32 x 4096), one `.npy` per video, or one `.npy` per video and crop; vectors, or maps with
channels first (STEAD's X3D activations, 192 x 16 x 10 x 10 a video).
Differs: nothing is joined by position; every array is checked for width, type, finite values and length.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, model_validator

from vad.artefacts.features import FeatureFile
from vad.artefacts.files import sha256
from vad.artefacts.npy import npy_shape
from vad.errors import FeatureError, first_of
from vad.extractors._base import BaseExtractor, Source
from vad.extractors._imported_arrays import read_npy, read_text
from vad.extractors._imported_sources import CROP_COUNTS, FeatureFolder
from vad.schema.base import Count, Section

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


RATE_ERRATA = frozenset(f"normal_videos{n}" for n in (586, 600, 635, 644, 645, 648, 649, 650, 651, 653))
"""Train videos of UCF-Crime whose lengths differ by a fifth between sources: 30 or 25 frames a second, it seems."""
FEW = 4
"""Files of equal length that are no coincidence."""


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
    misfits: Literal["error", "leave_out"] = Field(
        default="error",
        description="a train video whose rows do not fit its frames: leave_out = as if it had no features, where the"
        " data set has subset: available",
    )
    follow_links: bool = Field(default=False, description="read what links below root lead to")
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


class Shape(NamedTuple):
    """What a file's header says."""

    rows: int
    crops: int


class Extractor(BaseExtractor):
    """Reads, checks and converts published features. Building it reads nothing."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.dim = config.dim

    def has(self, video_id: str, n_frames: int | None = None) -> bool:
        """Whether there is any feature file of a video; with `misfits: leave_out` one that fits its frames."""
        if not self._folder.has(video_id) or n_frames is None or self.config.misfits == "error":
            return self._folder.has(video_id)
        return not self._misfit(video_id, self._shape(video_id), n_frames)

    def examine(self, n_frames: Mapping[str, int | None]) -> list[str]:
        """What headers say: other shapes, other crops in some files, rows that do not fit, bags read as segments.

        Text files have no header: the first few are read for their number of rows.
        """
        names = list(n_frames) if self.config.format != "sultani_text" else list(n_frames)[:FEW]
        problems, shapes = [], {}
        for name in names:
            try:
                shapes[name] = self._shape(name)
            except FeatureError as error:
                problems.append(str(error))
        crops = {shape.crops for shape in shapes.values()}
        if len(crops) > 1:
            of = {n: [name for name, shape in shapes.items() if shape.crops == n] for n in sorted(crops)}
            counts = "; ".join(f"{n} crops: {first_of(found)}" for n, found in of.items())
            problems.append(f"files differ in their number of crops ({counts}). Check layout")
        fits = {name: self._misfit(name, shape, n_frames[name]) for name, shape in shapes.items()}
        return [*problems, *filter(None, fits.values()), *self._is_a_bag(shapes, n_frames)]

    def _is_a_bag(self, shapes: Mapping[str, Shape], n_frames: Mapping[str, int | None]) -> list[str]:
        """The question that equal numbers of rows ask, where no frame counts answer it."""
        rows = {shape.rows for shape in shapes.values()}
        known = all(n_frames[name] for name in shapes)
        if self.config.rows == "bag" or len(shapes) < FEW or len(rows) > 1 or known:
            return []
        fix = f"Set rows: bag and bag_rows: {min(rows)} if they are parts of whole videos; else state frame counts"
        return [f"all {len(shapes)} files have {min(rows)} rows, whatever the length of the video. {fix}"]

    def _shape(self, video_id: str) -> Shape:
        """Rows and crops of a video's file (of crops in files of their own, of the first), from its header.

        Raises: FeatureError for another shape than the settings say.
        """
        path = self._folder.files_of([video_id])[video_id][0]
        if self.config.format == "sultani_text":
            return Shape(len(read_text(path)), 1)
        try:
            shape = npy_shape(path)
        except ValueError as error:
            raise FeatureError(f"{path}: {error}. Fetch or save it again.") from error
        self._check_shape(path, shape)
        crops_at = {"segments_crops_dim": 1, "crops_segments_dim": 0}.get(self.config.layout)
        rows = shape[1] if crops_at == 0 else 1 if self.config.layout == "dim_space" else shape[0]
        return Shape(rows, 1 if crops_at is None else shape[crops_at])

    def _misfit(self, video_id: str, shape: Shape, n_frames: int | None) -> str:
        """Why the rows of a video cannot be those of its frames; "" if they can, or the frames are not known."""
        if n_frames is None:
            return ""
        path = self._folder.files_of([video_id])[video_id][0]
        try:
            self._bounds(path, shape.rows, n_frames)
        except FeatureError as error:
            known = video_id.lower().removesuffix("_x264") in RATE_ERRATA
            return str(error) + (
                " A known erratum of this video: counted at 25 or 30 frames a second." if known else ""
            )
        return ""

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
        return FeatureFolder(root, suffix, config.ending, config.format == "crops_files", config.follow_links)

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
        self._check_shape(path, array.shape)
        array = np.moveaxis(array, 0, 1) if self.config.layout == "crops_segments_dim" else array
        return array[None] if self.config.layout == "dim_space" else array

    def _check_shape(self, path: Path, shape: tuple[int, ...]) -> None:
        """Compare the shape of a file with the settings.

        Raises: FeatureError for another shape.
        """
        layout, maps = self.config.layout, self.config.layout.endswith("space")
        least = layout.count("_") + (2 if maps else 1)
        if len(shape) < least or (len(shape) > least and not maps):
            raise FeatureError(f"{path}: shape {shape}, layout {layout} means {AXES[layout]}. Set layout.")
        if 0 in shape:
            what = "rows" if shape[layout == "crops_segments_dim"] == 0 and layout != "dim_space" else "numbers"
            raise FeatureError(f"{path}: no {what} (shape {shape}). Fetch or extract it again.")
        width = shape[0 if layout == "dim_space" else 1 if maps else -1]
        if width != self.dim:
            raise FeatureError(f"{path}: features are {width} wide, dim says {self.dim}. Set dim or layout.")
        crops = shape[layout == "segments_crops_dim"] if "crops" in layout else 1
        if crops not in {1, *CROP_COUNTS}:
            known = ", ".join(map(str, (1, *CROP_COUNTS)))
            fix = "Set the other layout, or segments_dim"
            raise FeatureError(f"{path}: {crops} crops (shape {shape}), there are {known} in use. {fix}.")

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
                f" at most {MISSING} may be missing. Check segment_frames, or fetch the file again; misfits: leave_out"
                " leaves such train videos out."
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
