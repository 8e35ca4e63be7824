"""MSTSM: temporal shift, temporal attention, a memory of prototypes, a decoder and a scorer on a bag.

Paper: the MemTSM-Net report and the README of its code (no publication known to us).
Borrowed: nothing; written from a description of the released network's behaviour.
Differs: time is the time axis (the released checkpoint's was, by its decoder, the descriptor axis); labels
come from the split table, min-max constants from the validation part; batches are paired; a batch of one
works. The report does not say which three values a segment has; ours are fixed statistics of its vector. With
`standardise`, noise and masks act on channels in units of their spread over the fit part: the published spread of .02
then is 2 % of the spread of a channel, not .02 of a feature (whose spread is a few hundredths for XFeat), and a masked
step holds the mean of each channel, not 0. The published curriculum by length is `train.curriculum: length`; the
released loader shuffles after sorting, so it has no effect there, and it is off here.
Preset `claim` has the published size and scores whole videos; preset `segments` reads whole segment vectors
and scores positions too. Published results of the release are not reproducible as described.
Ablations: `temporal_shift`, `temporal_attention`, `channel_weights`, `memory` and `decoder` set to false take their
part out, with its parameters and its loss term; with both loss weights at 0 only the focal term is left.
"""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from vad.errors import FeatureError
from vad.models._base import Bags, Scores, VideoModel
from vad.nn import losses
from vad.nn.mahalanobis import Mahalanobis
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Positive, Section

PRESETS: dict[str, dict[str, Any]] = {
    "claim": {
        "inputs": "statistics",
        "level": "video",
        "shift_stride": 5,
        "decoder_target": "center16",
        "score_fusion": True,
    },
    "segments": {},
}
"""What a preset sets where the user does not; `segments` is the fields' own defaults."""

CENTRE_POSITIONS = 16
WIDTHS = (64, 128)
"""Channels of the two blocks; the latent vector has the second."""


class Config(Section):
    """Settings of MSTSM. `preset` fills in what is not given."""

    preset: Literal["claim", "segments"] = Field(
        "segments",
        description="claim = the published size, video scores; segments = whole vectors, frame scores",
    )
    inputs: Literal["features", "statistics"] = Field(
        "features",
        description="channels: the segment vector, or three fixed statistics of it (mean of its first half,"
        " mean of its second half, and third_statistic)",
    )
    third_statistic: Literal["change", "distance"] = Field(
        "change",
        description="with inputs statistics: length of the step from the segment before, or Mahalanobis distance to"
        " the fit part",
    )
    level: Literal["frame", "video"] = Field("frame", description="score time steps too, or only the whole video")
    bag_segments: int = Field(32, ge=2, description="segments to which each video is resampled")
    normalise_rows: bool = Field(False, description="scale each segment vector to length 1 (for C3D features)")
    standardise: bool = Field(
        False, description="channels (vectors or statistics) in units of their spread over the fit part"
    )
    first_activation: Literal["none", "relu"] = Field(
        "none", description="after the first convolution; none = released"
    )
    temporal_shift: bool = Field(True, description="shift channels in time before each block's convolution")
    shift_stride: Count = Field(1, description="steps by which channels are shifted; report 1, release 5")
    n_div: int = Field(8, ge=2, le=64, description="one n_div-th of the channels is shifted forth, one back")
    temporal_attention: bool = Field(True, description="weigh time steps inside the two blocks")
    residual_inside_act: bool = Field(False, description="add the residual before the activation (report) or after")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of values dropped between the two blocks")
    channel_weights: bool = Field(True, description="weigh the channels of the latent vector (squeeze and excitation)")
    memory: bool = Field(
        True, description="read the memory; false = the scorer takes the latent vector, no likeness term"
    )
    memory_slots: Count = Field(100, description="learned prototypes")
    memory_temperature: Positive = Field(1.0, description="divides the cosines before the softmax; 1 = released")
    decoder: bool = Field(True, description="rebuild decoder_target from the latent vector")
    decoder_target: Literal["pooled", "center16", "full"] = Field(
        "pooled",
        description="what is rebuilt: the mean over time, the 16 middle steps (released), or all steps",
    )
    score_fusion: bool = Field(False, description="mix the reconstruction error into the video score (released)")
    focal_alpha: float = Field(0.85, gt=0, lt=1, description="factor of the focal loss")
    focal_alpha_mode: Literal["uniform", "balanced"] = Field(
        "uniform",
        description="uniform = the factor on both classes (released); balanced = 1 - alpha on normals",
    )
    focal_gamma: NotNegative = Field(2.0, description="exponent of the focal loss")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="share of the label that is replaced by 1/2")
    reconstruction_weight: NotNegative = Field(0.5, description="weight of the decoder's mean squared error")
    memory_weight: NotNegative = Field(0.01, description="weight of the mean inner product of latent vectors")
    mask_probability: float = Field(0.5, ge=0, le=1, description="share of training bags with masked time spans")
    noise_probability: float = Field(0.7, ge=0, le=1, description="share of training bags with noise")
    noise_sigma: NotNegative = Field(0.02, description="standard deviation of the noise, in units of the channels")

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, given: Any) -> Any:  # noqa: ANN401 - what pydantic hands over, checked behind
        """Defaults of the preset under the keys that are given."""
        preset = PRESETS.get(given.get("preset", "segments"), {}) if isinstance(given, dict) else {}
        return {**preset, **given} if preset else given

    @model_validator(mode="after")
    def _check_lengths(self) -> "Config":
        if self.decoder_target == "center16" and self.bag_segments < CENTRE_POSITIONS:
            raise ValueError(f"decoder_target center16 needs bag_segments >= {CENTRE_POSITIONS}")
        if self.score_fusion and not self.decoder:
            raise ValueError("score_fusion mixes in the decoder's error: without decoder set score_fusion: false")
        return self


class TemporalAttention(nn.Module):
    """A weight 0..1 for each position, from the channels of that position."""

    def __init__(self, width: int) -> None:
        """Build the layers."""
        super().__init__()
        self.reduce = nn.Conv1d(width, width // 4, 1)
        self.weigh = nn.Conv1d(width // 4, 1, 1)

    def forward(self, values: Float[Tensor, "bags channels positions"]) -> Float[Tensor, "bags channels positions"]:
        """The same values, each position multiplied by its weight."""
        return values * torch.sigmoid(self.weigh(functional.gelu(self.reduce(values))))


class ShiftBlock(nn.Module):
    """Temporal shift, convolution, batch norm, temporal attention, GELU, with a residual path."""

    def __init__(self, width_in: int, width_out: int, config: Config) -> None:
        """Build the layers."""
        super().__init__()
        self.config = config
        self.convolution = nn.Conv1d(width_in, width_out, 3, padding=1)
        self.norm = nn.BatchNorm1d(width_out)
        self.attention = TemporalAttention(width_out) if config.temporal_attention else nn.Identity()
        self.residual = nn.Conv1d(width_in, width_out, 1) if width_in != width_out else nn.Identity()

    def shift(self, values: Float[Tensor, "bags channels positions"]) -> Float[Tensor, "bags channels positions"]:
        """Add earlier values to a first share of the channels and later values to a second share.

        Zero padding; without effect when there are no more positions than the stride.
        """
        fold, stride = values.shape[1] // self.config.n_div, self.config.shift_stride
        shifted = values.clone()
        shifted[:, :fold, stride:] += values[:, :fold, :-stride]
        shifted[:, fold : 2 * fold, :-stride] += values[:, fold : 2 * fold, stride:]
        return shifted

    def forward(self, values: Float[Tensor, "bags channels positions"]) -> Float[Tensor, "bags width positions"]:
        """Paper: report, equation of the block: GELU(norm(convolution) + residual), without attention."""
        shifted = self.shift(values) if self.config.temporal_shift else values
        inner = self.attention(self.norm(self.convolution(shifted)))
        if self.config.residual_inside_act:
            return functional.gelu(inner + self.residual(values))
        return functional.gelu(inner) + self.residual(values)


class MaskAndNoise(nn.Module):
    """Augmentation, in training mode only: time spans set to zero, then Gaussian noise (also on them)."""

    def __init__(self, config: Config) -> None:
        """Keep the probabilities."""
        super().__init__()
        self.config = config

    def forward(self, values: Float[Tensor, "bags channels positions"]) -> Float[Tensor, "bags channels positions"]:
        """Draws from torch's own generator, like dropout."""
        if not self.training:
            return values
        bags, _, positions = values.shape
        longest = max(positions // 6, 2)
        length = torch.randint(2, longest + 1, (bags, 2, 1), device=values.device).clamp(max=positions)
        start = (torch.rand(bags, 2, 1, device=values.device) * (positions - length + 1)).long()
        active = torch.rand(bags, 1, 1, device=values.device) < self.config.mask_probability
        second = torch.rand(bags, 1, 1, device=values.device) < 0.5
        active = torch.cat([active, active & second], dim=1)
        time = torch.arange(positions, device=values.device)
        masked = (active & (time >= start) & (time < start + length)).any(dim=1, keepdim=True)
        noisy = torch.rand(bags, 1, 1, device=values.device) < self.config.noise_probability
        noise = torch.randn_like(values) * self.config.noise_sigma * noisy
        return values.masked_fill(masked, 0.0) + noise


class Memory(nn.Module):
    """Prototypes read by cosine similarity; the read is mixed with what asked for it."""

    def __init__(self, slots: int, width: int, temperature: float) -> None:
        """Build the layers."""
        super().__init__()
        self.slots = nn.Parameter(torch.randn(slots, width))
        self.mix = nn.Linear(2 * width, width)
        self.temperature = temperature

    def forward(
        self, latent: Float[Tensor, "*batch width"]
    ) -> tuple[Float[Tensor, "*batch width"], Float[Tensor, "*batch slots"]]:
        """The mixed vector and the read weights, which sum to 1."""
        cosines = functional.normalize(latent, dim=-1) @ functional.normalize(self.slots, dim=-1).T
        weights = torch.softmax(cosines / self.temperature, dim=-1)
        return self.mix(torch.cat([latent, weights @ self.slots], dim=-1)), weights


class Read(NamedTuple):
    """A latent vector after the memory; without one `mixed` is the latent vector and there are no weights."""

    latent: Float[Tensor, "*batch width"]
    mixed: Float[Tensor, "*batch width"]
    weights: Float[Tensor, "*batch slots"] | None
    logit: Float[Tensor, "*batch"]


class Output(NamedTuple):
    """What a forward pass gives, for whole bags; `positions` are the vectors before the mean over time.

    Without a decoder there is no reconstruction.
    """

    read: Read
    reconstruction: Float[Tensor, "bags channels target"] | None
    target: Float[Tensor, "bags channels target"]
    positions: Float[Tensor, "bags positions width"]


def _squeeze(width: int) -> nn.Sequential:
    """Weights 0..1 of the channels of a vector, from the vector itself."""
    return nn.Sequential(nn.Linear(width, width // 4), nn.GELU(), nn.Linear(width // 4, width), nn.Sigmoid())


def _decoder(width: int, channels: int, positions: int) -> nn.Sequential:
    """A vector to channels over time."""
    return nn.Sequential(
        nn.Linear(width, 256), nn.GELU(), nn.Linear(256, channels * positions), nn.Unflatten(1, (-1, positions))
    )


class Model(VideoModel):
    """The network; `level` says whether it scores positions in time or only whole videos."""

    supervision = "weak"
    sampling = "bags"

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers.

        Raises: FeatureError for `inputs: statistics` with features of odd width.
        """
        super().__init__()
        if config.inputs == "statistics" and feature_dim % 2:
            raise FeatureError(
                f"mstsm: inputs 'statistics' halves the feature vector, but its width is {feature_dim}."
                " Use features of even width or set inputs: features."
            )
        first, latent = WIDTHS
        self.config = config
        self.level = config.level
        self.channels = 3 if config.inputs == "statistics" else feature_dim
        self.mask_and_noise = MaskAndNoise(config)
        self.distance = Mahalanobis(feature_dim) if self._measures_distance() else None
        self.standardise = Standardise(self.channels)
        self.first = nn.Conv1d(self.channels, first, 3, padding=1)
        self.block1 = ShiftBlock(first, first, config)
        self.between = nn.Sequential(nn.MaxPool1d(2), nn.Dropout(config.dropout))
        self.block2 = ShiftBlock(first, latent, config)
        self.squeeze = _squeeze(latent) if config.channel_weights else None
        self.memory = Memory(config.memory_slots, latent, config.memory_temperature) if config.memory else None
        positions = {"pooled": 1, "center16": CENTRE_POSITIONS, "full": config.bag_segments}[config.decoder_target]
        self.decoder = _decoder(latent, self.channels, positions) if config.decoder else None
        self.scorer = nn.Sequential(nn.Linear(latent, 64), nn.GELU(), nn.Linear(64, 1))
        self.register_buffer("ranges", torch.tensor([[0.0, 1.0], [0.0, 1.0]]))

    def prepare(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Take the constants of `third_statistic: distance` and of `standardise` from the fit part."""
        if self.distance is not None:
            self.distance.fit(self._rows(features))
        if self.config.standardise:
            self.standardise.fit(self._inputs(features).transpose(1, 2))

    def _measures_distance(self) -> bool:
        return (self.config.inputs, self.config.third_statistic) == ("statistics", "distance")

    def _rows(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments dim"]:
        """The segment vectors, at length 1 where asked."""
        return functional.normalize(features, dim=-1) if self.config.normalise_rows else features

    def _inputs(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags channels segments"]:
        """Channels over time: the segment vectors, or their three statistics (not learned)."""
        rows = self._rows(features)
        if self.config.inputs == "features":
            return rows.transpose(1, 2)
        average, maximum = rows.chunk(2, dim=-1)
        third = self._change(rows) if self.distance is None else self.distance(rows)
        return torch.stack([average.mean(-1), maximum.mean(-1), third], dim=1)

    @staticmethod
    def _change(rows: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments"]:
        """Length of the change from the segment before, 0 for the first."""
        return functional.pad(torch.linalg.vector_norm(rows[:, 1:] - rows[:, :-1], dim=-1), (1, 0))

    def _target(self, values: Float[Tensor, "bags channels segments"]) -> Float[Tensor, "bags channels target"]:
        """What the decoder should rebuild."""
        if self.config.decoder_target == "pooled":
            return values.mean(dim=2, keepdim=True)
        if self.config.decoder_target == "full":
            return values
        start = (values.shape[2] - CENTRE_POSITIONS) // 2
        return values[:, :, start : start + CENTRE_POSITIONS]

    def _read(self, pooled: Float[Tensor, "*batch width"]) -> Read:
        """Channel weights, memory and scorer for vectors with or without a time axis."""
        latent = pooled * self.squeeze(pooled) if self.squeeze else pooled
        mixed, weights = self.memory(latent) if self.memory else (latent, None)
        return Read(latent, mixed, weights, self.scorer(mixed).squeeze(-1))

    def forward(self, features: Float[Tensor, "bags segments dim"]) -> Output:
        """Read the memory for whole bags and rebuild the target."""
        rows = self.standardise(self._inputs(features).transpose(1, 2))
        values = self.mask_and_noise(rows.transpose(1, 2))
        hidden = self.first(values)
        hidden = functional.relu(hidden) if self.config.first_activation == "relu" else hidden
        positions = self.block2(self.between(self.block1(hidden)))
        read = self._read(positions.mean(dim=2))
        rebuilt = self.decoder(read.mixed) if self.decoder else None
        return Output(read, rebuilt, self._target(values), positions.transpose(1, 2))

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """Focal loss of the video's logit; with a decoder reconstruction, with a memory likeness of latent vectors."""
        config = self.config
        out = self(batch.features)
        focal = losses.focal(
            out.read.logit,
            batch.labels,
            config.focal_alpha,
            config.focal_gamma,
            config.label_smoothing,
            config.focal_alpha_mode,
        )
        terms = {"focal": focal}
        if out.reconstruction is not None:
            error = functional.mse_loss(out.reconstruction, out.target)
            terms["reconstruction"] = config.reconstruction_weight * error
        if self.memory:
            terms["memory"] = config.memory_weight * losses.gram_mean(out.read.latent)
        return terms

    def _raw(self, out: Output) -> Float[Tensor, "bags 2"]:
        """Probability-like score and reconstruction error of each bag; 0 for the error without a decoder."""
        score = torch.sigmoid(out.read.logit)
        if out.reconstruction is None:
            return torch.stack([score, torch.zeros_like(score)], dim=1)
        return torch.stack([score, ((out.reconstruction - out.target) ** 2).mean(dim=(1, 2))], dim=1)

    def calibrate(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Keep the range of score and reconstruction error of the validation part, for `score_fusion`."""
        raw = self._raw(self(features))
        self.ranges.copy_(torch.stack([raw.amin(dim=0), raw.amax(dim=0)], dim=1))

    def _fuse(self, raw: Float[Tensor, "bags 2"]) -> Float[Tensor, " bags"]:
        """(.6 + .2 e) s + (.4 - .2 e) e of the scaled score s and error e.

        Differs: scaled by the validation part, so e can leave 0..1; in the weights it is clipped, or the
        result would fall with e above 1.
        """
        low, high = self.ranges[:, 0], self.ranges[:, 1]
        score, error = ((raw - low) / (high - low + 1e-6)).unbind(dim=1)
        weight = 0.2 * error.clamp(0, 1)
        return (0.6 + weight) * score + (0.4 - weight) * error

    def score(self, features: Float[Tensor, "bags segments dim"]) -> Scores:
        """Score of each video (0..1; any range when fused) and, at level frame, of each position (0..1)."""
        out = self(features)
        video = self._fuse(self._raw(out)) if self.config.score_fusion else torch.sigmoid(out.read.logit)
        return Scores(video, torch.sigmoid(self._read(out.positions).logit) if self.level == "frame" else None)

    def embeddings(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags *positions width"]:
        """What the scorer reads: the mixed vector of each position, at level video of each bag."""
        out = self(features)
        return self._read(out.positions).mixed if self.level == "frame" else out.read.mixed

    def diagnose(self, features: Float[Tensor, "bags segments dim"]) -> dict[str, float]:
        """Entropy of the memory reads in nats: log(memory_slots) = the memory says nothing; none without memory."""
        weights = self(features).read.weights
        return {} if weights is None else {"read_entropy": losses.read_entropy(weights).item()}

    released_names = (
        (r"^encoder\.0\.", "first."),
        (r"^encoder\.1\.", "block1."),
        (r"^encoder\.4\.", "block2."),
        (r"^(block\d)\.conv\.", r"\1.convolution."),
        (r"^(block\d)\.bn\.", r"\1.norm."),
        (r"^(block\d)\.attention\.attn\.0\.", r"\1.attention.reduce."),
        (r"^(block\d)\.attention\.attn\.2\.", r"\1.attention.weigh."),
        (r"^(block\d)\.skip\.", r"\1.residual."),
        (r"^se\.fc1\.", "squeeze.0."),
        (r"^se\.fc2\.", "squeeze.2."),
        (r"^memory\.memory$", "memory.slots"),
        (r"^memory\.fc\.", "memory.mix."),
    )
