"""Normal life in front of the cameras of `mini_crime`: passers-by, traffic, weather and harmless distractions.

It is drawn without knowing whether the video has an event, and several distractions resemble one on purpose.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vad.synthetic.people import Person, figure, stranger, walk
from vad.synthetic.scene import Scene
from vad.synthetic.sprites import Blit, Number
from vad.synthetic.vehicles import PAINTS, VehicleKind, vehicle
from vad.synthetic_events.distractions import DISTRACTIONS
from vad.synthetic_events.shows import Scheduled

VISIBLE_PEOPLE, VISIBLE_CARS = 0.5, 0.22  # on average at any moment, per path and per lane


@dataclass(frozen=True)
class Passage:
    """A person or vehicle that crosses the picture once."""

    row: Number
    x: Number
    """Column at the first frame of the video."""
    speed: Number
    """Pixels per frame, negative to the left."""
    reach: Number
    """Half its width in pixels."""
    who: Person | tuple[VehicleKind, int]
    size: int
    pace: Number = 1.0

    def blits(self, frame: int, width: int) -> Iterator[Blit]:
        """Its picture, while it is inside the frame."""
        x = self.x + self.speed * frame
        if not -self.reach < x < width + self.reach:
            return
        facing = 1 if self.speed > 0 else -1
        if isinstance(self.who, Person):
            sprite = figure(self.who, walk(abs(x) / (0.85 * self.size * self.pace), self.pace), self.size, facing)
        else:
            sprite = vehicle(self.who[0], self.who[1], self.size, facing)
        yield Blit(self.row, sprite, x, self.row + 0.05 * self.size)


class Life:
    """All normal things of one video."""

    def __init__(self, scene: Scene, rng: np.random.Generator, n_frames: int, fps: int) -> None:
        """Draw who passes when, and two or three distractions with their times."""
        self.scene, self.fps = scene, fps
        self.passages = [*_people(scene, rng, n_frames, fps), *_traffic(scene, rng, n_frames, fps)]
        self.sway = rng.uniform(0, 6, len(scene.trees))
        kinds = rng.choice(list(DISTRACTIONS), size=int(rng.integers(2, 4)), replace=False)
        self.distractions = [
            Scheduled(
                DISTRACTIONS[kind](scene, rng), int(rng.integers(n_frames)),
                max(1, int(rng.uniform(0.2, 0.5) * n_frames)), n_frames, fps,
            )
            for kind in kinds
        ]  # fmt: skip

    def blits(self, frame: int) -> Iterator[Blit]:
        """Everything normal in one frame, in no order."""
        seconds = frame / self.fps
        for tree, phase in zip(self.scene.trees, self.sway, strict=True):
            wind = 1.6 * self.scene.scale * math.sin(1.7 * seconds + phase)
            yield Blit(tree.depth, tree.sprite, tree.x + wind, tree.y)
        for passage in self.passages:
            yield from passage.blits(frame, self.scene.width)
        for distraction in self.distractions:
            yield from distraction.blits(frame)


def _people(scene: Scene, rng: np.random.Generator, n_frames: int, fps: int) -> Iterator[Passage]:
    """Passers-by on every path, arriving at random."""
    for path in scene.paths:
        row = path
        size = scene.person(row)
        speed = 0.85 * size / fps
        duration = scene.width / speed
        for _ in range(rng.poisson(VISIBLE_PEOPLE * (n_frames + duration) / duration)):
            own = speed * rng.uniform(0.75, 1.3)
            yield _passage(rng, row + rng.uniform(-5, 5) * scene.scale, own, n_frames, scene, stranger(rng), size)


def _traffic(scene: Scene, rng: np.random.Generator, n_frames: int, fps: int) -> Iterator[Passage]:
    """Cars and vans on every lane."""
    for lane in scene.lanes:
        size = scene.car(lane)
        speed = 3.6 * size / fps
        duration = scene.width / speed
        for _ in range(rng.poisson(VISIBLE_CARS * (n_frames + duration) / duration)):
            kind: VehicleKind = "van" if rng.random() < 0.25 else "car"
            who = (kind, int(rng.integers(len(PAINTS))))
            yield _passage(rng, lane, speed * rng.uniform(0.7, 1.4), n_frames, scene, who, size)


def _passage(
    rng: np.random.Generator,
    row: Number,
    speed: Number,
    n_frames: int,
    scene: Scene,
    who: Person | tuple[VehicleKind, int],
    size: int,
) -> Passage:
    """One crossing, entering from a random side at a random time from before the first frame to the last."""
    reach = 1.6 * size if isinstance(who, tuple) else 0.8 * size
    enter = rng.uniform(-(scene.width + 2 * reach) / speed, n_frames)
    if rng.random() < 0.5:
        return Passage(row, -reach - speed * enter, speed, reach, who, size)
    return Passage(row, scene.width + reach + speed * enter, -speed, reach, who, size)
