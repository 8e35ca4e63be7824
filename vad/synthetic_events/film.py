"""From plan to H.264: draws every frame of a `mini_crime` video and encodes it."""

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float, UInt8

from vad.errors import storage_errors
from vad.synthetic.scene import Scene, build_scene
from vad.synthetic.sprites import Canvas
from vad.synthetic_events.events import EVENTS
from vad.synthetic_events.life import Life
from vad.synthetic_events.plan import VideoPlan
from vad.synthetic_events.shows import Scheduled

# One thread, so that the bytes do not depend on the machine's cores.
CODEC = {"preset": "superfast", "crf": "26", "bf": "2", "threads": "1"}
SENSOR_NOISE = 2.2  # standard deviation in grey levels
_NOISE_MARGIN = 64  # the noise sheet is larger than a frame by this, and shifted at random for each frame

_DIGITS = {
    "0": (7, 5, 5, 5, 7), "1": (2, 6, 2, 2, 7), "2": (7, 1, 7, 4, 7), "3": (7, 1, 7, 1, 7), "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7), "6": (7, 4, 7, 5, 7), "7": (7, 1, 1, 2, 2), "8": (7, 5, 7, 5, 7), "9": (7, 5, 7, 1, 7),
    ":": (0, 2, 0, 2, 0), "-": (0, 0, 7, 0, 0), " ": (0, 0, 0, 0, 0),
}  # fmt: skip


def render_video(video: VideoPlan, folder: Path, size: tuple[int, int], fps: int) -> None:
    """Draw and encode one video; the file appears under its name only when it is complete."""
    path = folder / video.listed
    unfinished = path.with_name(f"{path.name}.part")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with av.open(str(unfinished), "w", format="mp4", options={"fflags": "+bitexact"}) as file:
                stream = file.add_stream("libx264", rate=fps, options=CODEC)
                stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
                stream.thread_count = 1
                for block in frames(video, size, fps):
                    file.mux(stream.encode(av.VideoFrame.from_ndarray(block, format="yuv420p")))
                file.mux(stream.encode(None))
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def frames(video: VideoPlan, size: tuple[int, int], fps: int) -> Iterator[UInt8[np.ndarray, "rows width"]]:
    """All frames of a video in turn, as YUV 4:2:0 planes; the block is reused for the next frame."""
    scene = scene_of(video.scene, video.entropy[0], *size)
    # Normal life and camera have their own stream of random numbers: an event changes nothing in them.
    life = Life(scene, np.random.default_rng([*video.entropy, 0]), video.n_frames, fps)
    camera = Camera(scene, np.random.default_rng([*video.entropy, 1]), fps)
    acts: list[Life | Scheduled] = [life]
    if video.event_frames:
        show = EVENTS[video.class_name](scene, np.random.default_rng([*video.entropy, 2]))
        acts.append(Scheduled(show, video.start, video.event_frames, video.n_frames, fps))
    canvas = Canvas(*size)
    for frame in range(video.n_frames):
        canvas.block[...] = scene.block
        for blit in sorted((b for act in acts for b in act.blits(frame)), key=lambda b: b.depth):
            canvas.blit(blit)
        camera.expose(canvas, frame)
        yield canvas.block


class Camera:
    """What the sensor adds: slow changes of light, noise, and the clock in the corner."""

    def __init__(self, scene: Scene, rng: np.random.Generator, fps: int) -> None:
        """Draw the light of the day, the noise and the time on the clock."""
        self.fps, self.rng = fps, rng
        self.zoom = max(1, round(2 * scene.scale))
        self.clock = int(rng.integers(86400 * 365))
        self.light = rng.uniform(0.82, 1.08)
        self.drift = (rng.uniform(0.02, 0.07), rng.uniform(6, 40), rng.uniform(0, 2 * math.pi))
        self.noise = _noise_sheet(scene.height + _NOISE_MARGIN, scene.width + _NOISE_MARGIN)
        self.work = np.empty((scene.height, scene.width), np.float32)

    def expose(self, canvas: Canvas, frame: int) -> None:
        """Change one frame in place."""
        depth, period, phase = self.drift
        gain = self.light * (1 + depth * math.sin(2 * math.pi * frame / self.fps / period + phase))
        np.multiply(canvas.luma, np.float32(gain), out=self.work)
        top, left = self.rng.integers(_NOISE_MARGIN, size=2)
        height, width = self.work.shape
        self.work += self.noise[top : top + height, left : left + width]
        np.clip(self.work, 16, 235, out=self.work)
        canvas.luma[...] = self.work
        stamp = _stamp(_clock_text(self.clock + frame // self.fps), self.zoom)
        canvas.luma[4 : 4 + stamp.shape[0], 4 : 4 + stamp.shape[1]] = stamp[: height - 4, : width - 4]


def _clock_text(seconds: int) -> str:
    """Month, day and time of a year that begins at 0 seconds."""
    day, rest = divmod(seconds, 86400)
    return f"{day // 31 % 12 + 1:02d}-{day % 31 + 1:02d} {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


@lru_cache(maxsize=100)
def _stamp(text: str, zoom: int) -> UInt8[np.ndarray, "rows cols"]:
    """White digits on black, each 3 x 5 dots of `zoom` pixels."""
    dots = np.zeros((7, 4 * len(text) + 1), np.uint8)
    for i, letter in enumerate(text):
        for row, bits in enumerate(_DIGITS[letter]):
            dots[row + 1, 4 * i + 1 : 4 * i + 4] = [bits >> 2 & 1, bits >> 1 & 1, bits & 1]
    return np.kron(dots * 219 + 16, np.ones((zoom, zoom), np.uint8))


@lru_cache(maxsize=2)
def _noise_sheet(height: int, width: int) -> Float[np.ndarray, "height width"]:
    """Sensor noise with a little correlation between neighbours, the same sheet for all videos."""
    white = np.random.default_rng(7).standard_normal((height + 1, width + 1), np.float32)
    return SENSOR_NOISE * (0.8 * white[1:, 1:] + 0.6 * white[1:, :-1])


@lru_cache(maxsize=12)
def scene_of(number: int, seed: int, height: int, width: int) -> Scene:
    """The scene before a camera; each process paints its background once."""
    return build_scene(number, seed, height, width)
