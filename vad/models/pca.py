"""PCA: what the main directions of normal feature vectors cannot rebuild is the score.

Paper: none; a plain baseline of one-class detection.
Borrowed: nothing.
Differs: nothing is trained by steps: room train takes the directions from at most 4,096 evenly chosen windows.
"""

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from vad.models._base import Scores, VideoModel, Windows
from vad.nn.standardise import ScaledRows
from vad.schema.base import Count, Section

WHOLE = 512
"""Widest features of which all directions are computed; of wider ones that would take minutes."""


class Config(Section):
    """Settings of PCA."""

    window: Count = Field(1, description="rows (extracted frames or segments) whose errors are averaged")
    stride: Count = Field(1, description="rows between the starts of neighbouring windows")
    components: Count = Field(16, description="directions kept; all of them where the features are no wider")
    normalise_rows: bool = Field(False, description="divide each feature vector by its length first")
    standardise: bool = Field(True, description="feature channels in units of their spread over the fit part")


def _main_directions(covariance: Float[np.ndarray, "dim dim"], count: int) -> Float[np.ndarray, "dim count"]:
    """The directions of largest variance; NumPy and SciPy, which portable arithmetic makes equal on every CPU."""
    dim = len(covariance)
    if dim <= WHOLE or count >= dim - 1:
        return np.linalg.eigh(covariance)[1][:, ::-1][:, :count].copy()
    from scipy.sparse.linalg import eigsh  # a quarter of a second, which only training needs

    return eigsh(covariance, count, v0=np.ones(dim))[1][:, ::-1].copy()


class Model(VideoModel):
    """Buffers alone; the score of a window is its mean squared error, >= 0, in squared units of the vectors."""

    supervision = "normal_only"
    sampling = "windows"
    level = "frame"
    is_baseline = True

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Start without directions: the error of a vector is then the vector."""
        super().__init__()
        self.config = config
        self.standardise = ScaledRows(feature_dim, config.normalise_rows, config.standardise)
        self.mean: Tensor
        self.directions: Tensor
        self.register_buffer("mean", torch.zeros(feature_dim))
        self.register_buffer("directions", torch.zeros(feature_dim, min(config.components, feature_dim)))

    def prepare(self, features: Float[Tensor, "windows rows dim"]) -> None:
        """Take scales, mean and main directions from the fit part."""
        self.standardise.fit(features)
        values = self.standardise(features).flatten(0, 1).double().cpu().numpy()
        mean = values.mean(axis=0)
        self.mean.copy_(torch.from_numpy(mean))
        covariance = (values - mean).T @ (values - mean) / len(values)
        self.directions.copy_(torch.from_numpy(_main_directions(covariance, self.directions.shape[1])))

    def forward(self, features: Float[Tensor, "windows rows dim"]) -> Float[Tensor, "windows rows dim"]:
        """What the directions leave of each vector."""
        values = self.standardise(features) - self.mean
        return values - values @ self.directions @ self.directions.T

    def loss(self, batch: Windows) -> dict[str, Tensor]:
        """Mean squared error; no step is taken on it, it stands in the history of the validation part."""
        return {"reconstruction": self.score(batch.features).video.mean()}

    def score(self, features: Float[Tensor, "windows rows dim"]) -> Scores:
        """Mean squared error of each window."""
        return Scores((self(features) ** 2).mean(dim=(1, 2)), None)

    def embeddings(self, features: Float[Tensor, "windows rows dim"]) -> Float[Tensor, "windows dim"]:
        """What the directions leave, averaged over the rows of each window."""
        return self(features).mean(dim=1)
