"""Vehicles of `mini_crime`: cars, vans and buses made of boxes."""

from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import ndimage

from vad.synthetic.people import SHADOW
from vad.synthetic.sprites import Brush, Colour, Number, Sprite, freeze, mirror, rgb

PAINTS = (
    rgb(170, 34, 34),
    rgb(212, 212, 214),
    rgb(40, 44, 52),
    rgb(48, 82, 140),
    rgb(150, 152, 156),
    rgb(196, 178, 130),
)

VehicleKind = Literal["car", "van", "bus", "police", "cart"]


@lru_cache(maxsize=400)
def vehicle(kind: VehicleKind, paint: int, height: int, facing: int = 1, angle: int = 0) -> Sprite:
    """A vehicle seen from its side; anchored under the wheels.

    Args:
        kind: body shape.
        paint: index into PAINTS.
        height: of a saloon car's roof above the ground, in pixels; larger kinds scale with it.
        facing: 1 = to the right.
        angle: degrees by which it is turned out of the level (accidents).
    """
    if facing < 0:
        return mirror(vehicle(kind, paint, height, 1, angle))
    tall, long = {
        "car": (1.0, 2.7),
        "van": (1.35, 2.9),
        "bus": (1.9, 6.2),
        "police": (1.1, 2.8),
        "cart": (0.8, 0.9),
    }[kind]
    brush = Brush(tall * height * 1.12, long * height * 1.06)
    mid, ground = brush.width / 2, brush.height - 0.06 * height
    half, body = long * height / 2, PAINTS[paint]
    brush.ellipse(mid, ground, half, 0.09 * height, SHADOW, 0.55)
    _body(brush, kind, mid, ground, half, tall * height, body)
    for x in (-0.6, 0.62):
        brush.ellipse(mid + x * half, ground - 0.16 * height, 0.19 * height, 0.19 * height, rgb(24, 24, 26))
        brush.ellipse(mid + x * half, ground - 0.16 * height, 0.09 * height, 0.09 * height, rgb(130, 130, 134))
    if not angle:
        return brush.sprite()
    turned = ndimage.rotate(brush.sheet, angle, axes=(1, 2), order=1)
    pad = [(0, 0), (0, turned.shape[1] % 2), (0, turned.shape[2] % 2)]
    return freeze(np.pad(np.clip(turned, 0, 255), pad))


def _body(
    brush: Brush, kind: VehicleKind, mid: Number, ground: Number, half: Number, tall: Number, paint: Colour
) -> None:
    """Box, cabin, glass and lights."""
    glass, dark = rgb(52, 66, 78), (paint[0] * 0.7, *paint[1:])
    base, top = ground - 0.12 * tall, ground - tall
    if kind in ("bus", "van", "cart"):
        brush.box(mid - half, top, mid + half, base, paint, corner=0.1 * tall)
        panes = {"bus": 7, "van": 2, "cart": 0}[kind]
        for i in range(panes):
            left = mid - half * 0.92 + i * half * 1.84 / panes
            brush.box(left, top + 0.14 * tall, left + half * 1.5 / panes, top + 0.48 * tall, glass, corner=1)
        brush.box(mid - half, ground - 0.38 * tall, mid + half, ground - 0.32 * tall, dark)
    else:
        brush.box(mid - half * 0.62, top, mid + half * 0.45, base, paint, corner=0.3 * tall)
        brush.box(
            mid - half * 0.54,
            top + 0.1 * tall,
            mid - half * 0.1,
            ground - 0.55 * tall,
            glass,
            corner=0.12 * tall,
        )
        brush.box(
            mid - half * 0.04,
            top + 0.1 * tall,
            mid + half * 0.37,
            ground - 0.55 * tall,
            glass,
            corner=0.12 * tall,
        )
        brush.box(mid - half, ground - 0.62 * tall, mid + half, base, paint, corner=0.18 * tall)
        brush.box(mid - half * 0.98, ground - 0.3 * tall, mid + half * 0.98, ground - 0.24 * tall, dark)
    if kind == "police":
        brush.box(mid - half, ground - 0.5 * tall, mid + half, ground - 0.36 * tall, rgb(36, 60, 150))
        brush.box(mid - half * 0.25, top - 0.05 * tall, mid + half * 0.1, top + 0.05 * tall, rgb(60, 90, 220))
    brush.box(mid + half * 0.93, ground - 0.52 * tall, mid + half, ground - 0.38 * tall, rgb(250, 246, 210))
    brush.box(mid - half, ground - 0.52 * tall, mid - half * 0.94, ground - 0.38 * tall, rgb(190, 30, 30))
