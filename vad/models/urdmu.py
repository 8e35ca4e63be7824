"""UR-DMU: two memories, one of normal and one of abnormal prototypes, read by positions that saw the whole video.

Paper: Zhou, Yu, Yang, Dual Memory Units with Uncertainty Regulation for Weakly Supervised Video Anomaly Detection,
AAAI 2023.
Borrowed: nothing; written from the paper and a description of the released network (MIT), own code.
Differs: what a video's label decides (noise, loss terms, pairs of the triplet) is decided by its label, not by its
half of the batch; crops are bags of their own in training and their scores averaged afterwards; the validation
loss is taken without noise. Two habits of the release are the defaults, because its weights need them: the weights of
the local attention are divided by the sums of their columns, so that those of a position do not sum to 1 at the ends
of a video (`local_norm: released`; `row` = each row by its own sum, as the paper has it), and the divergence is summed
over time (`kl_axis: time`; `feature` = over the vector of a position).
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vad.models._base import Bags, Scores, VideoModel
from vad.nn import losses
from vad.nn.selection import mean_of_positions
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Positive, Section

LocalNorm = Literal["released", "row"]
DECAY = math.exp(-1 / math.e)
"""Share of a weight of the local attention that is left one position further."""
QUERIES = 1024
"""Positions that read at once; bounds memory for videos of hours, not results."""
WEIGHTS = 2**25
"""The same bound for very long videos: weights of one bag that are held at once, 128 MB."""


class DualMemory(Section):
    """Settings of the network and its loss; the defaults are the published ones."""

    width: Count = Field(default=512, description="channels of the embedding, the blocks and the prototypes")
    blocks: Count = Field(default=2, description="attention blocks")
    heads: Count = Field(default=4, description="attention heads")
    head_width: Count = Field(default=128, description="channels of one head")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="share of values dropped in the attention blocks")
    memory_slots: Count = Field(default=60, description="prototypes of each of the two memories")
    scorer_width: Count = Field(default=128, description="units of the scorer's first layer")
    local_norm: LocalNorm = Field(
        default="released",
        description="what the weights of the local attention are divided by: released = the sum of their column, row ="
        " the sum of their row (paper); they differ at the ends of a video",
    )
    kl_axis: Literal["time", "feature"] = Field(
        default="time", description="axis over which the divergence is summed; time = released"
    )
    memory_weight: NotNegative = Field(default=0.1, description="weight of each of the four terms on memory reads")
    triplet_weight: NotNegative = Field(default=0.1, description="weight of the triplet term")
    triplet_margin: Positive = Field(default=1.0, description="wanted surplus of distance; vectors have length 1")
    kl_weight: NotNegative = Field(default=0.001, description="weight of the divergence")
    distance_weight: NotNegative = Field(default=1e-4, description="weight of the distance term")
    distance_margin: Positive = Field(
        default=100.0, description="wanted surplus of length of anomalous over normal reads"
    )


class Config(DualMemory):
    """Settings of UR-DMU on the segments of a video; the defaults are the published ones."""

    bag_segments: int = Field(200, ge=2, description="segments to which each training video is resampled")
    score_full_length: bool = Field(True, description="score each stored row (published), or the resampled bag")
    select_full_length: bool = Field(
        False, description="with score_full_length: choose epochs by scores of the stored rows too, not of the bag"
    )
    standardise: bool = Field(False, description="feature channels in units of their spread over the fit part")


def top_count(count: int) -> int:
    """How many of `count` positions or slots are averaged as the top ones: one in sixteen, plus one."""
    return count // 16 + 1


def top_mean(values: Float[Tensor, "*batch count"]) -> Float[Tensor, "*batch"]:
    """Mean of the highest values along the last axis, `top_count` of them."""
    return values.topk(top_count(values.shape[-1]), dim=-1).values.mean(dim=-1)


def top_positions(values: Float[Tensor, "bags positions"]) -> Int[Tensor, "bags chosen"]:
    """The positions with the highest values, `top_count` of them."""
    return values.topk(top_count(values.shape[1]), dim=1).indices


def nearness(
    places: Float[Tensor, " chosen"], every: Float[Tensor, " positions"], norm: LocalNorm = "row"
) -> Float[Tensor, "chosen positions"]:
    """Weights exp(-|i - j| / e) of every position for some places, divided by sums.

    Args:
        places: positions from 0, some of `every`.
        every: 0, 1, 2, ...
        norm: `row` = the weights of a place sum to 1; `released` = those of a position, over all places, do.
    """
    weights = torch.exp(-(places[:, None] - every).abs() / math.e)
    if norm == "row":
        return weights / weights.sum(dim=-1, keepdim=True)
    # Two geometric series, one to each end: the column's sum without the places that are not asked for.
    missing = torch.exp(-(every + 1) / math.e) + torch.exp(-(len(every) - every) / math.e)
    return weights / ((1 + DECAY - missing) / (1 - DECAY))


class GlobalLocalAttention(nn.Module):
    """Each head reads twice: by similarity, and by nearness in time."""

    def __init__(self, config: DualMemory) -> None:
        """Build the layers."""
        super().__init__()
        inner = config.heads * config.head_width
        self.heads = config.heads
        self.local_norm: LocalNorm = config.local_norm
        self.project = nn.Linear(config.width, 4 * inner, bias=False)
        self.out = nn.Sequential(nn.Linear(2 * inner, config.width), nn.Dropout(config.dropout))

    def forward(self, values: Float[Tensor, "bags positions width"]) -> Float[Tensor, "bags positions width"]:
        """The paper's global and local multi-head self-attention; both reads side by side in each head."""
        split = self.project(values).unflatten(-1, (4, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value, near = split.unbind()
        every = torch.arange(values.shape[1], dtype=values.dtype, device=values.device)
        at_once = max(min(QUERIES, WEIGHTS // (self.heads * len(every))), 1)
        reads = []
        for part, places in zip(query.split(at_once, dim=2), every.split(at_once), strict=True):
            weights = torch.softmax(part @ key.transpose(-1, -2) * part.shape[-1] ** -0.5, dim=-1)
            reads.append(torch.cat([weights @ value, nearness(places, every, self.local_norm) @ near], dim=-1))
        return self.out(torch.cat(reads, dim=2).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and two linear layers, each on normalised input and added to it."""

    def __init__(self, config: DualMemory) -> None:
        """Build the layers."""
        super().__init__()
        width = config.width
        self.attention = nn.Sequential(nn.LayerNorm(width), GlobalLocalAttention(config))
        self.ff = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, width),
            nn.Dropout(config.dropout),
        )

    def forward(self, values: Float[Tensor, "bags positions width"]) -> Float[Tensor, "bags positions width"]:
        """The values after both parts."""
        values = values + self.attention(values)
        return values + self.ff(values)


class Read(NamedTuple):
    """What positions read from a memory: how well they fit it (0..1) and the vector."""

    fit: Float[Tensor, "bags positions"]
    vector: Float[Tensor, "bags positions width"]


class Memory(nn.Module):
    """Prototypes, each read with a sigmoid of its own: weights need not sum to 1."""

    def __init__(self, slots: int, width: int) -> None:
        """Prototypes uniform in +-1/sqrt(width)."""
        super().__init__()
        self.slots = nn.Parameter(torch.empty(slots, width).uniform_(-(width**-0.5), width**-0.5))

    def forward(self, values: Float[Tensor, "bags positions width"]) -> Read:
        """The fit is the mean of the highest weights (4 of 60)."""
        weights = torch.sigmoid(values @ self.slots.T * values.shape[-1] ** -0.5)
        return Read(top_mean(weights), weights @ self.slots)


class Output(NamedTuple):
    """Scores 0..1 of the positions and what they come from; `log_variance` is None without labels."""

    scores: Float[Tensor, "bags positions"]
    hidden: Float[Tensor, "bags positions width"]
    fused: Float[Tensor, "bags positions 2*width"]
    abnormal: Read
    normal: Read
    normal_mean: Float[Tensor, "bags positions width"]
    log_variance: Float[Tensor, "bags positions width"] | None


class Network(nn.Module):
    """Embedding, attention blocks, two memories, uncertainty, scorer and loss; positions are segments or tokens."""

    def __init__(self, config: DualMemory, feature_dim: int) -> None:
        """Build the layers."""
        super().__init__()
        width = config.width
        self.config = config
        self.embed = nn.Sequential(nn.Conv1d(feature_dim, width, 3, padding=1), nn.ReLU())
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.blocks)))
        self.abnormal, self.normal = (Memory(config.memory_slots, width) for _ in range(2))
        self.mean, self.log_variance = nn.Linear(width, width), nn.Linear(width, width)
        self.scorer = nn.Sequential(
            nn.Linear(2 * width, config.scorer_width), nn.ReLU(), nn.Linear(config.scorer_width, 1), nn.Sigmoid()
        )

    def forward(
        self,
        features: Float[Tensor, "bags positions dim"],
        labels: Float[Tensor, " bags"] | None = None,
        refine: Callable[[Tensor], Tensor] | None = None,
    ) -> Output:
        """Score each position; with labels, in training, normal videos' reads of the normal memory are sampled.

        All other reads are their means: the paper's uncertainty regulation. `refine` changes what the scorer sees.
        """
        hidden = self.blocks(self.embed(features.transpose(1, 2)).transpose(1, 2))
        abnormal, normal = self.abnormal(hidden), self.normal(hidden)
        abnormal = Read(abnormal.fit, self.mean(abnormal.vector))
        mean = self.mean(normal.vector)
        log_variance = None if labels is None else self.log_variance(normal.vector)
        normal = Read(normal.fit, self.sample(mean, log_variance, labels))
        fused = torch.cat([hidden, abnormal.vector + normal.vector], dim=-1)
        scores = self.scorer(refine(fused) if refine else fused).squeeze(-1)
        return Output(scores, hidden, fused, abnormal, normal, mean, log_variance)

    def sample(
        self,
        mean: Float[Tensor, "bags positions width"],
        log_variance: Float[Tensor, "bags positions width"] | None,
        labels: Float[Tensor, " bags"] | None,
    ) -> Float[Tensor, "bags positions width"]:
        """The mean, in training plus noise of the given variance for normal videos."""
        if log_variance is None or labels is None or not self.training:
            return mean
        noise = torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return mean + noise * (labels < 0.5)[:, None, None]

    def terms(self, out: Output, labels: Float[Tensor, " bags"]) -> dict[str, Tensor]:
        """Cross-entropy of the top positions, four terms on memory reads, triplet, divergence, distance."""
        config, anomalous = self.config, labels > 0.5
        assert out.log_variance is not None
        divergence = losses.gaussian_kl(out.normal_mean[~anomalous], out.log_variance[~anomalous], config.kl_axis)
        triplet, distance = self._contrasts(out, anomalous)
        reads = {name: config.memory_weight * term for name, term in self._reads(out, anomalous).items()}
        return {
            "classification": losses.cross_entropy(top_mean(out.scores), labels),
            **reads,
            "triplet": config.triplet_weight * triplet,
            "kl": config.kl_weight * divergence,
            "distance": config.distance_weight * distance,
        }

    def _reads(self, out: Output, anomalous: Tensor) -> dict[str, Tensor]:
        """All positions of a normal video fit only the normal memory; some of an anomalous one the abnormal."""
        found, left = top_mean(out.abnormal.fit[anomalous]), top_mean(1 - out.normal.fit[anomalous])
        own, foreign = out.normal.fit[~anomalous], out.abnormal.fit[~anomalous]
        return {
            "anomalous_fit_abnormal": losses.cross_entropy(found, torch.ones_like(found)),
            "anomalous_leave_normal": losses.cross_entropy(left, torch.ones_like(left)),
            "normal_fit_normal": losses.cross_entropy(own, torch.ones_like(own)),
            "normal_leave_abnormal": losses.cross_entropy(foreign, torch.zeros_like(foreign)),
        }

    def _contrasts(self, out: Output, anomalous: Tensor) -> tuple[Tensor, Tensor]:
        """Triplet and distance term over the pairs (i-th normal, i-th anomalous video)."""
        pairs = min(int(anomalous.sum()), int((~anomalous).sum()))
        normal_positions, abnormal_positions = top_positions(out.normal.fit), top_positions(out.abnormal.fit)
        like_normal = functional.normalize(mean_of_positions(out.hidden, normal_positions), dim=-1)
        like_abnormal = functional.normalize(mean_of_positions(out.hidden, abnormal_positions), dim=-1)
        triplet = functional.triplet_margin_loss(
            like_normal[~anomalous][:pairs],
            like_normal[anomalous][:pairs],
            like_abnormal[anomalous][:pairs],
            margin=self.config.triplet_margin,
            reduction="none",
        )
        normal_read = mean_of_positions(out.normal.vector, normal_positions)[~anomalous][:pairs]
        abnormal_read = mean_of_positions(out.abnormal.vector, abnormal_positions)[anomalous][:pairs]
        lengths = [torch.linalg.vector_norm(read, dim=-1) for read in (abnormal_read, normal_read)]
        distance = functional.relu(self.config.distance_margin - lengths[0] + lengths[1])
        return losses.mean_or_zero(triplet), losses.mean_or_zero(distance)


class Model(Network, VideoModel):
    """The network on the segments of a video; the video's score is its top positions' mean."""

    supervision = "weak"
    sampling = "bags"
    level = "frame"

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers."""
        super().__init__(config, feature_dim)
        self.standardise = Standardise(feature_dim)

    @property
    def scores_own_rows(self) -> bool:
        """Where `score_full_length` is set."""
        return self.config.score_full_length

    @property
    def selects_own_rows(self) -> bool:
        """Where `select_full_length` is set too: attention over all rows of long videos, after each epoch, is slow."""
        return self.config.score_full_length and self.config.select_full_length

    def prepare(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Take the constants of `standardise` from the fit part."""
        if self.config.standardise:
            self.standardise.fit(features)

    def forward(
        self,
        features: Float[Tensor, "bags positions dim"],
        labels: Float[Tensor, " bags"] | None = None,
        refine: Callable[[Tensor], Tensor] | None = None,
    ) -> Output:
        """The network on standardised features."""
        return super().forward(self.standardise(features), labels, refine)

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """The terms of a batch of videos."""
        return self.terms(self(batch.features, batch.labels), batch.labels)

    def score(self, features: Float[Tensor, "bags segments dim"]) -> Scores:
        """Segment scores, 0..1; the video's is the mean of its highest, one in sixteen and one more."""
        scores = self(features).scores
        return Scores(top_mean(scores), scores)

    def embeddings(self, features: Float[Tensor, "bags positions dim"]) -> Float[Tensor, "bags positions fused"]:
        """The input of the scorer for each position: its vector, and the sum of its reads from both memories."""
        return self(features).fused

    released_names = (
        (r"\bembedding\.conv_1\.0\.", "embed.0."),
        (r"\bselfatt\.layers\.(\d+)\.0\.norm\.", r"blocks.\1.attention.0."),
        (r"\bselfatt\.layers\.(\d+)\.0\.fn\.to_qkv\.", r"blocks.\1.attention.1.project."),
        (r"\bselfatt\.layers\.(\d+)\.0\.fn\.to_out\.", r"blocks.\1.attention.1.out."),
        (r"\bselfatt\.layers\.(\d+)\.1\.norm\.", r"blocks.\1.ff.0."),
        (r"\bselfatt\.layers\.(\d+)\.1\.fn\.net\.0\.", r"blocks.\1.ff.1."),
        (r"\bselfatt\.layers\.(\d+)\.1\.fn\.net\.3\.", r"blocks.\1.ff.4."),
        (r"\bAmemory\.memory_block\b", "abnormal.slots"),
        (r"\bNmemory\.memory_block\b", "normal.slots"),
        (r"\bencoder_mu\.0\.", "mean."),
        (r"\bencoder_var\.0\.", "log_variance."),
        (r"\bcls_head\.mlp\.", "scorer."),
    )
