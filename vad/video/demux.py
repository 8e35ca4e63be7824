"""A video file as its container states it, opened by PyAV: streams and packets, nothing decoded."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from vad.video.containers import AGAIN, LARGE, media_error, missing_bytes
from vad.video.decode_report import Tally, stream_facts

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpegts"
"""Containers that may be opened. Playlists (ffconcat, m3u8) are not: they open other files and URLs."""


def open_container(path: Path) -> InputContainer:
    """Open as a plain video file, whatever the name or the contents ask for.

    Raises: MediaError E_FORMAT, E_UNREADABLE, E_TRUNCATED.
    """
    only = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path.resolve()}", container_options=only, metadata_errors="replace")
    except ArgumentError:
        what, fix = f"the contents are none of {FORMATS}", "Convert it to mp4; playlists are refused"
        raise media_error(path, "E_FORMAT", what, fix) from None
    except (FFmpegError, OSError, ValueError) as error:
        lost = missing_bytes(path)
        code, what = "E_UNREADABLE", f"it cannot be opened as a video ({getattr(error, 'strerror', None) or error})"
        if lost:
            code, what = "E_TRUNCATED", f"the file ends {lost} bytes early and cannot be opened"
        raise media_error(path, code, what, AGAIN) from None


def first_video(path: Path, container: InputContainer, max_pixels: int, tally: Tally) -> VideoStream:
    """The first video stream of a file, see `choose_video`; what the file misses is noted too."""
    stream = choose_video(path, container, max_pixels, tally)
    tally.facts["missing_bytes"] = missing_bytes(path)
    return stream


def choose_video(path: Path | str, container: InputContainer, max_pixels: int, tally: Tally) -> VideoStream:
    """The first video stream, set to one thread, its header noted in a tally. A cover picture is no video.

    Raises: MediaError E_NO_VIDEO, E_NO_FRAMES, E_UNREADABLE, E_TOO_LARGE.
    """
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not videos:
        code = "E_NO_VIDEO" if len(container.streams) else "E_NO_FRAMES"
        what = f"none of its {len(container.streams)} streams is video"
        raise media_error(path, code, what, "Check where it comes from")
    stream = videos[0]
    context = stream.codec_context
    if context is None:
        what = "there is no decoder for its codec"
        raise media_error(path, "E_UNREADABLE", what, "Convert it to H.264")
    require_size(path, context.width, context.height, max_pixels)
    context.thread_count = 1
    # The decoder checks it again, for a size that grows on the way.
    context.options = {"max_pixels": str(max_pixels)}
    tally.time_base = stream.time_base or Fraction(1)
    tally.facts |= stream_facts(container, stream)
    return stream


def next_packet(path: Path, packets: Iterator[Packet], n_frames: int) -> Packet | None:
    """The next packet, None behind the last; `n_frames` is how many frames came before, for the message.

    Raises: MediaError E_TRUNCATED; MemoryError.
    """
    try:
        return next(packets, None)
    except MemoryError:
        raise  # says nothing of the file
    except FFmpegError as error:
        what = f"reading stops after {n_frames} frames ({error.strerror})"
        raise media_error(path, "E_TRUNCATED", what, AGAIN) from None


def count_frames(path: Path, max_pixels: int) -> int:
    """Frames that the header states, or packets where it states none; nothing is decoded.

    Raises: MediaError.
    """
    with open_container(path) as container:
        stream = first_video(path, container, max_pixels, Tally())
        return stream.frames or sum(packet.size > 0 for packet in container.demux(stream))


def frame_times(path: Path, max_pixels: int) -> dict[str, Any]:
    """When each frame is shown, as its packet states; nothing is decoded.

    Returns: for JSON: `ticks`, one number for each packet that is shown, rising, empty where packets state none;
        `tick` (seconds, numerator and denominator); `packets`, how many are shown; `fps` (null where it is not stated).

    Raises: MediaError.
    """
    tally = Tally()
    with open_container(path) as container:
        stream = first_video(path, container, max_pixels, tally)
        shown = [packet.pts for packet in container.demux(stream) if packet.size and not packet.is_discard]
    ticks = sorted(pts for pts in shown if pts is not None)
    complete = len(ticks) == len(set(ticks)) == len(shown)
    tick = [tally.time_base.numerator, tally.time_base.denominator]
    return {"ticks": ticks if complete else [], "tick": tick, "packets": len(shown), "fps": tally.facts["fps"]}


def require_size(path: Path | str, width: int, height: int, max_pixels: int) -> None:
    """Refuse a giant before any memory is set aside for it.

    Raises: MediaError E_TOO_LARGE.
    """
    if width * height > max_pixels:
        what = f"{width} x {height} pixels are more than {max_pixels}"
        raise media_error(path, "E_TOO_LARGE", what, LARGE)


def require_length(path: Path | str, n_frames: int, max_frames: int) -> None:
    """Refuse a video of too many frames.

    Raises: MediaError E_TOO_LARGE.
    """
    if n_frames > max_frames:
        what = f"it has more than {max_frames} frames"
        raise media_error(path, "E_TOO_LARGE", what, "Cut it into parts, or raise max_frames")


def require_all_bytes(path: Path, lost: int, n_frames: int) -> None:
    """Refuse a file that misses its end, for every policy: a video without its end would not fit its labels.

    Raises: MediaError E_TRUNCATED.
    """
    if lost:
        what = f"the file ends {lost} bytes early, after {n_frames} frames"
        raise media_error(path, "E_TRUNCATED", what, AGAIN)
