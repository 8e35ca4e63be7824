"""Where the videos of an official list lie on disk, whatever the arrangement of the folders."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from vad.datasets._lists import EVENT_FOLDER, Entry, key
from vad.video.files import VIDEO_SUFFIXES, Found, walk

FEW = 20  # up to this many missing videos are compared with all names for a similar one


@dataclass(frozen=True)
class Index:
    """The files below a root, by the key of their stem; `others` also by the stem in lower case."""

    videos: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    others: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    refused_folders: list[Found] = field(default_factory=list)


def index(root: Path) -> Index:
    """List the files below a root once."""
    result = Index()
    for found in walk(root):
        if "folder" in found.refused:
            result.refused_folders.append(found)
        usable = found.path.suffix.lower() in VIDEO_SUFFIXES and not _event(found.path)
        if usable:
            result.videos[key(found.path.stem)].append(found)
        result.others[key(found.path.stem).lower()].append(found)
    return result


def locate(files: Index, entries: Iterable[Entry]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Find the video file of each list entry.

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
        listed = {key(entry.video_id).lower() for entry in entries}
        names = [name for name in files.others if name not in listed]
        missing = {video_id: hint or _similar(files, names, video_id) for video_id, hint in missing.items()}
    return paths, missing, problems


def _candidates(files: Index, entry: Entry) -> list[Found]:
    """Files of the entry's name: in the list's folder if there are any, else anywhere."""
    found = files.videos.get(key(entry.video_id), [])
    wanted = _group(entry.folder)
    preferred = [file for file in found if wanted in {_group(part) for part in file.path.parts[:-1]}]
    return preferred or found


def _group(folder: str) -> str:
    """A folder name, alike for all parts of the distribution (`Training-Normal-Videos-Part-1` ...)."""
    name = folder.lower().replace("-", "_")
    for normal in ("training_normal_videos", "testing_normal_videos"):
        if name.startswith(normal):
            return normal
    return name


def _event(path: PurePosixPath) -> bool:
    """Whether a file lies in the folder that repeats test videos for another task."""
    return any(_group(part).startswith(EVENT_FOLDER.lower()) for part in path.parts[:-1])


def _hint(files: Index, entry: Entry) -> str:
    """Why a video was not found although a file has its name, but for case, extension or folder."""
    for found in files.others.get(key(entry.video_id).lower(), []):
        if _event(found.path):
            return f"{found.path} is not taken: that folder belongs to another task"
        return f"did you mean {found.path}?"
    return ""


def _similar(files: Index, names: Sequence[str], video_id: str) -> str:
    """A file of a near name that is no listed video's own."""
    close = get_close_matches(key(video_id).lower(), names, n=1, cutoff=0.85)
    return f"did you mean {files.others[close[0]][0].path}?" if close else ""
