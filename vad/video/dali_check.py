"""What PyAV's demuxer says of a video file before DALI decodes it: how many frames it has, and why DALI cannot take it.

All packets are read; one frame is decoded, the first.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vad.video.containers import media_error, require_regular
from vad.video.decode import Rules
from vad.video.decode_report import Tally, mirrored
from vad.video.demux import first_video, next_packet, open_container, require_all_bytes, require_length

DECODER_OF_PYAV = ("decoder", "libavcodec", "libswscale")
"""Keys of a decode report that say how PyAV decoded."""
CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "mjpeg")
"""Those of which every packet is one frame. In MPEG-4 Part 2 a packet may hold two frames, or none."""
PIXEL_FORMATS = ("yuv420p", "yuvj420p")
COLOURS = (2, 5, 6)
"""FFmpeg's numbers for "not said" and for the two forms of BT.601: DALI's CPU decoder takes every file for BT.601."""
ORDERED = ("mov", "matroska")
"""Containers that state when each picture is shown, as FFmpeg's names for them begin."""
MOST_BYTES = 2**31 - 1
"""DALI counts the bytes of a file in 32 bits."""
LAST_TIME = 2**31 - 1
"""DALI keeps timestamps in 32 bits."""
VP8_SHOWN = 0x10
"""The bit in the first byte of a VP8 frame that says that it is shown."""
FINE = 8
"""Ticks between two frames from which on a difference of one tick is rounding, and no variable frame rate."""
REORDERED = 8
"""Frames that DALI's GPU decoder holds back to put them in the order in which they are shown."""


class Promise(NamedTuple):
    """What a container promises, and why DALI cannot decode it; an empty `refusal` = it can, as far as one can see."""

    n_frames: int
    height: int
    width: int
    refusal: str
    stated: dict[str, Any]
    """The report of PyAV's demuxer, as `Tally.report` makes it."""

    def report(self, decoded: int) -> dict[str, Any]:
        """The keys of `Tally.report` that a demuxer knows; null where only PyAV's decoder could say.

        Args:
            decoded: frames that DALI decoded.
        """
        known = {name: value for name, value in self.stated.items() if name not in DECODER_OF_PYAV}
        counts = {"frames_decoded": decoded, "sizes": [[self.width, self.height, decoded]]}
        return known | counts | {"corrupt": None, "errors": None}


NOTHING_KNOWN = Promise(0, 0, 0, "", Tally().report())
"""Before the container was read."""


def check(path: Path, rules: Rules) -> Promise:
    """Read a video's packets, and decide whether DALI gives the same frames as PyAV.

    Raises: MediaError for what PyAV refuses too: no video file, an end that is missing, too many frames or pixels.
    """
    require_regular(path)
    tally = Tally()
    with open_container(path) as container:
        stream = first_video(path, container, rules.max_pixels, tally)
        height, width = stream.codec_context.height, stream.codec_context.width
        problems = _of_the_header(path, container, stream)
        first, problem = _first_frame(container, stream)
        problems += _of_the_first_frame(first, height, width) if first else [problem] if problem else []
    with open_container(path) as container:
        stream = first_video(path, container, rules.max_pixels, tally)
        problems += _of_the_packets(path, container.demux(stream), tally, rules)
    require_all_bytes(path, tally.facts["missing_bytes"], tally.packets)
    if not tally.packets:
        raise media_error(path, "E_NO_FRAMES", "it holds no frame", "Check where it comes from")
    return Promise(tally.packets, height, width, problems[0] if problems else "", tally.report())


def _of_the_header(path: Path, container: InputContainer, stream: VideoStream) -> list[str]:
    """Why DALI cannot take a file, from its header."""
    codec, kind = stream.codec_context.name, container.format.name
    problems = []
    if path.stat().st_size > MOST_BYTES:
        problems.append("files of 2 GiB or more are too large for it")
    if codec not in CODECS:
        problems.append(f"codec {codec}")
    if not kind.startswith(ORDERED) and (kind, codec) != ("avi", "mjpeg"):
        problems.append(f"a file of type {kind} does not state the order of its frames, or may change their size")
    if container.streams.best("video") is not stream:  # the rule by which DALI chooses
        problems.append("several streams of pictures")
    return problems


def _first_frame(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame | None, str]:
    """The first frame by PyAV, or why there is none."""
    try:
        return next(container.decode(stream), None), ""
    except FFmpegError as error:
        return None, f"its first frame cannot be decoded ({error.strerror})"


def _of_the_first_frame(frame: VideoFrame, height: int, width: int) -> list[str]:
    """Why DALI cannot take a file, from its first frame; height and width are those of the header."""
    problems = []
    if frame.is_corrupt:
        problems.append("its first frame is damaged")
    if frame.format.name not in PIXEL_FORMATS:
        problems.append(f"pixel format {frame.format.name}")
    if frame.colorspace not in COLOURS:
        problems.append("colours that are not those of BT.601")
    if frame.rotation:
        problems.append(f"a picture turned by {frame.rotation} degrees")
    if mirrored(frame):
        problems.append("a mirrored picture")
    if frame.interlaced_frame:
        problems.append("interlaced pictures")
    if (frame.height, frame.width) != (height, width):
        problems.append(f"pictures of {frame.width} x {frame.height}, where the header says {width} x {height}")
    return problems


def _of_the_packets(path: Path, packets: Iterator[Packet], tally: Tally, rules: Rules) -> list[str]:
    """Why DALI cannot take a file, from its packets, which are counted in the tally."""
    problems: dict[str, None] = {}
    empty = 0
    while (packet := next_packet(path, packets, tally.packets)) is not None:
        if not packet.size:
            empty += 1  # one stands for the end
            continue
        tally.packets += 1
        require_length(path, tally.packets, rules.max_frames)
        if packet.is_corrupt:
            problems["a packet marked as damaged"] = None
        if packet.is_discard:
            problems["frames that its edit list leaves out"] = None
        if tally.packets == 1 and not packet.is_keyframe:
            problems["it does not begin with a key frame"] = None
        if tally.facts["codec"] == "vp8" and not memoryview(packet)[0] & VP8_SHOWN:
            problems["frames that are not shown"] = None
        if packet.pts is None:
            tally.without_pts += 1
        else:
            tally.pts.append(packet.pts)
    if empty > 1:
        problems["frames without data"] = None
    if tally.facts["frames_header"] not in (0, tally.packets):
        problems[f"{tally.packets} frames, where the header says {tally.facts['frames_header']}"] = None
    return [*problems, *_of_the_times(tally)]


def _of_the_times(tally: Tally) -> list[str]:
    """Why DALI cannot take a file, from the timestamps in the order of its packets; they are put in the order shown."""
    if tally.without_pts or not tally.packets:
        return ["frames without a timestamp"]
    coded = np.array(tally.pts, np.int64)
    order = np.argsort(coded, kind="stable")
    shown = coded[order]
    tally.pts = array("q", shown)
    steps = np.diff(shown)
    problems = []
    if coded[0] != shown[0]:
        problems.append("frames that are shown before its first one")
    if shown[0] < 0 or shown[-1] > LAST_TIME:
        problems.append("timestamps below 0 or above 2^31")
    if len(steps) and (steps.min() < 1 or steps.max() - steps.min() > (steps.min() >= FINE)):
        problems.append("a variable frame rate")
    if (order - np.arange(len(order))).max() >= REORDERED:
        problems.append(f"frames shown more than {REORDERED - 1} places before they are coded")
    return problems
