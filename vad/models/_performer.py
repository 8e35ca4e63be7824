"""Attention that is linear in the number of tokens: some heads by random features, some inside windows.

Paper: Choromanski et al., Rethinking Attention with Performers, ICLR 2021 (FAVOR+); rotary positions: Su et al.,
RoFormer, 2021.
Differs: the random projection is drawn once and kept (performer-pytorch 1.1.4 draws it anew after 1,000 training
steps), from all directions alike (the library's first of each base points into one half of space, which biases the
estimate); padding at the end of the last window is never attended to. Otherwise equal to that library with
local-attention 1.11.2, its rotary angles included: queries are turned by the angles of the last third of what they
look at although they stand in the middle one, so angles are relative to a place one window later.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-4
"""Added to random features so that no token has none."""


def random_directions(count: int, width: int) -> Float[Tensor, "count width"]:
    """Gaussian vectors, orthogonal in groups of `width`: directions of random bases, lengths of Gaussian vectors."""
    bases = []
    for _ in range(math.ceil(count / width)):
        basis, triangle = torch.linalg.qr(torch.randn(width, width))
        # The factorisation's own signs would point the first direction into one half of space.
        bases.append((basis * triangle.diagonal().sign()).T)
    lengths = torch.linalg.vector_norm(torch.randn(count, width), dim=1, keepdim=True)
    return lengths * torch.cat(bases)[:count]


def softmax_features(
    values: Float[Tensor, "*batch tokens width"],
    directions: Float[Tensor, "features width"],
    shared_maximum: bool,
) -> Float[Tensor, "*batch tokens features"]:
    """Positive features whose inner products estimate exp(query . key / sqrt(width)), up to a factor.

    Args:
        values: queries or keys.
        directions: from `random_directions`.
        shared_maximum: subtract one maximum for all tokens (keys) or each token's own (queries), against overflow.
    """
    scaled = values * values.shape[-1] ** -0.25
    exponent = scaled @ directions.T
    highest = exponent.amax(dim=(-1, -2) if shared_maximum else -1, keepdim=True).detach()
    return torch.exp(exponent - (scaled**2).sum(dim=-1, keepdim=True) / 2 - highest) + EPSILON


def linear_attention(
    query: Float[Tensor, "*batch tokens features"],
    key: Float[Tensor, "*batch tokens features"],
    value: Float[Tensor, "*batch tokens width"],
) -> Float[Tensor, "*batch tokens width"]:
    """Attention with weights query . key > 0 divided by their sum, never forming the matrix of weights."""
    total = torch.einsum("...nf,...f->...n", query, key.sum(dim=-2))
    read = torch.einsum("...nf,...fw->...nw", query, key.transpose(-1, -2) @ value)
    return read / total[..., None]


def neighbourhoods(windows: Tensor, fill: float = 0.0) -> Tensor:
    """Each window joined with the one before and the one after: [..., windows, size, *] to [..., windows, 3*size, *].

    The axis of windows is the third last; before the first and after the last window stands `fill`.
    """
    padded = functional.pad(windows, (0, 0, 0, 0, 1, 1), value=fill)
    return torch.cat([padded[..., :-2, :, :], padded[..., 1:-1, :, :], padded[..., 2:, :, :]], dim=-2)


def rotate(values: Float[Tensor, "*batch places width"], first: int) -> Float[Tensor, "*batch places width"]:
    """Rotary positions: pairs (i, i + width/2) turned by place / 10000^(2i/width), places counted from `first`."""
    places, width = values.shape[-2:]
    powers = torch.arange(0, width, 2, dtype=values.dtype, device=values.device) / width
    place = torch.arange(first, first + places, dtype=values.dtype, device=values.device)
    angles = (place[:, None] / 10000**powers).repeat(1, 2)
    left, right = values.chunk(2, dim=-1)
    return values * angles.cos() + torch.cat([-right, left], dim=-1) * angles.sin()


class PerformerAttention(nn.Module):
    """Half of the heads see all tokens by random features, the other half a window and its two neighbours."""

    def __init__(self, width: int, heads: int, window: int, dropout: float) -> None:
        """Build the layers; `heads` and width / heads must be even."""
        super().__init__()
        head_width = width // heads
        self.heads, self.window = heads, window
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.dropout = nn.Dropout(dropout)
        self.directions: Tensor
        features = max(int(head_width * math.log(head_width)), 1)
        self.register_buffer("directions", random_directions(features, head_width))

    def forward(self, values: Float[Tensor, "bags tokens width"]) -> Float[Tensor, "bags tokens width"]:
        """What each token reads of the others."""
        split = [
            layer(values).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        ]
        whole, near = zip(*(part.chunk(2, dim=1) for part in split), strict=True)
        query = softmax_features(whole[0], self.directions, shared_maximum=False)
        key = softmax_features(whole[1], self.directions, shared_maximum=True)
        reads = torch.cat([linear_attention(query, key, whole[2]), self.read_near(*near)], dim=1)
        return self.dropout(self.out(reads.transpose(1, 2).flatten(2)))

    def read_near(
        self,
        query: Float[Tensor, "bags heads tokens head_width"],
        key: Float[Tensor, "bags heads tokens head_width"],
        value: Float[Tensor, "bags heads tokens head_width"],
    ) -> Float[Tensor, "bags heads tokens head_width"]:
        """Softmax attention of each window's tokens to that window and its two neighbours."""
        tokens, size = query.shape[2], self.window
        query, key, value = (self._windows(part) for part in (query, key, value))
        query = rotate(query * query.shape[-1] ** -0.5, first=2 * size)
        key = rotate(neighbourhoods(key), first=0)
        likeness = query @ key.transpose(-1, -2)
        likeness = likeness.masked_fill(~self._present(tokens, query), -torch.inf)
        weights = self.dropout(torch.softmax(likeness, dim=-1))
        return (weights @ neighbourhoods(value)).flatten(2, 3)[:, :, :tokens]

    def _windows(self, values: Float[Tensor, "*batch tokens width"]) -> Float[Tensor, "*batch windows size width"]:
        """Tokens in windows, the last one filled up with zeros."""
        missing = -values.shape[-2] % self.window
        return functional.pad(values, (0, 0, 0, missing)).unflatten(-2, (-1, self.window))

    def _present(self, tokens: int, like: Tensor) -> Bool[Tensor, "windows 1 seen"]:
        """Which of the places that a window looks at hold a token."""
        ones = torch.ones(tokens, 1, dtype=like.dtype, device=like.device)
        return neighbourhoods(self._windows(ones)).transpose(-1, -2) > 0
