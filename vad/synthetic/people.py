"""People of `mini_crime`: jointed figures made of capsules."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from vad.synthetic.sprites import Brush, Colour, Number, Sprite, mirror, rgb

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
SHADOW = rgb(14, 14, 16)
VEST = rgb(214, 226, 60)


class Pose(NamedTuple):
    """Joint angles in radians from straight down, positive towards the side that the figure faces."""

    lean: Number = 0.0
    hip: tuple[Number, Number] = (0.08, -0.08)
    knee: tuple[Number, Number] = (0.0, 0.0)
    shoulder: tuple[Number, Number] = (0.1, -0.1)
    elbow: tuple[Number, Number] = (0.1, 0.1)
    lying: Number = 0.0
    """0 = upright, 1 = flat on the ground."""
    crouch: Number = 0.0
    """0..1: how far the hips come down."""


@dataclass(frozen=True)
class Person:
    """What one person looks like, whatever the pose."""

    skin: int
    top: int
    legs: int
    stout: Number = 1.0
    vest: bool = False


def stranger(rng: np.random.Generator, dark: bool = False) -> Person:
    """A person drawn at random; `dark` dresses in the darkest clothes."""
    top, legs = (6, 6) if dark else (int(rng.integers(len(CLOTHES))), int(rng.choice([0, 5, 6, 8])))
    return Person(int(rng.integers(len(SKIN))), top, legs, float(rng.choice([0.9, 1.0, 1.15])))


def walk(phase: Number, pace: Number = 1.0) -> Pose:
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


def stand(phase: Number) -> Pose:
    """Standing about, with small movements; phase in turns."""
    sway = math.sin(2 * math.pi * phase)
    return Pose(lean=0.03 * sway, shoulder=(0.15 + 0.2 * max(sway, 0), -0.1), elbow=(0.3 + 0.5 * max(sway, 0), 0.15))


def figure(person: Person, pose: Pose, height: int, facing: int = 1) -> Sprite:
    """The picture of a person; anchored at the feet.

    Args:
        person: looks.
        pose: joint angles; rounded, so that equal moments share one picture.
        height: of the upright body, in pixels.
        facing: 1 = to the right, -1 = to the left.
    """
    sprite = _figure(person, _rounded(pose), height)
    return mirror(sprite) if facing < 0 else sprite


def _rounded(pose: Pose) -> Pose:
    """The pose to a tenth of a radian."""

    def pair(angles: tuple[Number, Number]) -> tuple[Number, Number]:
        return round(angles[0], 1), round(angles[1], 1)

    return Pose(
        lean=round(pose.lean, 1),
        hip=pair(pose.hip),
        knee=pair(pose.knee),
        shoulder=pair(pose.shoulder),
        elbow=pair(pose.elbow),
        lying=round(pose.lying, 1),
        crouch=round(pose.crouch, 1),
    )


@lru_cache(maxsize=3000)
def _figure(person: Person, pose: Pose, height: int) -> Sprite:
    """Paint one figure: far limbs darker and first, then body, head, near limbs."""
    brush = Brush(1.12 * height, 1.5 * height)
    bones = _bones(pose, height)
    mid, ground = brush.width / 2, brush.height - 0.05 * height
    turn = -pose.lying * math.pi / 2

    def at(point: tuple[Number, Number]) -> tuple[Number, Number]:
        # Feet are the origin, up is negative; a lying body turns about its middle, then comes down.
        x, y = point[0], point[1] + pose.lying * 0.45 * height
        x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        return mid + x, ground + y - pose.lying * 0.06 * height

    brush.ellipse(mid, ground, height * (0.2 + 0.3 * pose.lying), height * 0.045, SHADOW, 0.45)
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
    hip: tuple[Number, Number],
    neck: tuple[Number, Number],
    thick: Number,
    person: Person,
    top: Colour,
) -> None:
    """The trunk, with a safety vest's stripes where one is worn."""
    brush.capsule(hip, neck, thick * 1.75, top)
    if person.vest:
        for share in (0.25, 0.6):
            x, y = (h + (n - h) * share for h, n in zip(hip, neck, strict=True))
            brush.capsule((x - thick * 1.4, y), (x + thick * 1.4, y), thick * 0.5, VEST)


def _bones(pose: Pose, height: Number) -> dict[str, list[tuple[Number, Number]]]:
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


def _hang(joint: tuple[Number, Number], angle: Number, length: Number) -> tuple[Number, Number]:
    """End of a bone that hangs from a joint."""
    return joint[0] + math.sin(angle) * length, joint[1] + math.cos(angle) * length


def officer(rng: np.random.Generator) -> Person:
    """A person in dark clothes and a safety vest."""
    return replace(stranger(rng, dark=True), vest=True)
