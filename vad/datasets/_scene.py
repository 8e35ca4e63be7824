"""The cameras of `mini_crime`: textured static backgrounds and the places where people, cars and events can be.

Six cameras serve train and test, anomalous and normal videos alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

from vad.datasets._cast import PAINTS, vehicle
from vad.datasets._sprites import Blit, Brush, Canvas, Colour, Sprite, rgb

REFERENCE_ROWS = 240  # all layouts below are in rows of a 240-row picture
PERSON = 0.46  # height of a person per row below the horizon
CAR = 0.36  # the same for the roof of a car


class Rect(NamedTuple):
    """Part of the picture, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Layout:
    """One camera, in rows of a 240-row picture; columns as parts of the width."""

    horizon: float
    base: float
    """Row where the wall meets the ground, at mid-width."""
    tilt: float
    """Rows by which that line falls from the middle to the right edge."""
    wall: float
    """Rows from the wall's foot to its top."""
    wall_kind: Literal["brick", "panel", "glass", "fence"]
    ground_kind: Literal["asphalt", "tiles", "cobbles"]
    wall_colour: Colour
    ground_colour: Colour
    lanes: tuple[float, ...]
    paths: tuple[float, ...]
    doors: tuple[float, ...]
    windows: tuple[float, ...]
    trees: tuple[float, ...]
    parked: tuple[tuple[float, float], ...]


LAYOUTS = (
    Layout(62, 112, 8, 78, "brick", "asphalt", rgb(150, 92, 76), rgb(104, 104, 106), (160, 192), (124, 226), (0.2, 0.72), (0.38, 0.54, 0.9), (0.06,), ()),
    Layout(52, 96, -6, 40, "fence", "asphalt", rgb(96, 116, 78), rgb(120, 118, 112), (170,), (128, 214), (0.5,), (0.3, 0.7), (0.15, 0.86), ((0.2, 132), (0.8, 136))),
    Layout(70, 128, 5, 104, "glass", "tiles", rgb(150, 158, 164), rgb(168, 160, 148), (204,), (142, 172), (0.3, 0.66), (0.12, 0.48, 0.86), (), ()),
    Layout(58, 92, 4, 52, "panel", "tiles", rgb(186, 174, 150), rgb(150, 146, 138), (218,), (112, 148, 184), (0.42, 0.8), (0.14, 0.62), (0.28, 0.94), ()),
    Layout(66, 118, -9, 72, "panel", "cobbles", rgb(124, 140, 150), rgb(110, 106, 100), (178,), (134, 222), (0.6,), (0.22, 0.42, 0.84), (0.04,), ((0.34, 140),)),
    Layout(76, 104, 10, 96, "brick", "cobbles", rgb(128, 112, 104), rgb(96, 92, 90), (196,), (122, 156), (0.26, 0.86), (0.1, 0.5, 0.68), (), ((0.55, 132),)),
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """One camera in pixels: the picture without anybody, and where things can happen."""

    height: int
    width: int
    scale: float
    """Pixels per reference row."""
    horizon: float
    block: UInt8[np.ndarray, "height*3/2 width"]
    lanes: tuple[float, ...]
    """Rows of the wheels of passing vehicles."""
    paths: tuple[float, ...]
    """Rows of the feet of passing people."""
    doors: tuple[Rect, ...]
    windows: tuple[Rect, ...]
    trees: tuple[Blit, ...]
    """Crowns that move in the wind."""

    def person(self, row: float) -> int:
        """Height in pixels of a person whose feet are at a row."""
        return max(8, round(PERSON * (row - self.horizon)))

    def car(self, row: float) -> int:
        """Height in pixels of a car whose wheels are at a row."""
        return max(6, round(CAR * (row - self.horizon)))

    def spot(self, rng: np.random.Generator, margin: float = 0.15) -> tuple[float, float]:
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
    _sky(brush, rng, rows)
    _ground(brush, rng, layout, rows, cols)
    _wall(brush, rng, layout, foot - rows, cols)
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


def noise(
    rng: np.random.Generator, height: int, width: int, *cells: float
) -> Float[np.ndarray, "height width"]:
    """Smooth random texture, standard deviation about 1, summed over grains of `cells` pixels."""
    total = np.zeros((height, width), np.float32)
    for cell in cells:
        total += (
            ndimage.gaussian_filter(rng.standard_normal((height, width), np.float32), cell, mode="wrap")
            * cell
        )
    return total / max(float(total.std()), 1e-6)


def _sky(brush: Brush, rng: np.random.Generator, rows: np.ndarray) -> None:
    """A pale gradient with faint clouds."""
    brush.paint(np.ones_like(rows), rgb(176, 194, 214))
    brush.shade(1.12 - 0.0016 * rows + 0.03 * noise(rng, brush.height, brush.width, 12, 30))


def _ground(
    brush: Brush, rng: np.random.Generator, layout: Layout, rows: np.ndarray, cols: np.ndarray
) -> None:
    """The ground plane in perspective: grain, seams, and a darker road with dashes under the lanes."""
    below = np.maximum(rows - layout.horizon, 1.0)
    depth, side = 6000 / below, (cols - cols.mean()) * 60 / below  # ground coordinates of each pixel
    brush.paint((rows > layout.horizon).astype(np.float32), layout.ground_colour)
    grain = noise(rng, 256, 256, 0.7, 3, 9)
    at = np.stack([depth * 2.5, side * 2.5])
    light = 1 + 0.1 * ndimage.map_coordinates(grain, at, order=1, mode="grid-wrap")
    light += 0.05 * noise(rng, brush.height, brush.width, 0.6)
    cell = {"asphalt": 0, "tiles": 12, "cobbles": 5}[layout.ground_kind]
    if cell:
        row_of = np.floor(depth / cell)
        seam = np.minimum(depth % cell, (side + (row_of % 2) * cell / 2) % cell) < cell * 0.11
        light *= 1 - 0.28 * ndimage.gaussian_filter(seam.astype(np.float32), 0.5)
    for lane in layout.lanes:
        reach = 0.2 * (lane - layout.horizon)
        middle = lane - 0.3 * reach
        road = np.clip(reach - np.abs(rows - middle) + 0.5, 0, 1)
        light *= 1 - 0.25 * road
        kerb = np.abs(np.abs(rows - middle) - reach) < 1.0
        dash = (np.abs(rows - middle + reach * 0.9) < 0.9) & (side % 24 < 11)
        light += 0.45 * kerb + 0.6 * dash
    brush.shade(np.where(rows > layout.horizon, light, 1).astype(np.float32))


def _wall(brush: Brush, rng: np.random.Generator, layout: Layout, up: np.ndarray, cols: np.ndarray) -> None:
    """A facade or hedge; `up` is the height above its foot."""
    inside = ((up > 0) & (up < layout.wall)).astype(np.float32)
    brush.paint(inside, layout.wall_colour)
    stains = (
        1
        + 0.07 * noise(rng, brush.height, brush.width, 2, 14)
        + 0.04 * noise(rng, brush.height, brush.width, 0.6)
    )
    light = stains * _PATTERNS[layout.wall_kind](rng, up, cols)
    foot = 1 - 0.35 * np.exp(-((up / 3) ** 2))
    brush.shade(np.where(inside > 0, light * foot, 1).astype(np.float32))
    brush.paint(np.clip(1.5 - np.abs(up - layout.wall), 0, 1), rgb(70, 66, 64))


def _brick(rng: np.random.Generator, up: np.ndarray, cols: np.ndarray) -> np.ndarray:
    course = np.floor(up / 5)
    column = np.floor((cols + (course % 2) * 6) / 12)
    tone = rng.uniform(0.85, 1.15, (64, 64))[course.astype(int) % 64, column.astype(int) % 64]
    mortar = (up % 5 < 1) | ((cols + (course % 2) * 6) % 12 < 1)
    return np.where(mortar, 1.25, tone)


def _panel(rng: np.random.Generator, up: np.ndarray, cols: np.ndarray) -> np.ndarray:
    tone = rng.uniform(0.93, 1.07, (32, 32))[(up // 26).astype(int) % 32, (cols // 34).astype(int) % 32]
    return np.where((up % 26 < 1.2) | (cols % 34 < 1.2), 0.7, tone)


def _glass(rng: np.random.Generator, up: np.ndarray, cols: np.ndarray) -> np.ndarray:
    goods = 0.62 + 0.16 * noise(rng, *up.shape, 1.5, 5) + 0.2 * (((up // 9) % 2) * ((cols // 7) % 2))
    frame = (cols % 40 < 2.2) | (up < 8) | ((up > 60) & (up < 63))
    return np.where(frame, 1.15, np.where(up > 63, 0.95, goods))


def _fence(rng: np.random.Generator, up: np.ndarray, cols: np.ndarray) -> np.ndarray:
    hedge = 0.85 + 0.3 * noise(rng, *up.shape, 1.0, 3)
    return np.where((cols % 9 < 1.6) & (up < 26), 1.7, hedge)


_PATTERNS: dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]] = {
    "brick": _brick, "panel": _panel, "glass": _glass, "fence": _fence,
}  # fmt: skip


def _opening(brush: Brush, layout: Layout, at: float, scale: float, door: bool) -> Rect:
    """A door or a window in the wall; returns its inner part."""
    foot = (layout.base + layout.tilt * (at * 2 - 1)) * scale
    size = PERSON * (layout.base - layout.horizon) * scale
    wide, low, high = (0.34, 0.0, 1.3) if door else (0.55, 0.55, 1.45)
    x = at * brush.width
    rect = Rect(x - wide * size, foot - high * size, x + wide * size, foot - low * size)
    brush.box(
        rect.left - 2, rect.top - 2, rect.right + 2, rect.bottom + (0 if door else 2), rgb(206, 200, 188)
    )
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


def _tree(brush: Brush, rng: np.random.Generator, layout: Layout, at: float, scale: float) -> Blit:
    """Paint a trunk and return its crown, which stays a sprite so that the wind can move it."""
    foot = (layout.base + 6) * scale
    x, size = at * brush.width, 46 * scale
    brush.capsule((x, foot), (x, foot - size), 2.2 * scale, rgb(82, 66, 52))
    return Blit(foot, crown(rng, size), x, foot - 0.55 * size)


def crown(rng: np.random.Generator, size: float) -> Sprite:
    """Leaves of a tree of `size` pixels."""
    brush = Brush(size, size * 1.2)
    rows, cols = np.mgrid[0 : brush.height, 0 : brush.width]
    reach = np.hypot((rows / brush.height - 0.5) * 2, (cols / brush.width - 0.5) * 2)
    leaves = noise(rng, brush.height, brush.width, 0.8, 2.5, 6)
    brush.paint(np.clip((0.85 - reach + 0.16 * leaves) * 6, 0, 1).astype(np.float32), rgb(70, 96, 52))
    brush.shade(np.clip(1 + 0.28 * leaves, 0.4, 1.8).astype(np.float32))
    return brush.sprite()
