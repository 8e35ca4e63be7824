"""`mini_walk`: a small synthetic stand-in for Ped2 and Avenue, generated on the spot, in UCSD's own layout.

A fixed camera on a walkway, drawn, not filmed: grey frames of a textured ground with sensor noise and slow changes of
light. Normal is who walks, in both directions and at various speeds, or stands about; anomalous are cyclists, runners,
skaters, golf carts and a bag that is thrown up. Frames, labels and pixel masks:

    Train/Train001/001.png ...                            normal clips only
    Test/Test001/001.png ...  Test/Test001_gt/001.png ... clips, and masks beside them
    frame_labels.npy                                      (1, frames of all test clips)
"""

from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import Annotated, Any

import numpy as np
from jaxtyping import UInt8
from pydantic import Field, model_validator

from vad.artefacts.files import sha256, write_array
from vad.datasets._frame_labels import read_frame_labels
from vad.schema.base import Section
from vad.splits.video import Validation, Video
from vad.synthetic.walkway import NORMAL, Clip, plan_clips

LABELS = "frame_labels.npy"

Frames = Annotated[int, Field(ge=16, le=999)]  # three digits in the file names
Side = Annotated[int, Field(ge=48, le=960, multiple_of=4)]


class Config(Section):
    """What to generate. Every change makes another data set."""

    seed: int = Field(0, ge=0, description="seed of everything random: plan and pictures")
    train_clips: Annotated[int, Field(ge=2, le=999)] = Field(12, description="clips to learn from, all normal")
    test_clips: Annotated[int, Field(ge=2, le=999)] = Field(14, description="test clips, three tenths of them normal")
    frames_min: Frames = Field(80, description="shortest clip, in frames")
    frames_max: Frames = Field(140, description="longest clip, in frames; lengths are uniform")
    width: Side = Field(128, description="picture width in pixels, a multiple of 4")
    height: Side = Field(96, description="picture height in pixels, a multiple of 4")
    validation: Validation = Field(
        default=Validation(fraction=0.25), description="normal train clips that are held back for selection"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Config":
        if self.frames_min > self.frames_max:
            raise ValueError(f"frames_min {self.frames_min} is above frames_max {self.frames_max}")
        return self


class Dataset:
    """The generated clips with their labels, under one folder."""

    GENERATED = True
    FRAME_FOLDERS = True
    interval_rule = "zero_based_half_open"
    """Not used: every test clip has frame labels."""

    def __init__(self, config: Config, home: Path) -> None:
        """Keep the settings and the folder; nothing is read or written."""
        self.config = config
        self.home = home

    @property
    def root(self) -> Path:
        """The folder that `Video.path` is relative to."""
        return self.home

    @cached_property
    def plan(self) -> list[Clip]:
        """What each clip will show, train before test; needs no file."""
        c = self.config
        return plan_clips(c.seed, c.train_clips, c.test_clips, (c.frames_min, c.frames_max))

    def lists(self) -> list[Path]:
        """The label vector; `generate` writes it last, so it exists only beside complete clips."""
        return [self.home / LABELS]

    def videos(self) -> list[Video]:
        """All clips, from the plan alone: no file is opened."""
        return [_video(clip) for clip in self.plan]

    def labels_of(self, video: Video) -> UInt8[np.ndarray, " frames"]:
        """One label a frame of a test clip, cut out of the joint vector.

        Raises: DatasetError when the vector is not as long as all test clips together.
        """
        tests = [clip for clip in self.plan if clip.split == "test"]
        ends = np.cumsum([clip.n_frames for clip in tests])
        labels = read_frame_labels(self.home / LABELS, int(ends[-1]))
        parts = dict(zip((clip.name for clip in tests), np.split(labels, ends[:-1]), strict=True))
        return parts[video.video_id]

    def facts(self) -> dict[str, Any]:
        """Checksum of the labels and what a reader of results must know about the data."""
        what = "one label a frame of all test clips: any pixel of the mask"
        return {
            "lists": {LABELS: {"sha256": sha256(self.home / LABELS), "official": None, "what": what}},
            "subset": None,
            "frame_labels": "masks",
            "notes": [f"synthetic clips, generated from seed {self.config.seed}: no footage, no real persons"],
        }

    def generate(self, workers: int) -> None:
        """Draw every clip, then write the labels. What another plan left under `home` is removed.

        Args:
            workers: processes; each holds less than 300 MB.
        """
        # Pictures need scipy's image filters; plans do not, and Snakemake loads only those.
        from vad.synthetic.walk_film import draw_all

        (self.home / LABELS).unlink(missing_ok=True)
        for split in ("Train", "Test"):
            rmtree(self.home / split, ignore_errors=True)
        draw_all(self.plan, self.home, (self.config.height, self.config.width), self.config.seed, workers)
        labels = np.concatenate([clip.labels() for clip in self.plan if clip.split == "test"])
        write_array(self.home / LABELS, labels[None])


def _video(clip: Clip) -> Video:
    """The row of the split table."""
    return Video(
        video_id=clip.name,
        path=clip.folder,
        split=clip.split,
        label=int(clip.kind != NORMAL),
        class_name=clip.kind,
        frame_labels=LABELS if clip.split == "test" else "",
        n_frames=clip.n_frames,
    )
