"""DTFE, the token encoder of STPVAD: a video transformer on tubelets that drops tokens on its way.

A token is a patch of `patch_size` x `patch_size` pixels over `tubelet_frames` frames. In training every predictor
draws which tokens stay; the others are masked, not removed, so that gradients reach the predictors. At test the best
tokens of each tubelet stay and the others are removed, so that they cost nothing.

Paper: Li et al., STPrivacy, ICCV 2023; linear layers start as in its release, from a truncated normal distribution of
spread .02 and zero biases.
Differs: a tubelet without a kept token divides by a small number, not by 0.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from vad.schema.base import Count, Section

EPSILON = 1e-6
SPREAD = 0.02
"""Of the positions and of the weights of linear layers at the start."""


class Encoder(Section):
    """Settings of the encoder; the defaults are the published ones (12 blocks, 16 frames of 128 x 128)."""

    clip_frames: Count = Field(default=16, description="frames of a clip, as the features entry holds them")
    image_height: Count = Field(default=128, description="pixels of a frame, as the features entry")
    image_width: Count = Field(default=128, description="pixels of a frame, as the features entry")
    patch_size: Count = Field(default=16, description="height and width of a token in pixels; divides both of a frame")
    tubelet_frames: Count = Field(default=2, description="frames of a token; 8 = how the release reads its own option")
    embed: int = Field(default=768, ge=3, description="channels of a token; a multiple of 3 and of heads")
    depth: Count = Field(default=12, description="blocks")
    heads: Count = Field(default=12, description="attention heads")
    mlp_ratio: Count = Field(default=4, description="width of a block's two linear layers, in units of embed")
    prune_before: list[int] = Field(
        default=[3, 6, 9], description="blocks (from 0) before which tokens are dropped; [] = off"
    )
    token_ratio: list[float] = Field(
        default=[1.0, 1.0, 1.0],
        description="share of a tubelet's tokens that stays at test after each place of prune_before",
    )

    @model_validator(mode="after")
    def _fits(self) -> "Encoder":
        problems = []
        if self.clip_frames % self.tubelet_frames:
            problems.append(f"clip_frames {self.clip_frames} is no multiple of tubelet_frames {self.tubelet_frames}")
        if self.image_height % self.patch_size or self.image_width % self.patch_size:
            size = f"image_height {self.image_height} and image_width {self.image_width}"
            problems.append(f"{size} must be multiples of patch_size {self.patch_size}")
        if self.embed % 3 or self.embed % self.heads:
            problems.append(f"embed {self.embed} is no multiple of 3 and of heads {self.heads}")
        if self.prune_before != sorted({p for p in self.prune_before if 0 <= p < self.depth}):
            problems.append(f"prune_before {self.prune_before} are not blocks 0 to {self.depth - 1} in rising order")
        falling = self.token_ratio == sorted(self.token_ratio, reverse=True)
        if len(self.token_ratio) != len(self.prune_before) or not falling:
            problems.append("token_ratio needs one number for each place of prune_before, none above the one before")
        if not all(0 < ratio <= 1 for ratio in self.token_ratio):
            problems.append(f"token_ratio {self.token_ratio} is not between 0 and 1")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tubelets, rows and columns of tokens."""
        rows, columns = self.image_height // self.patch_size, self.image_width // self.patch_size
        return self.clip_frames // self.tubelet_frames, rows, columns

    @property
    def token_dim(self) -> int:
        """Width of a token that comes out: the values of its pixels."""
        return self.tubelet_frames * self.patch_size**2 * 3


class Tokens(NamedTuple):
    """What comes out: token vectors, each one's place (tubelet, row, column as one number), the drawn keeps.

    `keeps` holds 0 or 1 for each token and predictor in training, nothing at test.
    """

    vectors: Float[Tensor, "clips tokens dim"]
    preserve_index: Int[Tensor, "clips tokens"]
    keeps: list[Float[Tensor, "clips tokens"]]


class Attention(nn.Module):
    """Multi-head self-attention that can leave tokens out."""

    def __init__(self, width: int, heads: int) -> None:
        """Build the layers."""
        super().__init__()
        self.heads = heads
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(
        self, values: Float[Tensor, "clips tokens width"], keep: Float[Tensor, "clips tokens"] | None = None
    ) -> Float[Tensor, "clips tokens width"]:
        """Read from the tokens whose `keep` is 1; every token reads itself."""
        split = self.project(values).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind()
        likeness = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        weights = torch.softmax(likeness, dim=-1) if keep is None else masked_softmax(likeness, keep)
        return self.out((weights @ value).transpose(1, 2).flatten(2))


def masked_softmax(
    likeness: Float[Tensor, "clips heads tokens tokens"], keep: Float[Tensor, "clips tokens"]
) -> Float[Tensor, "clips heads tokens tokens"]:
    """Softmax over the kept tokens and oneself; differentiable in `keep`."""
    tokens = keep.shape[-1]
    itself = torch.eye(tokens, dtype=keep.dtype, device=keep.device)
    mask = keep[:, None, None] * (1 - itself) + itself
    weights = torch.exp(likeness - likeness.amax(dim=-1, keepdim=True)) * mask
    return (weights + EPSILON / tokens) / (weights.sum(dim=-1, keepdim=True) + EPSILON)


class Block(nn.Module):
    """Attention and two linear layers, each on normalised input and added to it."""

    def __init__(self, config: Encoder) -> None:
        """Build the layers."""
        super().__init__()
        width, inner = config.embed, config.embed * config.mlp_ratio
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.attention = Attention(width, config.heads)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width, eps=EPSILON), nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width)
        )

    def forward(
        self, values: Float[Tensor, "clips tokens width"], keep: Float[Tensor, "clips tokens"] | None
    ) -> Float[Tensor, "clips tokens width"]:
        """The values after both parts."""
        values = values + self.attention(self.norm(values), keep)
        return values + self.mlp(values)


class Predictor(nn.Module):
    """Whether a token should stay: from itself, from its tubelet and from the clip."""

    def __init__(self, width: int, tubelets: int) -> None:
        """Build the layers."""
        super().__init__()
        self.tubelets = tubelets
        self.embed = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())
        self.judge = nn.Sequential(
            nn.Linear(width, width // 2),
            nn.GELU(),
            nn.Linear(width // 2, width // 4),
            nn.GELU(),
            nn.Linear(width // 4, 2),
            nn.LogSoftmax(dim=-1),
        )

    def forward(
        self, values: Float[Tensor, "clips tokens width"], keep: Float[Tensor, "clips tokens"] | None
    ) -> Float[Tensor, "clips tokens 2"]:
        """Log-probabilities of keeping and of dropping; means are taken over kept tokens."""
        kept = (torch.ones_like(values[..., 0]) if keep is None else keep)[..., None]
        own, near, far = self.embed(values).chunk(3, dim=-1)
        by_tubelet = [part.unflatten(1, (self.tubelets, -1)) for part in (near * kept, kept)]
        total, count = (part.sum(dim=2, keepdim=True) for part in by_tubelet)
        near = (total / count.clamp(min=EPSILON)).expand_as(by_tubelet[0]).flatten(1, 2)
        far = (far * kept).sum(dim=1, keepdim=True) / kept.sum(dim=1, keepdim=True).clamp(min=EPSILON)
        return self.judge(torch.cat([own, near, far.expand_as(own)], dim=-1))


class TokenEncoder(nn.Module):
    """Tubelet embedding, blocks with predictors between them, and a linear layer to the size of a token's pixels."""

    def __init__(self, config: Encoder) -> None:
        """Build the layers."""
        super().__init__()
        self.config, size = config, (config.tubelet_frames, config.patch_size, config.patch_size)
        tubelets, rows, columns = config.grid
        self.embed = nn.Conv3d(3, config.embed, size, stride=size)
        self.position = nn.Parameter(torch.empty(1, tubelets * rows * columns, config.embed))
        nn.init.trunc_normal_(self.position, std=SPREAD)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.predictors = nn.ModuleDict(
            {str(place): Predictor(config.embed, tubelets) for place in config.prune_before}
        )
        self.out = nn.Sequential(nn.LayerNorm(config.embed, eps=EPSILON), nn.Linear(config.embed, config.token_dim))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=SPREAD)
                nn.init.zeros_(layer.bias)

    def forward(self, video: Float[Tensor, "clips rgb frames height width"]) -> Tokens:
        """Encode clips whose colours are 0..1; see `Tokens`."""
        values = self.embed(video).flatten(2).transpose(1, 2) + self.position
        index = torch.arange(values.shape[1], device=values.device).expand(len(values), -1)
        keep, keeps = None, []
        for number, block in enumerate(self.blocks):
            if str(number) in self.predictors:
                judged = self.predictors[str(number)](values, keep)
                if self.training:
                    drawn = functional.gumbel_softmax(judged, hard=True)[..., 0]
                    keep = drawn if keep is None else drawn * keep
                    keeps.append(keep)
                else:
                    values, index = self.prune(values, index, judged[..., 0], self._count(number))
            values = block(values, keep)
        return Tokens(self.out(values), index, keeps)

    def _count(self, place: int) -> int:
        """Tokens of each tubelet that stay after a place: the ratio of all that there were, rounded down."""
        _, rows, columns = self.config.grid
        ratio = self.config.token_ratio[self.config.prune_before.index(place)]
        return max(int(rows * columns * ratio), 1)

    def prune(
        self,
        values: Float[Tensor, "clips tokens width"],
        index: Int[Tensor, "clips tokens"],
        judged: Float[Tensor, "clips tokens"],
        count: int,
    ) -> tuple[Float[Tensor, "clips kept width"], Int[Tensor, "clips kept"]]:
        """The `count` best tokens of each tubelet, in the order of their places."""
        by_tubelet = judged.unflatten(1, (self.config.grid[0], -1))
        best = by_tubelet.topk(count, dim=2).indices.sort(dim=2).values
        first = torch.arange(self.config.grid[0], device=values.device)[:, None] * by_tubelet.shape[2]
        chosen = (best + first).flatten(1)
        return values.gather(1, chosen[..., None].expand(-1, -1, values.shape[2])), index.gather(1, chosen)
