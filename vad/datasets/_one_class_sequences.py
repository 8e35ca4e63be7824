"""For Ped2 and Avenue: the sequences (their videos), as distributed or as extracted into folders of frames.

Sequences are joined by their number, frames of a sequence by their position: names may begin with 0 or with 1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vad.artefacts.fingerprint import is_image
from vad.errors import MediaError
from vad.video.files import VIDEO_SUFFIXES, numbering_problem, position_problem


@dataclass(frozen=True)
class StoredSequence:
    """One sequence: a folder of images, or a video file."""

    video_id: str
    path: str
    """Relative to the data set's root."""
    split: Literal["train", "test"]
    n_frames: int | None
    """Images of the folder; of a video file what its header says, for test sequences only."""


@dataclass(frozen=True)
class Layout:
    """One arrangement of folders."""

    what: str
    """In words, for notes and errors."""
    train: str
    test: str
    """Folders below the root that hold the sequences."""
    name: re.Pattern[str]
    """What a sequence is called as a whole; group 1 is its number. Masks and other files are called otherwise."""
    files: bool = False
    """Whether all sequences are video files."""
    train_files: bool = False
    """Whether only the train sequences are video files."""
    named: bool = False
    """Whether group 1 is a name that ids take over, instead of a number without gaps."""

    def holds_files(self, split: str) -> bool:
        """Whether the sequences of a split are video files."""
        return self.files or (self.train_files and split == "train")


UCSD = Layout("UCSD's folders Train/Train001, Test/Test001", "Train", "Test", re.compile(r"(?:Train|Test)(\d{3})"))
FRAMES = Layout(
    "folders training/frames/01, testing/frames/01", "training/frames", "testing/frames", re.compile(r"(\d+)")
)
VIDEOS = Layout(
    "files training_videos/01.avi, testing_videos/01.avi",
    "training_videos",
    "testing_videos",
    re.compile(r"(\d+)\.\w+"),
    files=True,
)


def find_layout(root: Path, layouts: Sequence[Layout], inner: Sequence[str] = ()) -> tuple[Path, Layout] | None:
    """The folder and the first layout of which it has both parts; `inner` are folders of an unpacked archive."""
    for folder in (root, *(root / name for name in inner)):
        for layout in layouts:
            if (folder / layout.train).is_dir() and (folder / layout.test).is_dir():
                return folder, layout
    return None


def find_sequences(root: Path, folder: Path, layout: Layout, digits: int, problems: list[str]) -> list[StoredSequence]:
    """All sequences, train first, by number.

    Args:
        root: that paths are relative to.
        folder: `root` or a folder below it that has the layout.
        layout: how sequences are arranged.
        digits: of the numbers in ids, which are the same in every layout: Train001, Test001.
        problems: receives lost and doubled sequences and frames.
    """
    sequences = []
    parts: tuple[tuple[Literal["train", "test"], str], ...] = (("train", layout.train), ("test", layout.test))
    for split, part in parts:
        numbers: dict[int | str, Path] = {}
        for path in sorted((folder / part).iterdir()):
            match = layout.name.fullmatch(path.name)
            if match is None or path.is_dir() == layout.holds_files(split):
                continue
            if layout.holds_files(split) and path.suffix.lower() not in VIDEO_SUFFIXES:
                continue
            if (twin := numbers.setdefault(match[1] if layout.named else int(match[1]), path)) is not path:
                problems.append(f"{part}: {twin.name} and {path.name} have the same number")
        problems += _lost(part, numbers)
        for number, path in sorted(numbers.items(), key=lambda item: str(item[0]) if layout.named else int(item[0])):
            n_frames = _length(path, layout, split, problems)
            video_id = str(number) if layout.named else f"{split.capitalize()}{number:0{digits}d}"
            if any(video_id == other.video_id for other in sequences):
                problems.append(f"{part}: {path.name} is in both parts")
            sequences.append(StoredSequence(video_id, path.relative_to(root).as_posix(), split, n_frames))
    return sequences


def _lost(part: str, numbers: Mapping[int | str, Path]) -> list[str]:
    """Sequences that must be there because later ones are; the first one is 1, or 0. Names have no gaps."""
    if not numbers:
        return [f"{part}: no sequences"]
    last = max((number for number in numbers if isinstance(number, int)), default=0)
    lost = [str(n) for n in range(1, last) if n not in numbers]
    return [f"{part}: sequence {', '.join(lost)} missing"] if lost else []


def _length(path: Path, layout: Layout, split: str, problems: list[str]) -> int | None:
    """Frames of a sequence; a lost image is a problem, because every later label would be off."""
    if layout.holds_files(split):
        return _header_frames(path, problems) if split == "test" else None
    names = [image.name for image in path.iterdir() if is_image(image)]
    wrong = (numbering_problem(names) or position_problem(names)) if names else "no images"
    problems += [f"{path}: {wrong}"] if wrong else []
    return len(names)


def counted(root: Path, sequences: Sequence[StoredSequence], problems: list[str]) -> list[StoredSequence]:
    """The same sequences; of test videos that are files the frames are counted, whatever their headers state.

    Args:
        root: that paths are relative to.
        sequences: of both splits.
        problems: receives videos that cannot be read.
    """
    from vad.video.lengths import coded_frames

    found = []
    for sequence in sequences:
        try:
            exact = sequence.n_frames is not None and coded_frames(root / sequence.path)
            found.append(replace(sequence, n_frames=exact) if exact else sequence)
        except MediaError as error:
            problems.append(str(error))
    return found


def _header_frames(path: Path, problems: list[str]) -> int | None:
    """Frames that a video's header states, or its packets: labels are cut by them, decoding holds them to it later."""
    # Only files need the codec library, which takes its time to import.
    from vad.video.decode import Rules
    from vad.video.isolated import ask

    try:
        return ask("count", path, Rules())
    except MediaError as error:
        problems.append(str(error))
        return None
