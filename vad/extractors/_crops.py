"""Crops of frames, with names: 0 centre, 1-4 corners, 5-9 the same five mirrored."""

import numpy as np
from jaxtyping import UInt8

PLACES = {
    "centre": (0.5, 0.5),
    "top left": (0, 0),
    "top right": (0, 1),
    "bottom left": (1, 0),
    "bottom right": (1, 1),
}
"""Where a crop lies: 0 = at the top or left edge, 1 = at the bottom or right one."""
NAMES = (*PLACES, *(f"{name}, mirrored" for name in PLACES))


def crop(
    frames: UInt8[np.ndarray, "frames height width 3"], size: int, name: str
) -> UInt8[np.ndarray, "frames {size} {size} 3"]:
    """One crop of size x size pixels of every frame."""
    down, right = PLACES[name.removesuffix(", mirrored")]
    top, left = int(down * (frames.shape[1] - size)), int(right * (frames.shape[2] - size))
    cut = frames[:, top : top + size, left : left + size]
    return cut[:, :, ::-1] if name.endswith("mirrored") else cut
