"""UCSD Ped2 from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    UCSDped2/Train/Train001/001.tif ...  Test/Test001/001.tif ...  Test/Test001_gt/001.bmp ...  Test/UCSDped2.m
    ped2/training/frames/01/000.jpg ...  ped2/testing/frames/01/000.jpg ...  frame_labels_ped2.npy in it or beside it

16 normal sequences to train on, 12 test sequences. Frames are counted by position: names may begin with 0 or with 1.

Paper: Mahadevan et al., "Anomaly Detection in Crowded Scenes", CVPR 2010.
"""

from pathlib import Path

from pydantic import Field

from vad.datasets._one_class import LabelSource, OneClassDataset
from vad.datasets._one_class_sequences import FRAMES, UCSD, StoredSequence
from vad.datasets._ucsd import GET, UCSDSettings, label_sources, masks_beside, wanted
from vad.localisation.truth import Truth
from vad.splits.video import Video

VECTOR = "frame_labels_ped2.npy"
LENGTHS = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)
"""Frames of the test sequences as distributed."""
MNAD_SHA256 = "229b1561a7b45f6dd694bae837820e92171c97e18243ec8d9693518bc0f33c22"


class Config(UCSDSettings):
    """Where the data set lies, and which labels count."""

    label_file: str | None = Field(
        default=None, description=f"the vector, relative to root; null = {VECTOR} in root or beside it"
    )


class Dataset(OneClassDataset):
    """The sequences of Ped2."""

    config: Config
    GET = GET
    _LAYOUTS = (UCSD, FRAMES)
    _INNER = ("UCSDped2", "UCSD_Anomaly_Dataset.v1p2/UCSDped2")
    _DIGITS = 3

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The pixel masks beside the frames, where there are some."""
        return masks_beside(self._installed(), video) or super().truth_of(video, size)

    def _wanted(self) -> tuple[str, ...]:
        return wanted(self.config.labels)

    def _label_sources(self, folder: Path, tests: list[StoredSequence]) -> list[LabelSource]:
        """The label sources that are there."""
        root, own = self._installed(), self.config.label_file
        vectors = [root / own] if own else [folder / VECTOR, folder.parent / VECTOR]
        script = folder / "Test" / "UCSDped2.m"
        return label_sources(root, tests, vectors, script, self.config, LENGTHS, MNAD_SHA256)
