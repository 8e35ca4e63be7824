"""What the three official lists must agree on, and the videos they make together."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from vad.datasets._lists import NORMAL, Annotation, Entry, key, shown
from vad.errors import nearest
from vad.splits.video import Intervals, Video

_TEST_NAME = re.compile(r"Normal_Videos_\d+")  # train normals have no underscore before the number


def leaks(train_name: str, train: Sequence[Entry], test_name: str, test: Sequence[Entry]) -> list[str]:
    """Test videos in the train list: by name, by folder, or by the name that only test normals have."""
    tested = {key(entry.video_id): entry for entry in test}
    problems = []
    for entry in train:
        place = f"{train_name}:{entry.line}: {entry.video_id}"
        if twin := tested.get(key(entry.video_id)):
            problems.append(f"{place} is also on line {twin.line} of {test_name} (leakage)")
        elif _TEST_NAME.match(entry.video_id) or entry.folder.lower().startswith("testing"):
            problems.append(f"{place} is a test video by its name or folder (leakage)")
    return problems


def disagreements(name: str, test: Sequence[Entry], annotations: Sequence[Annotation]) -> list[str]:
    """Where test list and annotation contradict each other; normals need no line in the annotation."""
    listed = {key(entry.video_id): entry for entry in test}
    annotated = {key(annotation.video_id) for annotation in annotations}
    problems = [_contradiction(name, annotation, listed) for annotation in annotations]
    problems += [
        f"{name}: no line for {entry.video_id} ({entry.class_name}), line {entry.line} of the test list"
        for entry in test
        if entry.class_name != NORMAL and key(entry.video_id) not in annotated
    ]
    return [problem for problem in problems if problem]


def _contradiction(name: str, annotation: Annotation, listed: Mapping[str, Entry]) -> str:
    place = f"{name}:{annotation.line}: {annotation.video_id}"
    entry = listed.get(key(annotation.video_id))
    if entry is None:
        close = [other.video_id for other in listed.values() if other.class_name == annotation.class_name]
        return f"{place} is not in the test list.{nearest(annotation.video_id, close[:30])}"
    if annotation.class_name != entry.class_name:
        return f"{place} is {annotation.class_name} here, {shown(entry.class_name)} in the test list"
    if (entry.class_name == NORMAL) == bool(annotation.intervals):
        return f"{place} is {entry.class_name}, with {len(annotation.intervals)} segments"
    return ""


def video(entry: Entry, split: Literal["train", "test"], intervals: Intervals, n_frames: int | None) -> Video:
    """One video as the lists state it, its file not yet looked for."""
    label = int(entry.class_name != NORMAL)
    return Video(entry.video_id, "", split, label, entry.class_name, intervals, n_frames=n_frames)


def notes(videos: Sequence[Video], annotated: Collection[str]) -> list[str]:
    """What a reader of the results should know: segments past the end, normals without annotation, counts."""
    past = [
        f"{v.video_id} {end:g} > {v.n_frames}"
        for v in videos
        if v.n_frames
        for _, end in v.intervals
        if end > v.n_frames
    ]
    bare = [v for v in videos if v.split == "test" and key(v.video_id) not in annotated]
    stated = sum(v.n_frames is not None for v in videos)
    lines = [f"{len(past)} segments end past the last frame (clipped): {', '.join(past)}"] if past else []
    lines += [f"{len(bare)} normal test videos are not in the annotation: no segments"] if bare else []
    lines += [f"frame counts stated for {stated} of {len(videos)} videos"] if stated else []
    return lines


def subset_words(kept: Sequence[Video], videos: Sequence[Video]) -> str:
    """The words that results on a part of the data must carry."""
    words = []
    for split in ("train", "test"):
        there, of = (sum(video.split == split for video in group) for group in (kept, videos))
        words.append(f"{there:,} of {of:,} {split}")
    return f"subset: {', '.join(words)}"
