"""Decoding of one video: every coded frame in decode order, counted, or a named error; never a silently short result.

PyAV (FFmpeg) with one thread, because two threads give other pixels on damaged files. A folder of numbered images
is a video too. Frames come one at a time or in small batches, so the memory does not grow with the length.

Error codes of `MediaError`: E_MISSING, E_NOT_A_FILE, E_EMPTY_FILE, E_UNREADABLE, E_FORMAT, E_TRUNCATED, E_NO_VIDEO,
E_NO_FRAMES, E_CORRUPT, E_TOO_LARGE.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image
from pydantic import Field, model_validator

from vad.containers import image_files, media_error, missing_bytes, require_regular
from vad.schema import Count, Section

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpegts"
"""Containers that may be opened. Playlists (ffconcat, m3u8) are left out: they open other files, by any URL."""

AGAIN = "Copy or download the file again"
BITS_LOST = "Get a whole copy, or accept damage with policy: tolerant and max_corrupt_frac"


class Rules(Section):
    """What a decoder accepts. Every extractor's Config inherits these keys."""

    policy: Literal["strict", "tolerant"] = Field(
        "strict", description="strict = any damage is an error; tolerant = up to max_corrupt_frac of the frames"
    )
    max_corrupt_frac: float = Field(0.0, ge=0, le=1, description="largest damaged part of the frames (tolerant only)")
    apply_rotation: bool = Field(True, description="turn frames upright by the rotation that the container states")
    max_pixels: Count = Field(2**26, description="largest frame, width x height in pixels")
    max_frames: Count = Field(20_000_000, description="longest video, in frames (a week at 30 fps is 18 million)")

    @model_validator(mode="after")
    def _strict_means_none(self) -> "Rules":
        if self.policy == "strict" and self.max_corrupt_frac:
            raise ValueError("max_corrupt_frac needs policy: tolerant (strict accepts no damaged frame)")
        return self


class Tally:
    """What is learned about a video while its frames pass by."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.frames = self.corrupt = self.errors = self.without_pts = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.rotations: Counter[int] = Counter()
        self.pts = array("q")
        self.time_base = Fraction(1)

    def add(self, frame: VideoFrame) -> None:
        """Count one decoded frame."""
        self.frames += 1
        self.corrupt += frame.is_corrupt
        self.sizes[frame.width, frame.height] += 1
        self.rotations[frame.rotation] += 1
        if frame.pts is None:
            self.without_pts += 1
        else:
            self.pts.append(frame.pts)

    @property
    def damaged_frac(self) -> float:
        """Frames marked as corrupt and packets without a frame, as a part of all."""
        return (self.corrupt + self.errors) / max(1, self.frames + self.errors)

    def report(self) -> dict[str, Any]:
        """All of it, ready for JSON; sizes are [width, height, frames] in the order they appeared."""
        return self.facts | {
            "frames_decoded": self.frames,
            "corrupt": self.corrupt,
            "errors": self.errors,
            "sizes": [[width, height, count] for (width, height), count in self.sizes.items()],
            "rotation": self.rotations.most_common(1)[0][0] if self.rotations else 0,
            **self._times(),
        }

    def _times(self) -> dict[str, Any]:
        """Summary of the timestamps: first and last, and the steps between neighbours, in seconds."""
        pts = np.frombuffer(self.pts, np.int64)
        steps = np.diff(pts)
        seconds = float(self.time_base)
        some = [float(f(steps)) * seconds for f in (np.min, np.median, np.max)] if len(steps) else [None] * 3
        return {
            "pts_monotone": bool((steps > 0).all()),
            "pts_missing": self.without_pts,
            "first_s": float(pts[0]) * seconds if len(pts) else None,
            "last_s": float(pts[-1]) * seconds if len(pts) else None,
            **dict(zip(("step_min_s", "step_median_s", "step_max_s"), some, strict=True)),
        }


class Reader:
    """One video, read once from start to end.

    Args:
        path: a video file, or a folder of images whose natural order is the order of the frames.
        height, width: size of the frames that come out, in pixels; the picture is squashed, not cropped.
        rules: what damage and size is accepted.
    """

    def __init__(self, path: Path, height: int, width: int, rules: Rules | None = None) -> None:
        self.path, self.height, self.width, self.rules = path, height, width, rules or Rules()
        self._tally = Tally()
        self._scaler = VideoReformatter()  # One for all frames: a new one per frame costs 10 % of the decoding.

    @property
    def report(self) -> dict[str, Any]:
        """Decode report; complete once the frames are used up."""
        return self._tally.report()

    @property
    def n_frames(self) -> int:
        """Frames decoded so far; the true length of the video once they are used up."""
        return self._tally.frames

    def batches(self, size: int = 16, stride: int = 1) -> Iterator[UInt8[np.ndarray, "frames height width 3"]]:
        """The frames in batches of `size`, the last one shorter. See `frames`."""
        batch: list[np.ndarray] = []
        for frame in self.frames(stride):
            batch.append(frame)
            if len(batch) == size:
                yield np.stack(batch)
                batch = []
        if batch:
            yield np.stack(batch)

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """RGB frames 0, stride, 2 stride, ...; all frames are decoded and counted.

        Raises: MediaError. Damage is judged after the last frame, so keep nothing before the iteration has ended.
        """
        source = self._images() if self.path.is_dir() else self._video()
        for index, frame in enumerate(source):
            self._tally.add(frame)
            if index >= self.rules.max_frames:
                raise media_error(self.path, "E_TOO_LARGE", f"more than {index} frames", "Raise max_frames or cut it")
            if index % stride == 0:
                yield self._resized(frame)
        self._judge()

    def _resized(self, frame: VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
        """Frame as RGB in the wanted size: swscale bilinear, then upright (rotation counts anticlockwise)."""
        turns = round(frame.rotation / 90) % 4 if self.rules.apply_rotation else 0
        width, height = (self.width, self.height) if turns % 2 == 0 else (self.height, self.width)
        # One thread: the default starts as many as there are cores, for each frame (a third of the speed lost).
        small = self._scaler.reformat(frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, threads=1)
        return np.rot90(small.to_ndarray(), turns)

    def _video(self) -> Iterator[VideoFrame]:
        """All frames that the decoder gives for a file."""
        require_regular(self.path)
        with self._open() as container:
            stream = self._stream(container)
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except av.FFmpegError as error:
                    what = f"reading stops after {self.n_frames} frames ({error.strerror})"
                    raise media_error(self.path, "E_TRUNCATED", what, AGAIN) from None
                if packet is None:
                    return
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    self._tally.errors += 1
                else:
                    yield from frames

    def _open(self) -> InputContainer:
        """Open by the file protocol and as a video container only, whatever the name or the contents ask for."""
        only = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        try:
            return av.open(f"file:{self.path.resolve()}", container_options=only, metadata_errors="replace")
        except av.ArgumentError:
            what, mend = f"the contents are none of {FORMATS}", "Convert it to mp4; playlists are refused"
            raise media_error(self.path, "E_FORMAT", what, mend) from None
        except (av.FFmpegError, OSError, ValueError) as error:
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
            raise media_error(self.path, code, f"{len(container.streams)} streams, none is video", "Check the source")
        stream = videos[0]
        context = stream.codec_context
        if context is None:
            raise media_error(self.path, "E_UNREADABLE", "there is no decoder for its codec", "Convert it to H.264")
        if context.width * context.height > self.rules.max_pixels:
            what = f"{context.width} x {context.height} pixels are more than {self.rules.max_pixels}"
            raise media_error(self.path, "E_TOO_LARGE", what, "Scale it down or raise max_pixels")
        context.thread_count = 1
        context.options = {"max_pixels": str(self.rules.max_pixels)}  # Also for a size that changes on the way.
        self._tally.time_base = stream.time_base or Fraction(1)
        self._tally.facts = _header(container, stream) | {"missing_bytes": missing_bytes(self.path)}
        return stream

    def _images(self) -> Iterator[VideoFrame]:
        """The images of a folder as frames without timestamps."""
        files = image_files(self.path)
        self._tally.facts = _versions() | {"container": "folder", "codec": "images", "frames_header": len(files)}
        for path in files:
            try:
                with Image.open(path) as image:
                    if image.width * image.height > self.rules.max_pixels:
                        raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
                    yield VideoFrame.from_ndarray(np.asarray(image.convert("RGB")), "rgb24")
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                raise media_error(path, "E_TOO_LARGE", f"{error}", "Scale it down or raise max_pixels") from None
            except (OSError, SyntaxError, ValueError) as error:
                raise media_error(path, "E_CORRUPT", f"the image cannot be read ({error})", AGAIN) from None

    def _judge(self) -> None:
        """After the last frame: is this the whole video, and is the damage within the rules?"""
        tally, rules = self._tally, self.rules
        if not tally.frames:
            raise media_error(self.path, "E_NO_FRAMES", "no frame could be decoded", "Check the source")
        lost = tally.facts.get("missing_bytes", 0)
        if lost and rules.policy == "strict":
            what = f"the file ends {lost} bytes early, after {tally.frames} frames"
            raise media_error(self.path, "E_TRUNCATED", what, AGAIN)
        if tally.damaged_frac > rules.max_corrupt_frac:
            what = f"{tally.corrupt} damaged frames and {tally.errors} unreadable packets in {tally.frames} frames"
            raise media_error(self.path, "E_CORRUPT", what, BITS_LOST)


def _header(container: InputContainer, stream: VideoStream) -> dict[str, Any]:
    """What the file says of itself. Its number of frames is often wrong: noted, never used."""
    context = stream.codec_context
    return _versions() | {
        "container": container.format.name,
        "codec": context.name,
        "pixel_format": context.pix_fmt,
        "fps": float(stream.average_rate) if stream.average_rate else None,
        "frames_header": stream.frames,
        "video_streams": len(container.streams.video),
    }


def _versions() -> dict[str, str]:
    """The decoder, part of the identity of every feature made with it."""
    library = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return {
        "decoder": "PyAV",
        "av": av.__version__,
        "libavcodec": library["libavcodec"],
        "libavformat": library["libavformat"],
        "libswscale": library["libswscale"],
    }
