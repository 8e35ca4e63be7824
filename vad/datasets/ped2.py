"""UCSD Ped2 from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    UCSDped2/Train/Train001/001.tif ...  Test/Test001/001.tif ...  Test/Test001_gt/001.bmp ...  Test/UCSDped2.m
    ped2/training/frames/01/000.jpg ...  ped2/testing/frames/01/000.jpg ...  frame_labels_ped2.npy in it or beside it

16 normal clips to learn from, 12 test clips. Frames are counted by position, so names may begin with 0 or with 1.

Paper: Mahadevan et al., "Anomaly Detection in Crowded Scenes", CVPR 2010.
"""

from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from jaxtyping import UInt8
from numpy import ndarray
from pydantic import Field

from vad.datasets._clips import FRAMES, UCSD, Clip
from vad.datasets._mark_files import of_mask_images, of_matlab_script, of_vector
from vad.datasets._one_class import Archive, Source
from vad.errors import DatasetError
from vad.schema.base import Section
from vad.splits.video import Validation, Video

VECTOR = "frame_labels_ped2.npy"
LENGTHS = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)
"""Frames of the test clips as distributed."""
MNAD_SHA256 = "229b1561a7b45f6dd694bae837820e92171c97e18243ec8d9693518bc0f33c22"
GET = "Get UCSD_Anomaly_Dataset.tar.gz from http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm (docs/datasets.md)"


class Config(Section):
    """Where the data set lies, and which labels count."""

    root: str | None = Field(default=None, description="folder of Ped2; null = not installed")
    labels: Literal["auto", "npy", "masks", "matlab"] = Field(
        default="auto",
        description="frame labels: npy = MNAD's vector, masks = any pixel of the *_gt folders, matlab = UCSDped2.m;"
        " auto = the first of them that is there",
    )
    label_file: str | None = Field(
        default=None, description=f"the vector, relative to root; null = {VECTOR} in root or beside it"
    )
    validation: Validation = Field(default_factory=Validation, description="normal train clips held back for selection")


class Dataset:
    """The clips of Ped2."""

    interval_rule = "one_based_inclusive"
    """Not used: every test clip has frame labels."""
    GET = GET

    def __init__(self, config: Config, home: Path) -> None:
        """Keep the settings; nothing is read. `home` is not used: this data set is not generated."""
        self.config = config

    @property
    def root(self) -> Path | None:
        """Folder that all paths of a video are relative to; None when the data set is not installed."""
        return None if self.config.root is None else Path(self.config.root).expanduser()

    def lists(self) -> list[Path]:
        """The label files, and the folders of masks."""
        return self._archive.files()

    def videos(self) -> list[Video]:
        """All clips; labels from masks are not read for it, test clips then count as anomalous.

        Raises: DatasetError with every lost clip or frame, or everything that does not fit between labels and clips.
        """
        return self._archive.videos(quick=True)

    def parsed(self) -> list[Video]:
        """All clips, each labelled by its frames."""
        return self._archive.videos(quick=False)

    def labels_of(self, video: Video) -> UInt8[ndarray, " frames"]:
        """One label a frame of a test clip."""
        return self._archive.marks[video.video_id]

    def facts(self) -> dict[str, Any]:
        """Checksums, which labels are used, how far the others differ."""
        return self._archive.facts()

    @cached_property
    def _archive(self) -> Archive:
        if self.root is None:
            raise DatasetError(f"ped2: root is null. {GET}")
        inner = ("UCSDped2", "UCSD_Anomaly_Dataset.v1p2/UCSDped2")
        wanted = ("npy", "masks", "matlab") if self.config.labels == "auto" else (self.config.labels,)
        return Archive(self.root, (UCSD, FRAMES), inner, 3, self._sources, wanted, GET)

    def _sources(self, folder: Path, tests: list[Clip]) -> list[Source]:
        """The label sources that are there."""
        assert self.root is not None
        own = [self.root / self.config.label_file] if self.config.label_file else []
        vector = next((path for path in own or (folder / VECTOR, folder.parent / VECTOR) if path.is_file()), None)
        places = {clip.video_id: self.root / f"{clip.path}_gt" for clip in tests}
        masks = {name: place for name, place in places.items() if place.is_dir()}
        script = folder / "Test" / "UCSDped2.m"
        found = []
        if vector:
            what, read = "one label a frame of all test clips", partial(of_vector, vector, LENGTHS)
            found.append(Source("npy", what, (vector,), read, MNAD_SHA256))
        if masks:
            read = partial(of_mask_images, masks)
            found.append(Source("masks", "pixel masks", tuple(masks.values()), read, quick=False))
        if script.is_file():
            read = partial(of_matlab_script, script)
            found.append(Source("matlab", "intervals of the test clips", (script,), read))
        return found
