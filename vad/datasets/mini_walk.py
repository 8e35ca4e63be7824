"""`mini_walk`: a small synthetic stand-in for Ped2 and Avenue, generated on the spot, in UCSD's own layout.

A fixed camera on a walkway, drawn, not filmed: grey frames of a textured ground with sensor noise and slow changes of
light. Normal are people who walk, in both directions and at various speeds, or stand about; anomalous are cyclists,
runners, skaters, golf carts and a bag that is thrown up. Frames, labels and pixel masks:

    Train/Train001/001.png ...                            normal sequences only
    Test/Test001/001.png ...  Test/Test001_gt/001.png ... sequences, and masks beside them
    frame_labels.npy                                      (1, frames of all test sequences)
"""

from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import Annotated, Any

import numpy as np
from jaxtyping import UInt8
from pydantic import Field, model_validator

from vad.artefacts.files import sha256, write_array
from vad.datasets._base import Available, BaseDataset, GeneratedSettings
from vad.datasets._frame_labels import read_frame_labels
from vad.localisation.truth import Truth
from vad.splits.video import Validation, Video
from vad.synthetic.walkway import NORMAL, SequencePlan, plan_sequences

LABELS = "frame_labels.npy"

Frames = Annotated[int, Field(ge=16, le=999)]  # three digits in the file names
Side = Annotated[int, Field(ge=48, le=960, multiple_of=4)]


class Config(GeneratedSettings):
    """What to generate. Every change makes another data set."""

    seed: int = Field(0, ge=0, description="seed of everything random: plan and pictures")
    train_sequences: Annotated[int, Field(ge=2, le=999)] = Field(12, description="train sequences, all normal")
    test_sequences: Annotated[int, Field(ge=2, le=999)] = Field(
        14, description="test sequences, three tenths of them normal"
    )
    frames_min: Frames = Field(80, description="shortest sequence, in frames")
    frames_max: Frames = Field(140, description="longest sequence, in frames; lengths are uniform")
    width: Side = Field(128, description="picture width in pixels, a multiple of 4")
    height: Side = Field(96, description="picture height in pixels, a multiple of 4")
    validation: Validation = Field(
        default=Validation(fraction=0.25), description="normal train sequences that are held back for selection"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Config":
        if self.frames_min > self.frames_max:
            raise ValueError(f"frames_min {self.frames_min} is above frames_max {self.frames_max}")
        return self


class Dataset(BaseDataset):
    """The generated sequences with their labels, under one folder."""

    config: Config
    GENERATED = True
    interval_rule = "zero_based_half_open"
    """Not used: every test sequence has frame labels."""

    def lists(self) -> list[Path]:
        """The label vector; `generate` writes it last, so it exists only beside complete sequences."""
        return [self.home / LABELS]

    def videos(self, available: Available | None = None) -> list[Video]:
        """All sequences from the plan, without opening a file."""
        return [_video(sequence) for sequence in self._plan]

    def labels_of(self, video: Video) -> UInt8[np.ndarray, " frames"]:
        """One label a frame of a test sequence, cut out of the joint vector.

        Raises: DatasetError when the vector is not as long as all test sequences together.
        """
        tests = [sequence for sequence in self._plan if sequence.split == "test"]
        ends = np.cumsum([sequence.n_frames for sequence in tests])
        labels = read_frame_labels(self.home / LABELS, int(ends[-1]))
        parts = dict(zip((sequence.name for sequence in tests), np.split(labels, ends[:-1]), strict=True))
        return parts[video.video_id]

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The pixel masks beside the frames."""
        from vad.localisation.truth_files import mask_images

        return mask_images(self.home / f"{video.path}_gt")

    def facts(self, available: Available | None = None) -> dict[str, Any]:
        """Checksum of the labels, and notes for readers of the results."""
        what = "one label a frame of all test sequences: any pixel of the mask"
        return {
            "lists": {LABELS: {"sha256": sha256(self.home / LABELS), "official": None, "what": what}},
            "subset": None,
            "frame_labels": "masks",
            "notes": [f"synthetic sequences, generated from seed {self.config.seed}: no footage, no real persons"],
        }

    def generate(self, workers: int) -> None:
        """Draw every sequence, then write the labels. What another plan left under `home` is removed.

        Args:
            workers: processes; each holds less than 300 MB.
        """
        # Pictures need scipy's image filters; plans do not, and Snakemake loads only those.
        from vad.synthetic.walk_film import draw_all

        (self.home / LABELS).unlink(missing_ok=True)
        for split in ("Train", "Test"):
            rmtree(self.home / split, ignore_errors=True)
        draw_all(self._plan, self.home, (self.config.height, self.config.width), self.config.seed, workers)
        labels = np.concatenate([sequence.labels() for sequence in self._plan if sequence.split == "test"])
        write_array(self.home / LABELS, labels[None])

    @cached_property
    def _plan(self) -> list[SequencePlan]:
        return plan_of(self.config)


def plan_of(config: Config) -> list[SequencePlan]:
    """Plans of all sequences, train before test; reads no file."""
    frames = (config.frames_min, config.frames_max)
    return plan_sequences(config.seed, config.train_sequences, config.test_sequences, frames)


def _video(sequence: SequencePlan) -> Video:
    """The row of the split table."""
    return Video(
        video_id=sequence.name,
        path=sequence.folder,
        split=sequence.split,
        label=int(sequence.kind != NORMAL),
        class_name=sequence.kind,
        frame_labels=LABELS if sequence.split == "test" else "",
        n_frames=sequence.n_frames,
    )
