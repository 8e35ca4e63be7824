"""Events of `mini_crime` that leave smoke and splinters: arson, explosions, road accidents.

Each builder draws its place and cast once and returns a show; see `vad.synthetic_events.shows.Show`.
"""

import math
from collections.abc import Iterator

import numpy as np

from vad.synthetic.people import stand, stranger, walk
from vad.synthetic.scene import Scene
from vad.synthetic.sprites import Blit, Number
from vad.synthetic.vehicles import PAINTS, vehicle
from vad.synthetic_events.particles import FLAME_MOMENTS, SMOKE, debris_field, flame, flash, flying, plume
from vad.synthetic_events.shows import Show, acting, approach, swell


def arson(scene: Scene, rng: np.random.Generator) -> Show:
    """Flames that grow along the foot of the wall, with dark smoke; one person runs away."""
    place = scene.pick(rng, (*scene.doors, *scene.windows))
    x, row = (place.left + place.right) / 2, scene.paths[0]
    size, who = scene.person(row), stranger(rng, dark=True)
    fires = [(x + rng.uniform(-1.2, 1.2) * size, rng.uniform(0.7, 1.3), rng.integers(FLAME_MOMENTS)) for _ in range(5)]
    smoke = plume(rng, x, place.bottom - 0.6 * size, 0.8 * size, SMOKE, 9)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The flames, the smoke, and the person who runs away."""
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
    debris = debris_field(rng, 40)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The flash, the ball of fire, debris and smoke."""
        if seconds < 0.25:
            yield Blit(row + 1, flash(int(seconds * 20) % 4, 4 * (3 * size // 4)), x, row + size)
        ball = math.exp(-1.2 * seconds)
        reach = 4 * round(2.4 * size * ball / 4)
        if reach >= 8:
            for i in range(3):
                tongue = flame(int(seconds * 16 + 4 * i) % FLAME_MOMENTS, reach)
                yield Blit(row + 2, tongue, x + (i - 1) * 0.35 * reach, row + 0.1 * size)
        yield from flying(debris, seconds, x, row, size, progress)
        yield from smoke.blits(seconds, min(1.0, 4 * seconds) * min(1.0, (1 - progress) / 0.15), row + 3)

    return show


def road_accident(scene: Scene, rng: np.random.Generator) -> Show:
    """Two cars collide, turn out of the lane and smoke; people gather."""
    lane = float(rng.choice(scene.lanes))
    x, size = float(rng.uniform(0.3, 0.7) * scene.width), scene.car(lane)
    paints, tilts = rng.integers(len(PAINTS), size=2), rng.integers(2, 6, 2) * 6
    smoke = plume(rng, x, lane - 0.6 * size, 0.9 * size, SMOKE, 8)
    debris = debris_field(rng, 26)
    crowd = [(stranger(rng), x + rng.uniform(-4, 4) * size) for _ in range(3)]

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The two cars, debris, smoke, and the people who gather."""
        crash, fade = min(1.0, progress / 0.12), min(1.0, (1 - progress) / 0.06)
        for side, paint, tilt in zip((-1, 1), paints, tilts, strict=True):
            skid = 1.15 - 0.25 * min(1.0, max(0.0, (progress - 0.12) / 0.05))
            at = x + side * (size * skid + (1 - crash) * (0.6 * scene.width))
            turn = -side * int(tilt) if crash >= 1 else 0
            body = vehicle("car", int(paint), size, 1, 0) if not turn else vehicle("car", int(paint), size, 1, turn)
            yield Blit(lane + (side + 1) * 0.1, body, at, lane + 0.05 * size + (0.4 * size if turn else 0), fade)
        if crash >= 1:
            since = max(0.0, seconds * (progress - 0.12) / max(progress, 1e-6))
            yield from flying(debris, since, x, lane, size, progress)
            yield from smoke.blits(seconds, 0.9 * swell(progress, 0.2), lane + 1)
            for who, at in crowd:
                row = lane + 0.35 * size
                near = approach(progress, at, -size if at < x else scene.width + size, 0.3)
                yield acting(who, stand(seconds * 0.7 + at), scene.person(row), 1 if at < x else -1, near, row)

    return show
