"""Where in the pictures the scores of a video come from: a few maps, however long the video is."""

import numpy as np
from jaxtyping import Float, Int

from vad.engine.score import ScoredPlaces

MOST = 128
"""Maps that are kept, of equal stretches of the video: that of the highest score of each."""


class KeptMaps:
    """Keeps the map of the highest score of each stretch; where there are too many, two stretches become one."""

    def __init__(self) -> None:
        self._length, self._places = 1, 0
        self._kept: list[tuple[float, int, np.ndarray]] = []

    def add(self, scores: Float[np.ndarray, " places"], maps: Float[np.ndarray, "places rows columns"]) -> None:
        """Take the maps of the next places in time (windows, or rows), and their scores."""
        for score, one in zip(scores.tolist(), maps, strict=True):
            if self._places // self._length == MOST:
                pairs = [self._kept[i : i + 2] for i in range(0, MOST, 2)]
                self._kept, self._length = [max(pair, key=lambda kept: kept[0]) for pair in pairs], 2 * self._length
            found = (score, self._places, one.astype(np.float32))
            if self._places // self._length == len(self._kept):
                self._kept.append(found)
            elif score > self._kept[-1][0]:
                self._kept[-1] = found
            self._places += 1

    def of_frames(self, frames: Int[np.ndarray, " places"]) -> ScoredPlaces | None:
        """The maps that were kept, None if there are none.

        Args:
            frames: of each place that was added.
        """
        if not self._kept:
            return None
        return ScoredPlaces(np.stack([one for _, _, one in self._kept]), frames[[place for _, place, _ in self._kept]])
