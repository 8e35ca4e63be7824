"""For `imported`: which feature files belong to which video, found by id in any subfolder."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vad.errors import FeatureError, listing
from vad.splits.video import safe_name
from vad.video.files import walk

CROP_COUNTS = (5, 10)
_CROP = re.compile(r"(.+)__(\d+)", re.ASCII)
OTHERS = {
    ".npy": "set format: npy",
    ".txt": "set format: sultani_text if it is text of numbers",
    **dict.fromkeys(
        (".npz", ".h5", ".hdf5", ".pkl", ".pickle", ".pt", ".pth", ".mat", ".csv"), "save its array as .npy"
    ),
}
"""Suffixes of files that may hold features, and how to have them read."""


class FeatureFolder:
    """The feature files below a folder, by video: with or without `_x264` in either name."""

    def __init__(self, root: Path, suffix: str, ending: str, crops: bool, follow_links: bool = False) -> None:
        """List the folder once.

        Args:
            root: folder of the features.
            suffix: file suffix, e.g. ".npy".
            ending: text between the video's name and the crop number or suffix, e.g. "_i3d".
            crops: whether each video has one file per crop, `<video>__0.npy` and so on.
            follow_links: see `vad.video.files.walk`.
        """
        self.root = root
        self.refused: dict[Path, str] = {}
        self._files: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
        spare: list[tuple[str, str]] = []
        for found in walk(root, follow_links):
            if "folder" in found.refused:
                self.refused[root / found.path] = found.refused
                continue
            if found.path.suffix.lower() in OTHERS:
                spare.append((_key(found.path.stem), str(found.path)))
            if found.path.suffix.lower() != suffix:
                continue
            match = _CROP.fullmatch(found.path.stem) if crops else None
            stem = match[1] if match else found.path.stem
            if bool(match) == crops and stem.endswith(ending):
                path = root / found.path
                self._files[_key(stem.removesuffix(ending))][int(match[2]) if match else 0].append(path)
                if found.refused:
                    self.refused[path] = found.refused
        self._crops, self._suffix, self._spare = crops, suffix, sorted(spare)

    def has(self, video_id: str) -> bool:
        """Whether there is any file of a video."""
        return _key(video_id) in self._files

    def files_of(self, video_ids: Iterable[str]) -> dict[str, list[Path]]:
        """The files of each video, in the order of crops.

        Raises: FeatureError with every video whose files are missing, ambiguous or refused.
        """
        found: dict[str, list[Path]] = {}
        problems: list[str] = []
        for video_id in video_ids:
            by_crop = self._files.get(_key(video_id), {})
            wrong = self._problems(by_crop) if by_crop else [f"no features{self._hint(video_id)}"]
            problems += [f"{video_id}: {problem}" for problem in wrong]
            if not wrong:
                found[video_id] = [by_crop[crop][0] for crop in sorted(by_crop)]
        if problems:
            problems += [f"{path} is {why}" for path, why in self.refused.items() if "folder" in why]
            raise FeatureError(listing(str(self.root), problems, "Put the files there, one set for each video."))
        return found

    def _problems(self, by_crop: dict[int, list[Path]]) -> list[str]:
        """What is wrong with the files of one video."""
        problems = []
        for paths in by_crop.values():
            if len(paths) > 1:
                names = " and ".join(path.relative_to(self.root).as_posix() for path in paths)
                problems.append(f"found more than once: {names}")
            problems += [f"{path.name} is {self.refused[path]}" for path in paths if path in self.refused]
        if self._crops:
            wanted = next((count for count in CROP_COUNTS if max(by_crop) < count), max(by_crop) + 1)
            absent = [str(crop) for crop in range(wanted) if crop not in by_crop]
            problems += [f"crop {', '.join(absent)} of {wanted} missing"] if absent else []
            problems += [f"{wanted} crops, expected 5 or 10"] if wanted not in CROP_COUNTS else []
        return problems

    def _hint(self, video_id: str) -> str:
        """The file that begins with the name of a video, and how to have it read."""
        name = _key(video_id)
        place = bisect_left(self._spare, (name, ""))
        if place == len(self._spare) or not self._spare[place][0].startswith(name):
            return ""
        path = Path(self._spare[place][1])
        rest = self._spare[place][0].removeprefix(name).removeprefix("_x264")
        if rest[:1].isalnum():
            return ""  # of another video: Abuse0010 begins with Abuse001
        if path.suffix.lower() != self._suffix:
            fix = OTHERS[path.suffix.lower()]
        elif crop := _CROP.fullmatch(path.stem):
            ending = crop[1][len(crop[1]) - len(rest.rpartition("__")[0]) :]
            fix = "set format: crops_files" + (f" and ending: {ending}" if ending else "")
        else:
            fix = f"set ending: {path.stem[len(path.stem) - len(rest) :]}" if rest else "set format: npy"
        return f"; {path} is there: {fix}"


def _key(name: str) -> str:
    """The part of a name that all spellings share: in lower case, with the characters of an id, without `_x264`."""
    return safe_name(name).lower().removesuffix("_x264")
