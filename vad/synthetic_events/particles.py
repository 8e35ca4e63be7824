"""Things without a body in `mini_crime`: smoke, flames, flashes, splinters, paint, rain.

Pictures depend only on their arguments and are shared by all videos of a process.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from vad.synthetic.scene import Rect
from vad.synthetic.sprites import Blit, Brush, Colour, Number, Sprite, rgb
from vad.synthetic.surfaces import noise

SMOKE, STEAM, DUST = rgb(58, 56, 54), rgb(214, 216, 218), rgb(150, 132, 108)
VARIANTS = 8
FLAME_MOMENTS = 12


@lru_cache(maxsize=600)
def puff(variant: int, size: int, colour: Colour) -> Sprite:
    """One ragged cloud of `size` pixels."""
    brush = Brush(size, size)
    rng = np.random.default_rng([variant, 1])
    rows, cols = np.mgrid[0 : brush.height, 0 : brush.width] / (brush.height / 2) - 1
    lumps = noise(rng, brush.height, brush.width, size / 22, size / 9)
    brush.paint(np.clip(1.05 - rows**2 - cols**2 + 0.28 * lumps, 0, 0.8).astype(np.float32), colour)
    brush.shade(np.clip(1 + 0.22 * lumps - 0.25 * rows, 0.4, 1.9).astype(np.float32))
    return brush.sprite()


def plume(rng: np.random.Generator, x: Number, y: Number, size: Number, colour: Colour, count: int = 10) -> "Smoke":
    """Smoke that rises from a point; `size` is the width of a young cloud in pixels."""
    return Smoke(x, y, size, colour, rng.random(count), rng.uniform(-1, 1, count))


class Smoke:
    """A column of clouds, each rising, growing and thinning over its life."""

    def __init__(
        self, x: Number, y: Number, size: Number, colour: Colour, births: np.ndarray, drifts: np.ndarray
    ) -> None:
        """Clouds with a birth (part of a life) and a sideways drift (-1..1) each."""
        self.x, self.y, self.size, self.colour, self.births, self.drifts = x, y, size, colour, births, drifts

    def blits(self, seconds: Number, strength: Number, depth: Number) -> Iterator[Blit]:
        """The clouds at one moment; `strength` (0..1) scales how thick they are."""
        for i, (birth, drift) in enumerate(zip(self.births, self.drifts, strict=True)):
            age = (seconds / 2.4 + birth) % 1.0
            size = 4 * max(2, round(self.size * (0.6 + 1.5 * age) / 4))
            x = self.x + self.size * drift * (0.15 + 0.9 * age)
            y = self.y - self.size * 2.6 * age
            opacity = strength * math.sin(math.pi * age) * 0.9
            yield Blit(depth, puff(i % VARIANTS, size, self.colour), x, y + size / 2, opacity)


@lru_cache(maxsize=200)
def flame(moment: int, size: int) -> Sprite:
    """A tongue of fire of `size` pixels at one of FLAME_MOMENTS moments of its loop."""
    brush = Brush(size, size * 0.8)
    lumps = noise(np.random.default_rng([size, 2]), 4 * brush.height, brush.width, size / 26, size / 12)
    lumps = np.roll(lumps, -moment * 4 * brush.height // FLAME_MOMENTS, axis=0)[: brush.height]
    rows, cols = np.mgrid[0 : brush.height, 0 : brush.width]
    up = 1 - rows / brush.height
    side = np.abs(cols / brush.width * 2 - 1)
    heat = 1.15 - up - 1.1 * side * (0.55 + up) + 0.22 * lumps
    for above, colour in ((0.0, rgb(190, 60, 20)), (0.22, rgb(240, 130, 30)), (0.5, rgb(255, 226, 130))):
        brush.paint(np.clip((heat - above) * 7, 0, 0.92).astype(np.float32), colour)
    return brush.sprite()


@lru_cache(maxsize=100)
def flash(variant: int, size: int) -> Sprite:
    """A star of light: muzzle flash or spark."""
    brush = Brush(size, size)
    rows, cols = np.mgrid[0 : brush.height, 0 : brush.width] / (brush.height / 2) - 1
    angle, reach = np.arctan2(rows, cols), np.hypot(rows, cols)
    rays = 0.35 + 0.6 * np.abs(np.cos((2.5 + variant % 3) * angle + variant)) ** 4
    brush.paint(np.clip((rays - reach) * 4, 0, 1).astype(np.float32), rgb(255, 238, 170))
    return brush.sprite()


@lru_cache(maxsize=300)
def splinter(variant: int, size: int) -> Sprite:
    """One angular fragment, light or dark."""
    rng = np.random.default_rng([variant, 3])
    brush = Brush(size, size)
    colour = (rgb(30, 28, 26), rgb(210, 214, 216), rgb(120, 96, 70))[variant % 3]
    a, b = rng.uniform(0.2, 0.8, (2, 2)) * size
    brush.capsule((a[0], a[1]), (b[0], b[1]), size * 0.16, colour)
    return brush.sprite()


def scribble(rng: np.random.Generator, area: Rect, strokes: int, colour: Colour, stages: int = 8) -> list[Sprite]:
    """Paint on a wall, growing: stage k shows the first (k+1)/stages of the strokes. Covers `area`."""
    brush = Brush(area.bottom - area.top, area.right - area.left)
    point, heading, sprites = np.array([0.2 * brush.width, 0.5 * brush.height]), 0.0, []
    steps = strokes * 14
    for step in range(steps):
        heading += rng.normal(0, 0.9)
        ahead = point + np.array([math.cos(heading), math.sin(heading)]) * brush.height * 0.11
        if not (2 < ahead[0] < brush.width - 2 and 2 < ahead[1] < brush.height - 2) or step % 14 == 0:
            ahead = rng.uniform(0.1, 0.9, 2) * (brush.width, brush.height)
        else:
            brush.capsule((point[0], point[1]), (ahead[0], ahead[1]), max(1.1, brush.height * 0.03), colour)
        point = ahead
        if (step + 1) * stages // steps > len(sprites):
            sprites.append(brush.sprite())
    return sprites


def broken_glass(rng: np.random.Generator, area: Rect) -> Sprite:
    """A window with a dark hole and cracks."""
    brush = Brush(area.bottom - area.top, area.right - area.left)
    middle = rng.uniform(0.35, 0.65, 2) * (brush.width, brush.height)
    brush.box(0, 0, brush.width, brush.height, rgb(20, 22, 26), strength=0.75)
    for angle in np.sort(rng.uniform(0, 2 * math.pi, 11)):
        reach = brush.width * rng.uniform(0.4, 0.9)
        tip = middle + np.array([math.cos(angle), math.sin(angle)]) * reach
        start = middle + (tip - middle) * rng.uniform(0.2, 0.5)
        brush.capsule((start[0], start[1]), (tip[0], tip[1]), 0.8, rgb(226, 232, 236))
    return brush.sprite()


@lru_cache(maxsize=60)
def glow(size: int, colour: Colour) -> Sprite:
    """A soft pool of light."""
    brush = Brush(size * 0.6, size)
    rows, cols = np.mgrid[0 : brush.height, 0 : brush.width]
    reach = np.hypot(rows / brush.height * 2 - 1, cols / brush.width * 2 - 1)
    brush.paint((np.clip(1 - reach, 0, 1) ** 1.3 * 0.8).astype(np.float32), colour)
    return brush.sprite()


@lru_cache(maxsize=12)
def rain(variant: int, height: int, width: int) -> Sprite:
    """A sheet of falling streaks over the whole picture."""
    rng = np.random.default_rng([variant, 4])
    brush = Brush(height, width)
    for _ in range(70):
        x, y = rng.uniform(0, width), rng.uniform(-10, height)
        length = rng.uniform(0.03, 0.07) * height
        brush.capsule((x, y), (x - length * 0.2, y + length), 0.5, rgb(200, 206, 214))
    brush.sheet *= 0.25
    return brush.sprite()


@lru_cache(maxsize=40)
def bird(wing: int, size: int) -> Sprite:
    """A bird in flight with its wings at one of 4 heights."""
    brush = Brush(size, size * 1.6)
    mid, lift = brush.width / 2, (-0.35, 0.0, 0.3, 0.0)[wing] * size
    for side in (-1, 1):
        tip = (mid + side * 0.7 * size, size / 2 + lift)
        brush.capsule((mid, size / 2), tip, max(0.8, size * 0.07), rgb(40, 40, 44))
    return brush.sprite()


def debris_field(rng: np.random.Generator, count: int) -> list[tuple[Number, Number, int, Number]]:
    """Fragments: sideways and upward speed (sizes a second), picture, size."""
    return [
        (rng.normal(0, 1.6), rng.uniform(1.5, 4.5), int(rng.integers(9)), rng.uniform(0.08, 0.2)) for _ in range(count)
    ]


def flying(
    debris: list[tuple[Number, Number, int, Number]],
    seconds: Number,
    x: Number,
    row: Number,
    size: Number,
    progress: Number,
) -> Iterator[Blit]:
    """Fragments in the air, then on the ground until the event fades."""
    fade = min(1.0, (1 - progress) / 0.08)
    for across, up, variant, large in debris:
        flight = min(seconds, up / 4.0)
        height = up * flight - 4.0 * flight * flight
        sprite = splinter(variant, 2 * max(1, round(large * size / 2)))
        yield Blit(row + 0.5, sprite, x + across * flight * size, row - height * size, fade)
