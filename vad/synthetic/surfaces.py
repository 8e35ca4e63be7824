"""Textures of the backgrounds of `mini_crime`: sky, ground in perspective, facades, leaves."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from vad.synthetic.layouts import Layout
from vad.synthetic.sprites import Brush, Number, Sprite, rgb


def noise(rng: np.random.Generator, height: int, width: int, *cells: Number) -> Float[np.ndarray, "height width"]:
    """Smooth random texture, standard deviation about 1, summed over grains of `cells` pixels."""
    total = np.zeros((height, width), np.float32)
    for cell in cells:
        total += ndimage.gaussian_filter(rng.standard_normal((height, width), np.float32), cell, mode="wrap") * cell
    return total / max(float(total.std()), 1e-6)


def paint_sky(brush: Brush, rng: np.random.Generator, rows: np.ndarray) -> None:
    """A pale gradient with faint clouds."""
    brush.paint(np.ones_like(rows), rgb(176, 194, 214))
    brush.shade(1.12 - 0.0016 * rows + 0.03 * noise(rng, brush.height, brush.width, 12, 30))


def paint_ground(brush: Brush, rng: np.random.Generator, layout: Layout, rows: np.ndarray, cols: np.ndarray) -> None:
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


def paint_wall(brush: Brush, rng: np.random.Generator, layout: Layout, up: np.ndarray, cols: np.ndarray) -> None:
    """A facade or hedge; `up` is the height above its foot."""
    inside = ((up > 0) & (up < layout.wall)).astype(np.float32)
    brush.paint(inside, layout.wall_colour)
    stains = 1 + 0.07 * noise(rng, brush.height, brush.width, 2, 14) + 0.04 * noise(rng, brush.height, brush.width, 0.6)
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


def crown(rng: np.random.Generator, size: Number) -> Sprite:
    """Leaves of a tree of `size` pixels."""
    brush = Brush(size, size * 1.2)
    rows, cols = np.mgrid[0 : brush.height, 0 : brush.width]
    reach = np.hypot((rows / brush.height - 0.5) * 2, (cols / brush.width - 0.5) * 2)
    leaves = noise(rng, brush.height, brush.width, 0.8, 2.5, 6)
    brush.paint(np.clip((0.85 - reach + 0.16 * leaves) * 6, 0, 1).astype(np.float32), rgb(70, 96, 52))
    brush.shade(np.clip(1 + 0.28 * leaves, 0.4, 1.8).astype(np.float32))
    return brush.sprite()
