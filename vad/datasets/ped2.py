"""UCSD Ped2 from a user's folder, as distributed or as a tree of extracted frames. Nothing is downloaded.

    UCSDped2/Train/Train001/001.tif ...  Test/Test001/001.tif ...  Test/Test001_gt/001.bmp ...  Test/UCSDped2.m
    ped2/training/frames/01/000.jpg ...  ped2/testing/frames/01/000.jpg ...  frame_labels_ped2.npy in it or beside it

16 normal sequences to train on, 12 test sequences. Frames are counted by position: names may begin with 0 or with 1.

Paper: Mahadevan et al., "Anomaly Detection in Crowded Scenes", CVPR 2010.
"""

from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from vad.datasets._one_class import LabelSource, OneClassDataset, OneClassSettings
from vad.datasets._one_class_labels import of_mask_images, of_matlab_script, of_vector
from vad.datasets._one_class_sequences import FRAMES, UCSD, StoredSequence

VECTOR = "frame_labels_ped2.npy"
LENGTHS = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)
"""Frames of the test sequences as distributed."""
MNAD_SHA256 = "229b1561a7b45f6dd694bae837820e92171c97e18243ec8d9693518bc0f33c22"
GET = "Get UCSD_Anomaly_Dataset.tar.gz from http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm (docs/datasets.md)"


class Config(OneClassSettings):
    """Where the data set lies, and which labels count."""

    labels: Literal["auto", "npy", "masks", "matlab"] = Field(
        default="auto",
        description="frame labels: npy = MNAD's vector, masks = any pixel of the *_gt folders, matlab = UCSDped2.m;"
        " auto = the first of them that is there",
    )
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

    def _wanted(self) -> tuple[str, ...]:
        return ("npy", "masks", "matlab") if self.config.labels == "auto" else (self.config.labels,)

    def _label_sources(self, folder: Path, tests: list[StoredSequence]) -> list[LabelSource]:
        """The label sources that are there."""
        root = self._installed()
        own = [root / self.config.label_file] if self.config.label_file else []
        vector = next((path for path in own or (folder / VECTOR, folder.parent / VECTOR) if path.is_file()), None)
        places = {sequence.video_id: root / f"{sequence.path}_gt" for sequence in tests}
        masks = {name: place for name, place in places.items() if place.is_dir()}
        script = folder / "Test" / "UCSDped2.m"
        found = []
        if vector:
            what, read = "one label a frame of all test sequences", partial(of_vector, vector, LENGTHS)
            found.append(LabelSource("npy", what, (vector,), read, MNAD_SHA256))
        if masks:
            read = partial(of_mask_images, masks)
            found.append(LabelSource("masks", "pixel masks", tuple(masks.values()), read, quick=False))
        if script.is_file():
            read = partial(of_matlab_script, script, self.config.interval)
            found.append(LabelSource("matlab", "intervals of the test sequences", (script,), read))
        return found
