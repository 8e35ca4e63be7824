"""A score curve as a page stores it: few enough numbers to be small and quick, without losing a peak."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

MOST_EXACT = 8_000
"""Frames. Up to so many, a page holds each score; of a longer video the lowest and the highest score of half as many
equal stretches."""
MOST_TOGETHER = 24_000
"""Numbers that several curves in one page hold together, at most."""
DIGITS = 4
"""Scores are rounded to the range of the scores times ten to the minus this."""


def curve(times: Float[np.ndarray, "frames"], scores: Float[np.ndarray, "frames"], sharing: int = 1) -> dict[str, Any]:
    """The scores of a video, whole or decimated.

    Args:
        times: seconds since the first frame.
        scores: one for each frame, at least one.
        sharing: curves that share the page.

    Returns: `per` = frames of a stretch, `ms` = milliseconds from the start of one stretch to the next (of the first
        from 0), `high` and `low` = highest and lowest score of each stretch (`low` is None where each has one frame).
    """
    most = min(MOST_EXACT, MOST_TOGETHER // sharing)
    per = 1 if len(scores) <= most else math.ceil(len(scores) / max(most // 2, 1))
    starts = np.arange(0, len(scores), per)
    high = np.maximum.reduceat(scores, starts)
    low = np.minimum.reduceat(scores, starts) if per > 1 else None
    digits = _decimals(scores)
    return {
        "per": per,
        "ms": np.diff(np.rint(times[starts] * 1000).astype(np.int64), prepend=0).tolist(),
        "high": _rounded(high, digits),
        "low": None if low is None else _rounded(low, digits),
    }


def _decimals(scores: Float[np.ndarray, "frames"]) -> int:
    """Decimals that tell scores apart, whatever their range."""
    spread = float(np.ptp(scores)) or float(abs(scores[0])) or 1.0
    return max(0, DIGITS - math.floor(math.log10(spread)))


def _rounded(values: Float[np.ndarray, "stretches"], digits: int) -> list[float]:
    return [round(value, digits) for value in values.astype(np.float64).tolist()]
