"""Which videos an int8 network is made for. Imports no torch: the plan asks for it too."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")
CALIBRATION_VIDEOS, CALIBRATION_SEGMENTS = 20, 2
"""An int8 network is made for the ranges of values in the first segments of some train videos."""


def spread(videos: Sequence[Item]) -> list[Item]:
    """Those of a list of train videos that an int8 network is made for: evenly spread over it, in its order."""
    step = max(len(videos) // CALIBRATION_VIDEOS, 1)
    return list(videos[::step][:CALIBRATION_VIDEOS])
