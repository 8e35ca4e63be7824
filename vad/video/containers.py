"""What is checked of a video file before it is decoded: that it is a regular file, and that it is complete."""

import stat
from pathlib import Path
from typing import BinaryIO

from vad.errors import MediaError

AGAIN = "Copy or download the file again"
LARGE = "Scale it down, or raise max_pixels if you trust the file"

_BOXES = set(b"ftyp moov mdat free skip wide styp moof mfra sidx uuid udta meta pdin pnot".split())
_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"


def media_error(where: Path | str, code: str, what: str, fix: str) -> MediaError:
    """An error in the house form, where - what - what to do, with a code word that stays the same."""
    return MediaError(f"{where}: {code}: {what}. {fix}.")


def require_regular(path: Path) -> None:
    """Refuse what must not be opened: reading a pipe or a device may hang, and an empty file holds no video.

    Raises: MediaError E_MISSING, E_NOT_A_FILE, E_EMPTY_FILE, E_UNREADABLE (no permission).
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        fix = "Check the path and the data set's root"
        raise media_error(path, "E_MISSING", "there is no such file", fix) from None
    except OSError as error:
        fix = "Check the path and its permissions"
        raise media_error(path, "E_UNREADABLE", f"{error.strerror}", fix) from None
    if not stat.S_ISREG(status.st_mode):
        what = "it is a pipe, a socket or a device"
        raise media_error(path, "E_NOT_A_FILE", what, "Give a regular video file or a folder of images")
    if status.st_size == 0:
        raise media_error(path, "E_EMPTY_FILE", "the file has 0 bytes", "Copy or download it again")


def missing_bytes(path: Path) -> int:
    """Bytes that the container's own sizes promise beyond the end of the file; 0 = complete, or not said.

    A decoder reads a cut AVI or Matroska file to its end without a word, so this is the only sign.
    MPEG-TS has no such size.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF":
            promised = 8 + int.from_bytes(head[4:8], "little")
            return max(0, promised - end) if 8 < promised < 8 + 0xFFFFFFFF else 0
        if head[:4] == _EBML:
            return max(0, _end_of_matroska(file) - end)
        return max(0, _end_of_boxes(file, end) - end)


def _end_of_boxes(file: BinaryIO, end: int) -> int:
    """End of the last known box at the top level of an mp4 or mov file (a box of size 0 runs to the end)."""
    at = 0
    while at < end:
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if head[4:8] not in _BOXES or size < 8:
            break  # Padding or junk behind the last box is no sign of a cut.
        at += size
    return at


def _end_of_matroska(file: BinaryIO) -> int:
    """End of the Segment of a Matroska or WebM file, 0 where the size is left open (a live recording)."""
    file.seek(4)
    file.seek(_vint(file) or 0, 1)
    if file.read(4) != _SEGMENT:
        return 0
    size = _vint(file)
    return 0 if size is None else file.tell() + size


def _vint(file: BinaryIO) -> int | None:
    """One EBML size; None = unknown (all bits set)."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first and first[0] else 0
    if not length:
        return None
    bits = 7 * length
    value = int.from_bytes(first + file.read(length - 1), "big") & (1 << bits) - 1
    return None if value == (1 << bits) - 1 else value
