"""CUHK Avenue from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    training_videos/01.avi ...  testing_videos/01.avi ...  ground_truth_demo/testing_label_mask/1_label.mat ...
    avenue/training/frames/01/000.jpg ...  avenue/testing/frames/01/000.jpg ...  frame_labels_avenue.npy, avenue.mat

16 normal sequences to train on, 21 test sequences. Two label sets circulate, MNAD's and ano_pred's; they differ in 441
of 15,324 frames, and which of them equals the masks is not known. So the one that counts is a setting, and each row
names it; facts.json says how far the others that are there differ.

Paper: Lu et al., "Abnormal Event Detection at 150 FPS in MATLAB", ICCV 2013.
"""

from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from vad.datasets._one_class import LabelSource, OneClassDataset, OneClassSettings
from vad.datasets._one_class_labels import of_mask_volumes, of_matlab_intervals, of_vector
from vad.datasets._one_class_sequences import FRAMES, VIDEOS, StoredSequence
from vad.localisation.truth import Truth
from vad.splits.video import Video

VECTOR, INTERVALS = "frame_labels_avenue.npy", "avenue.mat"
MASKS = "ground_truth_demo/testing_label_mask"
LENGTHS = (
    *(1439, 1211, 923, 947, 1007, 1283, 605, 36, 1175, 841),
    *(472, 1271, 549, 507, 1001, 740, 426, 294, 248, 273, 76),
)
"""Frames of the test sequences as distributed."""
MNAD_SHA256 = "72df559ad321e9a06892cd41f4e6731031d9a8a51c06685f0497bc6b9d3ef5c6"
GET = (
    "Get Avenue_Dataset.zip and ground_truth_demo.zip from"
    " http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html (docs/datasets.md)"
)


class Config(OneClassSettings):
    """Where the data set lies, and which labels count."""

    avenue_labels: Literal["mnad", "ano_pred", "masks"] = Field(
        default="mnad",
        description=f"frame labels: mnad = {VECTOR}, ano_pred = {INTERVALS}, masks = any pixel of {MASKS}",
    )
    label_file: str | None = Field(
        default=None,
        description="file of mnad or ano_pred labels, relative to root; null = in root or beside it",
    )


class Dataset(OneClassDataset):
    """The sequences of Avenue."""

    config: Config
    GET = GET
    _LAYOUTS = (VIDEOS, FRAMES)
    _INNER = ("Avenue Dataset", "Avenue_Dataset")
    _DIGITS = 2

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The pixel masks of `ground_truth_demo`, where they are there."""
        from vad.localisation.truth_files import mask_volume

        path = self._masks(self._place[0], self._tests).get(video.video_id)
        return mask_volume(path) if path else super().truth_of(video, size)

    def _wanted(self) -> tuple[str, ...]:
        return (self.config.avenue_labels,)

    def _label_sources(self, folder: Path, tests: list[StoredSequence]) -> list[LabelSource]:
        """The label sources that are there."""
        found = []
        if vector := self._file("mnad", VECTOR, folder):
            what, read = "MNAD's label a frame of all test sequences", partial(of_vector, vector, LENGTHS)
            found.append(LabelSource("mnad", what, (vector,), read, MNAD_SHA256))
        if cells := self._file("ano_pred", INTERVALS, folder):
            what, read = (
                "ano_pred's intervals of the test sequences",
                partial(of_matlab_intervals, cells, self.config.interval),
            )
            found.append(LabelSource("ano_pred", what, (cells,), read))
        if masks := self._masks(folder, tests):
            read = partial(of_mask_volumes, masks)
            found.append(LabelSource("masks", "pixel masks", tuple(masks.values()), read, quick=False))
        return found

    def _masks(self, folder: Path, tests: list[StoredSequence]) -> dict[str, Path]:
        """The file of masks of each test sequence that has one, in or beside the folder."""
        tops = [place / MASKS for place in (folder, folder.parent) if (place / MASKS).is_dir()]
        ids = [sequence.video_id for sequence in tests] if tops else []
        files = {video_id: tops[0] / f"{int(video_id[-2:])}_label.mat" for video_id in ids}
        return {name: file for name, file in files.items() if file.is_file()}

    def _file(self, kind: str, name: str, folder: Path) -> Path | None:
        """The file of a label set: the one that the settings give, or the known name in or beside the folder."""
        root = self._installed()
        own = self.config.label_file if self.config.avenue_labels == kind else None
        places = [root / own] if own else [folder / name, folder.parent / name]
        return next((path for path in places if path.is_file()), None)
