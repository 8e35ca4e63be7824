"""DeepMIL: Sultani's ranking network as later work uses it, a ReLU in the middle and pairs one to one.

Paper: Sultani, Chen, Shah, Real-world Anomaly Detection in Surveillance Videos, CVPR 2018, as the baseline of
later weakly supervised work on I3D features (no publication of its own).
Borrowed: nothing; written from a description of the public trainer's behaviour.
Differs: dropout after the sigmoid is off (`dropout_after_sigmoid: true` = released; it zeroes whole segment scores
in training); smoothness stays inside each bag. `c3d_mil` is the 2018 original.
"""

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vad.models._base import Bags, Scores, VideoModel
from vad.nn import losses
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Section


class Config(Section):
    """Settings of DeepMIL; the defaults are the published ones but for `dropout_after_sigmoid`."""

    bag_segments: int = Field(32, ge=2, description="segments to which each training video is resampled")
    score_full_length: bool = Field(True, description="score each stored row (published), or the resampled bag")
    hidden_width: Count = Field(512, description="units of the first layer")
    middle_width: Count = Field(32, description="units of the second layer")
    dropout: float = Field(0.6, ge=0, lt=1, description="share of units dropped after the first and second layer")
    dropout_after_sigmoid: bool = Field(False, description="drop segment scores too, in training; true = released")
    standardise: bool = Field(False, description="feature channels in units of their spread over the fit part")
    normalise_rows: bool = Field(False, description="scale each segment vector to length 1 (for C3D features)")
    margin: float = Field(1.0, gt=0, description="wanted distance of the two highest scores (scores are 0..1)")
    smoothness_weight: NotNegative = Field(8e-5, description="weight of squared score differences in anomalous bags")
    sparsity_weight: NotNegative = Field(8e-5, description="weight of scores in anomalous bags")


class Model(VideoModel):
    """Three linear layers on each segment separately; a score 0..1 per segment, the video's is the highest."""

    supervision = "weak"
    sampling = "bags"
    level = "frame"

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers, Glorot-uniform weights and zero biases."""
        super().__init__()
        self.config = config
        self.standardise = Standardise(feature_dim)
        self.layers = nn.Sequential(
            nn.Linear(feature_dim, config.hidden_width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden_width, config.middle_width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.middle_width, 1),
            nn.Sigmoid(),
            nn.Dropout(config.dropout if config.dropout_after_sigmoid else 0.0),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    @property
    def scores_own_rows(self) -> bool:
        """Where `score_full_length` is set."""
        return self.config.score_full_length

    def prepare(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Take the constants of `standardise` from the fit part."""
        if self.config.standardise:
            self.standardise.fit(features)

    def forward(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments"]:
        """Score of each segment, 0..1 (with `dropout_after_sigmoid` 0 or above it in training)."""
        return self.layers(self._rows(features)).squeeze(-1)

    def _rows(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments dim"]:
        rows = self.standardise(features)
        return functional.normalize(rows, dim=-1) if self.config.normalise_rows else rows

    def embeddings(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments width"]:
        """The middle layer of each segment after its ReLU, from which its score is read."""
        return self.layers[:5](self._rows(features))

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """Ranking of the highest scores over pairs; smoothness and sparsity, sums over a bag, means over bags."""
        config = self.config
        scores, anomalous = self(batch.features), batch.labels > 0.5
        best, bags = scores.max(dim=1).values, max(int(anomalous.sum()), 1)
        return {
            "ranking": losses.ranking_hinge(best[~anomalous], best[anomalous], "paired", config.margin),
            "smoothness": config.smoothness_weight * losses.smoothness(scores[anomalous]) / bags,
            "sparsity": config.sparsity_weight * losses.sparsity(scores[anomalous]) / bags,
        }

    def score(self, features: Float[Tensor, "bags segments dim"]) -> Scores:
        """Segment scores, 0..1; the video's score is the highest of them."""
        scores = self(features)
        return Scores(scores.max(dim=1).values, scores)
