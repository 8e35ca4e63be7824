"""For `folder`: videos below a folder under names of any kind: the names a table may use, and safe ids."""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from vad.artefacts.fingerprint import IMAGES
from vad.splits.video import is_id
from vad.video.files import CONVERT, NOT_READ, VIDEO_SUFFIXES, Found, numbering_problem, position_problem, walk

_SLUG_LENGTH = 100


class MediaIndex:
    """All video files and image folders below a folder."""

    def __init__(self, folder: Path, follow_links: bool = False) -> None:
        """List the folder once; see `vad.video.files.walk`."""
        self.media: dict[str, Found] = {}
        self.refused_folders: list[Found] = []
        self.not_read: list[str] = []
        """Paths of videos in containers that are not read."""
        images: dict[PurePosixPath, list[Found]] = defaultdict(list)
        for found in walk(folder, follow_links):
            if found.is_folder_link:
                self.refused_folders.append(found)
            elif found.path.suffix.lower() in VIDEO_SUFFIXES:
                self.media[str(found.path)] = found
            elif found.path.suffix.lower() in IMAGES and found.path.parent.name:
                images[found.path.parent].append(found)
            elif found.path.suffix.lower() in NOT_READ:
                self.not_read.append(str(found.path))
        self.images = {str(place): [image.path.name for image in group] for place, group in images.items()}
        """Names of the images of each video that is a folder of images, by its path."""
        self.media |= {str(place): _image_folder(place, group) for place, group in images.items()}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self.media:
            for name in {_composed(path), _composed(without_suffix(path))}:
                self._by_name[name].append(path)

    def called(self, name: str) -> list[str]:
        """The paths of all videos that a table may call `name` (extension optional)."""
        plain = _composed(name.rstrip("/"))
        while plain.startswith("./"):
            plain = plain[2:].lstrip("/")
        return self._by_name.get(plain, [])

    def find(self, name: str, listed: Collection[str] = ()) -> str:
        """The path of the one video that a table calls `name`.

        Args:
            name: cell of the table.
            listed: paths that other rows of the table name: never suggested for this one.

        Raises: ValueError when there is none, more than one, or one that may not be read.
        """
        if reason := _unsafe(name):
            raise ValueError(f"{name[:80]!a} {reason}. Write the path below the folder of videos")
        paths = self.called(name)
        if not paths:
            spare = [path for path in self.media if path not in listed]
            raise ValueError(f"{name[:80]!a}: no such video{self._other_kind(name) or _hint(name, spare)}")
        if len(paths) > 1:
            raise ValueError(f"{name[:80]!a} matches {' and '.join(map(repr, paths))}. Write the extension")
        if refused := self.media[paths[0]].refused:
            raise ValueError(f"{paths[0]} is {refused}")
        return paths[0]

    def _other_kind(self, name: str) -> str:
        """The file of this name in a container that is not read."""
        last = PurePosixPath(_composed(name)).name.lower()
        for path in self.not_read:
            if last in (PurePosixPath(path).name.lower(), PurePosixPath(path).stem.lower()):
                return f"; {path!r} is there, but files of this kind are not read. {CONVERT}"
        return ""

    def lost_positions(self, path: str) -> str:
        """Why frame numbers cannot be positions in a folder of images; "" for files, and where they can."""
        return position_problem(self.images[path]) if path in self.images else ""


def _hint(name: str, paths: Sequence[str]) -> str:
    """Another spelling, folder or extension under which the video may be meant."""
    last = PurePosixPath(without_suffix(_composed(name))).name.lower()
    for path in paths:
        if PurePosixPath(without_suffix(_composed(path))).name.lower() == last:
            return f"; did you mean {path!r}?"
    close = get_close_matches(name, paths, n=1, cutoff=0.8)
    return f"; did you mean {close[0]!r}?" if close else ""


def _image_folder(place: PurePosixPath, images: list[Found]) -> Found:
    """A folder of images as one video; an image that may not be read, or a lost one, refuses the whole."""
    refused = next((f"holding {image.path.name}, {image.refused}" for image in images if image.refused), "")
    wrong = numbering_problem(image.path.name for image in images)
    return Found(place, refused or (f"not in order: {wrong}" if wrong else ""))


def video_ids(paths: Iterable[str]) -> dict[str, str]:
    """A safe and unique id for each path.

    The stem of the file where it fits the id rule and no other video has it. Otherwise its letters, digits, _
    and - (accents dropped, the rest _), then - and the first 8 hexadecimal digits of the sha256 of the path
    without extension; when two videos share a stem, the folders go into the id as well.
    """
    paths = list(paths)
    times = Counter(stem(path).casefold() for path in paths)
    return {path: _id(path, times[stem(path).casefold()] == 1) for path in paths}


def stem(path: str) -> str:
    """File name without a video extension; folder name of a video kept as images."""
    return PurePosixPath(without_suffix(path)).name


def without_suffix(path: str) -> str:
    """The path without a video extension; other dots stay."""
    head, dot, suffix = path.rpartition(".")
    return head if dot and f".{suffix.lower()}" in VIDEO_SUFFIXES else path


def _id(path: str, unique: bool) -> str:
    name = stem(path)
    if unique and is_id(name):
        return name
    plain = unicodedata.normalize("NFKD", name if unique else without_suffix(path)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")[:_SLUG_LENGTH] or "video"
    digest = hashlib.sha256(_composed(without_suffix(path)).encode()).hexdigest()
    return f"{slug}-{digest[:8]}"


def _composed(text: str) -> str:
    """One form for letters that can be written as one or two code points (names from macOS)."""
    return unicodedata.normalize("NFC", text)


def _unsafe(name: str) -> str:
    """Why a table entry must not be used as a path, or ""."""
    if "\0" in name:
        return "holds a NUL character"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/") or re.match("[A-Za-z]:/", name):
        return "is an absolute path"
    return "leaves the folder" if ".." in name.split("/") else ""
