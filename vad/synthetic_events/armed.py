"""Events of `mini_crime` with weapons or the police: robbery, arrest, shooting.

Each builder draws its place and cast once and returns a show; see `vad.synthetic_events.shows.Show`.
"""

import math
from collections.abc import Iterator

import numpy as np

from vad.synthetic.people import Pose, officer, stand, stranger, walk
from vad.synthetic.scene import Scene
from vad.synthetic.sprites import Blit, Number, rgb
from vad.synthetic.vehicles import PAINTS, vehicle
from vad.synthetic_events.particles import SMOKE, STEAM, broken_glass, debris_field, flash, flying, glow, plume
from vad.synthetic_events.shows import Show, acting, approach, swell
from vad.synthetic_events.thefts import bundle

DOWN = Pose(lying=1.0, shoulder=(1.4, -0.8), hip=(0.3, -0.2), knee=(-0.4, 0.0))
HANDS_UP = Pose(shoulder=(2.9, 2.6), elbow=(0.1, 0.3))
AIM = Pose(lean=0.08, shoulder=(1.55, 1.4), elbow=(0.0, 0.1), hip=(0.3, -0.3))


def robbery(scene: Scene, rng: np.random.Generator) -> Show:
    """Masked men hold people up, take bags and run."""
    x, row = scene.spot(rng, 0.25)
    size = scene.person(row)
    robbers = [stranger(rng, dark=True) for _ in range(int(rng.integers(3, 5)))]
    victims = [stranger(rng) for _ in range(int(rng.integers(3, 5)))]
    side = int(rng.choice([-1, 1]))
    loot, window = bundle(size), scene.pick(rng, scene.windows)
    hole, shards = broken_glass(rng, window), debris_field(rng, 30)
    gas = plume(rng, x, row, 0.7 * size, STEAM, 6)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The broken window, the victims with their hands up, and the robbers."""
        middle = (window.left + window.right) / 2
        yield Blit(1, hole, middle, window.bottom, swell(progress, 0.05))
        yield from flying(shards, seconds % 3.0, middle, window.bottom, 0.8 * size, progress)
        yield from gas.blits(seconds, 0.6 * swell(progress), row + 2)
        for i, who in enumerate(victims):
            pose = HANDS_UP if (i + int(seconds * 0.4)) % 2 else Pose(crouch=1.0, shoulder=(2.6, 2.4), elbow=(0.8, 0.8))
            yield acting(who, pose, size, -side, x + side * (0.4 + 0.55 * i) * size, row + (i % 2) * 0.1 * size)
        for i, who in enumerate(robbers):
            home = x - side * (0.45 + 0.5 * i) * size
            at = approach(progress, home, home - side * 4 * size)
            steady = swell(progress, 0.14) >= 1
            shake = 0.3 * math.sin(seconds * 7 + i)
            pose = AIM._replace(shoulder=(1.55 + 0.4 * shake, 1.4 + shake)) if steady else walk(seconds * 2.1, 1.8)
            yield acting(who, pose, size, side if progress < 0.86 else -side, at, row + 0.08 * size * i)
            if progress > 0.5:
                yield Blit(row + 0.08 * size * i, loot, at - 0.2 * side * size, row - 0.25 * size)

    return show


def arrest(scene: Scene, rng: np.random.Generator) -> Show:
    """A patrol car with blinking lights; officers hold a suspect on the ground."""
    lane = float(rng.choice(scene.lanes))
    x, row = scene.spot(rng, 0.3)
    size, car = scene.person(row), scene.car(lane)
    suspect, team = stranger(rng), [officer(rng) for _ in range(3)]
    paint, leftwards = len(PAINTS) - 4, bool(rng.random() < 0.5)
    parking = x + rng.uniform(-2, 2) * size
    lights = (glow(4 * (car // 2), rgb(90, 120, 255)), glow(4 * (car // 2), rgb(255, 80, 70)))

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The patrol car, the suspect on the ground, and the officers."""
        off = scene.width + 2 * car if leftwards else -2.0 * car
        at = approach(progress, parking, off, 0.1)
        yield Blit(lane, vehicle("police", paint, car, -1 if leftwards else 1), at, lane)
        blink = int(seconds * 5) % 2
        yield Blit(lane + 0.1, lights[blink], at + (blink - 0.5) * 0.6 * car, lane - 0.7 * car, 0.9)
        beacon = flash(blink, 4 * max(2, car // 5))
        yield Blit(lane + 0.2, beacon, at + (blink - 0.5) * 0.5 * car, lane - 0.75 * car)
        fallen = min(1.0, max(0.0, (progress - 0.1) / 0.1))
        yield acting(suspect, DOWN._replace(lying=fallen), size, 1, x, row)
        for i, who in enumerate(team):
            home = x + (i - 1) * 0.55 * size
            near = approach(progress, home, parking, 0.12)
            strain = 0.2 * math.sin(seconds * 5 + i)
            pose = Pose(lean=0.4, crouch=0.75, shoulder=(0.9 + strain, 0.7 - strain), elbow=(0.2, 0.3))
            busy = swell(progress, 0.12) >= 1
            yield acting(
                who,
                pose if busy else walk(seconds * 1.8, 1.6),
                size,
                1 if i < 1 else -1,
                near,
                row + 0.05 * size * i,
            )

    return show


def shooting(scene: Scene, rng: np.random.Generator) -> Show:
    """Gunmen fire in bursts; some people drop, others run away."""
    x, row = scene.spot(rng, 0.25)
    size, side = scene.person(row), int(rng.choice([-1, 1]))
    gunmen = [stranger(rng, dark=True) for _ in range(2)]
    crowd = [(stranger(rng), rng.uniform(1.0, 2.6), rng.uniform(0.05, 0.4), rng.random() < 0.6) for _ in range(7)]
    smoke = plume(rng, x + side * 0.5 * size, row - 0.5 * size, 0.6 * size, SMOKE, 8)
    beats = rng.uniform(6, 9, 2)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """Shots, and people who drop or run."""
        for i, who in enumerate(gunmen):
            at, foot = x - 0.5 * i * side * size, row + 0.1 * i * size
            yield acting(who, AIM, size, side, at, foot)
            beat = seconds * beats[i]
            if math.sin(seconds * 2.1 + i) > -0.7 and beat % 1 < 0.45:
                spark = flash(int(beat) % 4, 4 * max(2, size // 5))
                yield Blit(foot + 1, spark, at + side * 0.5 * size, foot - 0.6 * size)
        for who, away, when, hit in crowd:
            after = min(1.0, max(0.0, (progress - when) / 0.05))
            if hit:
                yield acting(
                    who,
                    DOWN._replace(lying=after) if after else stand(seconds),
                    size,
                    side,
                    x + side * away * size,
                    row,
                )
            else:
                yield acting(
                    who,
                    walk(seconds * 2, 1.9),
                    size,
                    side,
                    x + side * (away + 7 * max(0.0, progress - when)) * size,
                    row + 2,
                )
        yield from smoke.blits(seconds, 0.8 * swell(progress), row + 2)

    return show
