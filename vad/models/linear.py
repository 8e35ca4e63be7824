"""Logistic regression: each row of a video has the video's label, and its logit is its score.

Paper: none; a plain baseline, the first thing to try on weak labels.
Borrowed: nothing; tested against scikit-learn's `LogisticRegression`.
Differs: fitted by gradient steps of room train, with as many normal as anomalous videos in each; rows are bag segments.
"""

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vad.models._base import Bags, Scores, VideoModel
from vad.nn.standardise import ScaledRows
from vad.schema.base import Count, NotNegative, Section


class Config(Section):
    """Settings of logistic regression."""

    bag_segments: Count = Field(32, description="segments to which a video is resampled for training")
    normalise_rows: bool = Field(False, description="divide each feature vector by its length first")
    standardise: bool = Field(True, description="feature channels in units of their spread over the fit part")
    l2: NotNegative = Field(
        0.01,
        description="weight of half the squared length of the weights, beside the mean cross entropy of rows: 1 / (C x"
        " rows) of scikit-learn",
    )


class Model(VideoModel):
    """One linear layer that starts at 0; the score of a video is the highest of its segments."""

    supervision = "weak"
    sampling = "bags"
    level = "frame"
    is_baseline = True

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layer."""
        super().__init__()
        self.config = config
        self.standardise = ScaledRows(feature_dim, config.normalise_rows, config.standardise)
        self.layer = nn.Linear(feature_dim, 1)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    @property
    def scores_own_rows(self) -> bool:
        """A row needs no other row for its score."""
        return True

    def prepare(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Take the constants of `standardise` from the fit part."""
        self.standardise.fit(features)

    def embeddings(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments dim"]:
        """What is weighed: the scaled feature vectors."""
        return self.standardise(features)

    def forward(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments"]:
        """The logit of each segment."""
        return self.layer(self.embeddings(features)).squeeze(-1)

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """Mean cross entropy of all segments with the label of their video, and the length of the weights."""
        logits = self(batch.features)
        labels = batch.labels[:, None].expand_as(logits)
        return {
            "cross_entropy": functional.binary_cross_entropy_with_logits(logits, labels),
            "l2": self.config.l2 / 2 * (self.layer.weight**2).sum(),
        }

    def score(self, features: Float[Tensor, "bags segments dim"]) -> Scores:
        """Logits of the segments, and the highest of each bag."""
        logits = self(features)
        return Scores(torch.amax(logits, dim=1), logits)
