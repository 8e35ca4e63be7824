"""For `imported`: which feature files belong to which video, found by id in any subfolder."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vad.errors import FeatureError, listing
from vad.video.files import walk

CROP_COUNTS = (5, 10)
_CROP = re.compile(r"(.+)__(\d+)", re.ASCII)


class FeatureFolder:
    """The feature files below a folder, by video: with or without `_x264` in either name."""

    def __init__(self, root: Path, suffix: str, ending: str, crops: bool) -> None:
        """List the folder once.

        Args:
            root: folder of the features.
            suffix: file suffix, e.g. ".npy".
            ending: text between the video's name and the crop number or suffix, e.g. "_i3d".
            crops: whether each video has one file per crop, `<video>__0.npy` and so on.
        """
        self.root = root
        self.refused: dict[Path, str] = {}
        self._files: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
        for found in walk(root):
            if found.path.suffix.lower() != suffix or "folder" in found.refused:
                continue
            match = _CROP.fullmatch(found.path.stem) if crops else None
            stem = match[1] if match else found.path.stem
            if bool(match) == crops and stem.endswith(ending):
                path = root / found.path
                self._files[_key(stem.removesuffix(ending))][int(match[2]) if match else 0].append(path)
                if found.refused:
                    self.refused[path] = found.refused
        self._crops = crops

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
            wrong = self._problems(by_crop)
            problems += [f"{video_id}: {problem}" for problem in wrong]
            if not wrong:
                found[video_id] = [by_crop[crop][0] for crop in sorted(by_crop)]
        if problems:
            raise FeatureError(listing(str(self.root), problems, "Put the files there, one set for each video."))
        return found

    def _problems(self, by_crop: dict[int, list[Path]]) -> list[str]:
        """What is wrong with the files of one video."""
        if not by_crop:
            return ["no features"]
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


def _key(name: str) -> str:
    return name.removesuffix("_x264")
