"""Which frames of a test list are shown, by a rule that leaves nothing to choose by hand."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

RANKS = {"highest score": 1.0, "upper quartile": 0.75, "median": 0.5, "lower quartile": 0.25, "lowest score": 0.0}
"""Of all frames of the test list by their score: the highest one and so on."""
RULE = "frames of the test list whose scores by {variant} (seed {seed}) are the highest, the quartiles and the lowest"


class Chosen(NamedTuple):
    """A frame that is shown, and why."""

    rank: str
    """A key of `RANKS`."""
    video_id: str
    frame: int
    """Index from 0."""


def chosen_frames(
    scores: Mapping[str, Float[np.ndarray, "frames"]], unscored: Mapping[str, int]
) -> list[Chosen]:  # fmt: skip
    """One frame for each of `RANKS`; of equal scores, those of later videos and frames rank higher.

    Args:
        scores: of every frame, by video, in the order of the test list.
        unscored: for each video how many frames at its start have no score of their own; less than all.
    """
    places = [(name, frame) for name, values in scores.items() for frame in range(unscored[name], len(values))]
    values = np.concatenate([values[unscored[name] :] for name, values in scores.items()])
    order = np.argsort(values, kind="stable")
    at = {rank: order[round(share * (len(order) - 1))] for rank, share in RANKS.items()}
    return [Chosen(rank, *places[index]) for rank, index in at.items()]
