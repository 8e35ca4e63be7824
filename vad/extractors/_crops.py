"""Crops of frames, with names: 0 centre, 1-4 corners, 5-9 the same five mirrored."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8

from vad.extractors._running import on_device

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


def row(
    network: torch.nn.Module,
    frames: UInt8[np.ndarray, "frames height width 3"],
    size: int,
    names: Sequence[str],
    device: torch.device,
) -> Float[np.ndarray, "1 *crops dim"]:
    """The row of one segment, crop after crop through the network; a single crop has no axis of its own."""
    vectors = np.stack([on_device(network, crop(frames, size, name), device) for name in names])
    return vectors if len(names) == 1 else vectors[None]
