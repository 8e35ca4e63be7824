"""Any folder of videos plus one table of labels: for users' own data.

    my_data/
      videos/**        .mp4 .avi .mkv .mov .webm .m4v .3gp .ts, or one folder of numbered images per video
      labels.csv       video,split[,label,class,start,end,unit]: a row per interval, or per video without one
      frame_labels/    optional: <video_id>.csv (0 or 1 a line) or <video_id>.npy, for test videos

A train video without label is presumed normal. A test video labelled 1 without interval and without frame
labels counts at video level only. Rows with split `val` are the validation part; without them it is drawn.
Ids: see `vad.datasets._folder_media.video_ids`.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vad.artefacts.files import sha256
from vad.datasets._base import Available, BaseDataset, SearchedSettings
from vad.datasets._folder_media import MediaIndex, stem, video_ids
from vad.datasets._folder_table import Row, read_table
from vad.datasets._folder_videos import Place, by_video, in_frames, remarks, video
from vad.datasets._frame_labels import FRAME_LABEL_SUFFIXES
from vad.errors import DatasetError, listing
from vad.schema.base import Positive
from vad.splits.video import Video


class Config(SearchedSettings):
    """Where the data lie and how the table counts frames. Other paths are relative to `root`."""

    labels: str = Field(default="labels.csv", description="table of labels")
    videos: str = Field(default="videos", description="folder that holds the videos")
    frame_labels: str = Field(default="frame_labels", description="folder of one label a frame; need not exist")
    interval: Literal["zero_based_half_open", "zero_based_inclusive", "one_based_inclusive"] = Field(
        default="zero_based_half_open", description="how start and end count frames"
    )
    fps: Positive | None = Field(
        default=None, description="frames a second of videos kept as images, for intervals in seconds"
    )


class Dataset(BaseDataset):
    """The videos of the table, each with its file."""

    config: Config

    @property
    def interval_rule(self) -> str:
        """How `Video.intervals` count frames."""
        return self.config.interval

    def lists(self) -> list[Path]:
        """The table, every frame-label file, and the videos whose frame times place intervals in seconds."""
        try:
            timed = [self._installed() / video.path for video in self._table[0] if video.unit == "second"]
        except DatasetError:
            timed = []  # `videos` says what is wrong
        return [*self._read_files(), *(path for path in timed if path.is_file())]

    def videos(self, available: Available | None = None) -> list[Video]:
        """The videos of the table, sorted by path.

        Raises: DatasetError with every problem of the table and of the files it names.
        """
        return self._table[0]

    def parsed(self, available: Available | None = None) -> list[Video]:
        """The same with all intervals in frames.

        Raises: MediaError for a video whose frame times cannot be read.
        """
        return self._in_frames[0]

    def facts(self, available: Available | None = None) -> dict[str, Any]:
        """Checksums of the files read, and what to know about the videos."""
        notes = [*self._table[1], *self._in_frames[1]]
        whats = ["table of labels", *["one label a frame"] * len(self._label_files())]
        lists = {
            path.relative_to(self._installed()).as_posix(): {
                "sha256": sha256(path),
                "official": None,
                "what": what,
            }
            for path, what in zip(self._read_files(), whats, strict=True)
        }
        return {"lists": lists, "notes": notes, "subset": None}

    def _read_files(self) -> list[Path]:
        """The table and every frame-label file."""
        return [self._installed() / self.config.labels, *self._label_files().values()]

    @cached_property
    def _in_frames(self) -> tuple[list[Video], list[str]]:
        """Videos with intervals in frames, and notes on changing frame rates."""
        notes: list[str] = []
        root, config = self._installed(), self.config
        return [in_frames(video, root, config.interval, config.fps, notes) for video in self._table[0]], notes

    @cached_property
    def _table(self) -> tuple[list[Video], list[str]]:
        """Videos and notes."""
        problems: list[str] = []
        notes: list[str] = []
        table = self._installed() / self.config.labels
        rows = read_table(table, self.config.interval, problems)
        media = MediaIndex(self._installed() / self.config.videos, self.config.follow_links)
        groups = by_video(rows, media, problems)
        ids = video_ids(media.media)
        labels = self._labels_of(groups, ids, problems)
        carved = all(row.split != "val" for row in rows)
        videos = []
        for path in sorted(groups):
            n_images = len(media.images[path]) if path in media.images else None
            place = Place(ids[path], f"{self.config.videos}/{path}", labels.get(path), self._installed(), n_images)
            problems += self._unplaced(groups[path], media.lost_positions(path), n_images)
            videos.append(video(groups[path], place, carved, problems, notes))
        if not carved and all(row.split != "train" for row in rows):
            problems.append("rows with split val, but none with split train")
        if problems:
            problems += [f"{found.path} is {found.refused}" for found in media.refused_folders]
            raise DatasetError(listing(str(table), problems, "Correct the table or the folder, then run again."))
        spare = set(self._label_files().values()) - set(labels.values())
        return videos, [*notes, *remarks(videos, rows, set(media.media) - set(groups), spare)]

    def _unplaced(self, rows: list[Row], lost: str, n_images: int | None) -> list[str]:
        """Why the intervals of a test video cannot be placed in its images."""
        marked = [row for row in rows if row.split == "test" and row.interval]
        where = f"line {marked[0].line}: {marked[0].video}" if marked else ""
        problems = []
        if marked and lost:
            problems.append(f"{where}: {lost}. Renumber the images, or give a file of frame labels")
        if marked and n_images is not None and marked[0].unit == "second" and not self.config.fps:
            problems.append(f"{where}: seconds, but images have no times. Set fps of this data set, or write frames")
        return problems

    def _labels_of(self, groups: Iterable[str], ids: dict[str, str], problems: list[str]) -> dict[str, Path]:
        """The frame-label file of each video that has one: named by its id, or by its own stem."""
        files = self._label_files()
        times = Counter(stem(path) for path in ids)
        found: dict[str, Path] = {}
        for path in groups:
            names = {ids[path]} | ({stem(path)} if times[stem(path)] == 1 else set())
            mine = sorted(file for (name, _), file in files.items() if name in names)
            if len(mine) > 1:
                problems.append(f"{path}: two files of frame labels: {' and '.join(file.name for file in mine)}")
            if mine:
                found[path] = mine[0]
        return found

    def _label_files(self) -> dict[tuple[str, str], Path]:
        """The files of frame labels by stem and suffix, sorted."""
        folder = self._installed() / self.config.frame_labels
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return {(f.stem, f.suffix): f for f in files if f.suffix.lower() in FRAME_LABEL_SUFFIXES}
