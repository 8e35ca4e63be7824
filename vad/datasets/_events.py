"""Events of `mini_crime` with things: fire, wrecks, broken windows, paint, loot; and the table of all 13 classes."""

import math
from collections.abc import Iterator

import numpy as np

from vad.datasets._cast import CLOTHES, PAINTS, Pose, stand, stranger, vehicle, walk
from vad.datasets._life import Builder, Show
from vad.datasets._particles import (
    FLAME_MOMENTS,
    SMOKE,
    broken_glass,
    flame,
    flash,
    glow,
    plume,
    scribble,
    splinter,
)
from vad.datasets._scene import Rect, Scene
from vad.datasets._sprites import Blit, Brush, Sprite, rgb
from vad.datasets._violence import (
    abuse,
    acting,
    approach,
    arrest,
    assault,
    blow,
    bundle,
    fighting,
    robbery,
    shooting,
    swell,
)


def arson(scene: Scene, rng: np.random.Generator) -> Show:
    """Flames that grow along the foot of the wall, with dark smoke; one person runs away."""
    place = _pick(rng, (*scene.doors, *scene.windows))
    x, row = (place.left + place.right) / 2, scene.paths[0]
    size, who = scene.person(row), stranger(rng, dark=True)
    fires = [(x + rng.uniform(-1.2, 1.2) * size, rng.uniform(0.7, 1.3), rng.integers(FLAME_MOMENTS)) for _ in range(5)]
    smoke = plume(rng, x, place.bottom - 0.6 * size, 0.8 * size, SMOKE, 9)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        heat = swell(progress, 0.25) ** 0.7
        for at, tall, shift in fires:
            reach = 4 * round(1.5 * size * tall * heat / 4)
            if reach >= 8:
                moment = int(seconds * 14 + shift) % FLAME_MOMENTS
                yield Blit(row - 1, flame(moment, reach), at, place.bottom + 0.15 * size)
        yield from smoke.blits(seconds, heat, row - 0.5)
        flight = x + min(1.0, 3 * progress) * scene.width * (1 if x < scene.width / 2 else -1)
        yield acting(who, walk(seconds * 2, 1.8), size, 1 if flight > x else -1, flight, row)

    return show


def explosion(scene: Scene, rng: np.random.Generator) -> Show:
    """A flash, a ball of fire, flying debris and a tall column of smoke."""
    x, row = scene.spot(rng, 0.2)
    size = scene.person(row)
    smoke = plume(rng, x, row, 1.1 * size, SMOKE, 12)
    debris = _debris(rng, 40)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        if seconds < 0.25:
            yield Blit(row + 1, flash(int(seconds * 20) % 4, 4 * (3 * size // 4)), x, row + size)
        ball = math.exp(-1.2 * seconds)
        reach = 4 * round(2.4 * size * ball / 4)
        if reach >= 8:
            for i in range(3):
                tongue = flame(int(seconds * 16 + 4 * i) % FLAME_MOMENTS, reach)
                yield Blit(row + 2, tongue, x + (i - 1) * 0.35 * reach, row + 0.1 * size)
        yield from _flying(debris, seconds, x, row, size, progress)
        yield from smoke.blits(seconds, min(1.0, 4 * seconds) * min(1.0, (1 - progress) / 0.15), row + 3)

    return show


def road_accident(scene: Scene, rng: np.random.Generator) -> Show:
    """Two cars collide, turn out of the lane and smoke; people gather."""
    lane = float(rng.choice(scene.lanes))
    x, size = float(rng.uniform(0.3, 0.7) * scene.width), scene.car(lane)
    paints, tilts = rng.integers(len(PAINTS), size=2), rng.integers(2, 6, 2) * 6
    smoke = plume(rng, x, lane - 0.6 * size, 0.9 * size, SMOKE, 8)
    debris = _debris(rng, 26)
    crowd = [(stranger(rng), x + rng.uniform(-4, 4) * size) for _ in range(3)]

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        crash, fade = min(1.0, progress / 0.12), min(1.0, (1 - progress) / 0.06)
        for side, paint, tilt in zip((-1, 1), paints, tilts, strict=True):
            skid = 1.15 - 0.25 * min(1.0, max(0.0, (progress - 0.12) / 0.05))
            at = x + side * (size * skid + (1 - crash) * (0.6 * scene.width))
            turn = -side * int(tilt) if crash >= 1 else 0
            body = vehicle("car", int(paint), size, 1, 0) if not turn else vehicle("car", int(paint), size, 1, turn)
            yield Blit(lane + (side + 1) * 0.1, body, at, lane + 0.05 * size + (0.4 * size if turn else 0), fade)
        if crash >= 1:
            since = max(0.0, seconds * (progress - 0.12) / max(progress, 1e-6))
            yield from _flying(debris, since, x, lane, size, progress)
            yield from smoke.blits(seconds, 0.9 * swell(progress, 0.2), lane + 1)
            for who, at in crowd:
                row = lane + 0.35 * size
                near = approach(progress, at, -size if at < x else scene.width + size, 0.3)
                yield acting(who, stand(seconds * 0.7 + at), scene.person(row), 1 if at < x else -1, near, row)

    return show


def burglary(scene: Scene, rng: np.random.Generator) -> Show:
    """A broken window, an open door, a torch that searches inside, and somebody who climbs."""
    window, door = _pick(rng, scene.windows), _pick(rng, scene.doors)
    hole, dark = broken_glass(rng, window), _dark(door)
    row = scene.paths[0]
    size, who = scene.person(row), stranger(rng, dark=True)
    torch = glow(4 * max(2, round((window.right - window.left) / 5)), rgb(255, 250, 200))
    x, shards = (window.left + window.right) / 2, _debris(rng, 16)
    rates = rng.uniform(2, 4, 2)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        seen = swell(progress, 0.06)
        yield Blit(1, hole, x, window.bottom, seen)
        yield Blit(1, dark, (door.left + door.right) / 2, door.bottom, seen)
        for i, place in enumerate((window, door)):
            at = (place.left + place.right) / 2 + 0.4 * (place.right - place.left) * math.sin(seconds * rates[i])
            yield Blit(2, torch, at, (place.top + place.bottom) / 2 + 4 * math.sin(seconds * 5), 0.9 * seen)
        yield from _flying(shards, seconds, x, window.bottom, 0.6 * size, progress)
        near = approach(progress, x, -size if x < scene.width / 2 else scene.width + size)
        reach = 0.5 + 0.5 * math.sin(seconds * 3)
        pose = Pose(lean=0.3, hip=(1.2 * reach, -0.2), knee=(-1.0 * reach, 0), shoulder=(2.2, 1.6 + reach), elbow=(0.2, 0.2))
        yield acting(who, pose if swell(progress, 0.14) >= 1 else walk(seconds * 2, 1.7), size, 1, near, row)

    return show


def vandalism(scene: Scene, rng: np.random.Generator) -> Show:
    """Two people spray a wall, smash what is near, and throw things."""
    place = _pick(rng, (*scene.windows, *scene.doors))
    row = scene.paths[0]
    size = scene.person(row)
    x = float(np.clip((place.left + place.right) / 2 + rng.uniform(-1, 1) * size, size, scene.width - size))
    wall = Rect(x - 1.3 * size, place.bottom - 1.1 * size, x + 1.3 * size, place.bottom + 0.1 * size)
    colour = (rgb(220, 30, 60), rgb(20, 20, 24), rgb(240, 240, 240), rgb(30, 60, 200))[int(rng.integers(4))]
    stages, shards = scribble(rng, wall, 5, colour), _debris(rng, 18)
    pair = (stranger(rng), stranger(rng))

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        stage = stages[min(len(stages) - 1, int(1.6 * progress * len(stages)))]
        yield Blit(1, stage, x, wall.bottom, min(1.0, (1 - progress) / 0.05))
        yield from _flying(shards, seconds % 2.5, x, place.bottom, 0.6 * size, progress)
        for side, who in zip((-1, 1), pair, strict=True):
            home = x + side * 0.9 * size
            near = approach(progress, home, home + side * 3 * size)
            busy = swell(progress, 0.14) >= 1
            yield acting(who, blow(seconds, 1.7, 0.4 * side) if busy else walk(seconds * 2, 1.6), size, -side, near, row)

    return show


def shoplifting(scene: Scene, rng: np.random.Generator) -> Show:
    """A display is emptied by somebody who reaches, looks round and stoops."""
    place = _pick(rng, scene.windows)
    row = scene.paths[0]
    size, who, x = scene.person(row), stranger(rng), (place.left + place.right) / 2
    stock = [_shelf(np.random.default_rng(int(rng.integers(99))), place, left) for left in (1.0, 0.75, 0.5, 0.25)]
    bag = bundle(size)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        yield Blit(1, stock[int(3.99 * progress)], x, place.bottom, swell(progress, 0.05))
        reach = 0.5 + 0.5 * math.sin(seconds * 4)
        pose = Pose(lean=0.2 * reach, crouch=0.5 * (1 - reach), shoulder=(2.0 * reach, 0.4), elbow=(0.2, 1.0 - reach))
        near = approach(progress, x - 0.3 * size, -size if x < scene.width / 2 else scene.width + size)
        yield acting(who, pose if swell(progress, 0.14) >= 1 else walk(seconds, 1.0), size, 1, near, row)
        yield Blit(row, bag, near - 0.25 * size, row - 0.1 * size)

    return show


def stealing(scene: Scene, rng: np.random.Generator) -> Show:
    """A van stops; people carry bundles to it from an open door."""
    door, lane = _pick(rng, scene.doors), min(scene.lanes)
    x, size, paint = (door.left + door.right) / 2, scene.car(lane), int(rng.integers(len(PAINTS)))
    parking = float(np.clip(x + rng.uniform(-2, 2) * size, 2 * size, scene.width - 2 * size))
    crew, dark = [stranger(rng, dark=True) for _ in range(3)], _dark(door)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
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


def _pick(rng: np.random.Generator, places: tuple[Rect, ...]) -> Rect:
    """One of several places."""
    return places[int(rng.integers(len(places)))]


def _dark(place: Rect) -> Sprite:
    """An open door: nothing but darkness, with a light edge."""
    brush = Brush(place.bottom - place.top, place.right - place.left)
    brush.box(0, 0, brush.width, brush.height, rgb(10, 10, 12))
    brush.box(0, 0, 3, brush.height, rgb(150, 110, 80))
    return brush.sprite()


def _shelf(rng: np.random.Generator, place: Rect, left: float) -> Sprite:
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


def _debris(rng: np.random.Generator, count: int) -> list[tuple[float, float, int, float]]:
    """Fragments: sideways and upward speed (sizes a second), picture, size."""
    return [
        (rng.normal(0, 1.6), rng.uniform(1.5, 4.5), int(rng.integers(9)), rng.uniform(0.08, 0.2)) for _ in range(count)
    ]


def _flying(
    debris: list[tuple[float, float, int, float]], seconds: float, x: float, row: float, size: float, progress: float
) -> Iterator[Blit]:
    """Fragments in the air, then on the ground until the event fades."""
    fade = min(1.0, (1 - progress) / 0.08)
    for across, up, variant, large in debris:
        flight = min(seconds, up / 4.0)
        height = up * flight - 4.0 * flight * flight
        sprite = splinter(variant, 2 * max(1, round(large * size / 2)))
        yield Blit(row + 0.5, sprite, x + across * flight * size, row - height * size, fade)


EVENTS: dict[str, Builder] = {
    "Abuse": abuse, "Arrest": arrest, "Arson": arson, "Assault": assault, "Burglary": burglary,
    "Explosion": explosion, "Fighting": fighting, "RoadAccidents": road_accident, "Robbery": robbery,
    "Shooting": shooting, "Shoplifting": shoplifting, "Stealing": stealing, "Vandalism": vandalism,
}  # fmt: skip
