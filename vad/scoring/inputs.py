"""The videos that a command line names: files, folders of videos, and folders of images."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vad.artefacts.fingerprint import image_files
from vad.datasets._folder_media import MediaIndex, video_ids
from vad.errors import VadError
from vad.video.files import CONVERT, NOT_READ, numbering_problem


class GivenVideo(NamedTuple):
    """A video to be scored."""

    video_id: str
    """Safe as a file name, another one for each video."""
    path: Path
    """A video file, or a folder of images."""
    refused: str = ""
    """Why it cannot be read; empty if it can be tried."""


def given_videos(words: Sequence[Path]) -> list[GivenVideo]:
    """The videos behind the words of a command line, in their order; one that is named twice comes once.

    Args:
        words: a file is a video; a folder that holds images is a video too; of any other folder all videos below it.

    Raises: VadError for a path that does not exist, or a folder without a video.
    """
    found: dict[Path, str] = {}
    for word in words:
        found |= _videos_of(word)
    ids = video_ids([path.absolute().as_posix() for path in found])
    return [GivenVideo(ids[path.absolute().as_posix()], path, refused) for path, refused in found.items()]


def _videos_of(word: Path) -> dict[Path, str]:
    """Each video behind a word, and why it is refused."""
    if not word.exists():
        raise VadError(f"{word}: no such file or folder. Check its name.")
    if not word.is_dir():
        kind = word.suffix.lower()
        return {word: f"files of this kind ({kind}) are not read. {CONVERT}" if kind in NOT_READ else ""}
    if images := image_files(word):
        wrong = numbering_problem(image.name for image in images)
        return {word: f"its images are not in order: {wrong}" if wrong else ""}
    index = MediaIndex(word)
    found = {word / path: media.refused for path, media in sorted(index.media.items())}
    found |= {word / path: f"files of this kind are not read. {CONVERT}" for path in sorted(index.not_read)}
    if not found:
        raise VadError(f"{word}: holds no video and no images. Name a video, or a folder with videos or images.")
    return found
