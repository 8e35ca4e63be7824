"""Small pictures with soft edges, in the planes of H.264 video: luma at full size, two chroma planes at half size.

Painting in YUV 4:2:0 from the start saves a colour conversion for every frame.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8, UInt16

Number = int | float
"""A length, place, angle or share; the type checker of the tests does not take a whole number for a float."""

Colour = tuple[Number, Number, Number]
"""Luma and the two chroma values of BT.601 limited range."""

WHITE = 235  # brightest luma of limited-range video
OPAQUE = 128  # seven bits: luma times opacity still fits 16 bits


def rgb(red: Number, green: Number, blue: Number) -> Colour:
    """BT.601 limited-range colour of red, green and blue in 0..255."""
    return (
        16 + 0.257 * red + 0.504 * green + 0.098 * blue,
        128 - 0.148 * red - 0.291 * green + 0.439 * blue,
        128 + 0.439 * red - 0.368 * green - 0.071 * blue,
    )


@dataclass(frozen=True)
class Sprite:
    """A picture ready to blend: opacity 0..128, colours already multiplied by it. Height and width are even."""

    luma: UInt16[np.ndarray, "height width"]
    opacity: UInt16[np.ndarray, "height width"]
    chroma: UInt16[np.ndarray, "2 half_height half_width"]
    chroma_opacity: UInt16[np.ndarray, "half_height half_width"]

    @property
    def height(self) -> int:
        """Rows of the luma plane."""
        return self.luma.shape[0]

    @property
    def width(self) -> int:
        """Columns of the luma plane."""
        return self.luma.shape[1]


@dataclass(frozen=True)
class Blit:
    """One sprite in one frame."""

    depth: Number
    """Row of the point where it stands on the ground: nearer things are painted later."""
    sprite: Sprite
    x: Number
    """Column of its bottom centre, in pixels."""
    y: Number
    """Row of its bottom centre, in pixels."""
    opacity: Number = 1.0


class Brush:
    """A transparent sheet to paint shapes on, back to front; `sprite()` freezes it."""

    def __init__(self, height: Number, width: Number) -> None:
        """An empty sheet, rounded up to even numbers of pixels."""
        self.height = max(2, 2 * int(np.ceil(height / 2)))
        self.width = max(2, 2 * int(np.ceil(width / 2)))
        self.sheet = np.zeros((4, self.height, self.width), np.float32)

    def paint(
        self, mask: Float[np.ndarray, "height width"], colour: Colour, at: tuple[slice, slice] | None = None
    ) -> None:
        """Lay a colour over the sheet where `mask` (0..1) says; `at` limits both to a part of the sheet."""
        part = self.sheet[(slice(None), *(at or (slice(None), slice(None))))]
        part *= 1 - mask
        part += np.asarray([*colour, 1.0], np.float32)[:, None, None] * mask

    def shade(self, light: Float[np.ndarray, "height width"]) -> None:
        """Multiply the luma of what is painted: folds, dirt, gradients."""
        self.sheet[0] *= light

    def capsule(self, start: tuple[Number, Number], end: tuple[Number, Number], radius: Number, colour: Colour) -> None:
        """A thick line with round ends between two points (x, y)."""
        rows, cols, at = self._window(start, end, radius)
        if rows.size and cols.size:
            self.paint(_capsule(rows, cols, start, end, radius), colour, at)

    def ellipse(self, x: Number, y: Number, rx: Number, ry: Number, colour: Colour, strength: Number = 1.0) -> None:
        """A filled ellipse."""
        rows, cols, at = self._window((x - rx, y - ry), (x + rx, y + ry), 1)
        if rows.size and cols.size:
            distance = np.hypot((cols - x) / max(rx, 0.5), (rows - y) / max(ry, 0.5))
            self.paint(np.clip((1 - distance) * min(rx, ry) + 0.5, 0, 1) * strength, colour, at)

    def box(
        self,
        left: Number,
        top: Number,
        right: Number,
        bottom: Number,
        colour: Colour,
        corner: Number = 0,
        strength: Number = 1.0,
    ) -> None:
        """A rectangle with rounded corners."""
        rows, cols, at = self._window((left, top), (right, bottom), 1)
        if rows.size and cols.size:
            dx = np.abs(cols - (left + right) / 2) - (right - left) / 2 + corner
            dy = np.abs(rows - (top + bottom) / 2) - (bottom - top) / 2 + corner
            outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - corner
            self.paint(np.clip(0.5 - outside, 0, 1) * strength, colour, at)

    def sprite(self) -> Sprite:
        """Freeze the sheet."""
        return freeze(self.sheet)

    def _window(
        self, start: tuple[Number, Number], end: tuple[Number, Number], margin: Number
    ) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
        """Row and column coordinates (pixel centres) around a shape, and where they lie on the sheet."""
        left, right = sorted((start[0], end[0]))
        top, bottom = sorted((start[1], end[1]))
        x0, x1 = max(0, int(left - margin - 1)), min(self.width, int(right + margin + 2))
        y0, y1 = max(0, int(top - margin - 1)), min(self.height, int(bottom + margin + 2))
        rows = np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5
        cols = np.arange(x0, x1, dtype=np.float32)[None] + 0.5
        return rows, cols, (slice(y0, max(y0, y1)), slice(x0, max(x0, x1)))


def freeze(paint: Float[np.ndarray, "4 height width"]) -> Sprite:
    """A sprite from premultiplied luma, chroma, chroma and opacity (0..1), sides even."""
    _, height, width = paint.shape
    paint[0] = np.clip(paint[0], 0, WHITE * paint[3])
    small = paint[1:].reshape(3, height // 2, 2, width // 2, 2).mean((2, 4))
    return Sprite(
        luma=_fixed(paint[0]),
        opacity=_fixed(paint[3]),
        chroma=_fixed(small[:2]),
        chroma_opacity=_fixed(small[2]),
    )


def mirror(sprite: Sprite) -> Sprite:
    """The same picture seen from the other side."""
    return Sprite(*(np.ascontiguousarray(plane[..., ::-1]) for plane in vars(sprite).values()))


class Canvas:
    """One frame under construction, as the three planes of YUV 4:2:0 in one block of memory."""

    def __init__(self, height: int, width: int) -> None:
        """A frame of `height` x `width` pixels, both multiples of 4."""
        self.block: UInt8[np.ndarray, "rows width"] = np.empty((height * 3 // 2, width), np.uint8)
        self.luma = self.block[:height]
        self.chroma = self.block[height:].reshape(2, height // 2, width // 2)

    def blit(self, blit: Blit) -> None:
        """Blend one sprite in; what lies outside the frame is cut off."""
        sprite, opacity = blit.sprite, round(blit.opacity * OPAQUE)
        if opacity <= 0:
            return
        left, top = round(blit.x - sprite.width / 2), round(blit.y - sprite.height)
        _blend(self.luma[None], sprite.luma[None], sprite.opacity, left, top, opacity)
        _blend(self.chroma, sprite.chroma, sprite.chroma_opacity, left // 2, top // 2, opacity)


def _blend(
    target: UInt8[np.ndarray, "planes height width"],
    colour: UInt16[np.ndarray, "planes rows cols"],
    opacity: UInt16[np.ndarray, "rows cols"],
    left: int,
    top: int,
    strength: int,
) -> None:
    """`target = target * (1 - opacity) + colour` in 7-bit fixed point, on the overlap of both."""
    rows, cols = opacity.shape
    y0, y1 = max(0, -top), min(rows, target.shape[1] - top)
    x0, x1 = max(0, -left), min(cols, target.shape[2] - left)
    if y0 >= y1 or x0 >= x1:
        return
    ink, cover = colour[:, y0:y1, x0:x1], opacity[y0:y1, x0:x1]
    if strength < OPAQUE:
        ink, cover = (ink >> 7) * np.uint16(strength), (cover * np.uint16(strength)) >> 7
    part = target[:, top + y0 : top + y1, left + x0 : left + x1]
    mixed = part * (np.uint16(OPAQUE) - cover)
    mixed += ink
    mixed >>= 7
    part[...] = mixed


def _capsule(
    rows: np.ndarray, cols: np.ndarray, start: tuple[Number, Number], end: tuple[Number, Number], radius: Number
) -> Float[np.ndarray, "height width"]:
    """Coverage (0..1) of a thick line, by the distance of each pixel centre to its axis."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = ((cols - start[0]) * dx + (rows - start[1]) * dy) / max(dx * dx + dy * dy, 1e-6)
    along = np.clip(along, 0, 1)
    distance = np.hypot(cols - start[0] - along * dx, rows - start[1] - along * dy)
    return np.clip(radius + 0.5 - distance, 0, 1)


def _fixed(values: np.ndarray) -> UInt16[np.ndarray, "..."]:
    """Seven-bit fixed point."""
    return np.rint(values * OPAQUE).astype(np.uint16)
