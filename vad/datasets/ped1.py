"""UCSD Ped1 from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    UCSDped1/Train/Train001/001.tif ...  Test/Test001/001.tif ...  Test/Test003_gt/001.bmp ...  Test/UCSDped1.m
    ped1/training/frames/01/000.jpg ...  ped1/testing/frames/01/000.jpg ...  frame_labels_ped1.npy in it or beside it

34 normal sequences to train on, 36 test sequences, all of 200 frames. Some copies have pixel masks of ten sequences
only: labels then come from the vector or from UCSDped1.m.

Paper: Mahadevan et al., "Anomaly Detection in Crowded Scenes", CVPR 2010.
"""

from vad.datasets._ucsd import UCSDDataset, UCSDSettings

LENGTHS = (200,) * 36
"""Frames of the test sequences as distributed."""


class Config(UCSDSettings):
    """Where the data set lies, and which labels count."""


class Dataset(UCSDDataset):
    """The sequences of Ped1."""

    config: Config
    _INNER = ("UCSDped1", "UCSD_Anomaly_Dataset.v1p2/UCSDped1")
    _NAME = "ped1"
    _LENGTHS = LENGTHS

    def _wanted(self) -> tuple[str, ...]:
        names = super()._wanted()
        if self.config.labels == "auto" and len(list(self._place[0].glob("Test/*_gt"))) < len(self._tests):
            return tuple(name for name in names if name != "masks")  # masks of some sequences are no labels of all
        return names
