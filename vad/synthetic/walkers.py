"""Who is on the walkway of `mini_walk`: pedestrians of both directions, and the anomalies."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vad.synthetic.people import Person, Pose, figure, stand, stranger, walk
from vad.synthetic.rides import HALF_WIDTH, MOMENTS, bag, board, cart, cyclist
from vad.synthetic.sprites import Blit, Number
from vad.synthetic.walkway import SequencePlan

LOOKS = 14
"""Different people of a data set: few, so that their pictures are painted once."""
FAR, NEAR = 44.0, 91.0  # rows of the feet at both edges of the walkway, of 96
SPEED = (0.5, 1.5)  # of pedestrians, in hundredths of the picture's width a frame
CROWD = (1.5, 6.0)  # pedestrians in the picture at a time, on average over a sequence
EDGE = 1.0  # by how many rows of 96 an anomaly is inside the picture at its first and last frame


@dataclass(frozen=True)
class View:
    """The camera: size of the canvas in pixels, and how large people are where."""

    height: int
    width: int

    @property
    def scale(self) -> float:
        """Pixels of the canvas for one row of 96."""
        return self.height / 96

    def person(self, row: Number) -> int:
        """Height in pixels of a person on a row of the canvas, in steps, so that drawn pictures can be reused."""
        tall = (15 + (row / self.scale - FAR) * 0.28) * self.scale
        return max(round(tall / 4) * 4, 4)

    def row(self, rng: np.random.Generator) -> float:
        """A row of the walkway."""
        return float(rng.uniform(FAR, NEAR)) * self.scale


@dataclass(frozen=True)
class Walker:
    """A pedestrian who crosses the picture or stands about (`speed` 0)."""

    person: Person
    row: Number
    x: Number
    """Column at frame 0."""
    speed: Number
    """Pixels a frame, negative to the left."""
    size: int
    phase: Number
    carries: bool

    def blits(self, frame: int, view: View) -> Iterator[Blit]:
        """The picture in one frame, if any of it is to be seen."""
        x = self.x + self.speed * frame
        if not -self.size < x < view.width + self.size:
            return
        facing = 1 if self.speed >= 0 else -1
        pose = walk(self.phase + abs(x) / (0.85 * self.size)) if self.speed else stand(self.phase + frame / 90)
        yield from person_blits(self.person, pose, self.size, facing, x, self.row, self.carries)


def person_blits(
    person: Person, pose: Pose, size: int, facing: int, x: Number, row: Number, carries: bool = False
) -> Iterator[Blit]:
    """A person with or without a bag in the hand."""
    yield Blit(row, figure(person, pose, size, facing), x, row + 0.05 * size)
    if carries:
        yield Blit(row + 0.1, bag(size), x + 0.12 * facing * size, row - 0.2 * size)


def looks(seed: int) -> list[Person]:
    """The people of a data set."""
    rng = np.random.default_rng([seed, 6])
    return [stranger(rng) for _ in range(LOOKS)]


def crowd(view: View, people: list[Person], rng: np.random.Generator, n_frames: int) -> list[Walker]:
    """The pedestrians of one sequence: as many at its start as at its end."""
    walkers = []
    for _ in range(rng.poisson(0.6)):
        row, x = view.row(rng), rng.uniform(0.1, 0.9) * view.width
        walkers += [_stander(people, rng, row, x + gap * view.person(row), view) for gap in (0, 0.45)]
    middle = sum(SPEED) / 2 * view.width / 100
    span = (view.width + 40 * view.scale) / middle
    for _ in range(rng.poisson(rng.uniform(*CROWD) * (n_frames + span) / span)):
        row = view.row(rng)
        size = view.person(row)
        speed = rng.uniform(*SPEED) * view.width / 100 * rng.choice([-1, 1])
        enter = rng.uniform(-(view.width + 2 * size) / abs(speed), n_frames)
        x = (-size if speed > 0 else view.width + size) - speed * enter
        walkers.append(_walker(people, rng, row, x, speed, size))
        if rng.random() < 0.25:
            walkers.append(_walker(people, rng, row + 2 * view.scale, x + 0.4 * size, speed, size))
    return walkers


def _walker(people: list[Person], rng: np.random.Generator, row: Number, x: Number, speed: Number, size: int) -> Walker:
    person = people[rng.integers(len(people))]
    return Walker(person, row, float(x), float(speed), size, float(rng.random()), bool(rng.random() < 0.2))


def _stander(people: list[Person], rng: np.random.Generator, row: Number, x: Number, view: View) -> Walker:
    return _walker(people, rng, row, x, 0.0, view.person(row))


class Anomaly:
    """All passes of a test sequence's anomaly."""

    def __init__(self, sequence: SequencePlan, view: View, people: list[Person], rng: np.random.Generator) -> None:
        """Draw who it is, and where and in which direction each pass goes."""
        self.sequence, self.view = sequence, view
        self.person = people[rng.integers(len(people))]
        self.rows = [view.row(rng) for _ in sequence.starts]
        self.facing = [int(rng.choice([-1, 1])) for _ in sequence.starts]
        self.spot = (rng.uniform(0.3, 0.7) * view.width, rng.uniform(-0.15, 0.15) * view.width / 100)

    def blits(self, frame: int) -> list[Blit]:
        """What is anomalous in one frame; empty outside the passes."""
        blits = []
        for which, start in enumerate(self.sequence.starts):
            moment = (frame - start) % self.sequence.n_frames
            if moment < self.sequence.pass_frames:
                blits += self._pass(frame, moment, which)
        return blits

    def bystander(self, frame: int) -> list[Blit]:
        """The one who will throw the bag, as a normal person with a bag outside the passes."""
        if self.sequence.kind != "thrown_bag" or self.blits(frame):
            return []
        return list(self._thrower(frame, True))

    def _thrower(self, frame: int, carries: bool, arms: Number = 0.1) -> Iterator[Blit]:
        row, (x, speed) = self.rows[0], self.spot
        size, x = self.view.person(row), x + speed * (frame - self.sequence.n_frames / 2)
        pose = walk(x / (0.85 * size), 0.5)._replace(shoulder=(arms, arms))
        yield from person_blits(self.person, pose, size, self.facing[0], x, row, carries)

    def _pass(self, frame: int, moment: int, which: int) -> Iterator[Blit]:
        kind, row, facing = self.sequence.kind, self.rows[which], self.facing[which]
        if kind == "thrown_bag":
            yield from self._thrower(frame, False, arms=2.4)
            yield from self._flying(frame, moment)
            return
        size, width = self.view.person(row), self.view.width
        reach = HALF_WIDTH[kind] * size - EDGE * self.view.scale
        x = -reach + moment * (width + 2 * reach) / max(self.sequence.pass_frames - 1, 1)
        speed = (width + 2 * reach) / max(self.sequence.pass_frames - 1, 1)
        x = x if facing > 0 else width - x
        yield from _RIDES[kind](self.person, moment * speed / size, size, facing, x, row)

    def _flying(self, frame: int, moment: int) -> Iterator[Blit]:
        """The bag goes up and comes down again, about as fast as in life at ten frames a second."""
        row, (x, speed) = self.rows[0], self.spot
        size = self.view.person(row)
        x = x + speed * (frame - self.sequence.n_frames / 2)
        flight = moment % 12 / 12
        rise, drift = 4 * flight * (1 - flight), 0.5 * math.sin(2 * math.pi * moment / 24)
        yield Blit(row + 0.2, bag(size), x + drift * size, row - (0.75 + 0.9 * rise) * size)


def _cyclist(person: Person, way: Number, size: int, facing: int, x: Number, row: Number) -> Iterator[Blit]:
    yield Blit(row, cyclist(person, int(way * 0.6 * MOMENTS) % MOMENTS, size, facing), x, row + 0.04 * size)


def _runner(person: Person, way: Number, size: int, facing: int, x: Number, row: Number) -> Iterator[Blit]:
    yield from person_blits(person, walk(way / 1.5, 1.7), size, facing, x, row)


def _skater(person: Person, way: Number, size: int, facing: int, x: Number, row: Number) -> Iterator[Blit]:
    push = max(math.sin(2 * math.pi * way / 4), 0)
    pose = Pose(lean=0.25, hip=(0.35, -0.2 - 0.6 * push), knee=(-0.5, 0.0), shoulder=(0.7, -0.7), crouch=0.2)
    yield Blit(row - 0.1, board(size), x, row + 0.06 * size)
    yield from person_blits(person, pose, size, facing, x, row - 0.06 * size)


def _cart(person: Person, way: Number, size: int, facing: int, x: Number, row: Number) -> Iterator[Blit]:
    yield Blit(row, cart(person, size, facing), x, row + 0.05 * size)


_RIDES = {"cyclist": _cyclist, "runner": _runner, "skater": _skater, "cart": _cart}
