"""XD-Violence from a user's folder: its lists, its annotation, and videos or published features. Nothing is downloaded.

    rgb.list  rgbtest.list  annotations.txt        in the root, or in `list/` or `annotations/` below it
    **/Bad.Boys.1995__#01-11-55_01-12-40_label_G-B2-B6.mp4

3,954 train and 800 test videos. Everything is joined by name, in which the characters that an id may not have become
`_`; published features are found by the same rule. Segments count from 0, ends excluded.

Paper: Wu et al., "Not only Look, but also Listen", ECCV 2020.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vad.artefacts.files import sha256
from vad.datasets._base import Available, BaseDataset, SearchedSettings
from vad.datasets._ucf_lists import key
from vad.datasets._ucf_videos import Listed, Table, available_part, disagreements, leaks, video
from vad.datasets._xd_lists import read_annotation, read_counts, read_list
from vad.errors import DatasetError, first_of, listing
from vad.splits.video import Video

FOLDERS = (".", "list", "lists", "annotations")
NAMES = {
    "train_list": ("rgb.list", "train.list", "xd_CLIP_rgb.csv"),
    "test_list": ("rgbtest.list", "test.list", "xd_CLIP_rgbtest.csv"),
    "annotation": ("annotations.txt",),
}
WHAT = {
    "train_list": "list of train videos",
    "test_list": "list of test videos",
    "annotation": "temporal annotation of the test videos",
    "frame_counts": "stated frame counts",
}


class Config(SearchedSettings):
    """Where the data set lies. List paths are relative to `root`, absolute ones are taken as they are."""

    train_list: str | None = Field(default=None, description="train list; null = rgb.list and other names in use")
    test_list: str | None = Field(default=None, description="test list; null = rgbtest.list and other names in use")
    annotation: str | None = Field(default=None, description="temporal annotation; null = annotations.txt")
    interval: Literal["zero_based_half_open", "zero_based_inclusive", "one_based_inclusive"] = Field(
        default="zero_based_half_open", description="how the annotation counts frames; officially from 0"
    )
    frame_counts: str | None = Field(
        default=None, description="file stating frame counts, for features without videos: CSV or `name n_frames` text"
    )
    frame_counts_column: str = Field(default="n_frames", description="column of a CSV of frame counts")
    videos: Literal["required", "absent"] = Field(
        default="required", description="absent = only imported features are used, no video files are looked for"
    )
    subset: Literal["all", "available"] = Field(
        default="all", description="available = keep what is there and say so in each row; all = missing is an error"
    )


class Dataset(BaseDataset):
    """XD-Violence as its lists describe it."""

    config: Config
    GET = "Get XD-Violence from https://roc-ng.github.io/XD-Violence/ (docs/datasets.md)"

    @property
    def interval_rule(self) -> str:
        """How `Video.intervals` count frames."""
        return self.config.interval

    def lists(self) -> list[Path]:
        """The list files that `videos` reads.

        Raises: DatasetError naming every list that is not there.
        """
        return list(self._files().values())

    def videos(self, available: Available | None = None) -> list[Video]:
        """All videos of the lists, train first, in list order.

        Args:
            available: see `vad.datasets.ucf_crime.Dataset.videos`.

        Raises: DatasetError with all problems of the lists, or with all missing videos.
        """
        return self._table(available).videos

    def facts(self, available: Available | None = None) -> dict[str, Any]:
        """What was read: sha256 of each list (no official one is known), notes, and the words for a subset."""
        _, remarks, subset = self._table(available)
        lists = {
            path.name: {"sha256": sha256(path), "official": None, "what": WHAT[role]}
            for role, path in self._files().items()
        }
        return {"lists": lists, "notes": remarks, "subset": subset}

    def _table(self, available: Available | None) -> Table:
        """The videos that are there."""
        config = self.config
        return available_part(
            self._installed(), self._listed(), config.videos, config.subset, config.follow_links, available
        )

    def _listed(self) -> Listed:
        """What the lists say together.

        Raises: DatasetError with every problem of every list.
        """
        files, config, problems = self._files(), self.config, []
        train, test = (read_list(files[role], problems) for role in ("train_list", "test_list"))
        annotations = read_annotation(files["annotation"], config.interval, problems)
        counts = read_counts(files["frame_counts"], config.frame_counts_column, problems) if config.frame_counts else {}
        problems += leaks(files["train_list"].name, train, files["test_list"].name, test)
        problems += disagreements(files["annotation"].name, test, annotations)
        problems += [
            f"{files[role].name}: no videos"
            for role, found in (("train_list", train), ("test_list", test))
            if not found
        ]
        if problems:
            raise DatasetError(listing(str(self.root), problems, "Correct the lists, or take the official ones."))
        segments = {key(one.video_id): one.intervals for one in annotations}
        videos = [video(entry, "train", (), counts.get(key(entry.video_id))) for entry in train]
        for entry in test:
            name = key(entry.video_id)
            videos.append(video(entry, "test", segments.get(name, ()), counts.get(name)))
        return Listed(videos, train + test, set(segments))

    def _files(self) -> dict[str, Path]:
        """The file of each role.

        Raises: DatasetError for lists that are absent.
        """
        root, problems, files = self._installed(), [], {}
        for role, names in NAMES.items():
            given: str | None = getattr(self.config, role)
            places = [root / given] if given else [root / folder / name for folder in FOLDERS for name in names]
            files[role] = next((path for path in places if path.is_file()), places[0])
            if not files[role].is_file():
                problems.append(f"{role}: not found: {first_of([str(place) for place in places])}")
        if self.config.frame_counts:
            files["frame_counts"] = root / self.config.frame_counts
            problems += [] if files["frame_counts"].is_file() else [f"{files['frame_counts']}: no such file"]
        if problems:
            fix = f"Set train_list, test_list or annotation of this data set. {self.GET}"
            raise DatasetError(listing(str(root), problems, fix))
        return files
