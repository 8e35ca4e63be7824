"""How far a vector lies from those of the fit part, from constants of the fit part; nothing is learned."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vad.nn.standardise import Standardise

RIDGE = 0.1
"""Added to each channel's variance, in units of that variance: directions that hardly vary are mostly noise."""


class Mahalanobis(nn.Module):
    """Mahalanobis distance to the mean of the fit part; the plain length of a vector until fitted."""

    def __init__(self, channels: int) -> None:
        """Start with mean 0 and the identity."""
        super().__init__()
        self.standardise = Standardise(channels)
        self.whiten: Tensor
        self.register_buffer("whiten", torch.eye(channels))

    def fit(self, values: Float[Tensor, "*batch channels"]) -> None:
        """Keep mean, spread and correlations of the channels."""
        self.standardise.fit(values)
        rows = self.standardise(values.flatten(0, -2)).double()
        identity = torch.eye(rows.shape[1], dtype=rows.dtype, device=rows.device)
        root = torch.linalg.cholesky(rows.T @ rows / len(rows) + RIDGE * identity)
        self.whiten.copy_(torch.linalg.solve_triangular(root, identity, upper=False))

    def forward(self, values: Float[Tensor, "*batch channels"]) -> Float[Tensor, "*batch"]:
        """The distance, >= 0, about the square root of the number of channels for a usual vector."""
        return torch.linalg.vector_norm(self.standardise(values) @ self.whiten.T, dim=-1)
