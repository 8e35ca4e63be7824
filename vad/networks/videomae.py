"""VideoMAE V2's vision transformer up to its norm: segments of frames to one vector each.

Paper: Wang et al., "VideoMAE V2: Scaling Video Masked Autoencoders with Dual Masking", CVPR 2023; tokens and fixed
positions are those of Tong et al., "VideoMAE", NeurIPS 2022. Names of values are those of the authors' fine-tuned and
distilled checkpoints. Differs: written from the papers; keys have no bias, as in the checkpoints (q_bias, v_bias).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

TUBELET = 2
"""Frames of a token."""
EPSILON = 1e-6


class Shape(NamedTuple):
    """The transformer's sizes."""

    width: int
    depth: int
    heads: int
    mlp: int
    """Inner width of the linear layers."""
    patch: int
    """Pixels of a token's side."""


def positions(tokens: int, width: int) -> Float[Tensor, "tokens width"]:
    """Sine (even columns) and cosine (odd ones) of a token's number, slower from pair of columns to pair."""
    pairs = torch.arange(width, dtype=torch.float64) // 2 * 2
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] / 10_000 ** (pairs / width)
    return torch.where(torch.arange(width) % 2 == 0, angle.sin(), angle.cos()).float()


class Attention(nn.Module):
    """Every token looks at every one."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """Same shape."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        parts = F.linear(tokens, self.qkv.weight, bias).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        return self.proj(found.transpose(1, 2).flatten(2))


class Perceptron(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """Same shape."""
        return self.fc2(F.gelu(self.fc1(tokens)))


class Block(nn.Module):
    """Attention, then linear layers, each behind a norm and beside a shortcut."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(shape.width, EPSILON), nn.LayerNorm(shape.width, EPSILON)
        self.attn = Attention(shape.width, shape.heads)
        self.mlp = Perceptron(shape.width, shape.mlp)

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """Same shape."""
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class VisionTransformer(nn.Module):
    """Segments to vectors; 1,011,610,752 parameters for the giant one.

    Args:
        shape: its sizes.
        frames, size: of a segment, multiples of 2 frames and of shape.patch pixels.
    """

    positions: Tensor

    def __init__(self, shape: Shape, frames: int = 16, size: int = 224) -> None:
        super().__init__()
        window = (TUBELET, shape.patch, shape.patch)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv3d(3, shape.width, window, window)})
        self.blocks = nn.Sequential(*(Block(shape) for _ in range(shape.depth)))
        self.fc_norm = nn.LayerNorm(shape.width, EPSILON)
        tokens = frames // TUBELET * (size // shape.patch) ** 2
        self.register_buffer("positions", positions(tokens, shape.width), persistent=False)

    def forward(self, clips: Float[Tensor, "batch 3 frames height width"]) -> Float[Tensor, "batch dim"]:
        """The mean of the last tokens, normalised."""
        tokens = self.patch_embed["proj"](clips).flatten(2).transpose(1, 2) + self.positions
        return self.fc_norm(self.blocks(tokens).mean(1))
