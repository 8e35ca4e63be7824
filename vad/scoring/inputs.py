"""The videos that a command line names: files, folders of videos, and folders of images."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from vad.artefacts.fingerprint import image_files
from vad.datasets._folder_media import MediaIndex, video_ids
from vad.errors import VadError
from vad.video.files import CONVERT, FOLLOW, NOT_READ, numbering_problem

INDEX = "index.html"
"""The overview of all pages."""
PREVIEW = "_preview.mp4"
"""End of the name of the film of a page."""
NAME_LINK = "Name the link itself on the command line if what it leads to may be read"
"""What `vad score` says in place of `FOLLOW`: it has no setting `follow_links`."""


class GivenVideo(NamedTuple):
    """A video to be scored."""

    video_id: str
    """Safe as a file name, another one for each video."""
    path: Path
    """A video file, or a folder of images."""
    refused: str = ""
    """Why it cannot be read; empty if it can be tried."""
    address: str = ""
    """Of a stream, without user name and password; empty for what lies in a folder."""

    @property
    def shown(self) -> str:
        """The video in messages and results."""
        return self.address or self.path.as_posix()


def given_videos(words: Sequence[Path], out: Path | None = None) -> list[GivenVideo]:
    """The videos behind the words of a command line, in their order; one that is named twice comes once.

    Args:
        words: a file is a video; a folder that holds only images is a video too; of any other folder all videos below
            it.
        out: folder for the results: what lies in it is no input.

    Raises: VadError for a path that does not exist, or a folder without a video.
    """
    found: dict[Path, str] = {}
    seen: set[Path] = set()
    named = {word.resolve() for word in words}
    for word in words:
        for path, refused in _videos_of(word).items():
            place = path.resolve()
            if refused and path != word and place in named:
                continue  # its own word says whether it can be read: a link that is named may be followed
            if place not in seen and not _is_result(path, word, out):
                seen.add(place)
                found[path] = refused
    if not found:
        where = (
            "of an earlier call. Name your videos" if out is None else f"in {out}. Name your videos, or another --out"
        )
        raise VadError(f"{words[0]}: every video there is a result {where}.")
    ids = video_ids([path.absolute().as_posix() for path in found])
    return [
        GivenVideo(beside_overview(ids[path.absolute().as_posix()], ids.values()), path, refused)
        for path, refused in found.items()
    ]


def beside_overview(video_id: str, others: Collection[str] = ()) -> str:
    """A video id whose page is not the overview of all pages.

    Args:
        video_id: safe as a file name.
        others: ids of other videos.
    """
    if f"{video_id}.html".casefold() != INDEX:
        return video_id
    while (video_id := f"{video_id}_") in others:
        pass
    return video_id


def _is_result(path: Path, word: Path, out: Path | None) -> bool:
    """Whether a path is no video of the user but what an earlier call of this command wrote."""
    # A film that the user names is meant.
    page = path.with_name(path.name.removesuffix(PREVIEW) + ".html")
    if path != word and path.name.endswith(PREVIEW) and page.is_file():
        return True
    if out is None:
        return False
    # A user who writes the results beside the videos means these videos.
    return path.resolve().is_relative_to(out.resolve()) and not word.resolve().is_relative_to(out.resolve())


def _videos_of(word: Path) -> dict[Path, str]:
    """Each video behind a word, and why it is refused."""
    if not word.exists():
        raise VadError(f"{word}: no such file or folder. Check its name.")
    if not word.is_dir():
        kind = word.suffix.lower()
        return {word: f"files of this kind ({kind}) are not read. {CONVERT}" if kind in NOT_READ else ""}
    index = MediaIndex(word)
    films = [path for path in (*index.media, *index.not_read) if not (word / path).is_dir()]
    # A picture beside films, such as a thumbnail or a figure, is no frame of a video.
    if not films and (images := image_files(word)):
        wrong = numbering_problem(image.name for image in images)
        return {word: f"its images are not in order: {wrong}" if wrong else ""}
    found = {word / path: media.refused for path, media in sorted(index.media.items())}
    found |= {word / folder.path: folder.refused for folder in index.refused_folders}
    found |= {word / path: f"files of this kind are not read. {CONVERT}" for path in sorted(index.not_read)}
    if not found:
        raise VadError(f"{word}: holds no video and no images. Name a video, or a folder with videos or images.")
    return {path: refused.replace(FOLLOW, NAME_LINK) for path, refused in found.items()}
