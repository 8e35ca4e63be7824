"""Decoding of one video: every coded frame in the order in which it is shown, counted, or a named error.

`Reader` is what a decoder provides, `open_video` the one place that chooses one. The default is PyAV (FFmpeg) with one
thread, because two threads give other pixels on damaged files, in a process of its own (`vad.video.isolated`);
`vad.video.dali` is NVIDIA's decoder. A folder of numbered images is a video too, always read by `PyAVReader`. Frames
come one at a time (in batches: `vad.video.batches`): memory does not grow with the length.

Code words of `MediaError`: E_MISSING, E_NOT_A_FILE, E_EMPTY_FILE, E_UNREADABLE, E_FORMAT, E_TRUNCATED,
E_NO_VIDEO, E_NO_FRAMES, E_CORRUPT, E_TOO_LARGE, E_UNSUPPORTED (DALI cannot decode this file; PyAV may), E_NO_DECODER
(DALI cannot decode on this machine); of the process that decodes E_DECODER_CRASHED, E_DECODER_STUCK, E_DECODER_MEMORY.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from jaxtyping import UInt8
from PIL import Image
from pydantic import Field, model_validator

from vad.artefacts.fingerprint import image_files
from vad.errors import MediaError
from vad.schema.augment import Augment
from vad.schema.base import Count, Section
from vad.video.containers import AGAIN, LARGE, media_error, require_regular
from vad.video.decode_report import Tally, mirrored
from vad.video.demux import first_video, next_packet, open_container, require_all_bytes, require_length, require_size

RESIZES = {"swscale": "swscale bilinear", "opencv": "OpenCV INTER_LINEAR"}
"""How the settings `resize` are named in the identity of features."""
DAMAGED = "Get a whole copy, or accept damage with policy: tolerant and max_corrupt_frac"


class Rules(Section):
    """What a decoder accepts, and what is done to its pictures. Every extractor of videos has these keys."""

    policy: Literal["strict", "tolerant"] = Field(
        default="strict", description="strict = any damage is an error; tolerant = up to max_corrupt_frac"
    )
    max_corrupt_frac: float = Field(default=0.0, ge=0, le=1, description="largest damaged part of the frames, 0 to 1")
    apply_rotation: bool = Field(default=True, description="turn and mirror frames as the container states")
    max_pixels: Count = Field(default=2**26, description="largest frame, width x height in pixels")
    max_frames: Count = Field(
        default=20_000_000, description="longest video in frames; a week at 30 fps has 18 million"
    )
    decoder: Literal["pyav", "dali"] = Field(
        default="pyav", description="dali = NVIDIA's, for GPUs; it sees no damage inside a packet (docs/extractors.md)"
    )
    resize: Literal["swscale", "opencv"] = Field(
        default="swscale",
        description="how pyav's frames get their size: swscale = bilinear over all pixels that a new one covers"
        " (anti-aliased); opencv = cv2.resize by INTER_LINEAR, between the two nearest pixels each way, as code for"
        " MNAD and FramePred does",
    )
    decoder_device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="where dali decodes; auto = gpu if there is one and device is not cpu"
    )
    unsupported: Literal["error", "pyav"] = Field(
        default="error", description="a video that dali cannot decode is an error, or decoded by pyav and counted"
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

    @model_validator(mode="after")
    def _decoder_and_device_fit(self) -> "Rules":
        if self.decoder == "pyav" and self.decoder_device == "gpu":
            raise ValueError("decoder_device: gpu needs decoder: dali (PyAV decodes on the CPU)")
        if self.decoder == "pyav" and self.unsupported == "pyav":
            raise ValueError("unsupported: pyav needs decoder: dali (PyAV has nothing to stand in for)")
        if self.decoder == "dali" and self.resize == "opencv":
            raise ValueError("resize: opencv needs decoder: pyav (DALI resizes its frames itself)")
        return self

    @property
    def decodes_on_cpu(self) -> bool:
        """Whether DALI is to decode on the CPU even where there is a GPU."""
        return self.decoder_device == "cpu"


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


class OuterReader:
    """A reader around another one of the same video: it gives other frames, and the report and the count of the other.

    Args:
        reader: the other one.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def report(self) -> dict[str, Any]:
        """The decode report of the other reader."""
        return self._reader.report

    @property
    def n_frames(self) -> int:
        """Frames that the other reader has decoded so far."""
        return self._reader.n_frames


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

    Raises: MediaError if the decoder is not installed, or has no device.
    """
    if rules.decoder == "pyav" or path.is_dir():
        from vad.video.isolated import IsolatedReader  # imports this module

        return IsolatedReader(path, height, width, rules, short_side)
    return _dali(path, height, width, rules, short_side)


def open_in_this_process(path: Path, height: int, width: int, rules: Rules, short_side: int | None = None) -> Reader:
    """An `open_video` for measurements of time and memory, which belong to one process: PyAV decodes in this one."""
    if rules.decoder == "pyav" or path.is_dir():
        return PyAVReader(path, height, width, rules, short_side)
    return _dali(path, height, width, rules, short_side)


def _dali(path: Path, height: int, width: int, rules: Rules, short_side: int | None) -> Reader:
    from vad.video.dali import DALIReader  # torch and DALI take seconds to load

    return DALIReader(path, height, width, rules, short_side)


def open_by_pyav(instead_of: str) -> OpenVideo:
    """An `open_video` that always takes PyAV; the reports of its readers say instead of what, and why."""

    def opened(path: Path, height: int, width: int, rules: Rules, short_side: int | None = None) -> Reader:
        from vad.video.isolated import IsolatedReader  # imports this module

        return IsolatedReader(path, height, width, rules, short_side, instead_of)

    return opened


class RestartError(MediaError):
    """DALI failed after it had passed frames on: this video has to be extracted again from its start, by PyAV.

    Attributes:
        instead_of: for `open_by_pyav`.
    """

    def __init__(self, message: str, instead_of: str) -> None:
        super().__init__(message)
        self.instead_of = instead_of


def frames_identity(rules: Rules, size: str) -> dict[str, str]:
    """What the pixels of frames depend on, as part of the identity of the features that are made from them.

    Args:
        rules: which decoder.
        size: how frames get their size, such as `squashed to 224x224`.

    Returns: `colour` and `resize`; in front of them `decoder`, where it is not PyAV.
    """
    if rules.decoder == "pyav":
        return {"colour": "rgb24", "resize": f"{RESIZES[rules.resize]}, {size}"}
    decoder = "DALI, else PyAV" if rules.unsupported == "pyav" else "DALI"
    return {"decoder": decoder, "colour": "RGB by DALI", "resize": f"DALI linear, antialiased, {size}"}


class PyAVReader:
    """One video through PyAV, or a folder of images through Pillow. Arguments: see `open_video`.

    Args:
        instead_of: the decoder that could not read this video, and why; empty = PyAV was asked for.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        rules: Rules | None = None,
        short_side: int | None = None,
        instead_of: str = "",
    ) -> None:
        self.path, self.height, self.width, self.rules = path, height, width, rules or Rules()
        self.short_side = short_side
        self._shown: Path | str = path  # in messages
        self._tally = Tally()
        if instead_of:
            self._tally.facts["instead_of"] = instead_of
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
            require_length(self._shown, self.n_frames, self.rules.max_frames)
            if index % stride == 0:
                yield self._resized(frame)
        self._judge()

    def _resized(self, frame: VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
        """Frame as RGB in the wanted size, then upright (`rotation` is anticlockwise)."""
        turns = round(frame.rotation / 90) % 4 if self.rules.apply_rotation else 0
        # FFmpeg's angle of a mirrored picture is that of its first axis: half a turn more once it is mirrored back.
        flipped = self.rules.apply_rotation and mirrored(frame)
        if flipped:
            turns = (turns + 2) % 4
            self._tally.facts["mirrored"] = True
        if not self.rules.apply_rotation:
            self._tally.facts["as_stored"] = True
        width, height = (self.width, self.height) if turns % 2 == 0 else (self.height, self.width)
        if self.short_side:
            short = min(frame.width, frame.height)
            width, height = (side * self.short_side // short for side in (frame.width, frame.height))
        by_opencv = self.rules.resize == "opencv"
        size = (frame.width, frame.height) if by_opencv else (width, height)
        # One thread: by default each frame starts one per core, and a third of the speed is lost.
        scaled = self._scaler.reformat(frame, *size, "rgb24", interpolation=Interpolation.BILINEAR, threads=1)
        pixels = _resized_by_opencv(scaled.to_ndarray(), width, height) if by_opencv else scaled.to_ndarray()
        upright = np.rot90(pixels[:, ::-1] if flipped else pixels, turns)
        top, left = ((have - want) // 2 for have, want in zip(upright.shape, (self.height, self.width), strict=False))
        return upright[top : top + self.height, left : left + self.width]

    def _video(self) -> Iterator[VideoFrame]:
        """All frames that the decoder gives for a file."""
        require_regular(self.path)
        with open_container(self.path) as container:
            stream = first_video(self.path, container, self.rules.max_pixels, self._tally)
            packets = container.demux(stream)
            while (packet := next_packet(self.path, packets, self.n_frames)) is not None:
                self._tally.packets += packet.size > 0
                try:
                    frames = packet.decode()
                except MemoryError:
                    raise  # FFmpeg's own too: a limit of this process, no damage of the file
                except FFmpegError:
                    self._tally.errors += 1
                else:
                    yield from frames

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
                    require_size(path, image.width, image.height, self.rules.max_pixels)
                    picture = np.asarray(image.convert("RGB"))
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                raise media_error(path, "E_TOO_LARGE", f"{error}", LARGE) from None
            except (OSError, SyntaxError, ValueError) as error:
                raise media_error(path, "E_CORRUPT", f"the image cannot be read ({error})", AGAIN) from None
            yield VideoFrame.from_ndarray(picture, "rgb24")

    def _judge(self) -> None:
        """After the last frame: is this the whole video, and is the damage within the rules?"""
        tally, rules = self._tally, self.rules
        require_all_bytes(self.path, tally.facts.get("missing_bytes", 0), tally.frames)
        if not tally.frames:
            raise media_error(self.path, "E_NO_FRAMES", "it holds no frame", "Check where it comes from")
        if tally.damaged_frac > rules.max_corrupt_frac:
            what = f"{tally.corrupt} of {tally.frames} frames are damaged, {tally.errors} packets are unreadable"
            raise media_error(self.path, "E_CORRUPT", what, DAMAGED)


def _resized_by_opencv(
    pixels: UInt8[np.ndarray, "rows columns 3"], width: int, height: int
) -> UInt8[np.ndarray, "height width 3"]:
    """A picture in another size as `cv2.resize` makes it by default: nothing is smoothed before pixels are skipped."""
    import cv2  # a tenth of a second, which only those pay who ask for it

    cv2.setNumThreads(1)
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
