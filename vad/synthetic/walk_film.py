"""From plan to pictures: draws every frame and every pixel mask of a `mini_walk` sequence, in UCSD's file layout.

Frames are drawn at twice their size and averaged, so that a slow walker moves by parts of a pixel.
"""

import math
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from scipy import ndimage

from vad.errors import storage_errors
from vad.synthetic.sprites import OPAQUE, Blit, Brush, Canvas, rgb
from vad.synthetic.surfaces import crown, noise
from vad.synthetic.walkers import FAR, Anomaly, View, crowd, looks
from vad.synthetic.walkway import NORMAL, SequencePlan
from vad.synthetic.workers import spread

FINER = 2
"""Pixels of the canvas per pixel of the picture, in each direction."""
SENSOR_NOISE = 3.0  # standard deviation in grey levels
DARK, LIGHT = 16, 235  # what the canvas calls black and white


class Frame(NamedTuple):
    """One frame, and where something anomalous is in it."""

    picture: UInt8[np.ndarray, "height width"]
    mask: Bool[np.ndarray, "height width"]


def draw_all(sequences: list[SequencePlan], root: Path, size: tuple[int, int], seed: int, workers: int) -> None:
    """Write every sequence below `root`, the longest first, in `workers` processes; size is (height, width)."""
    spread(
        partial(draw, root=root, size=size, seed=seed),
        sorted(sequences, key=lambda sequence: -sequence.n_frames),
        workers,
    )


def draw(sequence: SequencePlan, root: Path, size: tuple[int, int], seed: int) -> None:
    """Write the frames of one sequence as `001.png` ..., and for a test sequence its masks below `<sequence>_gt`."""
    folder = root / sequence.folder
    masks = folder.with_name(f"{sequence.name}_gt")
    with storage_errors(folder):
        for place in (folder, masks) if sequence.split == "test" else (folder,):
            place.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames(sequence, size, seed), 1):
            # Fast compression: noise hardly shrinks.
            Image.fromarray(frame.picture).save(folder / f"{number:03d}.png", compress_level=1)
            if sequence.split == "test":
                Image.fromarray(frame.mask).save(masks / f"{number:03d}.png")


def frames(sequence: SequencePlan, size: tuple[int, int], seed: int) -> Iterator[Frame]:
    """All frames of a sequence in turn.

    Args:
        sequence: what to show.
        size: height and width in pixels.
        seed: of the data set; all its sequences share the camera and the people.
    """
    view = View(size[0] * FINER, size[1] * FINER)
    ground, people = background(seed, view), looks(seed)
    # Normal life and camera have their own random numbers: an anomaly changes nothing in them.
    walkers = crowd(view, people, np.random.default_rng([*sequence.entropy, 0]), sequence.n_frames)
    sensor = Sensor(np.random.default_rng([*sequence.entropy, 1]), size)
    anomaly = Anomaly(sequence, view, people, np.random.default_rng([*sequence.entropy, 2]))
    canvas = Canvas(view.height, view.width)
    for frame in range(sequence.n_frames):
        canvas.luma[...] = ground
        odd = [] if sequence.kind == NORMAL else anomaly.blits(frame)
        normal = [blit for walker in walkers for blit in walker.blits(frame, view)]
        normal += [] if sequence.kind == NORMAL else anomaly.bystander(frame)
        for blit in sorted([*normal, *odd], key=lambda blit: blit.depth):
            canvas.blit(blit)
        yield Frame(sensor.expose(canvas.luma, frame), _mask(odd, view))


class Sensor:
    """What the camera adds: slow changes of light, and noise."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        """Draw the light of the sequence."""
        self.rng, self.size = rng, size
        self.light = rng.uniform(0.9, 1.06)
        self.drift = (rng.uniform(0.01, 0.05), rng.uniform(60, 300), rng.uniform(0, 2 * math.pi))

    def expose(self, canvas: UInt8[np.ndarray, "rows cols"], frame: int) -> UInt8[np.ndarray, "height width"]:
        """One picture from the canvas."""
        height, width = self.size
        small = canvas.reshape(height, FINER, width, FINER).mean((1, 3), dtype=np.float32)
        depth, period, phase = self.drift
        gain = self.light * (1 + depth * math.sin(2 * math.pi * frame / period + phase)) * 255 / (LIGHT - DARK)
        small = (small - DARK) * np.float32(gain)
        small += np.float32(SENSOR_NOISE) * self.rng.standard_normal(self.size, np.float32)
        return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def _mask(blits: list[Blit], view: View) -> Bool[np.ndarray, "height width"]:
    """Pixels of the picture that a blit covers by half at least; shadows are thinner. Nothing hides it."""
    mask = np.zeros((view.height, view.width), bool)
    for blit in blits:
        sprite = blit.sprite
        left, top = round(blit.x - sprite.width / 2), round(blit.y - sprite.height)
        y0, y1 = max(0, -top), min(sprite.height, view.height - top)
        x0, x1 = max(0, -left), min(sprite.width, view.width - left)
        if y0 < y1 and x0 < x1:
            mask[top + y0 : top + y1, left + x0 : left + x1] |= sprite.opacity[y0:y1, x0:x1] >= OPAQUE // 2
    blocks = mask.reshape(view.height // FINER, FINER, view.width // FINER, FINER)
    return np.asarray(blocks.any((1, 3)))


@lru_cache(maxsize=2)
def background(seed: int, view: View) -> UInt8[np.ndarray, "rows cols"]:
    """The luma of the empty walkway: grass and trees behind it, slabs in perspective, grain."""
    rng = np.random.default_rng([seed, 7])
    rows, cols = np.mgrid[0 : view.height, 0 : view.width].astype(np.float32)
    edge = (FAR - 4) * view.scale
    brush = Brush(view.height, view.width)
    brush.paint(np.ones_like(rows), rgb(94, 116, 70))
    path = np.clip(rows - edge - 1.5 * view.scale * noise(rng, 1, view.width, 9 * view.scale), 0, 1)
    brush.paint(path.astype(np.float32), rgb(158, 154, 146))
    brush.shade((1 + _slabs(view, rows, cols, edge) * path + _grain(rng, view, path)).astype(np.float32))
    canvas = Canvas(view.height, view.width)
    canvas.luma[...] = np.clip(brush.sheet[0], DARK, LIGHT)
    for x in rng.uniform(0, view.width, 5):
        tree = crown(rng, float(rng.uniform(20, 34)) * view.scale)
        canvas.blit(Blit(0, tree, float(x), edge - float(rng.uniform(1, 12)) * view.scale))
    return canvas.luma.copy()


def _slabs(view: View, rows: np.ndarray, cols: np.ndarray, edge: float) -> Float[np.ndarray, "rows cols"]:
    """Dark seams between the slabs, narrower farther away."""
    below = np.maximum(rows / view.scale + 30, 1)
    depth, side = 9000 / below, (cols - view.width / 2) / view.scale * 90 / below
    seam = (depth % 14 < 1.6) | (side % 16 < 1.2)
    return -0.22 * ndimage.gaussian_filter((seam & (rows > edge)).astype(np.float32), 0.6)


def _grain(rng: np.random.Generator, view: View, path: np.ndarray) -> Float[np.ndarray, "rows cols"]:
    """Fine and coarse texture, stronger on grass."""
    fine = noise(rng, view.height, view.width, 0.8 * view.scale, 2.5 * view.scale)
    coarse = noise(rng, view.height, view.width, 14 * view.scale)
    return (0.16 - 0.11 * path) * fine + 0.06 * coarse
