"""STEAD: convolutions in space and time, then linear attention, on the X3D activations of a video.

Paper: STEAD: Spatio-Temporal Efficient Anomaly Detection for Time and Compute Sensitive Applications,
arXiv 2503.07942.
Borrowed: nothing; written from a description of the released network (MIT) and of the two libraries it uses, own
code, checked against their outputs.
Differs: the random projection of the attention stays as drawn (released: drawn anew after 1,000 training steps);
labels travel with the bags; a batch of one works. `layout: raw_view` keeps the release's reinterpreted axes, which
its weights need; `permute` moves the axes as its figure draws them. `level: frame` is ours: the release gives one
score per video, which a maximum over all its clips makes; ours, trained the same way, scores each clip by itself
beside it. Features that are not X3D's have other channels and sizes, which the layers take from them.
A feature row is one clip's activations, a map with channels first; a video's tensor, in training and at level video,
is the element-wise maximum over its clips.
Presets `fast` and `base` are the two published sizes.
"""

import math
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from vad.errors import FeatureError
from vad.models._base import Bags, Scores, VideoModel
from vad.models._performer import PerformerAttention
from vad.nn import losses
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Positive, Section

PRESETS: dict[str, dict[str, Any]] = {
    "fast": {},
    "base": {
        "convolution_width": 192,
        "attention_width": 128,
        "convolution_blocks": 3,
        "attention_blocks": 3,
        "ff_mult": 4,
    },
}
"""What a preset sets where the user does not; `fast` is the fields' own defaults."""

SPACE = ("time", "height", "width")
CLIPS = 32
"""Tensors that are scored at once; bounds memory, not results."""


class Config(Section):
    """Settings of STEAD. `preset` fills in what is not given."""

    preset: Literal["fast", "base"] = Field("fast", description="published size: fast 17,441, base 1,634,049 values")
    level: Literal["video", "frame"] = Field("video", description="score whole videos (published), or clips too")
    layout: Literal["raw_view", "permute"] = Field(
        "raw_view", description="axes before the convolutions: raw_view = reinterpreted (released), permute = moved"
    )
    bag_segments: Literal[1] = Field(1, description="a video is one tensor: the maximum over its clips (published)")
    standardise_grid: list[Count] | None = Field(
        None,
        min_length=3,
        max_length=3,
        description="time, height and width of the maps, to have each value in units of its spread over the fit part"
        " (for features whose places differ more than videos do); null = as they come (published)",
    )
    convolution_width: Count = Field(32, description="channels of the convolution blocks")
    attention_width: Count = Field(32, description="channels of the attention blocks")
    convolution_blocks: Count = Field(1, description="convolution blocks")
    attention_blocks: Count = Field(1, description="attention blocks")
    ff_mult: Count = Field(1, description="inner width of the linear layers, in block widths")
    groups: Count = Field(16, description="groups of the convolutions")
    heads: int = Field(16, ge=2, multiple_of=2, description="attention heads, half of them in windows")
    dropout: float = Field(0.4, ge=0, lt=1, description="share of values dropped in linear layers and of the feature")
    attention_dropout: float = Field(0.1, ge=0, lt=1, description="share dropped in and after attention")
    triplet_weight: NotNegative = Field(0.01, description="weight of the distances between videos' features")
    triplet_margin: Positive = Field(100.0, description="wanted distance of an anomalous to the nearest normal video")

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, given: Any) -> Any:  # noqa: ANN401 - what pydantic hands over, checked behind
        """Defaults of the preset under the keys that are given."""
        preset = PRESETS.get(given.get("preset", "fast"), {}) if isinstance(given, dict) else {}
        return {**preset, **given} if preset else given

    @model_validator(mode="after")
    def _check_widths(self) -> "Config":
        if self.convolution_width % self.groups:
            raise ValueError(f"convolution_width must be a multiple of groups ({self.groups})")
        if self.attention_width % (2 * self.heads) or self.attention_width < 8:
            raise ValueError(f"attention_width must be at least 8 and a multiple of 2 * heads ({2 * self.heads})")
        return self


class Decoupled(nn.Module):
    """A convolution in space, then one in time, both on normalised values."""

    def __init__(self, width: int, groups: int, layout: str) -> None:
        """Build the layers."""
        super().__init__()
        self.layout = layout
        self.norm2d, self.norm1d = nn.BatchNorm2d(width), nn.BatchNorm1d(width)
        self.conv2d = nn.Conv2d(width, width, 3, padding=1, groups=groups)
        self.conv1d = nn.Conv1d(width, width, 3, padding=1, groups=groups)

    def forward(
        self, values: Float[Tensor, "bags time height width channels"]
    ) -> Float[Tensor, "bags time height width channels"]:
        """By `layout`: moved axes, or the same numbers in memory read as if they were in another order."""
        if self.layout == "permute":
            return self._moved(values)
        bags, time, height, width, channels = values.shape
        space = values.reshape(bags * time, channels, height, width)
        line = self.conv2d(self.norm2d(space)).reshape(bags * height * width, channels, time)
        return self.conv1d(self.norm1d(line)).reshape(values.shape)

    def _moved(
        self, values: Float[Tensor, "bags time height width channels"]
    ) -> Float[Tensor, "bags time height width channels"]:
        """Space convolved frame by frame, time place by place."""
        bags, time, height, width, _ = values.shape
        space = self.conv2d(self.norm2d(values.permute(0, 1, 4, 2, 3).flatten(0, 1)))
        line = space.unflatten(0, (bags, time)).permute(0, 3, 4, 2, 1).flatten(0, 2)
        line = self.conv1d(self.norm1d(line))
        return line.unflatten(0, (bags, height, width)).permute(0, 4, 1, 2, 3)


class ConvolutionBlock(nn.Module):
    """Convolutions and two linear layers, each on normalised input and added to it."""

    def __init__(self, config: Config) -> None:
        """Build the layers."""
        super().__init__()
        width, inner = config.convolution_width, config.convolution_width * config.ff_mult
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.conv = Decoupled(width, config.groups, config.layout)
        self.ff = nn.Sequential(
            nn.Linear(width, inner), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(inner, width), nn.GELU()
        )

    def forward(
        self, values: Float[Tensor, "bags time height width channels"]
    ) -> Float[Tensor, "bags time height width channels"]:
        """The values after both parts."""
        values = values + self.conv(self.norm1(values))
        return values + self.ff(self.norm2(values))


class AttentionBlock(nn.Module):
    """Attention over all places of a tensor and two linear layers, each on normalised input and added to it."""

    def __init__(self, config: Config) -> None:
        """Build the layers."""
        super().__init__()
        width, inner = config.attention_width, config.attention_width * config.ff_mult
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = PerformerAttention(width, config.heads, width // 8, config.attention_dropout)
        self.ff = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(inner, width))

    def forward(
        self, values: Float[Tensor, "bags time height width channels"]
    ) -> Float[Tensor, "bags time height width channels"]:
        """The values after both parts."""
        tokens = values.flatten(1, 3)
        tokens = tokens + self.attention(self.norm1(tokens))
        tokens = tokens + self.ff(self.norm2(tokens))
        return tokens.unflatten(1, values.shape[1:4])


class Output(NamedTuple):
    """Logit of each tensor and the feature that it is read from."""

    logit: Float[Tensor, " tensors"]
    feature: Float[Tensor, "tensors width"]


class Model(VideoModel):
    """The network; `level` says whether it scores clips or only whole videos."""

    supervision = "weak"
    sampling = "bags"
    bag_pool = "max"

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers for maps of `feature_dim` channels (X3D-L: 192).

        Linear weights are Glorot-uniform, those of convolutions Kaiming-normal.
        """
        super().__init__()
        self.config, self.level, self.channels = config, config.level, feature_dim
        grid = config.standardise_grid
        self.standardise = Standardise(feature_dim * math.prod(grid)) if grid else None
        # Without use where the widths are equal, as in the released layout (37,440 values of preset base).
        self.input = nn.Sequential(nn.LayerNorm(feature_dim), nn.Linear(feature_dim, config.convolution_width))
        self.blocks = nn.Sequential(
            *(ConvolutionBlock(config) for _ in range(config.convolution_blocks)),
            nn.Sequential(
                nn.LayerNorm(config.convolution_width), nn.Linear(config.convolution_width, config.attention_width)
            ),
            *(AttentionBlock(config) for _ in range(config.attention_blocks)),
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.attention_width)
        self.last = nn.Linear(config.attention_width, 1)
        self.apply(_initialise)

    @property
    def scores_own_rows(self) -> bool:
        """Clips are scored one by one at level frame; at level video only their maximum is."""
        return self.config.level == "frame"

    def prepare(self, features: Float[Tensor, "bags segments channels *space"]) -> None:
        """Take the constants of `standardise` from the videos' tensors of the fit part."""
        if self.standardise:
            self._check_grid(features[0])
            self.standardise.fit(features.flatten(2))

    def _check_grid(self, rows: Float[Tensor, "tensors channels *space"]) -> None:
        if list(rows.shape[2:]) != self.config.standardise_grid:
            raise FeatureError(
                f"stead: maps of {list(rows.shape[2:])} (time, height, width), but standardise_grid is"
                f" {self.config.standardise_grid}. Set it to the size of the features."
            )

    def forward(self, rows: Float[Tensor, "tensors channels *space"]) -> Output:
        """Logit and feature of each tensor, space being time, height and width.

        Raises: FeatureError for rows of another shape.
        """
        if rows.ndim != len(SPACE) + 2:
            raise FeatureError(
                f"stead: feature rows of shape {tuple(rows.shape[1:])} are no maps (channels, {', '.join(SPACE)})."
                " Use features that are maps, such as X3D activations."
            )
        if self.standardise:
            self._check_grid(rows)
            rows = self.standardise(rows.flatten(1)).unflatten(1, rows.shape[1:])
        values = rows.permute(0, 2, 3, 4, 1)
        if self.config.convolution_width != self.channels:
            values = self.input(values)
        pooled = self.blocks(values).amax(dim=(1, 2, 3))
        feature = self.norm(self.dropout(pooled))
        return Output(self.last(feature).squeeze(-1), feature)

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """Cross-entropy of the videos' logits, and distances between the features of videos."""
        config, out, anomalous = self.config, self(batch.features.amax(dim=1)), batch.labels > 0.5
        distances = losses.compact_normals(out.feature[~anomalous], out.feature[anomalous], config.triplet_margin)
        return {
            "classification": functional.binary_cross_entropy_with_logits(out.logit, batch.labels),
            "triplet": config.triplet_weight * distances,
        }

    def score(self, features: Float[Tensor, "bags segments channels *space"]) -> Scores:
        """Probability-like score, 0..1, of the maximum over each video's clips; at level frame of each clip as well."""
        video = self._probabilities(features.amax(dim=1))
        if self.level == "video":
            return Scores(video, None)
        return Scores(video, self._probabilities(features.flatten(0, 1)).unflatten(0, features.shape[:2]))

    def embeddings(self, features: Float[Tensor, "bags segments dim *space"]) -> Float[Tensor, "bags *segments width"]:
        """The normalised feature that the score is read from, of each clip, at level video of each video."""
        if self.level == "video":
            return self(features.amax(dim=1)).feature
        clips = features.flatten(0, 1).split(CLIPS)
        return torch.cat([self(chunk).feature for chunk in clips]).unflatten(0, features.shape[:2])

    def _probabilities(self, rows: Float[Tensor, "tensors channels *space"]) -> Float[Tensor, " tensors"]:
        return torch.sigmoid(torch.cat([self(chunk).logit for chunk in rows.split(CLIPS)]))

    released_names = (
        (r"\.proj_updater\.", None),  # the library's second name of the same values
        (r"\.rel_pos\.inv_freq$", None),  # follows from the width of the heads
        (r"^norm0\.", "input.0."),
        (r"^linear\.", "input.1."),
        (r"^fc\.", "last."),
        (r"^stages\.", "blocks."),
        (r"\.performer\.net\.layers\.0\.0\.norm\.", ".norm1."),
        (r"\.performer\.net\.layers\.0\.0\.fn\.fast_attention\.projection_matrix$", ".attention.directions"),
        (r"\.performer\.net\.layers\.0\.0\.fn\.to_q\.", ".attention.query."),
        (r"\.performer\.net\.layers\.0\.0\.fn\.to_k\.", ".attention.key."),
        (r"\.performer\.net\.layers\.0\.0\.fn\.to_v\.", ".attention.value."),
        (r"\.performer\.net\.layers\.0\.0\.fn\.to_out\.", ".attention.out."),
        (r"\.performer\.net\.layers\.0\.1\.norm\.", ".norm2."),
        (r"\.performer\.net\.layers\.0\.1\.fn\.fn\.w1\.", ".ff.0."),
        (r"\.performer\.net\.layers\.0\.1\.fn\.fn\.w2\.", ".ff.3."),
    )


def _initialise(layer: nn.Module) -> None:
    """As released: zero biases of linear layers, torch's own of convolutions."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    elif isinstance(layer, (nn.Conv1d, nn.Conv2d)):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
