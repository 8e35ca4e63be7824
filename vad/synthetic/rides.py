"""What people ride, carry and throw in `mini_walk`: bicycle with rider, golf cart, board, bag."""

import itertools
import math
from functools import lru_cache

from vad.synthetic.people import CLOTHES, SHADOW, SKIN, Person
from vad.synthetic.sprites import Brush, Number, Sprite, mirror, rgb

METAL, TYRE, BAG = rgb(120, 124, 130), rgb(26, 26, 28), rgb(64, 46, 36)
MOMENTS = 8
"""Positions of the pedals."""
HALF_WIDTH = {"cyclist": 0.5, "cart": 0.75, "runner": 0.08, "skater": 0.08, "thrown_bag": 0.1}
"""Half the width of the part that is always there, in heights of a person."""


@lru_cache(maxsize=600)
def cyclist(person: Person, moment: int, height: int, facing: int) -> Sprite:
    """A person on a bicycle; anchored under the wheels.

    Args:
        person: looks of the rider.
        moment: of the pedals, 0 to MOMENTS - 1.
        height: of the rider on foot, in pixels.
        facing: 1 = to the right, -1 = to the left.
    """
    if facing < 0:
        return mirror(cyclist(person, moment, height, 1))
    brush = Brush(1.25 * height, 1.3 * height)
    mid, ground = brush.width / 2, brush.height - 0.04 * height
    brush.ellipse(mid, ground, 0.5 * height, 0.05 * height, SHADOW, 0.45)
    radius, hub = 0.19 * height, ground - 0.2 * height
    for side in (-1, 1):
        _ring(brush, mid + side * 0.3 * height, hub, radius, max(0.028 * height, 0.6))
    pedal, seat, bar = (mid - 0.02 * height, hub), (mid - 0.13 * height, ground - 0.5 * height), 0.24 * height
    for start, end in (
        ((mid - 0.3 * height, hub), seat), ((mid - 0.3 * height, hub), pedal), (pedal, seat),
        (pedal, (mid + bar, ground - 0.5 * height)), ((mid + 0.3 * height, hub), (mid + bar, ground - 0.56 * height)),
    ):  # fmt: skip
        brush.capsule(start, end, max(0.02 * height, 0.5), METAL)
    _rider(brush, person, height, seat, pedal, (mid + bar, ground - 0.58 * height), moment)
    return brush.sprite()


def _ring(brush: Brush, x: Number, y: Number, radius: Number, thick: Number) -> None:
    """A wheel."""
    points = [(x + radius * math.cos(a * math.pi / 6), y + radius * math.sin(a * math.pi / 6)) for a in range(13)]
    for start, end in itertools.pairwise(points):
        brush.capsule(start, end, thick, TYRE)


def _rider(
    brush: Brush,
    person: Person,
    height: Number,
    seat: tuple[Number, Number],
    pedal: tuple[Number, Number],
    bar: tuple[Number, Number],
    moment: int,
) -> None:
    """Legs on the pedals, a leaning trunk, arms at the bar, head."""
    top, legs, skin = CLOTHES[person.top], CLOTHES[person.legs], SKIN[person.skin]
    thick = 0.05 * height * person.stout
    for side, tone in ((0, 0.78), (1, 1.0)):
        turn = 2 * math.pi * (moment / MOMENTS + side / 2)
        foot = (pedal[0] + 0.08 * height * math.cos(turn), pedal[1] + 0.08 * height * math.sin(turn))
        knee = ((seat[0] + foot[0]) / 2 + 0.14 * height, (seat[1] + foot[1]) / 2 - 0.05 * height)
        for start, end in ((seat, knee), (knee, foot)):
            brush.capsule(start, end, thick, (legs[0] * tone, *legs[1:]))
    neck = (seat[0] + 0.16 * height, seat[1] - 0.3 * height)
    brush.capsule(seat, neck, thick * 1.7, top)
    brush.capsule(neck, bar, thick * 0.75, top)
    brush.ellipse(neck[0] + 0.05 * height, neck[1] - 0.12 * height, 0.065 * height, 0.075 * height, skin)


@lru_cache(maxsize=60)
def cart(person: Person, height: int, facing: int) -> Sprite:
    """A golf cart with its driver; `height` is that of a person on foot, anchored under the wheels."""
    if facing < 0:
        return mirror(cart(person, height, 1))
    brush = Brush(1.3 * height, 1.8 * height)
    mid, ground = brush.width / 2, brush.height - 0.05 * height
    white, dark = rgb(214, 214, 208), rgb(52, 54, 58)
    brush.ellipse(mid, ground, 0.78 * height, 0.07 * height, SHADOW, 0.5)
    for x in (-0.55, 0.0, 0.5):
        brush.capsule((mid + x * height, ground - 0.45 * height), (mid + x * height, ground - 1.08 * height), 1, dark)
    brush.capsule((mid - 0.2 * height, ground - 0.4 * height), (mid - 0.14 * height, ground - 0.72 * height),
                  0.09 * height, CLOTHES[person.top])  # fmt: skip
    brush.ellipse(mid - 0.12 * height, ground - 0.86 * height, 0.065 * height, 0.075 * height, SKIN[person.skin])
    brush.box(mid - 0.66 * height, ground - 1.15 * height, mid + 0.58 * height, ground - 1.07 * height, white)
    brush.box(mid - 0.75 * height, ground - 0.5 * height, mid + 0.75 * height, ground - 0.14 * height, white,
              corner=0.08 * height)  # fmt: skip
    brush.box(mid - 0.75 * height, ground - 0.28 * height, mid + 0.75 * height, ground - 0.22 * height, dark)
    for x in (-0.48, 0.48):
        brush.ellipse(mid + x * height, ground - 0.13 * height, 0.15 * height, 0.15 * height, TYRE)
    return brush.sprite()


@lru_cache(maxsize=20)
def board(height: int) -> Sprite:
    """A skateboard for a person of `height` pixels."""
    brush = Brush(0.12 * height, 0.56 * height)
    mid = brush.width / 2
    brush.capsule((mid - 0.2 * height, 0.04 * height), (mid + 0.2 * height, 0.04 * height), 0.025 * height, METAL)
    for x in (-0.14, 0.14):
        brush.ellipse(mid + x * height, 0.085 * height, 0.03 * height, 0.03 * height, TYRE)
    return brush.sprite()


@lru_cache(maxsize=20)
def bag(height: int) -> Sprite:
    """A bag for a person of `height` pixels."""
    brush = Brush(0.3 * height, 0.3 * height)
    brush.box(0.04 * height, 0.06 * height, 0.26 * height, 0.26 * height, BAG, corner=0.05 * height)
    return brush.sprite()
