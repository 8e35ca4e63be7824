"""The cameras of `mini_crime`: textured static backgrounds and the places where people, cars and events can be.

Five cameras serve train and test, anomalous and normal videos alike.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from vad.synthetic.layouts import LAYOUTS, Layout
from vad.synthetic.sprites import Blit, Brush, Canvas, Number, rgb
from vad.synthetic.surfaces import crown, paint_ground, paint_sky, paint_wall
from vad.synthetic.vehicles import PAINTS, vehicle

REFERENCE_ROWS = 240  # all layouts below are in rows of a 240-row picture
PERSON = 0.46  # height of a person per row below the horizon
CAR = 0.36  # the same for the roof of a car


class Rect(NamedTuple):
    """Part of the picture, in pixels."""

    left: Number
    top: Number
    right: Number
    bottom: Number


@dataclass(frozen=True)
class Scene:
    """One camera in pixels: the picture without anybody, and where things can happen."""

    height: int
    width: int
    scale: Number
    """Pixels per reference row."""
    horizon: Number
    block: UInt8[np.ndarray, "rows width"]
    lanes: tuple[Number, ...]
    """Rows of the wheels of passing vehicles."""
    paths: tuple[Number, ...]
    """Rows of the feet of passing people."""
    doors: tuple[Rect, ...]
    windows: tuple[Rect, ...]
    trees: tuple[Blit, ...]
    """Crowns that move in the wind."""

    def person(self, row: Number) -> int:
        """Height in pixels of a person whose feet are at a row."""
        return max(8, round(PERSON * (row - self.horizon)))

    def car(self, row: Number) -> int:
        """Height in pixels of a car whose wheels are at a row."""
        return max(6, round(CAR * (row - self.horizon)))

    def pick(self, rng: np.random.Generator, places: tuple[Rect, ...]) -> Rect:
        """One of several doors or windows."""
        return places[int(rng.integers(len(places)))]

    def spot(self, rng: np.random.Generator, margin: Number = 0.15) -> tuple[Number, Number]:
        """A random place (column, row) on a path, away from the left and right edges."""
        row = rng.choice(self.paths) + rng.uniform(-4, 4) * self.scale
        return float(rng.uniform(margin, 1 - margin) * self.width), float(row)


def build_scene(number: int, seed: int, height: int, width: int) -> Scene:
    """Paint one camera's background.

    Args:
        number: index into LAYOUTS.
        seed: of the data set; two seeds have the same layouts with other textures.
        height: pixels.
        width: pixels.
    """
    layout, rng, scale = LAYOUTS[number], np.random.default_rng([seed, 2, number]), height / REFERENCE_ROWS
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(scale)
    across = cols / (width / scale)
    foot = layout.base + layout.tilt * (across * 2 - 1)
    brush = Brush(height, width)
    paint_sky(brush, rng, rows)
    paint_ground(brush, rng, layout, rows, cols)
    paint_wall(brush, rng, layout, foot - rows, cols)
    doors = tuple(_opening(brush, layout, at, scale, door=True) for at in layout.doors)
    windows = tuple(_opening(brush, layout, at, scale, door=False) for at in layout.windows)
    trees = tuple(_tree(brush, rng, layout, at, scale) for at in layout.trees)
    canvas = Canvas(height, width)
    canvas.block[...] = 0
    canvas.blit(Blit(0, brush.sprite(), width / 2, height))
    for at, row in layout.parked:
        size = max(6, round(CAR * (row - layout.horizon) * scale))
        car = vehicle("car", int(rng.integers(len(PAINTS))), size, int(rng.choice([-1, 1])))
        canvas.blit(Blit(row, car, at * width, row * scale))
    return Scene(
        height, width, scale, layout.horizon * scale, canvas.block,
        tuple(row * scale for row in layout.lanes), tuple(row * scale for row in layout.paths), doors, windows, trees,
    )  # fmt: skip


def _opening(brush: Brush, layout: Layout, at: Number, scale: Number, door: bool) -> Rect:
    """A door or a window in the wall; returns its inner part."""
    foot = (layout.base + layout.tilt * (at * 2 - 1)) * scale
    size = PERSON * (layout.base - layout.horizon) * scale
    wide, low, high = (0.34, 0.0, 1.3) if door else (0.55, 0.55, 1.45)
    x = at * brush.width
    rect = Rect(x - wide * size, foot - high * size, x + wide * size, foot - low * size)
    brush.box(rect.left - 2, rect.top - 2, rect.right + 2, rect.bottom + (0 if door else 2), rgb(206, 200, 188))
    brush.box(*rect, rgb(86, 62, 46) if door else rgb(66, 78, 92))
    middle = (rect.left + rect.right) / 2
    if door:
        for top in (0.1, 0.55):
            y = rect.top + top * (rect.bottom - rect.top)
            brush.box(rect.left + 3, y, rect.right - 3, y + 0.32 * (rect.bottom - rect.top), rgb(110, 82, 62))
    else:
        brush.box(middle - 1, rect.top, middle + 1, rect.bottom, rgb(206, 200, 188))
        brush.capsule((rect.left + 3, rect.bottom - 3), (middle - 4, rect.top + 4), 1.5, rgb(120, 136, 152))
    return rect


def _tree(brush: Brush, rng: np.random.Generator, layout: Layout, at: Number, scale: Number) -> Blit:
    """Paint a trunk and return its crown, which stays a sprite so that the wind can move it."""
    foot = (layout.base + 6) * scale
    x, size = at * brush.width, 46 * scale
    brush.capsule((x, foot), (x, foot - size), 2.2 * scale, rgb(82, 66, 52))
    return Blit(foot, crown(rng, size), x, foot - 0.55 * size)
