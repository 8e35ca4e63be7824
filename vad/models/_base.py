"""What models take and give: bags, windows, scores."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from vad.artefacts.clips import BagClips

Pool = Literal["mean", "max"]


@dataclass(frozen=True)
class Bags:
    """Whole videos (or one crop each) with video labels (0 normal, 1 anomalous), in any order.

    A row is a vector, or a map with channels first.
    """

    features: Float[Tensor, "bags segments dim *space"]
    labels: Float[Tensor, " bags"]
    clips: BagClips | None = None
    """The pixels of the segments, where the features hold them; they stay on the CPU until a model decodes some."""

    def to(self, device: torch.device) -> "Bags":
        """The same batch on a device."""
        return Bags(self.features.to(device), self.labels.to(device), self.clips)


@dataclass(frozen=True)
class Windows:
    """Windows of consecutive rows of normal videos: vectors, or images as bytes."""

    features: Float[Tensor, "windows steps dim"] | UInt8[Tensor, "windows steps dim height width"]

    def to(self, device: torch.device) -> "Windows":
        """The same batch on a device."""
        return Windows(self.features.to(device))


class Scores(NamedTuple):
    """What `Model.score` returns, higher = more anomalous: one score per bag (or window), and one per step.

    `steps` is None for models that only score the whole. A model that pools over time has fewer steps than
    there are segments.
    """

    video: Float[Tensor, " bags"]
    steps: Float[Tensor, "bags steps"] | None
