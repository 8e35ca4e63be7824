"""Normal life in front of the cameras of `mini_crime`: passers-by, traffic, weather and harmless distractions.

It is drawn without knowing whether the video has an event, and several distractions resemble one on purpose.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from vad.datasets._cast import PAINTS, Person, Pose, VehicleKind, figure, stand, stranger, vehicle, walk
from vad.datasets._particles import STEAM, bird, glow, plume, rain
from vad.datasets._scene import Scene
from vad.datasets._sprites import Blit, rgb

Show = Callable[[float, float], Iterable[Blit]]
"""What is to be seen `seconds` after the beginning, at a part 0..1 of the whole duration."""

Builder = Callable[[Scene, np.random.Generator], Show]

VISIBLE_PEOPLE, VISIBLE_CARS = 1.1, 0.35  # on average at any moment, per path and per lane


@dataclass(frozen=True)
class Scheduled:
    """A show with its frames, on the circle of the video's frames."""

    show: Show
    start: int
    length: int
    n_frames: int
    fps: int

    def blits(self, frame: int) -> Iterable[Blit]:
        """What the show adds to one frame; nothing outside its time."""
        since = (frame - self.start) % self.n_frames
        if since >= self.length:
            return ()
        return self.show(since / self.fps, since / self.length)


@dataclass(frozen=True)
class Passage:
    """Somebody or something that crosses the picture once."""

    row: float
    x: float
    """Column at the first frame of the video."""
    speed: float
    """Pixels per frame, negative to the left."""
    reach: float
    """Half its width in pixels."""
    who: Person | tuple[VehicleKind, int]
    size: int
    pace: float = 1.0

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
        """Draw who passes when, and two to four distractions with their times."""
        self.scene, self.fps = scene, fps
        self.passages = [*_people(scene, rng, n_frames, fps), *_traffic(scene, rng, n_frames, fps)]
        self.sway = rng.uniform(0, 6, len(scene.trees))
        kinds = rng.choice(list(DISTRACTIONS), size=int(rng.integers(2, 5)), replace=False)
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
    row: float,
    speed: float,
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


def crossing(progress: float, width: int, reach: float, leftwards: bool) -> float:
    """Column of something that crosses the whole picture during its show."""
    x = -reach + progress * (width + 2 * reach)
    return width - x if leftwards else x


def _crowd(scene: Scene, rng: np.random.Generator) -> Show:
    """People standing together and talking."""
    x, row = scene.spot(rng)
    size = scene.person(row)
    group = [
        (stranger(rng), x + rng.uniform(-1.1, 1.1) * size, row + rng.uniform(-0.12, 0.12) * size, rng.uniform(0, 1))
        for _ in range(int(rng.integers(3, 7)))
    ]

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        for who, at, foot, phase in group:
            yield Blit(foot, figure(who, stand(0.3 * seconds + phase), size, 1 if at < x else -1), at, foot)

    return show


def _bus(scene: Scene, rng: np.random.Generator) -> Show:
    """A bus that rolls in, waits and rolls out."""
    lane = float(rng.choice(scene.lanes))
    size, paint, leftwards = scene.car(lane), int(rng.integers(len(PAINTS))), bool(rng.random() < 0.5)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        eased = 0.5 * min(1.0, progress / 0.3) + 0.5 * max(0.0, (progress - 0.7) / 0.3)
        x = crossing(eased, scene.width, 3.2 * size, leftwards)
        yield Blit(lane, vehicle("bus", paint, size, -1 if leftwards else 1), x, lane + 0.05 * size)

    return show


def _birds(scene: Scene, rng: np.random.Generator) -> Show:
    """A flock over the roofs."""
    flock = rng.uniform(-1, 1, (9, 2)) * (40 * scene.scale, 14 * scene.scale)
    height, leftwards = rng.uniform(25, 60) * scene.scale, bool(rng.random() < 0.5)
    size = max(4, round(8 * scene.scale))

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        x = crossing((seconds / 4.0) % 1.0, scene.width, 50 * scene.scale, leftwards)
        for i, (dx, dy) in enumerate(flock):
            wing = int(seconds * 9 + i * 1.7) % 4
            yield Blit(0, bird(wing, size), x + dx, height + dy + 3 * math.sin(seconds * 2 + i))

    return show


def _headlights(scene: Scene, rng: np.random.Generator) -> Show:
    """Light that sweeps over the wall and the ground from a car outside the picture."""
    row, leftwards = float(rng.uniform(0.45, 0.75) * scene.height), bool(rng.random() < 0.5)
    size = round(110 * scene.scale)
    light = glow(size, rgb(255, 250, 220))

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        x = crossing((seconds / 2.6) % 1.0, scene.width, size, leftwards)
        yield Blit(scene.height, light, x, row, 0.75)

    return show


def _rain(scene: Scene, rng: np.random.Generator) -> Show:
    """A shower."""

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        strength = min(1.0, 8 * progress, 8 * (1 - progress))
        sheet = rain(int(seconds * 30) * 5 % 12, scene.height, scene.width)
        yield Blit(2.0 * scene.height, sheet, scene.width / 2, scene.height, strength)

    return show


def _steam(scene: Scene, rng: np.random.Generator) -> Show:
    """Steam from a vent in the ground."""
    x, row = scene.spot(rng)
    smoke = plume(rng, x, row, 0.45 * scene.person(row), STEAM, 7)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        return smoke.blits(seconds, 0.6 * min(1.0, 6 * progress, 6 * (1 - progress)), row)

    return show


def _runner(scene: Scene, rng: np.random.Generator) -> Show:
    """Somebody in a hurry, to and fro."""
    row = float(rng.choice(scene.paths))
    size, who = scene.person(row), stranger(rng)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        turn = seconds * 2.2 * size / scene.width
        leftwards = int(turn) % 2 == 1
        x = crossing(turn % 1.0, scene.width, size, leftwards)
        yield Blit(row, figure(who, walk(seconds * 1.9, 1.7), size, -1 if leftwards else 1), x, row)

    return show


def _hug(scene: Scene, rng: np.random.Generator) -> Show:
    """Two friends who greet each other at length."""
    x, row = scene.spot(rng)
    size, pair = scene.person(row), (stranger(rng), stranger(rng))

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        gap = 0.16 + 0.1 * math.sin(seconds * 3)
        for side, who in zip((-1, 1), pair, strict=True):
            pose = Pose(lean=0.12, shoulder=(1.2 + 0.2 * math.sin(seconds * 4), 0.9), elbow=(0.5, 0.6))
            yield Blit(row, figure(who, pose, size, -side), x + side * gap * size, row)

    return show


def _errand(scene: Scene, rng: np.random.Generator) -> Show:
    """Somebody who bends down, ties a shoe, picks things up."""
    x, row = scene.spot(rng)
    size, who = scene.person(row), stranger(rng)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        down = 0.5 + 0.5 * math.sin(seconds * 1.6)
        pose = Pose(crouch=down, shoulder=(0.5 + 0.3 * down, 0.3), elbow=(0.4, 0.3))
        yield Blit(row, figure(who, pose, size), x, row)

    return show


DISTRACTIONS: dict[str, Builder] = {
    "crowd": _crowd, "bus": _bus, "birds": _birds, "headlights": _headlights, "rain": _rain,
    "steam": _steam, "runner": _runner, "hug": _hug, "errand": _errand,
}  # fmt: skip
