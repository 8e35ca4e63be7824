"""UCF-Crime from a user's folder: official lists in any circulating form, videos in any folder arrangement.

Everything is joined by video id (the name in the list without extension), never by position. The label comes
from the list's folder. Segments are kept as the annotation gives them (1-based, inclusive, not clipped).

Paper: Sultani et al., "Real-world Anomaly Detection in Surveillance Videos", CVPR 2018.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from vad.artefacts.files import sha256
from vad.datasets._base import Available, BaseDataset, SearchedSettings
from vad.datasets._frame_labels import Labelled, split_frame_labels
from vad.datasets._ucf_boxes import intervals_near, read_boxes
from vad.datasets._ucf_lists import key, read_annotation, read_frame_counts, read_split
from vad.datasets._ucf_videos import Listed, Table, available_part, disagreements, index, leaks, locate, video
from vad.errors import DatasetError, first_of, listing
from vad.localisation.truth import BoxTruth, Truth
from vad.splits.video import Intervals, Video

FOLDERS = (".", "Anomaly_Detection_splits", "Temporal_Anomaly_Annotation_for_Testing_Videos", "Annotation")
TRAIN_NAMES = ("Anomaly_Train.txt",)
TEST_NAMES = ("Anomaly_Test.txt",)
ANNOTATION_NAMES = ("Temporal_Anomaly_Annotation.txt", "Temporal_Anomaly_Annotation_for_Testing_Videos.txt")
OFFICIAL = {
    "train": "ea91e03de7581bfa6b139e663ebb7511ab1651c33427f85741d3f497a2027744",
    "test": "afcb2a6bffe7286607e08c864425964d8784cbd5b1f263e03b76025e11548de7",
    "annotation": "3b9542413f2ed9e94f73bf0488c151b3d7d595a8d2ad30f524e9243a2ae2a17c",
}
WHAT = {
    "train": "list of train videos",
    "test": "list of test videos",
    "annotation": "temporal annotation of the test videos",
    "frame_counts": "stated frame counts",
    "frame_labels": "labels of all frames of the test videos",
    "boxes": "boxes that people drew",
}


class Config(SearchedSettings):
    """Where the data set lies. List paths are relative to `root`, absolute ones are taken as they are."""

    train_list: str | None = Field(
        default=None, description="train list; null = Anomaly_Train.txt where the distribution has it"
    )
    test_list: str | None = Field(default=None, description="test list; null = Anomaly_Test.txt likewise")
    annotation: str | None = Field(
        default=None, description="temporal annotation; null = its two official names likewise"
    )
    frame_labels: str | None = Field(
        default=None,
        description="one .npy with a label, 0 or 1, for each frame of all test videos, joined in the order of the test"
        " list, instead of the annotation; null = the annotation",
    )
    interval: Literal["zero_based_half_open", "zero_based_inclusive", "one_based_inclusive"] = Field(
        default="one_based_inclusive",
        description="how the annotation counts frames; the official one from 1, inclusive",
    )
    frame_counts: str | list[str] | None = Field(
        default=None,
        description="file(s) stating frame counts, for features without videos: CSV or `path n_frames` text",
    )
    frame_counts_column: str = Field(default="n_frames", description="column of a CSV of frame counts")
    boxes: str | list[str] | None = Field(
        default=None,
        description="file(s) of boxes that people drew, CSV with video,frame or a pickle: those of the validation part"
        " let train.select_by be validation_frame_auc, those of the test list become the row human_box; from a CSV"
        " with x1,y1,x2,y2 too, those of the test list are what score maps are compared with",
    )
    videos: Literal["required", "absent"] = Field(
        default="required",
        description="absent = only imported features are used, no video files are looked for",
    )
    subset: Literal["all", "available"] = Field(
        default="all",
        description="available = keep what is there and say so in each row; all = missing is an error",
    )


class Dataset(BaseDataset):
    """UCF-Crime as its lists describe it."""

    config: Config
    same_side = (("Assault050_x264", "Robbery138_x264", "Assault050", "Robbery138"),)
    """One video filed under two classes: a validation part must not separate them."""

    @property
    def interval_rule(self) -> str:
        """How `Video.intervals` count frames."""
        return self.config.interval

    def lists(self) -> list[Path]:
        """The list files that `videos` reads.

        Raises: DatasetError naming every list that is not there.
        """
        return [path for paths in self._files().values() for path in paths]

    def videos(self, available: Available | None = None) -> list[Video]:
        """All videos of the lists, train first, in list order.

        Args:
            available: asked for each video when `subset: available`. With `videos: required` the files
                decide already and this can only narrow them; with `videos: absent` nothing else knows which
                features are there, so it must be given (for imported features: `Extractor.has`).

        Raises: DatasetError with all problems of the lists, or with all missing videos.
        """
        return self._table(available).videos

    def boxed(self) -> dict[str, Intervals]:
        """The frames near a box of each video that has one.

        Raises: DatasetError for boxes of unknown videos, and for anomalous train videos without any.
        """
        problems: list[str] = []
        frames: dict[str, set[int]] = {}
        for path in self._files()["boxes"]:
            for name, found in read_boxes(path, problems).items():
                frames.setdefault(name, set()).update(found)
        if not frames and not problems:
            return {}
        listed = {key(video.video_id): video for video in self._listed.videos}
        problems += [f"boxes of {name}, which no list names" for name in frames if name not in listed]
        anomalous = [one for one in listed.values() if one.split == "train" and one.label]
        if any(key(one.video_id) in frames for one in anomalous):
            bare = [one.video_id for one in anomalous if key(one.video_id) not in frames]
            problems += [f"{name}: an anomalous train video without boxes" for name in bare]
        if problems:
            raise DatasetError(listing(str(self.root), problems, "Correct boxes of this data set."))
        return {listed[name].video_id: intervals_near(found) for name, found in frames.items()}

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The boxes of an anomalous video, where a table with their edges is given."""
        found = self._drawn.get(key(video.video_id)) if video.label else None
        return replace(found, height=size[0], width=size[1]) if found else super().truth_of(video, size)

    @cached_property
    def _drawn(self) -> dict[str, BoxTruth]:
        """The boxes of test videos, by the key of the video; the size of the picture is not known."""
        from vad.localisation.truth_files import has_edges, read_ucf_boxes

        names = [key(video.video_id) for video in self._listed.videos if video.split == "test"]
        found: dict[str, BoxTruth] = {}
        for path in filter(has_edges, self._files()["boxes"]):
            for name, boxes in read_ucf_boxes(path, dict.fromkeys(names, (0, 0)), key).items():
                found[name] = found[name].with_boxes_of(boxes) if name in found else boxes
        return found

    @property
    def _listed(self) -> Listed:
        """What all lists say together."""
        config = self.config
        return read_lists(self._installed(), self._files(), config.frame_counts_column, config.interval)

    def facts(self, available: Available | None = None) -> dict[str, Any]:
        """What was read: sha256 of each list, whether it is the official file, what to know about the videos.

        Returns: `lists` ({file name: {sha256, official (null where no official file exists), what}}),
            `notes`, and `subset`: null, or the words that every result on these videos must carry.
        """
        _, remarks, subset = self._table(available)
        lists = {}
        for role, paths in self._files().items():
            for path in paths:
                digest = sha256(path)
                official = digest == OFFICIAL[role] if role in OFFICIAL else None
                lists[path.name] = {"sha256": digest, "official": official, "what": WHAT[role]}
        return {"lists": lists, "notes": remarks, "subset": subset}

    def labels_of(self, video: Video) -> UInt8[np.ndarray, " frames"]:
        """The part of `frame_labels` that belongs to a test video.

        Raises: DatasetError where the array does not fit the test list; naming the videos whose frame counts no list
            states and that are not there.
        """
        return self._labels[video.video_id]

    @cached_property
    def _labels(self) -> dict[str, UInt8[np.ndarray, " frames"]]:
        """The labels of all test videos; frame counts that no list states are read from the videos."""
        files = self._files()
        videos, entries, _ = self._listed
        uncounted = {video.video_id for video in videos if video.split == "test" and video.n_frames is None}
        wanted = [entry for entry in entries if entry.video_id in uncounted]
        found: dict[str, str] = {}
        if self.config.videos == "required":
            found = locate(index(self._installed(), self.config.follow_links), wanted)[0]
        if absent := sorted(uncounted - set(found)):
            fix = "Set frame_counts to a file that has them."
            raise DatasetError(f"{files['frame_labels'][0]}: unknown frame counts of {first_of(absent)}. {fix}")
        counts = {name: _count(self._installed() / path) for name, path in found.items()}
        test = [video for video in videos if video.split == "test"]
        listed = [Labelled(v.video_id, v.label, v.n_frames or counts[v.video_id]) for v in test]
        return split_frame_labels(files["frame_labels"][0], listed)

    def _table(self, available: Available | None) -> Table:
        """The videos that are there."""
        config = self.config
        return available_part(
            self._installed(), self._listed, config.videos, config.subset, config.follow_links, available
        )

    def _files(self) -> dict[str, list[Path]]:
        """The files of each role.

        Raises: DatasetError for lists that are absent, or present in two versions.
        """
        root, config = self._installed(), self.config
        counts = [config.frame_counts] if isinstance(config.frame_counts, str) else config.frame_counts or []
        boxes = [config.boxes] if isinstance(config.boxes, str) else config.boxes or []
        problems: list[str] = []
        labels = config.frame_labels
        files = {
            "train": [_find(root, config.train_list, TRAIN_NAMES, problems)],
            "test": [_find(root, config.test_list, TEST_NAMES, problems)],
            "annotation": [] if labels else [_find(root, config.annotation, ANNOTATION_NAMES, problems)],
            "frame_labels": [_find(root, labels, (), problems)] if labels else [],
            "frame_counts": [_find(root, name, (), problems) for name in counts],
            "boxes": [_find(root, name, (), problems) for name in boxes],
        }
        if problems:
            raise DatasetError(
                listing(str(root), problems, "Set train_list, test_list or annotation of this data set.")
            )
        return files


def _count(path: Path) -> int:
    """Frames of a video, by its header."""
    # Asked for by room split only: the modules of the decoder take their time to import.
    from vad.video.decode import Rules
    from vad.video.isolated import ask

    return ask("count", path, Rules())


def _find(root: Path, given: str | None, names: Sequence[str], problems: list[str]) -> Path:
    """The list that was given, or the one file of the known names in the known folders."""
    if given is not None:
        path = root / Path(given).expanduser()
        problems += [] if path.is_file() else [f"{path}: no such file"]
        return path
    places = [root / folder / name for folder in FOLDERS for name in names]
    found = {sha256(path): path for path in reversed(places) if path.is_file()}
    if len(found) != 1:
        what = (
            "two versions: " + " and ".join(map(str, found.values())) if found else f"not found in {', '.join(FOLDERS)}"
        )
        problems.append(f"{names[0]}: {what}")
    return next(iter(found.values()), places[0])


def read_lists(root: Path, files: dict[str, list[Path]], column: str, rule: str = "one_based_inclusive") -> Listed:
    """Read and join the lists.

    Args:
        root: named in errors.
        files: paths by role, as in `WHAT`.
        column: of frame counts in a CSV.
        rule: how the annotation counts frames.

    Raises: DatasetError with every problem of every list.
    """
    problems: list[str] = []
    train = read_split(files["train"][0], problems)
    test = read_split(files["test"][0], problems)
    annotations = [line for path in files["annotation"] for line in read_annotation(path, problems, rule)]
    counts: dict[str, int] = {key(a.video_id): a.n_frames for a in annotations if a.n_frames is not None}
    for path in files["frame_counts"]:
        counts |= read_frame_counts(path, column, problems)
    problems += leaks(files["train"][0].name, train, files["test"][0].name, test)
    problems += [line for path in files["annotation"] for line in disagreements(path.name, test, annotations)]
    problems += [f"{files[role][0].name}: no videos" for role, found in (("train", train), ("test", test)) if not found]
    if problems:
        raise DatasetError(listing(str(root), problems, "Correct the lists, or take the official ones."))
    segments = {key(a.video_id): a.intervals for a in annotations}
    videos = [video(entry, "train", (), counts.get(key(entry.video_id))) for entry in train]
    labels = "".join(path.name for path in files["frame_labels"])
    for entry in test:
        name = key(entry.video_id)
        videos.append(replace(video(entry, "test", segments.get(name, ()), counts.get(name)), frame_labels=labels))
    return Listed(videos, train + test, {key(entry.video_id) for entry in test} if labels else set(segments))
