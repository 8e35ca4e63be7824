"""What Ped2 and Avenue share: normal clips to learn from, test clips with frame labels from one of several sources."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vad.artefacts.files import canonical_json
from vad.artefacts.fingerprint import fingerprint
from vad.datasets._clips import Clip, Layout, find_clips, find_layout
from vad.datasets._mark_files import Marks
from vad.errors import DatasetError, listing
from vad.splits.video import Video

NORMAL, ANOMALY = "normal", "anomaly"


@dataclass(frozen=True)
class Source:
    """One place that labels of the frames can come from."""

    name: str
    """As settings and rows call it."""
    what: str
    files: tuple[Path, ...]
    """What is read: files, or folders of masks."""
    read: Callable[[Sequence[Clip], list[str]], Marks]
    official: str | None = None
    """sha256 of the file that the literature uses."""
    quick: bool = True
    """False for masks: reading thousands of pictures is left to the job that needs them."""

    @property
    def title(self) -> str:
        """Its file, or its first and last one."""
        first, last = self.files[0].name, self.files[-1].name
        return first if first == last else f"{first} ... {last}"


@dataclass(frozen=True)
class Archive:
    """The data set below one folder.

    Args:
        root: the user's folder.
        layouts: arrangements to look for, the first one found is taken.
        inner: folders of the unpacked archive in which the layout may lie.
        digits: of the numbers in ids.
        sources: the label sources that are there, for the folder of the layout and the test clips.
        wanted: names of sources in the order of preference; the first one that is there is used.
        get: where the data can be had.
    """

    root: Path
    layouts: Sequence[Layout]
    inner: Sequence[str]
    digits: int
    sources: Callable[[Path, list[Clip]], list[Source]]
    wanted: Sequence[str]
    get: str

    @cached_property
    def place(self) -> tuple[Path, Layout]:
        """The folder that has a known layout, and the layout.

        Raises: DatasetError that says where the data can be had.
        """
        if not self.root.is_dir():
            raise DatasetError(f"{self.root}: no such folder. Set root of this data set, or null. {self.get}")
        found = find_layout(self.root, self.layouts, self.inner)
        if found is None:
            known = "; ".join(layout.what for layout in self.layouts)
            raise DatasetError(f"{self.root}: none of the known layouts ({known}). {self.get}")
        return found

    @cached_property
    def clips(self) -> list[Clip]:
        """All clips, train first.

        Raises: DatasetError with every lost clip and frame.
        """
        problems: list[str] = []
        clips = find_clips(self.root, *self.place, self.digits, problems)
        if problems:
            raise DatasetError(listing(str(self.root), problems, "Copy or extract the data again."))
        return clips

    @property
    def tests(self) -> list[Clip]:
        """The test clips by number."""
        return [clip for clip in self.clips if clip.split == "test"]

    @cached_property
    def present(self) -> dict[str, Source]:
        """The label sources that are there, the one that is used first.

        Raises: DatasetError when none of the wanted ones is there.
        """
        found = {source.name: source for source in self.sources(self.place[0], self.tests)}
        chosen = next((name for name in self.wanted if name in found), None)
        if chosen is None:
            have = f"; there are {', '.join(found)}" if found else ""
            raise DatasetError(f"{self.root}: no frame labels of kind {' or '.join(self.wanted)}{have}. {self.get}")
        return {chosen: found.pop(chosen), **found}

    @property
    def source(self) -> Source:
        """The label source that is used."""
        return next(iter(self.present.values()))

    @cached_property
    def marks(self) -> Marks:
        """The labels that are used.

        Raises: DatasetError with everything that does not fit the clips.
        """
        problems: list[str] = []
        marks = self.source.read(self.tests, problems)
        if problems:
            mend = "Every frame needs its own label: mend the clips or the labels."
            raise DatasetError(listing(str(self.root), problems, mend))
        return marks

    def videos(self, quick: bool) -> list[Video]:
        """All clips; with `quick` and labels from masks every test clip is presumed anomalous, nothing is read."""
        marks = self.marks if self.source.quick or not quick else {}
        return [_video(clip, self.source.name, marks) for clip in self.clips]

    def files(self) -> list[Path]:
        """Everything that labels are read from, also for the comparison of sources."""
        return [path for source in self.present.values() for path in source.files]

    def facts(self) -> dict[str, Any]:
        """Checksums of all label sources, which one is used, and how far the others differ from it."""
        return {
            "lists": {source.title: self._checksum(source) for source in self.present.values()},
            "subset": None,
            "frame_labels": self.source.name,
            "notes": [self.place[1].what, *self._notes()],
        }

    @staticmethod
    def _checksum(source: Source) -> dict[str, Any]:
        """sha256 of a file; of several the sha256 over their names and hashes."""
        digests = {path.name: fingerprint(path) for path in source.files}
        joined = hashlib.sha256(canonical_json(digests).encode()).hexdigest()
        digest = joined if len(digests) > 1 else digests[source.files[0].name]
        official = None if source.official is None else digest == source.official
        return {"sha256": digest, "official": official, "what": source.what}

    def _notes(self) -> list[str]:
        """What a reader of the results must know about the labels."""
        full = [name for name, labels in self.marks.items() if labels.all()]
        anomalous = sum(int(labels.sum()) for labels in self.marks.values())
        notes = [f"frame labels {self.source.name}: {anomalous:,} anomalous frames"]
        notes += [f"anomalous throughout, so without an area of their own: {', '.join(full)}"] if full else []
        for source in list(self.present.values())[1:]:
            problems: list[str] = []
            other = source.read(self.tests, problems)
            wrong = f"labels {source.name} do not fit: {problems[0]}" if problems else ""
            notes.append(wrong or self._difference(source, other))
        return notes

    def _difference(self, source: Source, other: Marks) -> str:
        """In how many frames another source says something else."""
        differ = [int(np.count_nonzero(labels != other[name])) for name, labels in self.marks.items()]
        frames = sum(len(labels) for labels in self.marks.values())
        videos = f"{sum(n > 0 for n in differ)} of {len(differ)} videos"
        return f"labels {source.name} differ in {sum(differ):,} of {frames:,} frames, {videos}"


def _video(clip: Clip, source: str, marks: Marks) -> Video:
    """The row of the split table."""
    test = clip.split == "test"
    label = int(test and bool(marks[clip.video_id].any() if clip.video_id in marks else True))
    return Video(
        video_id=clip.video_id,
        path=clip.path,
        split=clip.split,
        label=label,
        class_name=ANOMALY if label else NORMAL,
        frame_labels=source if test else "",
        n_frames=clip.n_frames,
    )
