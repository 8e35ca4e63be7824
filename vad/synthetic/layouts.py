"""Where walls, roads, doors and trees are in front of the five cameras of `mini_crime`."""

from dataclasses import dataclass
from typing import Literal

from vad.synthetic.sprites import Colour, Number, rgb


@dataclass(frozen=True)
class Layout:
    """One camera, in rows of a 240-row picture; columns as parts of the width."""

    horizon: Number
    base: Number
    """Row where the wall meets the ground, at mid-width."""
    tilt: Number
    """Rows by which that line falls from the middle to the right edge."""
    wall: Number
    """Rows from the wall's foot to its top."""
    wall_kind: Literal["brick", "panel", "glass", "fence"]
    ground_kind: Literal["asphalt", "tiles", "cobbles"]
    wall_colour: Colour
    ground_colour: Colour
    lanes: tuple[Number, ...]
    paths: tuple[Number, ...]
    doors: tuple[Number, ...]
    windows: tuple[Number, ...]
    trees: tuple[Number, ...]
    parked: tuple[tuple[Number, Number], ...]


LAYOUTS = (
    Layout(
        horizon=50, base=118, tilt=8, wall=92, wall_kind="brick", ground_kind="asphalt",
        wall_colour=rgb(150, 92, 76), ground_colour=rgb(104, 104, 106), lanes=(164, 196), paths=(134, 204),
        doors=(0.2, 0.72), windows=(0.38, 0.54, 0.9), trees=(0.06,), parked=(),
    ),
    Layout(
        horizon=44, base=104, tilt=-6, wall=46, wall_kind="fence", ground_kind="asphalt",
        wall_colour=rgb(96, 116, 78), ground_colour=rgb(120, 118, 112), lanes=(174,), paths=(134, 192),
        doors=(0.5,), windows=(0.3, 0.7), trees=(0.15, 0.86), parked=((0.2, 136), (0.8, 140)),
    ),
    Layout(
        horizon=60, base=132, tilt=5, wall=116, wall_kind="glass", ground_kind="tiles",
        wall_colour=rgb(150, 158, 164), ground_colour=rgb(168, 160, 148), lanes=(208,), paths=(146, 178),
        doors=(0.3, 0.66), windows=(0.12, 0.48, 0.86), trees=(), parked=(),
    ),
    Layout(
        horizon=46, base=98, tilt=4, wall=58, wall_kind="panel", ground_kind="tiles",
        wall_colour=rgb(186, 174, 150), ground_colour=rgb(150, 146, 138), lanes=(220,), paths=(120, 150, 176),
        doors=(0.42, 0.8), windows=(0.14, 0.62), trees=(0.28, 0.94), parked=(),
    ),
    Layout(
        horizon=56, base=122, tilt=-9, wall=80, wall_kind="panel", ground_kind="cobbles",
        wall_colour=rgb(124, 140, 150), ground_colour=rgb(110, 106, 100), lanes=(182,), paths=(142, 210),
        doors=(0.6,), windows=(0.22, 0.42, 0.84), trees=(0.04,), parked=((0.34, 144),),
    ),
)  # fmt: skip
