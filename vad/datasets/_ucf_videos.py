"""For data sets with lists (UCF-Crime, XD-Violence): the videos that the lists make, and their files in any folder."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from vad.artefacts.fingerprint import IMAGES
from vad.datasets._base import Available
from vad.datasets._ucf_lists import EVENT_FOLDERS, NORMAL, Annotation, Entry, key, shown
from vad.errors import DatasetError, first_of, listing, nearest
from vad.splits.video import Intervals, Video
from vad.video.files import CONVERT, NOT_READ, VIDEO_SUFFIXES, Found, numbering_problem, position_problem, walk

FEW = 20  # up to this many missing videos are compared with all names for a similar one
_NUMBER = re.compile(r"_\d+$")
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


class Table(NamedTuple):
    """The videos that a data set has."""

    videos: list[Video]
    notes: list[str]
    """What a reader of the results should know."""
    subset: str | None
    """The words that results on a part of the data must carry; None = everything is there."""


class Listed(NamedTuple):
    """What the lists of a data set say together."""

    videos: list[Video]
    """Without paths."""
    entries: list[Entry]
    """Of the videos, in the same order."""
    annotated: Collection[str]
    """Keys of the videos that the annotation names."""


def available_part(
    root: Path,
    listed: Listed,
    videos: Literal["required", "absent"],
    subset: Literal["all", "available"],
    follow_links: bool,
    available: Available | None,
) -> Table:
    """The videos of the lists that are there.

    Args:
        root: the folder of the data set.
        listed: what the lists say.
        videos: whether each video must have a file.
        subset: whether missing videos are an error or left out.
        follow_links: see `vad.video.files.walk`.
        available: whether a video can be used otherwise, such as by imported features; None = ask for nothing else.

    Raises: DatasetError with all missing videos.
    """
    kept = _with_paths(root, listed, subset, follow_links) if videos == "required" else listed.videos
    if subset == "all":
        return Table(kept, notes(kept, listed.annotated), None)
    if available is None and videos == "absent":
        raise DatasetError(f"{root}: subset: available needs to know which features are there. Use subset: all.")
    kept = [one for one in kept if available is None or available(one)]
    words, there = subset_words(kept, listed.videos), {one.video_id for one in kept}
    absent = [one.video_id for one in listed.videos if one.video_id not in there]
    left_out = [f"left out: {first_of(absent)}"] if absent else []
    return Table(kept, [*notes(kept, listed.annotated), words, *left_out], words)


def _with_paths(root: Path, listed: Listed, subset: Literal["all", "available"], follow_links: bool) -> list[Video]:
    """The videos that have a file, with its path."""
    files, entries = index(root, follow_links), listed.entries
    paths, missing, problems = locate(files, entries)
    if subset == "all" and len(missing) == len(entries):
        problems.append(f"none of the {len(entries):,} listed videos is there")
    elif subset == "all":
        problems += [f"{name}: missing" + (f"; {hint}" if hint else "") for name, hint in missing.items()]
    if problems:
        problems += [f"{found.path} is {found.refused}" for found in files.refused_folders]
        where = f"{root} ({len(missing)} of {len(entries)} videos missing)"
        raise DatasetError(listing(where, problems, "Put the videos there, or set subset: available."))
    return [replace(one, path=paths[one.video_id]) for one in listed.videos if one.video_id in paths]


@dataclass(frozen=True)
class Index:
    """The files below a root, by the key of their stem."""

    videos: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    others: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    """Every file but images."""
    folders: dict[str, dict[PurePosixPath, list[Found]]] = field(default_factory=lambda: defaultdict(dict))
    """The images of each folder, by the key of its name: a video that is kept as images."""
    images: dict[str, PurePosixPath] = field(default_factory=dict)
    """The first image with the name of a video and a number, by the key of the video."""
    refused_folders: list[Found] = field(default_factory=list)


def index(root: Path, follow_links: bool = False) -> Index:
    """List the files below a root once; see `vad.video.files.walk`."""
    result = Index()
    for found in walk(root, follow_links):
        if found.is_folder_link:
            result.refused_folders.append(found)
        if found.path.suffix.lower() in IMAGES:
            if not _event(found.path):
                result.folders[key(found.path.parent.name)].setdefault(found.path.parent, []).append(found)
                result.images.setdefault(key(_NUMBER.sub("", found.path.stem)), found.path)
            continue
        usable = found.path.suffix.lower() in VIDEO_SUFFIXES and not _event(found.path)
        if usable:
            result.videos[key(found.path.stem)].append(found)
        result.others[key(found.path.stem)].append(found)
    return result


def locate(files: Index, entries: Iterable[Entry]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Find the video file of each list entry, or else the folder of images that has its name.

    A file whose folder is that of the list wins over equally named files elsewhere.

    Returns: paths relative to the root by video id; what is missing, by video id, with a hint; other problems
        (two candidates, refused files).
    """
    paths, missing, problems = {}, {}, []
    entries = list(entries)
    for entry in entries:
        candidates = _candidates(files, entry)
        if not candidates:
            missing[entry.video_id] = _hint(files, entry)
        elif len(candidates) > 1:
            names = " and ".join(str(found.path) for found in candidates)
            problems.append(f"{entry.video_id}: found more than once: {names}. Keep one of them")
        elif candidates[0].refused:
            problems.append(f"{entry.video_id}: {candidates[0].path} is {candidates[0].refused}")
        else:
            paths[entry.video_id] = str(candidates[0].path)
    if len(missing) <= FEW:
        listed = {key(entry.video_id) for entry in entries}
        names = [name for name in files.others if name not in listed]
        missing = {video_id: hint or _similar(files, names, video_id) for video_id, hint in missing.items()}
    return paths, missing, problems


def _candidates(files: Index, entry: Entry) -> list[Found]:
    """Files of the entry's name: in the list's folder if there are any, else anywhere."""
    name = key(entry.video_id)
    found = files.videos.get(name) or [_as_video(*one) for one in files.folders.get(name, {}).items()]
    wanted = _group(entry.folder)
    preferred = [file for file in found if wanted in {_group(part) for part in file.path.parts[:-1]}]
    return preferred or found


def _as_video(place: PurePosixPath, images: Sequence[Found]) -> Found:
    """A folder of images as one video; a lost image refuses the whole, because frames are counted by position."""
    names = [image.path.name for image in images]
    refused = next((f"holding {image.path.name}, {image.refused}" for image in images if image.refused), "")
    wrong = refused or numbering_problem(names) or position_problem(names)
    return Found(place, refused or (f"a folder of images that cannot be placed in time: {wrong}" if wrong else ""))


def _group(folder: str) -> str:
    """A folder name, alike for all parts of the distribution (`Training-Normal-Videos-Part-1` ...)."""
    name = folder.lower().replace("-", "_")
    for normal in ("training_normal_videos", "testing_normal_videos"):
        if name.startswith(normal):
            return normal
    return name


def _event(path: PurePosixPath) -> bool:
    """Whether a file lies in the folder that repeats test videos for another task."""
    return any(_group(part).startswith(tuple(map(str.lower, EVENT_FOLDERS))) for part in path.parts[:-1])


def _hint(files: Index, entry: Entry) -> str:
    """Why a video was not found although a file has its name, but for extension or folder."""
    for found in files.others.get(key(entry.video_id), []):
        if _event(found.path):
            return f"{found.path} is not taken: that folder belongs to another task"
        if found.path.suffix.lower() in NOT_READ:
            return f"{found.path} is there, but files of this kind are not read. {CONVERT}"
        return f"did you mean {found.path}?"
    if image := files.images.get(key(entry.video_id)):
        return f"{image} is one image: put all frames of a video into a folder of its name, numbered without gaps"
    return ""


def _similar(files: Index, names: Sequence[str], video_id: str) -> str:
    """A file of a near name that is no listed video's own."""
    close = get_close_matches(key(video_id), names, n=1, cutoff=0.85)
    return f"did you mean {files.others[close[0]][0].path}?" if close else ""
