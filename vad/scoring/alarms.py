"""Alarms of one video: runs of frames whose scores are at or above the threshold."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Real


class Alarm(NamedTuple):
    """One alarm of one video."""

    start: int
    """Its first frame, from 0."""
    end: int
    """The frame after its last one."""
    peak: float
    """Its highest score."""


def make_alarms(scores: Real[np.ndarray, "frames"], threshold: float) -> list[Alarm]:
    """Make the alarms of one video.

    Args:
        scores: one finite number for each frame, higher = more anomalous.
        threshold: in the units of the scores; a frame with a score of at least this belongs to an alarm.

    Returns: the alarms in the order of time.
    """
    high = np.concatenate([[False], scores >= threshold, [False]])
    bounds = np.flatnonzero(high[1:] != high[:-1]).reshape(-1, 2)
    return [Alarm(int(start), int(end), float(scores[start:end].max())) for start, end in bounds]
