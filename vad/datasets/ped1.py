"""UCSD Ped1 from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    UCSDped1/Train/Train001/001.tif ...  Test/Test001/001.tif ...  Test/Test003_gt/001.bmp ...  Test/UCSDped1.m
    ped1/training/frames/01/000.jpg ...  ped1/testing/frames/01/000.jpg ...  frame_labels_ped1.npy in it or beside it

34 normal sequences to train on, 36 test sequences, all of 200 frames. Some copies have pixel masks of ten sequences
only: labels then come from the vector or from UCSDped1.m.

Paper: Mahadevan et al., "Anomaly Detection in Crowded Scenes", CVPR 2010.
"""

from pathlib import Path

from pydantic import Field

from vad.datasets._one_class import LabelSource, OneClassDataset
from vad.datasets._one_class_sequences import FRAMES, UCSD, StoredSequence
from vad.datasets._ucsd import GET, UCSDSettings, label_sources, masks_beside, wanted
from vad.localisation.truth import Truth
from vad.splits.video import Video

VECTOR = "frame_labels_ped1.npy"
LENGTHS = (200,) * 36
"""Frames of the test sequences as distributed."""


class Config(UCSDSettings):
    """Where the data set lies, and which labels count."""

    label_file: str | None = Field(
        default=None, description=f"the vector, relative to root; null = {VECTOR} in root or beside it"
    )


class Dataset(OneClassDataset):
    """The sequences of Ped1."""

    config: Config
    GET = GET
    _LAYOUTS = (UCSD, FRAMES)
    _INNER = ("UCSDped1", "UCSD_Anomaly_Dataset.v1p2/UCSDped1")
    _DIGITS = 3

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The pixel masks beside the frames, where there are some."""
        return masks_beside(self._installed(), video) or super().truth_of(video, size)

    def _wanted(self) -> tuple[str, ...]:
        names = wanted(self.config.labels)
        if self.config.labels == "auto" and len(list(self._place[0].glob("Test/*_gt"))) < len(self._tests):
            return tuple(name for name in names if name != "masks")  # masks of some sequences are no labels of all
        return names

    def _label_sources(self, folder: Path, tests: list[StoredSequence]) -> list[LabelSource]:
        """The label sources that are there."""
        root, own = self._installed(), self.config.label_file
        vectors = [root / own] if own else [folder / VECTOR, folder.parent / VECTOR]
        return label_sources(root, tests, vectors, folder / "Test" / "UCSDped1.m", self.config, LENGTHS)
