"""The test list that scores are held against: lists and frame counts are enough, no video is opened."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

import vad.datasets
from vad import registry
from vad.artefacts.features import read_features
from vad.audit.problems import shortened
from vad.datasets._frame_labels import labels_of
from vad.errors import DatasetError, ParamsError, nearest
from vad.evaluation.ground_truth import Annotation, Convention, frame_labels
from vad.evaluation.judged_video import VideoTruth
from vad.params import load
from vad.splits.video import Video

DATA = Path("data")
RESOLVED = Path(".params/resolved.json")
"""What a run has checked already; without it the check of params.yaml takes seconds."""


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
        """Whether every anomalous video is annotated by intervals in frames, so that conventions differ."""
        marked = [self.annotations[v.video_id] for v in self.videos if v.label]
        return all(one.intervals and one.unit == "frame" and one.frames is None for one in marked)

    def truth(self, rules: Convention) -> dict[str, VideoTruth]:
        """What is true of each video under a convention."""
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
        """The id of a video by any circulating spelling of its name; None if it is not of this list."""
        return self._spellings.get(_plain(name))

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {_plain(name): name for name in self.ids}

    def orders(self) -> dict[str, tuple[str, ...]]:
        """Every order that lists of this data set circulate in, by name; equal ones once.

        The official annotation of UCF-Crime is in the order of its class words; derived lists have anomalous
        videos first.
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
    """A test list from the videos of a data set and their frame counts.

    Args:
        name: of the data set, for messages.
        videos: of any split; the test videos are taken.
        rule: how intervals count frames.
        n_frames: true frames by video id, for videos whose list states none.
        read: gives the labels of a video that has one a frame.

    Raises: DatasetError naming every video whose length nothing states.
    """
    tested = tuple(video for video in videos if video.split == "test")
    counts = {v.video_id: n_frames.get(v.video_id) or v.n_frames for v in tested}
    if missing := [f"{video_id}: nothing states its frames" for video_id, count in counts.items() if not count]:
        mend = "Set frame_counts of the data set, give --frames FILE, or run room features."
        raise DatasetError(shortened(name, missing, mend))
    annotations = {v.video_id: _annotation(v, counts[v.video_id] or 0, rule, read) for v in tested}
    return OfficialList(name, tested, annotations)


def load_official(name: str, params: Path, stated: Mapping[str, int] | None = None) -> OfficialList:
    """The test list of a data set of params.yaml.

    Args:
        name: entry of `datasets`.
        params: params.yaml.
        stated: frames by video name, before all other sources; None = what the lists state, then what
            the feature files of the data set hold.

    Raises: ParamsError or DatasetError that say what to mend.
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
    # Lists and labels as room split reads them; a generated set has no files before its first run.
    videos = source.videos() if getattr(source, "GENERATED", False) else getattr(source, "parsed", source.videos)()
    known = {_plain(k): n for k, n in (stated or {}).items()}
    unstated = [v.video_id for v in videos if v.split == "test" and not (v.n_frames or _plain(v.video_id) in known)]
    counts = _decoded(name, unstated) | {
        v.video_id: known[_plain(v.video_id)] for v in videos if _plain(v.video_id) in known
    }
    return official_list(name, videos, source.interval_rule, counts, partial(labels_of, source))


def _decoded(dataset: str, wanted: Sequence[str]) -> dict[str, int]:
    """Frames of videos as they were decoded for features."""
    found: dict[str, int] = {}
    for name in wanted:
        for path in sorted(DATA.glob(f"features/*/{dataset}/{name}.npz"))[:1]:
            found[name] = read_features(path).n_frames
    return found


def _annotation(video: Video, n_frames: int, rule: str, read: Callable[[Video], np.ndarray]) -> Annotation:
    if video.unit == "second":
        raise DatasetError(f"{video.video_id}: annotated in seconds. An audit needs frames: write unit frame.")
    labels = read(video) if video.frame_labels else None
    given: Any = rule
    return Annotation(video.video_id, n_frames, video.intervals, given, frames=labels)


def _plain(name: str) -> str:
    """What all spellings of one name have in common."""
    return name.removesuffix("_x264").lower()
