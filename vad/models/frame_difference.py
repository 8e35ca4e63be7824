"""Frame difference: how much a picture differs from the one before it, and nothing else.

Paper: none; a plain baseline of one-class detection that learns nothing.
Borrowed: nothing.
Differs: nothing.
"""

from typing import Literal

from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor

from vad.models._base import Scores, VideoModel, Windows
from vad.schema.base import Section


class Config(Section):
    """Settings of the frame difference."""

    window: int = Field(2, ge=2, description="frames from the earlier to the later picture, both counted")
    stride: Literal[1] = Field(1, description="frames between neighbouring pairs")


class Model(VideoModel):
    """No weights and no constants; the score of a frame is its mean absolute difference, 0..1."""

    supervision = "normal_only"
    sampling = "windows"
    level = "frame"
    reads = "images"
    predicts_last = True
    is_baseline = True

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Keep the settings; pictures of any number of channels are compared."""
        super().__init__()
        self.config = config

    def loss(self, batch: Windows) -> dict[str, Tensor]:
        """Mean difference; no step is taken on it, it stands in the history of the validation part."""
        return {"difference": self.score(batch.features).video.mean()}

    def score(self, features: UInt8[Tensor, "windows rows dim height width"]) -> Scores:
        """Mean absolute difference of the last and the first picture of each window, as a share of the full range."""
        return Scores(self.embeddings(features).mean(dim=1), None)

    def embeddings(self, features: UInt8[Tensor, "windows rows dim height width"]) -> Float[Tensor, "windows dim"]:
        """The mean absolute difference of each colour."""
        first, last = features[:, 0].float(), features[:, -1].float()
        return (last - first).abs().mean(dim=(2, 3)) / 255
