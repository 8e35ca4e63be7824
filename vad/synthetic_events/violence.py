"""Events of `mini_crime` in which people are attacked, as moving figures; none of it is graphic.

Each builder draws its place and cast once and returns a show; see `vad.synthetic_events.shows.Show`.
"""

import math
from collections.abc import Iterator

import numpy as np

from vad.synthetic.people import Pose, stand, stranger, walk
from vad.synthetic.scene import Scene
from vad.synthetic.sprites import Blit, Number
from vad.synthetic_events.particles import DUST, plume
from vad.synthetic_events.shows import Show, acting, approach, swell


def blow(seconds: Number, rate: Number, shift: Number = 0.0) -> Pose:
    """Hitting and kicking in turn, `rate` blows a second."""
    turn = seconds * rate + shift
    out = max(0.0, math.sin(2 * math.pi * turn))
    if int(turn) % 3 == 2:
        return Pose(
            lean=-0.2 * out,
            hip=(1.5 * out, -0.15),
            knee=(-0.4 * (1 - out), 0),
            shoulder=(-0.6, 0.8),
            elbow=(0.5, 0.8),
        )
    return Pose(
        lean=0.35 * out,
        hip=(0.4, -0.3),
        shoulder=(0.4 + 1.6 * out, 2.6 - 1.2 * out),
        elbow=(0.9 * (1 - out), 0.6),
    )


def abuse(scene: Scene, rng: np.random.Generator) -> Show:
    """A person beats a smaller one who cowers."""
    x, row = scene.spot(rng)
    size, who, victim = scene.person(row), stranger(rng), stranger(rng)
    small, side, rate = round(0.72 * size), int(rng.choice([-1, 1])), rng.uniform(1.6, 2.4)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The victim who cowers, and the attacker."""
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
    dust = plume(rng, x, row, 0.9 * size, DUST, 8)

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The victim who falls, the two attackers, and dust."""
        fallen = min(1.0, max(0.0, (progress - 0.12) / 0.06)) * min(1.0, max(0.0, (0.97 - progress) / 0.05))
        pose = Pose(
            lying=fallen,
            shoulder=(1.6, 1.0 + 0.5 * math.sin(seconds * 9)),
            hip=(0.5 * math.sin(seconds * 6), -0.2),
        )
        yield acting(victim, pose, size, 1, x, row)
        for side, who, rate in zip((-1, 1), pair, rates, strict=True):
            at = approach(progress, x + side * 0.5 * size, x + side * 3.5 * size)
            busy = swell(progress, 0.14) >= 1
            yield acting(
                who,
                blow(seconds, rate, side * 0.3) if busy else walk(seconds * 2, 1.8),
                size,
                -side,
                at,
                row + 1,
            )
        yield from dust.blits(seconds, 0.75 * swell(progress, 0.2), row + 2)

    return show


def fighting(scene: Scene, rng: np.random.Generator) -> Show:
    """A brawl: entangled figures with flailing limbs in a cloud of dust."""
    x, row = scene.spot(rng)
    size, count = scene.person(row), int(rng.integers(6, 10))
    cast = [stranger(rng) for _ in range(count)]
    places = rng.uniform(-1.3, 1.3, count) * size
    dust = plume(rng, x, row, 0.9 * size, DUST, 8)
    angles = rng.uniform(0, 2 * math.pi, (count, 8))
    rates = rng.uniform(7, 13, (count, 8))

    def show(seconds: Number, progress: Number) -> Iterator[Blit]:
        """The tangle of limbs, and dust."""
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
        yield from dust.blits(seconds, 0.75 * near, row + 2)

    return show
