"""CUHK Avenue from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    training_videos/01.avi ...  testing_videos/01.avi ...  ground_truth_demo/testing_label_mask/1_label.mat ...
    avenue/training/frames/01/000.jpg ...  avenue/testing/frames/01/000.jpg ...  frame_labels_avenue.npy, avenue.mat

16 normal videos to learn from, 21 test videos. Two label sets circulate, MNAD's and ano_pred's; they differ in 441 of
15,324 frames, and which of them equals the masks is not known. So the one that counts is a setting, and named in each
row; the differences to all others that are there are stated.

Paper: Lu et al., "Abnormal Event Detection at 150 FPS in MATLAB", ICCV 2013.
"""

from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from jaxtyping import UInt8
from numpy import ndarray
from pydantic import Field

from vad.datasets._clips import FRAMES, VIDEOS, Clip
from vad.datasets._mark_files import of_mask_volumes, of_matlab_intervals, of_vector
from vad.datasets._one_class import Archive, Source
from vad.errors import DatasetError
from vad.schema.base import Section
from vad.splits.video import Validation, Video

VECTOR, INTERVALS = "frame_labels_avenue.npy", "avenue.mat"
MASKS = "ground_truth_demo/testing_label_mask"
LENGTHS = (
    *(1439, 1211, 923, 947, 1007, 1283, 605, 36, 1175, 841),
    *(472, 1271, 549, 507, 1001, 740, 426, 294, 248, 273, 76),
)
"""Frames of the test videos as distributed."""
MNAD_SHA256 = "72df559ad321e9a06892cd41f4e6731031d9a8a51c06685f0497bc6b9d3ef5c6"
GET = (
    "Get Avenue_Dataset.zip and ground_truth_demo.zip from"
    " http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html (docs/datasets.md)"
)


class Config(Section):
    """Where the data set lies, and which labels count."""

    root: str | None = Field(default=None, description="folder of Avenue; null = not installed")
    avenue_labels: Literal["mnad", "ano_pred", "masks"] = Field(
        default="mnad",
        description=f"frame labels: mnad = {VECTOR}, ano_pred = {INTERVALS}, masks = any pixel of {MASKS}",
    )
    label_file: str | None = Field(
        default=None,
        description="file of mnad or ano_pred labels, relative to root; null = in root or beside it",
    )
    validation: Validation = Field(
        default_factory=Validation, description="normal train videos held back for selection"
    )


class Dataset:
    """The videos of Avenue."""

    interval_rule = "one_based_inclusive"
    """Not used: every test video has frame labels."""
    GET = GET

    def __init__(self, config: Config, home: Path) -> None:
        """Keep the settings; nothing is read. `home` is not used: this data set is not generated."""
        self.config = config

    @property
    def root(self) -> Path | None:
        """Folder that all paths of a video are relative to; None when the data set is not installed."""
        return None if self.config.root is None else Path(self.config.root).expanduser()

    def lists(self) -> list[Path]:
        """The label files."""
        return self._archive.files()

    def videos(self) -> list[Video]:
        """All videos; labels from masks are not read for it, test videos then count as anomalous.

        Raises: DatasetError with every lost video or frame, or everything that does not fit between labels and videos.
        """
        return self._archive.videos(quick=True)

    def parsed(self) -> list[Video]:
        """All videos, each labelled by its frames."""
        return self._archive.videos(quick=False)

    def labels_of(self, video: Video) -> UInt8[ndarray, " frames"]:
        """One label a frame of a test video."""
        return self._archive.marks[video.video_id]

    def facts(self) -> dict[str, Any]:
        """Checksums, which labels are used, how far the others differ."""
        return self._archive.facts()

    @cached_property
    def _archive(self) -> Archive:
        if self.root is None:
            raise DatasetError(f"avenue: root is null. {GET}")
        inner = ("Avenue Dataset", "Avenue_Dataset")
        return Archive(self.root, (VIDEOS, FRAMES), inner, 2, self._sources, (self.config.avenue_labels,), GET)

    def _sources(self, folder: Path, tests: list[Clip]) -> list[Source]:
        """The label sources that are there."""
        found = []
        if vector := self._file("mnad", VECTOR, folder):
            what, read = "MNAD's label a frame of all test videos", partial(of_vector, vector, LENGTHS)
            found.append(Source("mnad", what, (vector,), read, MNAD_SHA256))
        if cells := self._file("ano_pred", INTERVALS, folder):
            what, read = "ano_pred's intervals of the test videos", partial(of_matlab_intervals, cells)
            found.append(Source("ano_pred", what, (cells,), read))
        if masks := self._masks(folder, tests):
            read = partial(of_mask_volumes, masks)
            found.append(Source("masks", "pixel masks", tuple(masks.values()), read, quick=False))
        return found

    def _masks(self, folder: Path, tests: list[Clip]) -> dict[str, Path]:
        """The file of masks of each test video that has one, in or beside the folder."""
        tops = [place / MASKS for place in (folder, folder.parent) if (place / MASKS).is_dir()]
        files = {clip.video_id: top / f"{int(clip.video_id[-2:])}_label.mat" for top in tops[:1] for clip in tests}
        return {name: file for name, file in files.items() if file.is_file()}

    def _file(self, kind: str, name: str, folder: Path) -> Path | None:
        """The file of a label set: the one that the settings give, or the known name in or beside the folder."""
        assert self.root is not None
        own = self.config.label_file if self.config.avenue_labels == kind else None
        places = [self.root / own] if own else [folder / name, folder.parent / name]
        return next((path for path in places if path.is_file()), None)
