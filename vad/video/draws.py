"""How the pictures of one copy of a video are changed: the values that were drawn for it.

Imports no torch: what applies them is `vad.video.augment`.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from vad.schema.augment import Augment


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Draws:
    """The values drawn for one copy of one video; they hold for all its frames.

    Attributes:
        copy: number of the copy, from 1.
        side: height and width of the part that is cut out, as a share of the picture's, in (0, 1]; 1 = no crop.
        down: where that part lies, from 0 (at the top) to 1 (at the bottom).
        right: where that part lies, from 0 (at the left) to 1 (at the right).
        flip: whether the picture is mirrored left to right.
        brightness: factor, >= 0; 1 = as it is.
        contrast: factor, >= 0; 1 = as it is.
        saturation: factor, >= 0; 1 = as it is.
        hue: turn of the colour circle, from -0.5 to 0.5 turns; 0 = as it is.
    """

    copy: int
    side: float = 1.0
    down: float = 0.0
    right: float = 0.0
    flip: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0

    def box(self, height: int, width: int) -> Box:
        """The part of a picture of height x width pixels that is cut out; at least one pixel."""
        tall, wide = max(round(self.side * height), 1), max(round(self.side * width), 1)
        return Box(round(self.down * (height - tall)), round(self.right * (width - wide)), tall, wide)

    @property
    def hue_alone(self) -> "Draws":
        """Only the last step."""
        return Draws(self.copy, hue=self.hue)

    def report(self) -> dict[str, Any]:
        """The values, ready for JSON."""
        return asdict(self)


def draw(settings: Augment, video_id: str, copy: int) -> Draws:
    """Draw the values of one copy of a video.

    Each value depends on the seed, the video's id, the number of the copy and its own name and range, and on nothing
    else: another range of one kind, more copies or more videos change no other value.

    Args:
        settings: the ranges and the seed.
        video_id: the video's id in its data set.
        copy: number of the copy, from 1.
    """

    def share(name: str) -> float:
        """A number from 0 to 1."""
        text = f"{settings.seed}/{video_id}/{copy}/{name}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48

    def between(name: str, low: float, high: float) -> float:
        return low + share(name) * (high - low)

    def factor(name: str, spread: float) -> float:
        return between(name, max(0.0, 1 - spread), 1 + spread)

    return Draws(
        copy=copy,
        side=between("side", settings.crop, 1.0),
        down=share("down"),
        right=share("right"),
        flip=share("flip") < settings.flip,
        brightness=factor("brightness", settings.brightness),
        contrast=factor("contrast", settings.contrast),
        saturation=factor("saturation", settings.saturation),
        hue=between("hue", -settings.hue, settings.hue),
    )
