"""Channels in units of their own spread, from constants of the fit part; nothing is learned."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Standardise(nn.Module):
    """Subtract each channel's mean and divide by its standard deviation; changes nothing until fitted."""

    def __init__(self, channels: int) -> None:
        """Start with mean 0 and scale 1."""
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    def fit(self, values: Float[Tensor, "*batch channels"]) -> None:
        """Keep mean and standard deviation of each channel; a constant channel is only centred."""
        spread, mean = torch.std_mean(values.flatten(0, -2), dim=0, correction=0)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(spread > 1e-6, spread, 1.0))

    def forward(self, values: Float[Tensor, "*batch channels"]) -> Float[Tensor, "*batch channels"]:
        """The same values in units of the fit part's spread."""
        return (values - self.mean) / self.scale


class ScaledRows(Standardise):
    """Feature vectors at length 1, in units of the fit part's spread, both, or as they are."""

    def __init__(self, channels: int, normalise_rows: bool, standardise: bool) -> None:
        """Choose what is done to a vector.

        Args:
            channels: length of a feature vector.
            normalise_rows: divide each vector by its length first.
            standardise: False = `fit` keeps nothing.
        """
        super().__init__(channels)
        self.normalise_rows, self.standardise = normalise_rows, standardise

    def fit(self, values: Float[Tensor, "*batch channels"]) -> None:
        """Keep mean and standard deviation of each channel, if asked for."""
        if self.standardise:
            super().fit(self._normalised(values))

    def forward(self, values: Float[Tensor, "*batch channels"]) -> Float[Tensor, "*batch channels"]:
        """The scaled vectors."""
        return super().forward(self._normalised(values))

    def _normalised(self, values: Float[Tensor, "*batch channels"]) -> Float[Tensor, "*batch channels"]:
        return functional.normalize(values, dim=-1) if self.normalise_rows else values
