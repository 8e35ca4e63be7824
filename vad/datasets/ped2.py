"""UCSD Ped2 from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    UCSDped2/Train/Train001/001.tif ...  Test/Test001/001.tif ...  Test/Test001_gt/001.bmp ...  Test/UCSDped2.m
    ped2/training/frames/01/000.jpg ...  ped2/testing/frames/01/000.jpg ...  frame_labels_ped2.npy in it or beside it

16 normal sequences to train on, 12 test sequences. Frames are counted by position: names may begin with 0 or with 1.

Paper: Mahadevan et al., "Anomaly Detection in Crowded Scenes", CVPR 2010.
"""

from vad.datasets._ucsd import UCSDDataset, UCSDSettings

LENGTHS = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)
"""Frames of the test sequences as distributed."""
MNAD_SHA256 = "229b1561a7b45f6dd694bae837820e92171c97e18243ec8d9693518bc0f33c22"


class Config(UCSDSettings):
    """Where the data set lies, and which labels count."""


class Dataset(UCSDDataset):
    """The sequences of Ped2."""

    config: Config
    _INNER = ("UCSDped2", "UCSD_Anomaly_Dataset.v1p2/UCSDped2")
    _NAME = "ped2"
    _LENGTHS = LENGTHS
    _OFFICIAL = MNAD_SHA256
