"""Decoding of one video: every coded frame in decode order, counted, or a named error.

`Reader` is what a decoder provides, `open_video` the one place that chooses a decoder, `PyAVReader` the decoder that is
here: PyAV (FFmpeg) with one thread, because two threads give other pixels on damaged files. A folder of numbered images
is a video too. Frames come one at a time (in batches: `vad.video.batches`): memory does not grow with the length.

Code words of `MediaError`: E_MISSING, E_NOT_A_FILE, E_EMPTY_FILE, E_UNREADABLE, E_FORMAT, E_TRUNCATED,
E_NO_VIDEO, E_NO_FRAMES, E_CORRUPT, E_TOO_LARGE.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import av
import numpy as np
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image
from pydantic import Field, model_validator

from vad.artefacts.fingerprint import image_files
from vad.schema.augment import Augment
from vad.schema.base import Count, Section
from vad.video.containers import media_error, missing_bytes, require_regular
from vad.video.decode_report import Tally, stream_facts

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpegts"
"""Containers that may be opened. Playlists (ffconcat, m3u8) are not: they open other files and URLs."""

AGAIN = "Copy or download the file again"
DAMAGED = "Get a whole copy, or accept damage with policy: tolerant and max_corrupt_frac"
LARGE = "Scale it down, or raise max_pixels if you trust the file"


class Rules(Section):
    """What a decoder accepts, and what is done to its pictures. Every extractor of videos has these keys."""

    policy: Literal["strict", "tolerant"] = Field(
        default="strict", description="strict = any damage is an error; tolerant = up to max_corrupt_frac"
    )
    max_corrupt_frac: float = Field(default=0.0, ge=0, le=1, description="largest damaged part of the frames, 0 to 1")
    apply_rotation: bool = Field(default=True, description="turn frames upright as the container states")
    max_pixels: Count = Field(default=2**26, description="largest frame, width x height in pixels")
    max_frames: Count = Field(
        default=20_000_000, description="longest video in frames; a week at 30 fps has 18 million"
    )
    augment: Augment | None = Field(
        default=None,
        description="extra feature tables of changed pictures, for training only: see features.*.augment; null = none",
    )

    @model_validator(mode="after")
    def _strict_means_none(self) -> "Rules":
        if self.policy == "strict" and self.max_corrupt_frac:
            raise ValueError("max_corrupt_frac needs policy: tolerant (strict accepts no damaged frame)")
        return self


@runtime_checkable
class Reader(Protocol):
    """One video, read once from start to end. Every decoder gives the same report keys and the same errors."""

    @property
    def report(self) -> dict[str, Any]:
        """The decode report, ready for JSON; complete once the frames are used up."""
        ...

    @property
    def n_frames(self) -> int:
        """Frames decoded so far; the true length of the video once they are used up."""
        ...

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """RGB frames 0, stride, 2 stride, ...; all frames are decoded and counted.

        Raises: MediaError. Damage is judged after the last frame: keep nothing before the end.
        """
        ...


OpenVideo = Callable[[Path, int, int, Rules, int | None], Reader]
"""What `open_video` is; a measurement may put a reader of its own around it."""


def open_video(path: Path, height: int, width: int, rules: Rules, short_side: int | None = None) -> Reader:
    """The reader of a video; nothing is read yet.

    Args:
        path: a video file, or a folder of images whose natural order is the order of the frames.
        height: of the frames that come out, in pixels; the picture is squashed, not cropped.
        width: of the frames that come out, in pixels.
        rules: what damage and size is accepted.
        short_side: instead of squashing, scale the picture until its short side has this many pixels (at least
            height and width), and cut the centre out.
    """
    return PyAVReader(path, height, width, rules, short_side)


class PyAVReader:
    """One video through PyAV, or a folder of images through Pillow. Arguments: see `open_video`."""

    def __init__(
        self, path: Path, height: int, width: int, rules: Rules | None = None, short_side: int | None = None
    ) -> None:
        self.path, self.height, self.width, self.rules = path, height, width, rules or Rules()
        self.short_side = short_side
        self._tally = Tally()
        self._scaler = VideoReformatter()  # One for all frames: a new one each costs 10 % of the decoding.

    @property
    def report(self) -> dict[str, Any]:
        """Decode report; complete once the frames are used up."""
        return self._tally.report()

    @property
    def n_frames(self) -> int:
        """Frames decoded so far; the true length of the video once they are used up."""
        return self._tally.frames

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """RGB frames 0, stride, 2 stride, ...; all frames are decoded and counted.

        Raises: MediaError. Damage is judged after the last frame: keep nothing before the end.
        """
        source = self._images() if self.path.is_dir() else self._video()
        for index, frame in enumerate(source):
            self._tally.add(frame)
            if index >= self.rules.max_frames:
                what = f"it has more than {index} frames"
                raise media_error(self.path, "E_TOO_LARGE", what, "Cut it into parts, or raise max_frames")
            if index % stride == 0:
                yield self._resized(frame)
        self._judge()

    def _resized(self, frame: VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
        """Frame as RGB in the wanted size: swscale bilinear, then upright (`rotation` is anticlockwise)."""
        turns = round(frame.rotation / 90) % 4 if self.rules.apply_rotation else 0
        width, height = (self.width, self.height) if turns % 2 == 0 else (self.height, self.width)
        if self.short_side:
            short = min(frame.width, frame.height)
            width, height = (side * self.short_side // short for side in (frame.width, frame.height))
        # One thread: by default each frame starts one per core, and a third of the speed is lost.
        bilinear = Interpolation.BILINEAR
        small = self._scaler.reformat(frame, width, height, "rgb24", interpolation=bilinear, threads=1)
        upright = np.rot90(small.to_ndarray(), turns)
        top, left = ((have - want) // 2 for have, want in zip(upright.shape, (self.height, self.width), strict=False))
        return upright[top : top + self.height, left : left + self.width]

    def _video(self) -> Iterator[VideoFrame]:
        """All frames that the decoder gives for a file."""
        require_regular(self.path)
        with self._open() as container:
            stream = self._stream(container)
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except FFmpegError as error:
                    what = f"reading stops after {self.n_frames} frames ({error.strerror})"
                    raise media_error(self.path, "E_TRUNCATED", what, AGAIN) from None
                if packet is None:
                    return
                self._tally.packets += packet.size > 0
                try:
                    frames = packet.decode()
                except FFmpegError:
                    self._tally.errors += 1
                else:
                    yield from frames

    def _open(self) -> InputContainer:
        """Open as a plain video file, whatever the name or the contents ask for."""
        only = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        try:
            return av.open(f"file:{self.path.resolve()}", container_options=only, metadata_errors="replace")
        except ArgumentError:
            what, fix = f"the contents are none of {FORMATS}", "Convert it to mp4; playlists are refused"
            raise media_error(self.path, "E_FORMAT", what, fix) from None
        except (FFmpegError, OSError, ValueError) as error:
            lost = missing_bytes(self.path)
            code, what = "E_UNREADABLE", f"it cannot be opened as a video ({error})"
            if lost:
                code, what = "E_TRUNCATED", f"the file ends {lost} bytes early and cannot be opened"
            raise media_error(self.path, code, what, AGAIN) from None

    def _stream(self, container: InputContainer) -> VideoStream:
        """The first video stream, set to one thread, its header noted. A cover picture is no video."""
        videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not videos:
            code = "E_NO_VIDEO" if len(container.streams) else "E_NO_FRAMES"
            what = f"none of its {len(container.streams)} streams is video"
            raise media_error(self.path, code, what, "Check where it comes from")
        stream = videos[0]
        context = stream.codec_context
        if context is None:
            what = "there is no decoder for its codec"
            raise media_error(self.path, "E_UNREADABLE", what, "Convert it to H.264")
        self._require_size(self.path, context.width, context.height)
        context.thread_count = 1
        # The decoder checks it again, for a size that grows on the way.
        context.options = {"max_pixels": str(self.rules.max_pixels)}
        self._tally.time_base = stream.time_base or Fraction(1)
        self._tally.facts |= stream_facts(container, stream) | {"missing_bytes": missing_bytes(self.path)}
        return stream

    def _require_size(self, path: Path, width: int, height: int) -> None:
        """Refuse a giant before any memory is set aside for it."""
        if width * height > self.rules.max_pixels:
            what = f"{width} x {height} pixels are more than {self.rules.max_pixels}"
            raise media_error(path, "E_TOO_LARGE", what, LARGE)

    def _images(self) -> Iterator[VideoFrame]:
        """The images of a folder as frames without timestamps."""
        files = image_files(self.path)
        self._tally.facts |= {
            "container": "folder",
            "codec": "images",
            "fps": None,
            "frames_header": len(files),
        }
        for path in files:
            try:
                with Image.open(path) as image:
                    self._require_size(path, image.width, image.height)
                    picture = np.asarray(image.convert("RGB"))
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                raise media_error(path, "E_TOO_LARGE", f"{error}", LARGE) from None
            except (OSError, SyntaxError, ValueError) as error:
                raise media_error(path, "E_CORRUPT", f"the image cannot be read ({error})", AGAIN) from None
            yield VideoFrame.from_ndarray(picture, "rgb24")

    def _judge(self) -> None:
        """After the last frame: is this the whole video, and is the damage within the rules?"""
        tally, rules = self._tally, self.rules
        lost = tally.facts.get("missing_bytes", 0)
        if lost:  # For every policy: a video without its end would not fit its labels.
            what = f"the file ends {lost} bytes early, after {tally.frames} frames"
            raise media_error(self.path, "E_TRUNCATED", what, AGAIN)
        if not tally.frames:
            raise media_error(self.path, "E_NO_FRAMES", "it holds no frame", "Check where it comes from")
        if tally.damaged_frac > rules.max_corrupt_frac:
            what = f"{tally.corrupt} of {tally.frames} frames are damaged, {tally.errors} packets are unreadable"
            raise media_error(self.path, "E_CORRUPT", what, DAMAGED)
