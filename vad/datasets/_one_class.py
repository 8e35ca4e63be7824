"""For data sets of one class (Ped2, Avenue): normal train sequences, test sequences with frame labels."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from vad.artefacts.files import canonical_json
from vad.artefacts.fingerprint import fingerprint
from vad.datasets._base import Available, BaseDataset, UserSettings
from vad.datasets._one_class_labels import Marks
from vad.datasets._one_class_sequences import Layout, StoredSequence, counted, find_layout, find_sequences
from vad.errors import DatasetError, listing
from vad.splits.video import Validation, Video

NORMAL, ANOMALY = "normal", "anomaly"


@dataclass(frozen=True)
class LabelSource:
    """One place that labels of the frames can come from."""

    name: str
    """As settings and rows call it."""
    what: str
    files: tuple[Path, ...]
    """What is read: files, or folders of masks."""
    read: Callable[[Sequence[StoredSequence], list[str]], Marks]
    official: str | None = None
    """sha256 of the file that the literature uses."""
    quick: bool = True
    """False for masks: reading thousands of pictures is left to the job that needs them."""

    @property
    def title(self) -> str:
        """Its file, or its first and last one."""
        first, last = self.files[0].name, self.files[-1].name
        return first if first == last else f"{first} ... {last}"


class OneClassSettings(UserSettings):
    """Settings of a data set with normal train sequences."""

    validation: Validation = Field(
        default_factory=Validation, description="normal train sequences held back for selection"
    )
    interval: Literal["zero_based_half_open", "zero_based_inclusive", "one_based_inclusive"] = Field(
        default="one_based_inclusive",
        description="how intervals in MATLAB files count frames",
    )


class OneClassDataset(BaseDataset):
    """A data set of one user's folder: normal sequences to train on, test sequences with a label a frame.

    A subclass sets the attributes below, `GET`, and overrides `_wanted` and `_label_sources`.

    Attributes:
        _LAYOUTS: arrangements to look for; the first one found is taken.
        _INNER: folders of the unpacked archive in which the layout may lie.
        _DIGITS: digits of the numbers in ids.
    """

    config: OneClassSettings
    interval_rule = "one_based_inclusive"
    """Not used: every test sequence has frame labels."""
    _LAYOUTS: Sequence[Layout]
    _INNER: Sequence[str]
    _DIGITS: int

    def lists(self) -> list[Path]:
        """Everything that labels are read from, also for the comparison of label sources."""
        return [path for source in self._present.values() for path in source.files]

    def videos(self, available: Available | None = None) -> list[Video]:
        """All sequences. Labels from masks are not read here, test sequences then count as anomalous.

        Raises: DatasetError with every lost sequence or frame, or everything that does not fit between labels and
            sequences.
        """
        marks = self._marks if self._source.quick else {}
        return [_video(sequence, self._source.name, marks) for sequence in self._sequences]

    def parsed(self, available: Available | None = None) -> list[Video]:
        """All sequences, each labelled by its frames."""
        return [_video(sequence, self._source.name, self._marks) for sequence in self._sequences]

    def labels_of(self, video: Video) -> UInt8[np.ndarray, " frames"]:
        """One label a frame of a test sequence."""
        return self._marks[video.video_id]

    def facts(self, available: Available | None = None) -> dict[str, Any]:
        """Checksums of all label sources, which one is used, and how far the others differ from it."""
        return {
            "lists": {source.title: self._checksum(source) for source in self._present.values()},
            "subset": None,
            "frame_labels": self._source.name,
            "notes": [self._place[1].what, *self._notes()],
        }

    def _wanted(self) -> Sequence[str]:
        """Names of label sources in the order of preference; the first one that is there is used."""
        raise NotImplementedError

    def _label_sources(self, folder: Path, tests: list[StoredSequence]) -> list[LabelSource]:
        """The label sources that are there, for the folder of the layout and the test sequences."""
        raise NotImplementedError

    @cached_property
    def _place(self) -> tuple[Path, Layout]:
        """The folder that has a known layout, and the layout.

        Raises: DatasetError that says where the data can be had.
        """
        found = find_layout(self._installed(), self._LAYOUTS, self._INNER)
        if found is None:
            known = "; ".join(layout.what for layout in self._LAYOUTS)
            raise DatasetError(f"{self.root}: none of the known layouts ({known}). {self.GET}")
        return found

    @cached_property
    def _sequences(self) -> list[StoredSequence]:
        """All sequences, train first; see `_find`."""
        return self._find()

    def _find(self) -> list[StoredSequence]:
        """All sequences as they are stored, train first.

        Raises: DatasetError with every lost sequence and frame.
        """
        problems: list[str] = []
        sequences = find_sequences(self._installed(), *self._place, self._DIGITS, problems)
        if problems:
            raise DatasetError(listing(str(self.root), problems, "Copy or extract the data again."))
        return sequences

    @property
    def _tests(self) -> list[StoredSequence]:
        """The test sequences by number."""
        return [sequence for sequence in self._sequences if sequence.split == "test"]

    @cached_property
    def _present(self) -> dict[str, LabelSource]:
        """The label sources that are there, the one that is used first.

        Raises: DatasetError when none of the wanted ones is there.
        """
        found = {source.name: source for source in self._label_sources(self._place[0], self._tests)}
        chosen = next((name for name in self._wanted() if name in found), None)
        if chosen is None:
            have = f"; there are {', '.join(found)}" if found else ""
            raise DatasetError(f"{self.root}: no frame labels of kind {' or '.join(self._wanted())}{have}. {self.GET}")
        return {chosen: found.pop(chosen), **found}

    @property
    def _source(self) -> LabelSource:
        """The label source that is used."""
        return next(iter(self._present.values()))

    @cached_property
    def _marks(self) -> Marks:
        """The labels that are used.

        Raises: DatasetError with everything that does not fit the sequences.
        """
        problems: list[str] = []
        marks = self._source.read(self._tests, problems)
        if problems and self._place[1].files:
            # The header of an AVI may state another number than there are frames: count before anything is said.
            self._sequences = counted(self._installed(), self._sequences, problems := [])
            marks = {} if problems else self._source.read(self._tests, problems)
        if problems:
            fix = "Every frame needs its own label: correct the sequences or the labels."
            raise DatasetError(listing(str(self.root), problems, fix))
        return marks

    @staticmethod
    def _checksum(source: LabelSource) -> dict[str, Any]:
        """sha256 of a file; of several the sha256 over their names and hashes."""
        digests = {path.name: fingerprint(path) for path in source.files}
        joined = hashlib.sha256(canonical_json(digests).encode()).hexdigest()
        digest = joined if len(digests) > 1 else digests[source.files[0].name]
        official = None if source.official is None else digest == source.official
        return {"sha256": digest, "official": official, "what": source.what}

    def _notes(self) -> list[str]:
        """What a reader of the results must know about the labels."""
        full = [name for name, labels in self._marks.items() if labels.all()]
        anomalous = sum(int(labels.sum()) for labels in self._marks.values())
        notes = [f"frame labels {self._source.name}: {anomalous:,} anomalous frames"]
        notes += [f"anomalous throughout, so without an area of their own: {', '.join(full)}"] if full else []
        for source in list(self._present.values())[1:]:
            problems: list[str] = []
            other = source.read(self._tests, problems)
            wrong = f"labels {source.name} do not fit: {problems[0]}" if problems else ""
            notes.append(wrong or self._difference(source, other))
        return notes

    def _difference(self, source: LabelSource, other: Marks) -> str:
        """In how many frames another source says something else."""
        differ = [int(np.count_nonzero(labels != other[name])) for name, labels in self._marks.items()]
        frames = sum(len(labels) for labels in self._marks.values())
        videos = f"{sum(n > 0 for n in differ)} of {len(differ)} videos"
        return f"labels {source.name} differ in {sum(differ):,} of {frames:,} frames, {videos}"


def _video(sequence: StoredSequence, source: str, marks: Marks) -> Video:
    """The row of the split table."""
    test = sequence.split == "test"
    label = int(bool(marks[sequence.video_id].any()) if sequence.video_id in marks else test and not marks)
    return Video(
        video_id=sequence.video_id,
        path=sequence.path,
        split=sequence.split,
        label=label,
        class_name=ANOMALY if label else NORMAL,
        frame_labels=source if test else "",
        n_frames=sequence.n_frames,
    )
