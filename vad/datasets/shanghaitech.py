"""ShanghaiTech Campus from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    training/videos/01_001.avi ... or training/frames/01_001/000.jpg ...      330 normal videos
    testing/frames/01_0014/000.jpg ...                                        107 test videos
    testing/test_frame_mask/01_0014.npy ...  testing/test_pixel_mask/01_0014.npy ...  frame_labels_shanghai.npy

Without lists the split is that of the distribution: normal videos to train on. With `train_list` and `test_list` (the
weakly supervised split of Zhong et al.: 238 and 199 videos of both parts) the lists decide; the label of a video is 1
where its frame masks mark a frame. A video is named by its scene and number, 01_0014, wherever that stands in a line.

Paper: Liu et al., "Future Frame Prediction for Anomaly Detection", CVPR 2018; Zhong et al., "Graph Convolutional Label
Noise Cleaner", CVPR 2019 (the weak split).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import Field, model_validator

from vad.artefacts.npy import load_npy
from vad.datasets._frame_labels import read_frame_labels
from vad.datasets._one_class import LabelSource, OneClassDataset, OneClassSettings
from vad.datasets._one_class_labels import Marks, fitting, of_vector
from vad.datasets._one_class_sequences import Layout, StoredSequence, counted
from vad.datasets._text import encoding_of
from vad.errors import DatasetError, listing
from vad.localisation.truth import Truth
from vad.splits.video import Video

VECTOR = "frame_labels_shanghai.npy"
MNAD_SHA256 = "c03ff3a1a6d33ed029c84b73f0ec1d039253d42bde1cb073b0aa3da5e2039a2f"
NAME = re.compile(r"(\d{2}_\d{3,4})(?:\.\w+)?")
_IN_LINE = re.compile(r"(?<!\d)(\d{2}_\d{3,4})(?!\d)[^,\s]*(?:[,\s]+([01])(?![\d.]))?")
FRAMES = Layout(
    "folders training/frames/01_001, testing/frames/01_0014", "training/frames", "testing/frames", NAME, named=True
)
VIDEOS = Layout(
    "files training/videos/01_001.avi and folders testing/frames/01_0014",
    "training/videos",
    "testing/frames",
    NAME,
    train_files=True,
    named=True,
)


class Config(OneClassSettings):
    """Where the data set lies, which labels count, and how videos are split."""

    labels: Literal["auto", "npy", "masks", "pixels"] = Field(
        default="auto",
        description="frame labels: npy = MNAD's vector, masks = test_frame_mask, pixels = any pixel of test_pixel_mask;"
        " auto = masks, else npy, else pixels",
    )
    label_file: str | None = Field(
        default=None, description=f"the vector, relative to root; null = {VECTOR} in root or beside it"
    )
    train_list: str | None = Field(default=None, description="names of the train videos; null = those of training/")
    test_list: str | None = Field(default=None, description="names of the test videos; null = those of testing/")

    @model_validator(mode="after")
    def _both_lists(self) -> "Config":
        if (self.train_list is None) != (self.test_list is None):
            raise ValueError("train_list and test_list belong together: set both or none")
        return self


class Dataset(OneClassDataset):
    """The videos of ShanghaiTech."""

    config: Config
    GET = "Get ShanghaiTech Campus from https://svip-lab.github.io/dataset/campus_dataset.html (docs/datasets.md)"
    _LAYOUTS = (FRAMES, VIDEOS)
    _INNER = ("shanghaitech", "ShanghaiTech", "shanghai")
    _DIGITS = 2

    def lists(self) -> list[Path]:
        """Everything that labels are read from, and the lists of the split."""
        return [*super().lists(), *self._lists().values()]

    def labels_of(self, video: Video) -> UInt8[np.ndarray, " frames"]:
        """One label a frame of a test video; videos of the training part are normal."""
        marks = self._marks.get(video.video_id)
        return np.zeros(video.n_frames or 0, np.uint8) if marks is None else marks

    def _lists(self) -> dict[Literal["train", "test"], Path]:
        """The lists of the split, if there are any."""
        if self.config.train_list is None or self.config.test_list is None:
            return {}
        return {"train": self._installed() / self.config.train_list, "test": self._installed() / self.config.test_list}

    @cached_property
    def _stored(self) -> list[StoredSequence]:
        """All videos in the split of the distribution."""
        return self._find()

    @cached_property
    def _sequences(self) -> list[StoredSequence]:
        """All videos, train first, in the split of the lists if there are any.

        Raises: DatasetError with every problem of the lists.
        """
        files = self._lists()
        if not files:
            return self._stored
        there, problems = {sequence.video_id: sequence for sequence in self._stored}, []
        named = {split: read_names(path, problems) for split, path in files.items()}
        problems += [f"{name} is in both lists (leakage)" for name in named["train"] if name in named["test"]]
        problems += [f"{name}: no such video" for names in named.values() for name in names if name not in there]
        for name, label in {**named["train"], **named["test"]}.items():
            marks = self._marks.get(name)
            if label is not None and name in there and label != int(marks is not None and marks.any()):
                problems.append(f"{name}: label {label} in the list, {1 - label} by the frame labels")
        if problems:
            raise DatasetError(listing(str(self.root), problems, "Correct the lists."))
        found = [replace(there[name], split=split) for split, names in named.items() for name in sorted(names)]
        films = [replace(one, n_frames=0) for one in found if one.split == "test" and one.n_frames is None]
        lengths = {one.video_id: one for one in counted(self._installed(), films, problems)}
        if problems:
            raise DatasetError(listing(str(self.root), problems, "Copy the data again."))
        return [lengths.get(one.video_id, one) for one in found]

    @property
    def _tests(self) -> list[StoredSequence]:
        """The videos with frame labels: those of the testing part, whatever the lists say."""
        return [sequence for sequence in self._stored if sequence.split == "test"]

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The masks of `test_pixel_mask`, where they are there."""
        from vad.localisation.truth_files import mask_array

        path = self._place[0] / "testing" / "test_pixel_mask" / f"{video.video_id}.npy"
        return mask_array(path) if path.is_file() else super().truth_of(video, size)

    def _wanted(self) -> tuple[str, ...]:
        return ("masks", "npy", "pixels") if self.config.labels == "auto" else (self.config.labels,)

    def _label_sources(self, folder: Path, tests: list[StoredSequence]) -> list[LabelSource]:
        """The label sources that are there."""
        root, own, found = self._installed(), self.config.label_file, []
        listed = bool(self._lists())  # the labels of train videos come from the masks as well
        places = [root / own] if own else [folder / VECTOR, folder.parent / VECTOR]
        for name, place, what, read, quick in (
            ("masks", "test_frame_mask", "one label a frame", of_label_files, True),
            ("pixels", "test_pixel_mask", "pixel masks", of_pixel_files, False),
        ):
            files = {one.video_id: folder / "testing" / place / f"{one.video_id}.npy" for one in tests}
            files = {video_id: path for video_id, path in files.items() if path.is_file()}
            if files:
                found.append(
                    LabelSource(name, what, tuple(files.values()), partial(read, files), quick=quick or listed)
                )
        if vector := next((path for path in places if path.is_file()), None):
            lengths = [sequence.n_frames or 0 for sequence in tests]
            read = partial(of_vector, vector, lengths)
            found.append(LabelSource("npy", "MNAD's label a frame of all test videos", (vector,), read, MNAD_SHA256))
        return found


def read_names(path: Path, problems: list[str]) -> dict[str, int | None]:
    """The videos of a list, each with its label if the line states one.

    Args:
        path: a line for each video, such as `01_0014`, `01_0014,1` or `features/01_0014_i3d.npy`; ten crops are one.
        problems: receives what is wrong, with line numbers.
    """
    found: dict[str, int | None] = {}
    try:
        text = path.read_text(encoding=encoding_of(path))
    except (OSError, UnicodeError) as error:
        problems.append(f"{path}: cannot be read as text ({error})")
        return {}
    for number, line in enumerate(text.splitlines(), 1):
        last = re.split(r"[\\/]", line.strip())[-1]
        if not last:
            continue
        match = _IN_LINE.search(last)
        if match is None:
            problems.append(f"{path.name}:{number}: {last[:60]!a} names no video like 01_0014")
            continue
        label = None if match[2] is None else int(match[2])
        if found.setdefault(match[1], label) != label:
            problems.append(f"{path.name}:{number}: {match[1]} has another label before")
    if not found and not problems:
        problems.append(f"{path.name}: no videos")
    return found


def of_label_files(files: Mapping[str, Path], sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """One `.npy` of 0 and 1 for each test video."""
    marks: Marks = {}
    for sequence in sequences:
        try:
            if sequence.video_id not in files:
                raise DatasetError(f"{sequence.video_id}: no file of frame labels")
            marks[sequence.video_id] = read_frame_labels(files[sequence.video_id], None)
        except DatasetError as error:
            problems.append(str(error))
    return fitting(marks, "labels", sequences, problems)


def of_pixel_files(files: Mapping[str, Path], sequences: Sequence[StoredSequence], problems: list[str]) -> Marks:
    """One `.npy` of masks, frames first, for each test video: a frame is anomalous where any pixel is above 0."""
    marks: Marks = {}
    for sequence in sequences:
        try:
            masks = load_npy(files[sequence.video_id]) if sequence.video_id in files else np.zeros((0, 1))
            marks[sequence.video_id] = np.asarray(masks.reshape(len(masks), -1).any(1), np.uint8)
        except ValueError as error:
            problems.append(f"{files[sequence.video_id]}: {error}")
    return fitting(marks, "masks", sequences, problems)
