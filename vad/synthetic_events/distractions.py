"""Harmless things that draw the eye in `mini_crime`, some of which resemble an event on purpose."""

import math
from collections.abc import Iterator

import numpy as np

from vad.synthetic.people import Pose, figure, stand, stranger, walk
from vad.synthetic.scene import Scene
from vad.synthetic.sprites import Blit, Number, rgb
from vad.synthetic.vehicles import PAINTS, vehicle
from vad.synthetic_events.particles import STEAM, bird, glow, plume, rain
from vad.synthetic_events.shows import Builder, Show, crossing


def _crowd(scene: Scene, rng: np.random.Generator) -> Show:
    """People standing together and talking."""
    x, row = scene.spot(rng)
    size = scene.person(row)
    group = [
        (
            stranger(rng),
            x + rng.uniform(-1.5, 1.5) * size,
            row + rng.uniform(-0.12, 0.12) * size,
            rng.uniform(0, 1),
        )
        for _ in range(int(rng.integers(2, 5)))
    ]

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        for who, at, foot, phase in group:
            yield Blit(foot, figure(who, stand(0.3 * seconds + phase), size, 1 if at < x else -1), at, foot)

    return show


def _bus(scene: Scene, rng: np.random.Generator) -> Show:
    """A bus that rolls in, waits and rolls out."""
    lane = float(rng.choice(scene.lanes))
    size, paint, leftwards = scene.car(lane), int(rng.integers(len(PAINTS))), bool(rng.random() < 0.5)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        eased = 0.5 * min(1.0, progress / 0.3) + 0.5 * max(0.0, (progress - 0.7) / 0.3)
        x = crossing(eased, scene.width, 3.2 * size, leftwards)
        yield Blit(lane, vehicle("bus", paint, size, -1 if leftwards else 1), x, lane + 0.05 * size)

    return show


def _birds(scene: Scene, rng: np.random.Generator) -> Show:
    """A flock over the roofs."""
    flock = rng.uniform(-1, 1, (9, 2)) * (40 * scene.scale, 14 * scene.scale)
    height, leftwards = rng.uniform(25, 60) * scene.scale, bool(rng.random() < 0.5)
    size = max(4, round(8 * scene.scale))

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
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

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        x = crossing((seconds / 2.6) % 1.0, scene.width, size, leftwards)
        yield Blit(scene.height, light, x, row, 0.5)

    return show


def _rain(scene: Scene, rng: np.random.Generator) -> Show:
    """A shower."""

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        strength = min(1.0, 8 * progress, 8 * (1 - progress))
        sheet = rain(int(seconds * 30) * 5 % 12, scene.height, scene.width)
        yield Blit(2.0 * scene.height, sheet, scene.width / 2, scene.height, strength)

    return show


def _steam(scene: Scene, rng: np.random.Generator) -> Show:
    """Steam from a vent in the ground."""
    x, row = scene.spot(rng)
    smoke = plume(rng, x, row, 0.35 * scene.person(row), STEAM, 6)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        return smoke.blits(seconds, 0.5 * min(1.0, 6 * progress, 6 * (1 - progress)), row)

    return show


def _runner(scene: Scene, rng: np.random.Generator) -> Show:
    """A person who hurries to and fro."""
    row = float(rng.choice(scene.paths))
    size, who = scene.person(row), stranger(rng)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        turn = seconds * 2.2 * size / scene.width
        leftwards = int(turn) % 2 == 1
        x = crossing(turn % 1.0, scene.width, size, leftwards)
        yield Blit(row, figure(who, walk(seconds * 1.9, 1.7), size, -1 if leftwards else 1), x, row)

    return show


def _hug(scene: Scene, rng: np.random.Generator) -> Show:
    """Two friends who greet each other at length."""
    x, row = scene.spot(rng)
    size, pair = scene.person(row), (stranger(rng), stranger(rng))

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        gap = 0.16 + 0.1 * math.sin(seconds * 3)
        for side, who in zip((-1, 1), pair, strict=True):
            pose = Pose(lean=0.12, shoulder=(1.2 + 0.2 * math.sin(seconds * 4), 0.9), elbow=(0.5, 0.6))
            yield Blit(row, figure(who, pose, size, -side), x + side * gap * size, row)

    return show


def _errand(scene: Scene, rng: np.random.Generator) -> Show:
    """A person who bends down, ties a shoe, picks things up."""
    x, row = scene.spot(rng)
    size, who = scene.person(row), stranger(rng)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        down = 0.5 + 0.5 * math.sin(seconds * 1.6)
        pose = Pose(crouch=down, shoulder=(0.5 + 0.3 * down, 0.3), elbow=(0.4, 0.3))
        yield Blit(row, figure(who, pose, size), x, row)

    return show


DISTRACTIONS: dict[str, Builder] = {
    "crowd": _crowd, "bus": _bus, "birds": _birds, "headlights": _headlights, "rain": _rain,
    "steam": _steam, "runner": _runner, "hug": _hug, "errand": _errand,
}  # fmt: skip
