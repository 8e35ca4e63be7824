"""`mini_crime`: a small synthetic stand-in for UCF-Crime, generated on the spot, in UCF-Crime's own layout.

The videos are drawn, not filmed: fixed cameras, stick-and-capsule people, cars, weather, sensor noise and a clock,
encoded as real H.264. Each of UCF-Crime's 13 classes is one kind of event inside otherwise normal life. It
tests a pipeline: results are neither perfect nor at chance, and length or position of a frame predict nothing. It does
not predict results on real crime.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from shutil import rmtree
from typing import Annotated, Any

from pydantic import Field, model_validator

from vad.artefacts.files import write_text
from vad.datasets import ucf_crime
from vad.datasets._base import Available, BaseDataset, GeneratedSettings
from vad.localisation.truth import Truth
from vad.schema.base import Positive
from vad.splits.video import Video
from vad.synthetic_events.plan import VideoPlan, plan_videos

VIDEOS = "Videos"
TRAIN_LIST = "Anomaly_Detection_splits/Anomaly_Train.txt"
TEST_LIST = "Anomaly_Detection_splits/Anomaly_Test.txt"
ANNOTATION = "Temporal_Anomaly_Annotation.txt"
BOXES = "Spatial_Annotation"
"""Folder with one file of boxes for each anomalous test video."""

# Half of each list is anomalous, and both labels must survive the carving of a validation part.
EvenCount = Annotated[int, Field(ge=4, le=2000, multiple_of=2)]
# Chroma planes have half the size, and the encoder wants even ones.
Side = Annotated[int, Field(ge=96, le=1920, multiple_of=4)]


class Config(GeneratedSettings):
    """What to generate. Every change makes another data set."""

    seed: int = Field(0, ge=0, description="seed of everything random: plan and pictures")
    train_videos: EvenCount = Field(60, description="videos in the train list, half of them anomalous")
    test_videos: EvenCount = Field(40, description="videos in the test list, half of them anomalous")
    seconds_min: Positive = Field(6.0, description="shortest video, in seconds")
    seconds_max: Positive = Field(30.0, description="longest video, in seconds; lengths are log-uniform")
    width: Side = Field(320, description="picture width in pixels, a multiple of 4")
    height: Side = Field(240, description="picture height in pixels, a multiple of 4")
    fps: Annotated[int, Field(ge=5, le=60)] = Field(30, description="frames per second")

    @model_validator(mode="after")
    def _ordered(self) -> "Config":
        if self.seconds_min > self.seconds_max:
            raise ValueError(f"seconds_min {self.seconds_min} is above seconds_max {self.seconds_max}")
        return self


class Dataset(BaseDataset):
    """The generated videos and their official-format lists, under one folder."""

    config: Config
    GENERATED = True
    interval_rule = "one_based_inclusive"

    def lists(self) -> list[Path]:
        """The three text files; `generate` writes them last, so they exist only beside complete videos."""
        return [self.home / name for name in list_texts(self._plan)]

    def videos(self, available: Available | None = None) -> list[Video]:
        """All videos from the plan, without opening a file. As in UCF-Crime, train videos have no intervals."""
        return [_video(video) for video in self._plan]

    def parsed(self, available: Available | None = None) -> list[Video]:
        """The same videos, read back from the generated lists by UCF-Crime's own parser."""
        return ucf_crime.Dataset(ucf_crime.Config(root=str(self.home)), self.home).videos()

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The boxes that the generator wrote."""
        from vad.localisation.truth_files import read_track_rows

        path = self.home / BOXES / f"{video.video_id}.txt"
        return read_track_rows(path, *size) if video.label else super().truth_of(video, size)

    def facts(self, available: Available | None = None) -> dict[str, Any]:
        """Checksums of the lists, and notes for readers of the results."""
        return {
            "lists": {
                Path(name).name: {
                    "sha256": hashlib.sha256(text.encode()).hexdigest(),
                    "official": None,
                    "what": "generated in the format of UCF-Crime's list of this name",
                }
                for name, text in list_texts(self._plan).items()
            },
            "subset": None,
            "notes": [
                f"synthetic videos, generated from seed {self.config.seed}: no footage, no real persons",
                f"{sum(video.n_frames for video in self._plan)} frames planned",
            ],
        }

    def generate(self, workers: int) -> None:
        """Render every video, then write the boxes of the test events, then the lists.

        What another plan left under `home` is removed.

        Args:
            workers: processes; each holds less than 500 MB.
        """
        # Pictures need the codec library; plans and lists do not, and Snakemake loads only those.
        from vad.synthetic.workers import spread

        # Lists beside videos of two plans would pass for complete.
        for path in self.lists():
            path.unlink(missing_ok=True)
        folder = self.home / VIDEOS
        wanted = {folder / video.listed for video in self._plan}
        for stale in sorted(set(folder.glob("*/*.mp4*")) - wanted):
            stale.unlink()
        size = (self.config.height, self.config.width)
        rmtree(self.home / BOXES, ignore_errors=True)
        # The longest first, so that no process still works on a long one at the end.
        jobs = sorted(self._plan, key=lambda video: -video.n_frames)
        spread(partial(_make, home=self.home, size=size, fps=self.config.fps), jobs, workers)
        for name, text in list_texts(self._plan).items():
            write_text(self.home / name, text)

    @cached_property
    def _plan(self) -> list[VideoPlan]:
        return plan_of(self.config)


def plan_of(config: Config) -> list[VideoPlan]:
    """Plans of all videos, train list first; reads no file."""
    seconds = (config.seconds_min, config.seconds_max)
    return plan_videos(config.seed, config.train_videos, config.test_videos, seconds, config.fps)


def list_texts(plan: Sequence[VideoPlan]) -> dict[str, str]:
    """Relative path -> content of the split lists and the annotation, in UCF-Crime's exact formats."""
    train = [video.listed for video in plan if video.split == "train"]
    test = [video for video in plan if video.split == "test"]
    return {
        TRAIN_LIST: _lines(train),
        TEST_LIST: _lines([video.listed for video in test]),
        ANNOTATION: _lines([_annotation(video) for video in sorted(test, key=lambda video: video.name)]),
    }


def _lines(lines: list[str]) -> str:
    """One entry a line, with a final newline."""
    return "".join(f"{line}\n" for line in lines)


def _annotation(video: VideoPlan) -> str:
    """One line of the temporal annotation: two blanks between fields and two at the end, -1 for "none"."""
    ends = [end for interval in video.intervals for end in interval]
    fields = [video.name, video.class_name, *ends, *[-1] * (4 - len(ends))]
    return "".join(f"{field}  " for field in fields)


def _make(video: VideoPlan, home: Path, size: tuple[int, int], fps: int) -> None:
    """One video, and for a test event its boxes; the figures that were drawn for the video serve both."""
    from vad.localisation.truth_files import Box, write_track_rows
    from vad.synthetic_events.film import render_video
    from vad.synthetic_events.places import event_boxes

    render_video(video, home / VIDEOS, size, fps)
    if video.split == "test" and video.label:
        boxes = (Box(*box) for box in event_boxes(video, size, fps))
        write_track_rows(home / BOXES / f"{video.video_id}.txt", boxes)


def _video(video: VideoPlan) -> Video:
    """The row of the split table."""
    shown = video.intervals if video.split == "test" else ()
    return Video(
        video_id=video.video_id,
        path=f"{VIDEOS}/{video.listed}",
        split=video.split,
        label=video.label,
        class_name=video.class_name,
        intervals=tuple((float(start), float(end)) for start, end in shown),
        unit="frame",
    )
