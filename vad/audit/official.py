"""The test list that scores are compared with. Lists and frame counts are enough; no video is opened."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import vad.datasets
from vad import registry
from vad.artefacts.features import read_features
from vad.audit.problems import short_listing
from vad.errors import DatasetError, ParamsError, nearest
from vad.evaluation.ground_truth import Annotation, Convention, frame_labels
from vad.evaluation.judged_video import VideoTruth
from vad.params import RESOLVED, load
from vad.splits.video import Video

DATA = Path("data")


@dataclass(frozen=True, eq=False)
class OfficialList:
    """The test videos of a data set in the order of its list, with annotation and true frame counts."""

    name: str
    videos: tuple[Video, ...]
    annotations: Mapping[str, Annotation]
    """By video id; unclipped."""

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Video ids in list order."""
        return tuple(video.video_id for video in self.videos)

    @cached_property
    def n_frames(self) -> dict[str, int]:
        """True frames of each video."""
        return {name: one.n_frames for name, one in self.annotations.items()}

    @cached_property
    def by_intervals(self) -> bool:
        """Whether every anomalous video is annotated by intervals in frames: only then can conventions differ."""
        marked = [self.annotations[v.video_id] for v in self.videos if v.label]
        return all(one.intervals and one.unit == "frame" and one.frames is None for one in marked)

    def truth(self, rules: Convention) -> dict[str, VideoTruth]:
        """The labels of each video under a convention, by video id."""
        marked = [self.annotations[v.video_id] for v in self.videos if v.frame_level]
        labels = frame_labels(marked, rules)
        return {
            v.video_id: VideoTruth(
                video_id=v.video_id,
                class_name=v.class_name,
                label=v.label,
                n_frames=rules.frames(self.n_frames[v.video_id]),
                labels=labels[v.video_id].labels if v.video_id in labels else None,
            )
            for v in self.videos
        }

    def find(self, name: str) -> str | None:
        """The id of a video, from any spelling of its name that is in use; None if it is not in this list.

        Names of files often say more: `Abuse028_x264_i3d`, `pred_Abuse028.mp4`. The longest id that stands in the name
        between characters that are neither letters nor digits is taken, if there is only one of this length.
        """
        wanted = _base_name(name)
        if wanted in self._spellings:
            return self._spellings[wanted]
        inside = [key for key in self._spellings if key in wanted and _stands_alone(key, wanted)]
        longest = [key for key in inside if len(key) == max(map(len, inside))]
        return self._spellings[longest[0]] if len(longest) == 1 else None

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {_base_name(name): name for name in self.ids}

    def orders(self) -> dict[str, tuple[str, ...]]:
        """Every order in which lists of this data set are in use, by name; equal orders once.

        The official annotation of UCF-Crime is sorted by class names; derived lists have the anomalous videos first.
        """
        sorts = {
            "test list": lambda video: 0,
            "class words (temporal annotation)": lambda video: video.class_name,
            "anomalous, then normal": lambda video: -video.label,
            "normal, then anomalous": lambda video: video.label,
            "file names": lambda video: video.video_id,
        }
        found: dict[tuple[str, ...], str] = {}
        for name, by in sorts.items():
            found.setdefault(tuple(video.video_id for video in sorted(self.videos, key=by)), name)
        return {name: order for order, name in found.items()}


def official_list(
    name: str,
    videos: Sequence[Video],
    rule: str,
    n_frames: Mapping[str, int],
    read: Callable[[Video], np.ndarray],
) -> OfficialList:
    """Make the test list from the videos of a data set and their frame counts.

    Args:
        name: name of the data set, for messages.
        videos: videos of both splits; the test videos are used.
        rule: how the intervals of the list count frames.
        n_frames: true number of frames by video id; where a video is missing here, its list must state it.
        read: reads the labels of a video that has one for each frame.

    Raises: DatasetError naming every video whose number of frames is not known.
    """
    tested = tuple(video for video in videos if video.split == "test")
    counts = {v.video_id: n_frames.get(v.video_id) or v.n_frames for v in tested}
    if missing := [f"{video_id}: its number of frames is not known" for video_id, count in counts.items() if not count]:
        remedy = "Set frame_counts of the data set, give --frames FILE, or run room features."
        raise DatasetError(short_listing(name, missing, remedy))
    annotations = {v.video_id: _annotation(v, counts[v.video_id] or 0, rule, read) for v in tested}
    return OfficialList(name, tested, annotations)


def load_official(name: str, params: Path, stated: Mapping[str, int] | None = None) -> OfficialList:
    """Read the test list of a data set of params.yaml.

    Args:
        name: entry of `datasets`.
        params: path of params.yaml.
        stated: number of frames by video name, used before all other sources; these are the lists, then the feature
            files of the data set.

    Raises: ParamsError or DatasetError when the entry, its lists or frame counts are missing.
    """
    entries = load(params, RESOLVED if RESOLVED.is_file() else None).datasets
    if name not in entries:
        raise ParamsError(f"{params}: no data set called {name!r}.{nearest(name, list(entries))}")
    entry = entries[name].model_dump()
    module = registry.find(vad.datasets, entry.pop("kind"))
    if "videos" in module.Config.model_fields and "subset" in module.Config.model_fields:
        entry |= {"videos": "absent", "subset": "all"}
    source = module.Dataset(module.Config.model_validate_json(json.dumps(entry)), DATA / "split" / name / "raw")
    if source.root is None:
        raise DatasetError(f"{name}: not installed. Set datasets.{name}.root in {params} to the folder of its lists.")
    # As room split reads the lists; a generated data set has no list files before its first run.
    videos = source.videos() if source.GENERATED else source.parsed()
    known = {_base_name(k): n for k, n in (stated or {}).items()}
    unstated = [v.video_id for v in videos if v.split == "test" and not (v.n_frames or _base_name(v.video_id) in known)]
    counts = _counted_frames(name, unstated) | {
        v.video_id: known[_base_name(v.video_id)] for v in videos if _base_name(v.video_id) in known
    }
    return official_list(name, videos, source.interval_rule, counts, source.labels_of)


def _counted_frames(dataset: str, wanted: Sequence[str]) -> dict[str, int]:
    """Number of frames of videos, from the feature files that are there."""
    found: dict[str, int] = {}
    for name in wanted:
        for path in sorted(DATA.glob(f"features/*/{dataset}/{name}.npz"))[:1]:
            found[name] = read_features(path).n_frames
    return found


def _annotation(video: Video, n_frames: int, rule: str, read: Callable[[Video], np.ndarray]) -> Annotation:
    if video.unit == "second":
        raise DatasetError(
            f"{video.video_id}: annotated in seconds. An audit needs frames: convert them, set unit frame."
        )
    labels = read(video) if video.frame_labels else None
    given: Any = rule
    return Annotation(video.video_id, n_frames, video.intervals, given, frames=labels)


def _stands_alone(key: str, name: str) -> bool:
    """Whether a key is somewhere in a name without a letter or digit beside it."""
    return re.search(rf"(?<![a-z0-9]){re.escape(key)}(?![a-z0-9])", name) is not None


def _base_name(name: str) -> str:
    """The part of a name that all its spellings share: lower case, without the suffix of UCF-Crime's files."""
    return name.lower().removesuffix("_x264")
