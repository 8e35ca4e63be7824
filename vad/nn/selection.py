"""Positions that stand for a bag: the mean of chosen ones."""

from jaxtyping import Float, Int
from torch import Tensor


def mean_of_positions(
    values: Float[Tensor, "bags positions width"], index: Int[Tensor, "bags chosen"]
) -> Float[Tensor, "bags width"]:
    """The mean vector of the chosen positions of each bag.

    Args:
        values: a vector per position.
        index: positions from 0, at least one per bag.
    """
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2])).mean(dim=1)
