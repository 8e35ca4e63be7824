"""People and vehicles of `mini_crime`: jointed figures made of capsules, cars and buses made of boxes."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage

from vad.datasets._sprites import Brush, Colour, Sprite, freeze, mirror, rgb

SKIN = (rgb(224, 188, 160), rgb(176, 128, 96), rgb(112, 76, 56))
CLOTHES = (
    *(
        rgb(52, 60, 84),
        rgb(150, 46, 42),
        rgb(206, 206, 198),
        rgb(58, 98, 66),
        rgb(196, 160, 70),
        rgb(96, 92, 88),
    ),
    *(rgb(30, 30, 34), rgb(92, 132, 170), rgb(122, 84, 58), rgb(168, 168, 176)),
)
PAINTS = (
    rgb(170, 34, 34),
    rgb(212, 212, 214),
    rgb(40, 44, 52),
    rgb(48, 82, 140),
    rgb(150, 152, 156),
    rgb(196, 178, 130),
)
_SHADOW = rgb(14, 14, 16)
VEST = rgb(214, 226, 60)

VehicleKind = Literal["car", "van", "bus", "police", "cart"]


class Pose(NamedTuple):
    """Joint angles in radians from straight down, positive towards the side that the figure faces."""

    lean: float = 0.0
    hip: tuple[float, float] = (0.08, -0.08)
    knee: tuple[float, float] = (0.0, 0.0)
    shoulder: tuple[float, float] = (0.1, -0.1)
    elbow: tuple[float, float] = (0.1, 0.1)
    lying: float = 0.0
    """0 = upright, 1 = flat on the ground."""
    crouch: float = 0.0
    """0..1: how far the hips come down."""


@dataclass(frozen=True)
class Person:
    """What one person looks like, whatever the pose."""

    skin: int
    top: int
    legs: int
    stout: float = 1.0
    vest: bool = False


def stranger(rng: np.random.Generator, dark: bool = False) -> Person:
    """A person drawn at random; `dark` dresses in the darkest clothes."""
    top, legs = (6, 6) if dark else (int(rng.integers(len(CLOTHES))), int(rng.choice([0, 5, 6, 8])))
    return Person(int(rng.integers(len(SKIN))), top, legs, float(rng.choice([0.9, 1.0, 1.15])))


def walk(phase: float, pace: float = 1.0) -> Pose:
    """One moment of a stride; phase in turns, pace 1 = walking, 1.8 = running."""
    swing = math.sin(2 * math.pi * phase)
    lift = math.cos(2 * math.pi * phase)
    return Pose(
        lean=0.12 * (pace - 0.7),
        hip=(0.42 * pace * swing, -0.42 * pace * swing),
        knee=(-0.5 * pace * max(lift, 0), -0.5 * pace * max(-lift, 0)),
        shoulder=(-0.4 * pace * swing, 0.4 * pace * swing),
        elbow=(0.25 * pace * pace, 0.25 * pace * pace),
    )


def stand(phase: float) -> Pose:
    """Standing about, with small movements; phase in turns."""
    sway = math.sin(2 * math.pi * phase)
    return Pose(
        lean=0.03 * sway, shoulder=(0.15 + 0.2 * max(sway, 0), -0.1), elbow=(0.3 + 0.5 * max(sway, 0), 0.15)
    )


def figure(person: Person, pose: Pose, height: int, facing: int = 1) -> Sprite:
    """The picture of a person; anchored at the feet.

    Args:
        person: looks.
        pose: joint angles; rounded, so that equal moments share one picture.
        height: of the upright body, in pixels.
        facing: 1 = to the right, -1 = to the left.
    """
    rounded = Pose(*(tuple(round(a, 1) for a in v) if isinstance(v, tuple) else round(v, 1) for v in pose))
    sprite = _figure(person, rounded, height)
    return mirror(sprite) if facing < 0 else sprite


@lru_cache(maxsize=3000)
def _figure(person: Person, pose: Pose, height: int) -> Sprite:
    """Paint one figure: far limbs darker and first, then body, head, near limbs."""
    brush = Brush(1.12 * height, 1.5 * height)
    bones = _bones(pose, height)
    mid, ground = brush.width / 2, brush.height - 0.05 * height
    turn = -pose.lying * math.pi / 2

    def at(point: tuple[float, float]) -> tuple[float, float]:
        # Feet are the origin, up is negative; a lying body turns about its middle, then comes down.
        x, y = point[0], point[1] + pose.lying * 0.45 * height
        x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        return mid + x, ground + y - pose.lying * 0.06 * height

    brush.ellipse(mid, ground, height * (0.2 + 0.3 * pose.lying), height * 0.045, _SHADOW, 0.45)
    top, legs, skin = CLOTHES[person.top], CLOTHES[person.legs], SKIN[person.skin]
    thick = height * 0.052 * person.stout
    for side, tone in ((1, 0.78), (0, 1.0)):
        for part, colour, radius in (("leg", legs, thick), ("arm", top, thick * 0.75)):
            joints = [at(p) for p in bones[f"{part}{side}"]]
            if part == "arm" and side == 0:
                _torso(brush, at(bones["hip"][0]), at(bones["neck"][0]), thick, person, top)
                brush.ellipse(*at(bones["head"][0]), height * 0.065, height * 0.075, skin)
            for a, b in pairwise(joints):
                brush.capsule(a, b, radius, (colour[0] * tone, *colour[1:]))
            if part == "arm":
                brush.ellipse(*joints[-1], radius, radius, skin)
    return brush.sprite()


def _torso(
    brush: Brush,
    hip: tuple[float, float],
    neck: tuple[float, float],
    thick: float,
    person: Person,
    top: Colour,
) -> None:
    """The trunk, with a safety vest's stripes where one is worn."""
    brush.capsule(hip, neck, thick * 1.75, top)
    if person.vest:
        for share in (0.25, 0.6):
            x, y = (h + (n - h) * share for h, n in zip(hip, neck, strict=True))
            brush.capsule((x - thick * 1.4, y), (x + thick * 1.4, y), thick * 0.5, VEST)


def _bones(pose: Pose, height: float) -> dict[str, list[tuple[float, float]]]:
    """Joints of each limb from the trunk outwards; feet at y = 0, x towards the facing side."""
    hip = (0.0, -height * (0.47 - 0.24 * pose.crouch))
    neck = _hang(hip, math.pi - pose.lean - 0.5 * pose.crouch, 0.31 * height)
    head = _hang(neck, math.pi - pose.lean, 0.11 * height)
    bones = {"hip": [hip], "neck": [neck], "head": [head]}
    for side in (0, 1):
        thigh = pose.hip[side] + 1.1 * pose.crouch
        knee = _hang(hip, thigh, 0.24 * height)
        foot = _hang(knee, pose.hip[side] + pose.knee[side] - 1.1 * pose.crouch, 0.23 * height)
        bones[f"leg{side}"] = [hip, knee, foot]
        shoulder = (neck[0] * 0.95, neck[1] * 0.97)
        elbow = _hang(shoulder, pose.shoulder[side], 0.18 * height)
        bones[f"arm{side}"] = [
            shoulder,
            elbow,
            _hang(elbow, pose.shoulder[side] + pose.elbow[side], 0.17 * height),
        ]
    return bones


def _hang(joint: tuple[float, float], angle: float, length: float) -> tuple[float, float]:
    """End of a bone that hangs from a joint."""
    return joint[0] + math.sin(angle) * length, joint[1] + math.cos(angle) * length


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
    brush.ellipse(mid, ground, half, 0.09 * height, _SHADOW, 0.55)
    _body(brush, kind, mid, ground, half, tall * height, body)
    for x in (-0.6, 0.62):
        brush.ellipse(mid + x * half, ground - 0.16 * height, 0.19 * height, 0.19 * height, rgb(24, 24, 26))
        brush.ellipse(
            mid + x * half, ground - 0.16 * height, 0.09 * height, 0.09 * height, rgb(130, 130, 134)
        )
    if not angle:
        return brush.sprite()
    turned = ndimage.rotate(brush.sheet, angle, axes=(1, 2), order=1)
    pad = [(0, 0), (0, turned.shape[1] % 2), (0, turned.shape[2] % 2)]
    return freeze(np.pad(np.clip(turned, 0, 255), pad))


def _body(
    brush: Brush, kind: VehicleKind, mid: float, ground: float, half: float, tall: float, paint: Colour
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


def officer(rng: np.random.Generator) -> Person:
    """A person in dark clothes and a safety vest."""
    return replace(stranger(rng, dark=True), vest=True)
