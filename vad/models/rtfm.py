"""RTFM: the segments with the longest features represent the video; training makes anomalous features long.

Paper: Tian, Pang, Chen, Singh, Verjans, Carneiro, Weakly-supervised Video Anomaly Detection with Robust Temporal
Feature Magnitude Learning, ICCV 2021.
Borrowed: nothing; written from the paper and a description of the released network's behaviour.
Differs: score differences are taken inside bags (the release's run on from one video into the next). Pairs are formed
by labels, not by halves of the batch. Crops are trained together as released: a batch has all crops of its videos
(32 + 32 videos of ten crops: 640 bags), the magnitudes are averaged over the crops of a video, which so choose the
same three segments, and the terms on scores see the mean over crops. `crops: separate` is ours: each crop is a bag of
its own that chooses its own segments. Frame scores are the mean over crops either way; the model's own video score is
that of each crop's own three segments, averaged.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from vad.models._base import Bags, Scores, VideoModel
from vad.nn import losses
from vad.nn.selection import mean_of_positions
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Positive, Section

DILATIONS = (1, 2, 4)


class Config(Section):
    """Settings of RTFM; the defaults are the published ones."""

    bag_segments: int = Field(32, ge=2, description="segments to which each training video is resampled")
    score_full_length: bool = Field(True, description="score each stored row (published), or the resampled bag")
    standardise: bool = Field(False, description="feature channels in units of their spread over the fit part")
    branch_width: Count = Field(512, description="channels of each of the four temporal branches")
    context_width: Count = Field(256, description="channels inside the non-local branch")
    hidden_width: Count = Field(512, description="units of the scorer's first layer")
    middle_width: Count = Field(128, description="units of the scorer's second layer")
    dropout: float = Field(
        0.7, ge=0, lt=1, description="share dropped of features, of units of the scorer, and of segments to choose from"
    )
    crops: Literal["together", "separate"] = Field(
        "together",
        description="training with features of several crops: together = a video with all of them, which choose the"
        " same segments (released); separate = each crop is a sample of its own",
    )
    chosen: Count = Field(3, description="segments with the longest features that stand for a video")
    magnitude_margin: Positive = Field(100.0, description="length wanted of anomalous videos' mean chosen feature")
    magnitude_weight: NotNegative = Field(1e-4, description="weight of the magnitude term")
    sparsity_weight: NotNegative = Field(8e-3, description="weight of the length of all scores of anomalous bags")
    smoothness_weight: NotNegative = Field(8e-4, description="weight of squared score differences in anomalous bags")


class NonLocal(nn.Module):
    """Every position adds a weighted sum over all positions (a non-local block); starts as the identity."""

    def __init__(self, width: int, inner: int) -> None:
        """Build the layers; the scale of the added part starts at 0."""
        super().__init__()
        self.query, self.key, self.value = (nn.Conv1d(width, inner, 1) for _ in range(3))
        self.out = nn.Conv1d(inner, width, 1)
        self.norm = nn.BatchNorm1d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, values: Float[Tensor, "bags width positions"]) -> Float[Tensor, "bags width positions"]:
        """Weights are inner products divided by the number of positions, no softmax."""
        query, key, value = self.query(values), self.key(values), self.value(values)
        # The same product in the cheaper order: for videos of hours the matrix of weights would not fit in memory.
        if values.shape[2] > query.shape[1]:
            read = value @ key.transpose(1, 2) @ query
        else:
            read = value @ (key.transpose(1, 2) @ query)
        return values + self.norm(self.out(read / values.shape[2]))


class TemporalContext(nn.Module):
    """Three dilated convolutions and a non-local branch side by side, merged and added to the input."""

    def __init__(self, dim: int, width: int, inner: int) -> None:
        """Build the layers."""
        super().__init__()
        self.dilated = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(dim, width, 3, padding=dilation, dilation=dilation), nn.ReLU(), nn.BatchNorm1d(width)
            )
            for dilation in DILATIONS
        )
        self.whole = nn.Sequential(nn.Conv1d(dim, width, 1, bias=False), nn.ReLU(), NonLocal(width, inner))
        merged = (len(DILATIONS) + 1) * width
        self.merge = nn.Sequential(nn.Conv1d(merged, dim, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm1d(dim))

    def forward(self, values: Float[Tensor, "bags dim positions"]) -> Float[Tensor, "bags dim positions"]:
        """The paper's multi-scale temporal network."""
        branches = [*(branch(values) for branch in self.dilated), self.whole(values)]
        return values + self.merge(torch.cat(branches, dim=1))


class Output(NamedTuple):
    """Scores 0..1 of each position and of the chosen ones (their mean), and the mean feature of these of each crop.

    Scores of a video are the mean over its crops.
    """

    positions: Float[Tensor, "videos positions"]
    chosen_score: Float[Tensor, " videos"]
    chosen_feature: Float[Tensor, "bags dim"]


def _over_crops(values: Float[Tensor, "bags positions"], crops: int) -> Float[Tensor, "videos positions"]:
    """The mean over the crops of each video."""
    return values if crops == 1 else values.unflatten(0, (-1, crops)).mean(dim=1)


class Model(VideoModel):
    """Temporal context, choice by magnitude, scorer; the video's score is the mean of its chosen segments."""

    supervision = "weak"
    sampling = "bags"
    level = "frame"

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers, Glorot-uniform weights and zero biases."""
        super().__init__()
        self.config = config
        self.standardise = Standardise(feature_dim)
        self.context = TemporalContext(feature_dim, config.branch_width, config.context_width)
        self.dropout = nn.Dropout(config.dropout)
        self.scorer = nn.Sequential(
            nn.Linear(feature_dim, config.hidden_width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden_width, config.middle_width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.middle_width, 1),
            nn.Sigmoid(),
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv1d, nn.Linear)):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    @property
    def crops_together(self) -> bool:
        """With `crops: together`."""
        return self.config.crops == "together"

    @property
    def scores_own_rows(self) -> bool:
        """Where `score_full_length` is set."""
        return self.config.score_full_length

    def prepare(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Take the constants of `standardise` from the fit part."""
        if self.config.standardise:
            self.standardise.fit(features)

    def forward(self, features: Float[Tensor, "bags positions dim"], crops: int = 1) -> Output:
        """Score all positions; choose those with the longest features, in training among a random part of them.

        Args:
            features: of the crops of videos.
            crops: so many bags in a row are one video and choose the same positions.
        """
        hidden = self.dropout(self.embeddings(features))
        positions = _over_crops(self.scorer(hidden).squeeze(-1), crops)
        magnitude = _over_crops(torch.linalg.vector_norm(hidden, dim=-1), crops)
        eligible = magnitude * self.dropout(torch.ones_like(magnitude))
        index = eligible.topk(min(self.config.chosen, eligible.shape[1]), dim=1).indices
        feature = mean_of_positions(hidden, index.repeat_interleave(crops, dim=0))
        return Output(positions, positions.gather(1, index).mean(dim=1), feature)

    def embeddings(self, features: Float[Tensor, "bags positions dim"]) -> Float[Tensor, "bags positions dim"]:
        """Each position with its temporal context: its score is read from this vector; its length is the magnitude."""
        return self.context(self.standardise(features).transpose(1, 2)).transpose(1, 2)

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """Cross-entropy of chosen segments, their magnitude, length and smoothness of anomalous bags' scores."""
        config, out = self.config, self(batch.features, batch.crops)
        of_crops, of_videos = batch.labels, batch.labels[:: batch.crops]
        anomalous = of_videos > 0.5
        # Bags keep their order: each crop of a normal video is paired with the same crop of an anomalous one.
        normal_features, anomalous_features = (out.chosen_feature[(of_crops > 0.5) == side] for side in (False, True))
        gap = losses.magnitude_gap(normal_features, anomalous_features, config.magnitude_margin)
        return {
            "classification": losses.cross_entropy(out.chosen_score, of_videos),
            "magnitude": config.magnitude_weight * gap,
            "sparsity": config.sparsity_weight * torch.linalg.vector_norm(out.positions[anomalous]),
            "smoothness": config.smoothness_weight * losses.smoothness(out.positions[anomalous]),
        }

    def score(self, features: Float[Tensor, "bags segments dim"]) -> Scores:
        """Segment scores, 0..1; the video's is the mean over its chosen segments."""
        out = self(features)
        return Scores(out.chosen_score, out.positions)

    released_names = (
        (r"^Aggregate\.conv_1\.", "context.dilated.0."),
        (r"^Aggregate\.conv_2\.", "context.dilated.1."),
        (r"^Aggregate\.conv_3\.", "context.dilated.2."),
        (r"^Aggregate\.conv_4\.", "context.whole."),
        (r"^Aggregate\.conv_5\.", "context.merge."),
        (r"^Aggregate\.non_local\.theta\.", "context.whole.2.query."),
        (r"^Aggregate\.non_local\.phi\.", "context.whole.2.key."),
        (r"^Aggregate\.non_local\.g\.", "context.whole.2.value."),
        (r"^Aggregate\.non_local\.W\.0\.", "context.whole.2.out."),
        (r"^Aggregate\.non_local\.W\.1\.", "context.whole.2.norm."),
        (r"^fc1\.", "scorer.0."),
        (r"^fc2\.", "scorer.3."),
        (r"^fc3\.", "scorer.6."),
    )
