"""Events of `mini_crime` between people: who does what to whom, as moving figures.

Each builder draws its place and cast once and returns a show; see `_life.Show`. None of it is graphic.
"""

import math
from collections.abc import Iterator

import numpy as np

from vad.datasets._cast import CLOTHES, PAINTS, Person, Pose, figure, officer, stand, stranger, vehicle, walk
from vad.datasets._life import Show
from vad.datasets._particles import DUST, SMOKE, flash, glow, plume
from vad.datasets._scene import Scene
from vad.datasets._sprites import Blit, Brush, Sprite, rgb

DOWN = Pose(lying=1.0, shoulder=(1.4, -0.8), hip=(0.3, -0.2), knee=(-0.4, 0.0))
HANDS_UP = Pose(shoulder=(2.9, 2.6), elbow=(0.1, 0.3))
AIM = Pose(lean=0.08, shoulder=(1.55, 1.4), elbow=(0.0, 0.1), hip=(0.3, -0.3))


def swell(progress: float, edge: float = 0.1) -> float:
    """0 at both ends of a show, 1 between."""
    return max(0.0, min(1.0, progress / edge, (1 - progress) / edge))


def approach(progress: float, home: float, away: float, part: float = 0.14) -> float:
    """Column of somebody who comes from `away`, stays at `home`, and leaves as he came."""
    near = swell(progress, part)
    return away + (home - away) * near


def acting(who: Person, pose: Pose, size: int, facing: int, x: float, row: float) -> Blit:
    """One figure on the ground."""
    return Blit(row, figure(who, pose, size, facing), x, row + 0.05 * size)


def blow(seconds: float, rate: float, shift: float = 0.0) -> Pose:
    """Hitting and kicking in turn, `rate` blows a second."""
    turn = seconds * rate + shift
    out = max(0.0, math.sin(2 * math.pi * turn))
    if int(turn) % 3 == 2:
        return Pose(lean=-0.2 * out, hip=(1.5 * out, -0.15), knee=(-0.4 * (1 - out), 0), shoulder=(-0.6, 0.8), elbow=(0.5, 0.8))
    return Pose(lean=0.35 * out, hip=(0.4, -0.3), shoulder=(0.4 + 1.6 * out, 2.6 - 1.2 * out), elbow=(0.9 * (1 - out), 0.6))


def abuse(scene: Scene, rng: np.random.Generator) -> Show:
    """Somebody beats a smaller person who cowers."""
    x, row = scene.spot(rng)
    size, who, victim = scene.person(row), stranger(rng), stranger(rng)
    small, side, rate = round(0.72 * size), int(rng.choice([-1, 1])), rng.uniform(1.6, 2.4)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        at = approach(progress, x - side * 0.42 * size, x - side * 3 * size)
        tremble = 0.15 * math.sin(seconds * 17)
        cower = Pose(lean=0.3, crouch=0.9, shoulder=(2.2 + tremble, 2.4), elbow=(1.2, 1.0 + tremble))
        busy = swell(progress, 0.14) >= 1
        yield acting(victim, cower if busy else stand(seconds), small, -side, x, row)
        yield acting(who, blow(seconds, rate) if busy else walk(seconds * 1.9, 1.6), size, side, at, row + 1)

    return show


def assault(scene: Scene, rng: np.random.Generator) -> Show:
    """Two attackers knock a passer-by down and kick him."""
    x, row = scene.spot(rng)
    size, victim, pair = scene.person(row), stranger(rng), (stranger(rng), stranger(rng))
    rates = rng.uniform(1.5, 2.5, 2)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        fallen = min(1.0, max(0.0, (progress - 0.12) / 0.06)) * min(1.0, max(0.0, (0.97 - progress) / 0.05))
        pose = Pose(lying=fallen, shoulder=(1.6, 1.0 + 0.5 * math.sin(seconds * 9)), hip=(0.5 * math.sin(seconds * 6), -0.2))
        yield acting(victim, pose, size, 1, x, row)
        for side, who, rate in zip((-1, 1), pair, rates, strict=True):
            at = approach(progress, x + side * 0.5 * size, x + side * 3.5 * size)
            busy = swell(progress, 0.14) >= 1
            yield acting(who, blow(seconds, rate, side * 0.3) if busy else walk(seconds * 2, 1.8), size, -side, at, row + 1)

    return show


def fighting(scene: Scene, rng: np.random.Generator) -> Show:
    """A brawl: entangled figures with flailing limbs in a cloud of dust."""
    x, row = scene.spot(rng)
    size, count = scene.person(row), int(rng.integers(4, 7))
    cast = [stranger(rng) for _ in range(count)]
    places = rng.uniform(-0.75, 0.75, count) * size
    dust = plume(rng, x, row, 0.5 * size, DUST, 6)
    angles = rng.uniform(0, 2 * math.pi, (count, 8))
    rates = rng.uniform(7, 13, (count, 8))

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        near = swell(progress, 0.14)
        for i, who in enumerate(cast):
            a = np.sin(rates[i] * seconds + angles[i])
            pose = Pose(
                lean=0.6 * a[0], hip=(0.9 * a[1], 0.7 * a[2]), knee=(-0.6 * abs(a[3]), 0), crouch=0.4 * max(a[7], 0),
                shoulder=(1.5 + 1.4 * a[4], 1.0 + 1.4 * a[5]), elbow=(0.8 * abs(a[6]), 0.9 * abs(a[3])),
            )  # fmt: skip
            if near < 1:
                pose = walk(seconds * 2 + i, 1.7)
            home = x + places[i] + 0.12 * size * a[0]
            at = approach(progress, home, home + math.copysign(3 * size, places[i]))
            yield acting(who, pose, size, -1 if places[i] > 0 else 1, at, row + 0.04 * size * (i - count / 2))
        yield from dust.blits(seconds, 0.45 * near, row + 2)

    return show


def robbery(scene: Scene, rng: np.random.Generator) -> Show:
    """Masked men hold people up, take bags and run."""
    x, row = scene.spot(rng, 0.25)
    size = scene.person(row)
    robbers = [stranger(rng, dark=True) for _ in range(int(rng.integers(2, 4)))]
    victims = [stranger(rng) for _ in range(int(rng.integers(2, 4)))]
    side = int(rng.choice([-1, 1]))
    loot = bundle(size)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
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
    lights = (glow(4 * (car // 3), rgb(90, 120, 255)), glow(4 * (car // 3), rgb(255, 80, 70)))

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        off = scene.width + 2 * car if leftwards else -2.0 * car
        at = approach(progress, parking, off, 0.1)
        yield Blit(lane, vehicle("police", paint, car, -1 if leftwards else 1), at, lane)
        blink = int(seconds * 5) % 2
        yield Blit(lane + 0.1, lights[blink], at + (blink - 0.5) * 0.6 * car, lane - 0.7 * car, 0.9)
        fallen = min(1.0, max(0.0, (progress - 0.1) / 0.1))
        yield acting(suspect, DOWN._replace(lying=fallen), size, 1, x, row)
        for i, who in enumerate(team):
            home = x + (i - 1) * 0.55 * size
            near = approach(progress, home, parking, 0.12)
            strain = 0.2 * math.sin(seconds * 5 + i)
            pose = Pose(lean=0.4, crouch=0.75, shoulder=(0.9 + strain, 0.7 - strain), elbow=(0.2, 0.3))
            busy = swell(progress, 0.12) >= 1
            yield acting(who, pose if busy else walk(seconds * 1.8, 1.6), size, 1 if i < 1 else -1, near, row + 0.05 * size * i)

    return show


def shooting(scene: Scene, rng: np.random.Generator) -> Show:
    """Gunmen fire in bursts; some people drop, others run away."""
    x, row = scene.spot(rng, 0.25)
    size, side = scene.person(row), int(rng.choice([-1, 1]))
    gunmen = [stranger(rng, dark=True) for _ in range(2)]
    crowd = [(stranger(rng), rng.uniform(1.0, 2.6), rng.uniform(0.05, 0.4), rng.random() < 0.6) for _ in range(5)]
    smoke = plume(rng, x + side * 0.5 * size, row - 0.5 * size, 0.22 * size, SMOKE, 5)
    beats = rng.uniform(6, 9, 2)

    def show(seconds: float, progress: float) -> Iterator[Blit]:
        for i, who in enumerate(gunmen):
            at, foot = x - 0.5 * i * side * size, row + 0.1 * i * size
            yield acting(who, AIM, size, side, at, foot)
            beat = seconds * beats[i]
            if math.sin(seconds * 2.1 + i) > -0.35 and beat % 1 < 0.45:
                spark = flash(int(beat) % 4, 4 * max(2, size // 9))
                yield Blit(foot + 1, spark, at + side * 0.5 * size, foot - 0.6 * size)
        for who, away, when, hit in crowd:
            after = min(1.0, max(0.0, (progress - when) / 0.05))
            if hit:
                yield acting(who, DOWN._replace(lying=after) if after else stand(seconds), size, side, x + side * away * size, row)
            else:
                yield acting(who, walk(seconds * 2, 1.9), size, side, x + side * (away + 7 * max(0.0, progress - when)) * size, row + 2)
        yield from smoke.blits(seconds, 0.5 * swell(progress), row + 2)

    return show


def bundle(size: float) -> Sprite:
    """A stuffed bag or box to carry."""
    brush = Brush(0.3 * size, 0.34 * size)
    brush.box(1, 2, brush.width - 1, brush.height - 1, CLOTHES[8], corner=2)
    brush.capsule((3, brush.height / 2), (brush.width - 3, brush.height / 2), 0.8, rgb(220, 210, 190))
    return brush.sprite()
