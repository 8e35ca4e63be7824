"""Tiny videos, whole and damaged, made with PyAV while testing: nothing of this lies in the repository."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from vad.extractors._base import Source

IDENTITY = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
QUARTER_TURN = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
"""Display matrices of an mp4 track: as stored, and a quarter turn to the right."""


def scene(
    n_frames: int, height: int = 96, width: int = 128, seed: int = 0
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """A textured background with sensor noise and a red square that walks."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 220, (height // 8 + 1, width // 8 + 1, 3), dtype=np.int16)
    background = coarse.repeat(8, 0).repeat(8, 1)[:height, :width]
    side = height // 5
    for index in range(n_frames):
        frame = background + random.integers(-8, 9, (height, width, 1), dtype=np.int16)
        top, left = 2 * index % (height - side), 3 * index % (width - side)
        frame[top : top + side, left : left + side] = (210, 40, 60)
        yield frame.clip(0, 255).astype(np.uint8)


def write_video(
    path: Path,
    frames: Iterable[UInt8[np.ndarray, "height width 3"]],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    pts: Sequence[int] | None = None,
    fps: int = 30,
    bit_rate: int | None = None,
) -> Path:
    """Encode RGB frames into the container that the suffix names.

    Args:
        path: the file to write; mp4 gets its index in front (faststart).
        frames: all of one size.
        codec: encoder by its FFmpeg name.
        pixel_format: layout of the coded frames.
        pts: presentation time of each frame, in frames; None = one after the other.
        fps: frames per second.
        bit_rate: bits per second; None = the codec's default quality.
    """
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = None
        for index, picture in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=fps)
                assert isinstance(stream, VideoStream)
                stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], pixel_format
                stream.thread_count = 1
                stream.time_base = Fraction(1, fps)
                if bit_rate:
                    stream.bit_rate = bit_rate
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = pts[index] if pts else index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())
    return path


def write_audio(path: Path, seconds: float = 0.5) -> Path:
    """A file with one silent audio stream and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = np.zeros((1, int(8000 * seconds)), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_images(folder: Path, frames: Iterable[UInt8[np.ndarray, "height width 3"]], suffix: str = ".png") -> Path:
    """A folder of numbered images without leading zeros: 1.png, 2.png, ... 10.png."""
    folder.mkdir()
    for index, picture in enumerate(frames, start=1):
        Image.fromarray(picture).save(folder / f"{index}{suffix}")
    return folder


def cut(path: Path, target: Path, keep: float) -> Path:
    """The first part of a file's bytes."""
    data = path.read_bytes()
    target.write_bytes(data[: int(len(data) * keep)])
    return target


def index_behind(path: Path, target: Path) -> Path:
    """The same mp4 with its index behind the pictures, as cameras write it."""
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return target


def repeated(picture: Path, target: Path, n_frames: int) -> Path:
    """The first packet of a video again and again: one that takes time to decode, and none to write."""
    with av.open(str(picture)) as one, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(one.streams.video[0])
        data = bytes(next(one.demux(video=0)))
        for number in range(n_frames):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts = stream, number * 40, number * 40
            packet.is_keyframe = True
            container.mux(packet)
    return target


def flip_bytes(path: Path, target: Path, count: int = 60, seed: int = 0) -> Path:
    """Overwrite bytes in the coded pictures of an mp4."""
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + len(data) // 10
    for place in np.random.default_rng(seed).integers(start, len(data) - 64, count):
        data[place] ^= 0xFF
    target.write_bytes(data)
    return target


def turned(path: Path, target: Path) -> Path:
    """The same mp4, marked to be shown a quarter turn to the right."""
    head, track = path.read_bytes().split(b"tkhd", 1)
    target.write_bytes(head + b"tkhd" + track.replace(IDENTITY, QUARTER_TURN, 1))
    return target


def source(video: Path, *published: Path, n_frames: int | None = None) -> Source:
    """A video for an extractor, with its published feature files if there are any."""
    return Source(video.stem, (video, *published), n_frames)
