"""C3D-MIL: a small network that ranks the best segment of anomalous videos above that of normal ones.

Paper: Sultani, Chen, Shah, Real-world Anomaly Detection in Surveillance Videos, CVPR 2018, section 3.
Borrowed: nothing; written from the paper and from the behaviour of the published trainer.
Differs: any feature width; bags by truncated bounds that use every row (the published bounds never use the
last clip of a long video). `hinge: paired`, `regularisation_reduction: mean` and `weight_norm: length` together are the
loss of a public PyTorch re-implementation (ekosman/AnomalyDetectionCVPR2018-Pytorch); `middle_activation: relu` is what
most later work has. `infer.expansion: sultani_m` of a variant spreads scores over frames as the MATLAB code does.
"""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vad.models._base import Bags, Scores, VideoModel
from vad.nn import losses
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Section


class Config(Section):
    """Settings of C3D-MIL; the defaults are the published ones."""

    bag_segments: int = Field(32, ge=2, description="segments to which each video is resampled")
    hidden_width: Count = Field(512, description="units of the first layer")
    middle_width: Count = Field(32, description="units of the second layer")
    dropout: float = Field(0.6, ge=0, lt=1, description="share of units dropped after the first and second layer")
    standardise: bool = Field(False, description="feature channels in units of their spread over the fit part")
    normalise_rows: bool = Field(True, description="scale each segment vector to length 1")
    middle_activation: Literal["linear", "relu"] = Field(
        "linear", description="after the second layer; linear = published"
    )
    hinge: losses.Pairing = Field(
        "all_pairs", description="normal and anomalous bags compared: all_pairs = published, or one to one"
    )
    margin: float = Field(1.0, gt=0, description="wanted distance of the two highest scores (scores are 0..1)")
    smoothness_weight: NotNegative = Field(8e-5, description="weight of squared score differences in anomalous bags")
    sparsity_weight: NotNegative = Field(8e-5, description="weight of scores in anomalous bags")
    regularisation_reduction: losses.Reduction = Field(
        "sum",
        description="smoothness and sparsity, each the sum over a bag: sum over the anomalous bags = published, or mean"
        " over them",
    )
    weight_regularisation: NotNegative = Field(0.001, description="weight of the size of the three layers")
    weight_norm: Literal["squared", "length"] = Field(
        "squared",
        description="that size: squared = the sum of the squared weights (published); length = the sum over the layers"
        " of the length of weights and biases, not squared",
    )


class Model(VideoModel):
    """Three linear layers on each segment separately; a score 0..1 per segment, the video's is the highest."""

    supervision = "weak"
    sampling = "bags"
    level = "frame"

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers, Glorot-normal weights and zero biases."""
        super().__init__()
        self.config = config
        self.standardise = Standardise(feature_dim)
        self.first = nn.Linear(feature_dim, config.hidden_width)
        self.middle = nn.Linear(config.hidden_width, config.middle_width)
        self.last = nn.Linear(config.middle_width, 1)
        self.dropout = nn.Dropout(config.dropout)
        for layer in self._layers():
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def _layers(self) -> list[nn.Linear]:
        return [self.first, self.middle, self.last]

    def prepare(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Take the constants of `standardise` from the fit part."""
        if self.config.standardise:
            self.standardise.fit(features)

    def embeddings(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments width"]:
        """The middle layer of each segment, from which its score is read."""
        rows = self.standardise(features)
        rows = functional.normalize(rows, dim=-1) if self.config.normalise_rows else rows
        hidden = self.dropout(functional.relu(self.first(rows)))
        middle = self.middle(hidden)
        return functional.relu(middle) if self.config.middle_activation == "relu" else middle

    def forward(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments"]:
        """Score of each segment, 0..1."""
        return torch.sigmoid(self.last(self.dropout(self.embeddings(features)))).squeeze(-1)

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """Ranking of the highest scores, smoothness and sparsity of anomalous bags, size of the weights.

        Paper: equations 6 and 7.
        """
        config = self.config
        scores = self(batch.features)
        best, anomalous = scores.max(dim=1).values, batch.labels > 0.5
        smooth = losses.smoothness(scores[anomalous], config.regularisation_reduction)
        sparse = losses.sparsity(scores[anomalous], config.regularisation_reduction)
        return {
            "ranking": losses.ranking_hinge(best[~anomalous], best[anomalous], config.hinge, config.margin),
            "smoothness": config.smoothness_weight * smooth,
            "sparsity": config.sparsity_weight * sparse,
            "weights": config.weight_regularisation * self._size(),
        }

    def _size(self) -> Float[Tensor, ""]:
        """Of the three layers, as `weight_norm` measures it."""
        if self.config.weight_norm == "squared":
            return losses.squared_norm([layer.weight for layer in self._layers()])
        return torch.stack([losses.squared_norm(list(layer.parameters())).sqrt() for layer in self._layers()]).sum()

    def score(self, features: Float[Tensor, "bags segments dim"]) -> Scores:
        """Segment scores, 0..1; the video's score is the highest of them."""
        scores = self(features)
        return Scores(scores.max(dim=1).values, scores)
