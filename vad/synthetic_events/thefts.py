"""Events of `mini_crime` at doors and windows: burglary, vandalism, shoplifting, stealing.

Each builder draws its place and cast once and returns a show; see `vad.synthetic_events.shows.Show`.
"""

import math
from collections.abc import Iterator

import numpy as np

from vad.synthetic.people import CLOTHES, Pose, stranger, walk
from vad.synthetic.scene import Rect, Scene
from vad.synthetic.sprites import Blit, Brush, Number, Sprite, rgb
from vad.synthetic.vehicles import PAINTS, vehicle
from vad.synthetic_events.particles import DUST, broken_glass, debris_field, flash, flying, glow, plume, scribble
from vad.synthetic_events.shows import Show, acting, approach, swell
from vad.synthetic_events.violence import blow


def burglary(scene: Scene, rng: np.random.Generator) -> Show:
    """A broken window, an open door, a torch that searches inside, and a person who climbs."""
    window, door = scene.pick(rng, scene.windows), scene.pick(rng, scene.doors)
    hole, dark = broken_glass(rng, window), _dark(door)
    row = scene.paths[0]
    size, who = scene.person(row), stranger(rng, dark=True)
    torch = glow(4 * max(2, round((window.right - window.left) / 3)), rgb(255, 250, 200))
    x, shards = (window.left + window.right) / 2, debris_field(rng, 30)
    rates = rng.uniform(2, 4, 2)
    alarm = flash(0, 4 * max(2, size // 6))

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The broken window, the dark door, the torch and the climber."""
        seen = swell(progress, 0.06)
        yield Blit(1, hole, x, window.bottom, seen)
        yield Blit(1, dark, (door.left + door.right) / 2, door.bottom, seen)
        for i, place in enumerate((window, door)):
            at = (place.left + place.right) / 2 + 0.4 * (place.right - place.left) * math.sin(seconds * rates[i])
            yield Blit(2, torch, at, (place.top + place.bottom) / 2 + 4 * math.sin(seconds * 5), 0.9 * seen)
        if int(seconds * 6) % 2:
            yield Blit(2, alarm, x, window.top, seen)
        yield from flying(shards, seconds % 3.0, x, window.bottom, 0.9 * size, progress)
        near = approach(progress, x, -size if x < scene.width / 2 else scene.width + size)
        reach = 0.5 + 0.5 * math.sin(seconds * 3)
        pose = Pose(
            lean=0.3,
            hip=(1.2 * reach, -0.2),
            knee=(-1.0 * reach, 0),
            shoulder=(2.2, 1.6 + reach),
            elbow=(0.2, 0.2),
        )
        yield acting(who, pose if swell(progress, 0.14) >= 1 else walk(seconds * 2, 1.7), size, 1, near, row)

    return show


def vandalism(scene: Scene, rng: np.random.Generator) -> Show:
    """Two people spray a wall, smash what is near, and throw things."""
    place = scene.pick(rng, (*scene.windows, *scene.doors))
    row = scene.paths[0]
    size = scene.person(row)
    x = float(np.clip((place.left + place.right) / 2 + rng.uniform(-1, 1) * size, size, scene.width - size))
    wall = Rect(x - 2.2 * size, place.bottom - 1.6 * size, x + 2.2 * size, place.bottom + 0.1 * size)
    colour = (rgb(220, 30, 60), rgb(20, 20, 24), rgb(240, 240, 240), rgb(30, 60, 200))[int(rng.integers(4))]
    stages, shards = scribble(rng, wall, 9, colour), debris_field(rng, 30)
    pair = (stranger(rng), stranger(rng))
    mist = plume(rng, x, place.bottom, 0.6 * size, DUST, 6)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The paint on the wall, debris, and the two people."""
        stage = stages[min(len(stages) - 1, int(1.6 * progress * len(stages)))]
        yield Blit(1, stage, x, wall.bottom, min(1.0, (1 - progress) / 0.05))
        yield from mist.blits(seconds, 0.6 * swell(progress, 0.2), row + 2)
        yield from flying(shards, seconds % 2.5, x, place.bottom, 0.9 * size, progress)
        for side, who in zip((-1, 1), pair, strict=True):
            home = x + side * 0.9 * size
            near = approach(progress, home, home + side * 3 * size)
            busy = swell(progress, 0.14) >= 1
            yield acting(
                who,
                blow(seconds, 1.7, 0.4 * side) if busy else walk(seconds * 2, 1.6),
                size,
                -side,
                near,
                row,
            )

    return show


def shoplifting(scene: Scene, rng: np.random.Generator) -> Show:
    """A person empties a display: reaches, looks round and stoops."""
    window = scene.pick(rng, scene.windows)
    wider = 0.4 * (window.right - window.left)
    place = Rect(window.left - wider, window.top - wider, window.right + wider, window.bottom + wider)
    row = scene.paths[0]
    size, who, x = scene.person(row), stranger(rng), (place.left + place.right) / 2
    goods = int(rng.integers(99))
    stock = [_shelf(np.random.default_rng(goods), place, left) for left in (1.0, 0.75, 0.5, 0.25)]
    bag = bundle(size)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """What is left in the display, and the person with the bag."""
        yield Blit(1, stock[int(3.99 * progress)], x, place.bottom, swell(progress, 0.05))
        reach = 0.5 + 0.5 * math.sin(seconds * 4)
        pose = Pose(lean=0.2 * reach, crouch=0.5 * (1 - reach), shoulder=(2.0 * reach, 0.4), elbow=(0.2, 1.0 - reach))
        near = approach(progress, x - 0.3 * size, -size if x < scene.width / 2 else scene.width + size)
        yield acting(who, pose if swell(progress, 0.14) >= 1 else walk(seconds, 1.0), size, 1, near, row)
        yield Blit(row, bag, near - 0.25 * size, row - 0.1 * size)

    return show


def stealing(scene: Scene, rng: np.random.Generator) -> Show:
    """A van stops; people carry bundles to it from an open door."""
    door, lane = scene.pick(rng, scene.doors), min(scene.lanes)
    x, size, paint = (door.left + door.right) / 2, scene.car(lane), int(rng.integers(len(PAINTS)))
    parking = float(np.clip(x + rng.uniform(-2, 2) * size, 2 * size, scene.width - 2 * size))
    crew, dark = [stranger(rng, dark=True) for _ in range(3)], _dark(door)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The van, the open door, and people on their way between them."""
        at = approach(progress, parking, -2.0 * size if parking < scene.width / 2 else scene.width + 2.0 * size)
        yield Blit(lane, vehicle("van", paint, size, 1), at, lane + 0.05 * size)
        if swell(progress, 0.14) < 1:
            return
        yield Blit(1, dark, x, door.bottom)
        for i, who in enumerate(crew):
            turn = (0.4 * seconds + i / 3) % 1.0
            way = 2 * turn if turn < 0.5 else 2 - 2 * turn
            row = door.bottom + 4 + (lane - 0.1 * size - door.bottom - 4) * way
            tall, column = scene.person(row), x + (parking - x) * way
            yield acting(who, walk(seconds * 1.6 + i / 3, 1.2), tall, 1 if turn < 0.5 else -1, column, row)
            if turn < 0.5:
                yield Blit(row + 0.1, bundle(4 * round(1.6 * tall / 4)), column, row - 0.35 * tall)

    return show


def _dark(place: Rect) -> Sprite:
    """An open door: nothing but darkness, with a light edge."""
    brush = Brush(place.bottom - place.top, place.right - place.left)
    brush.box(0, 0, brush.width, brush.height, rgb(10, 10, 12))
    brush.box(0, 0, 3, brush.height, rgb(150, 110, 80))
    return brush.sprite()


def _shelf(rng: np.random.Generator, place: Rect, left: Number) -> Sprite:
    """Goods behind glass, of which the part `left` is still there."""
    brush = Brush(place.bottom - place.top, place.right - place.left)
    brush.box(0, 0, brush.width, brush.height, rgb(40, 38, 36))
    wide, high = brush.width / 6, brush.height / 4
    for i in range(24):
        colour = CLOTHES[int(rng.integers(len(CLOTHES)))]
        if rng.random() < left:
            column, line = (i % 6) * wide, (i // 6) * high
            brush.box(column + 1, line + 1.5, column + wide - 1, line + high - 1, colour)
    return brush.sprite()


def bundle(size: Number) -> Sprite:
    """A stuffed bag or box to carry."""
    brush = Brush(0.3 * size, 0.34 * size)
    brush.box(1, 2, brush.width - 1, brush.height - 1, CLOTHES[8], corner=2)
    brush.capsule((3, brush.height / 2), (brush.width - 3, brush.height / 2), 0.8, rgb(220, 210, 190))
    return brush.sprite()
