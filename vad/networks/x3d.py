"""X3D without its last block: clips to maps of 192 channels.

Paper: Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", CVPR 2020, table 3.
Names of values are those of the checkpoints X3D_XS, _S, _M and _L.pyth of pytorchvideo's model zoo.
Differs: equal to pytorchvideo 0.1.5 in names and, but for rounding, in maps (tried for l and s), yet written from the
paper: that package (2022) cannot be imported without a warning under this torch, because it needs fvcore, which
compiles with the deprecated torch.jit.script on import.
"""

from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor, nn

CHANNELS = 192
STAGES = ((24, 1), (48, 2), (96, 5), (CHANNELS, 3))
"""Width and base depth of each stage."""
DEPTH = {"xs": 2.2, "s": 2.2, "m": 2.2, "l": 5.0}
"""By how much the base depth is multiplied; xs, s and m are one network with other weights."""


class Squeeze(nn.Module):
    """Each channel times a factor between 0 and 1 that is read from the means of all channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = max(8, int(width / 16 + 4) // 8 * 8)
        narrow += 8 if narrow < 0.9 * width / 16 else 0
        self.block = nn.Sequential(nn.Conv3d(width, narrow, 1), nn.ReLU(), nn.Conv3d(narrow, width, 1), nn.Sigmoid())

    def forward(self, maps: Float[Tensor, "batch channels time height width"]) -> Float[Tensor, "..."]:
        """Same shape."""
        return maps * self.block(maps.mean((2, 3, 4), keepdim=True))


class Bottleneck(nn.Module):
    """1x1x1 to 2.25 times the width, 3x3x3 per channel, 1x1x1 back."""

    def __init__(self, before: int, width: int, stride: int, squeeze: bool) -> None:
        super().__init__()
        inner = int(2.25 * width)
        self.conv_a = nn.Conv3d(before, inner, 1, bias=False)
        self.norm_a = nn.BatchNorm3d(inner)
        self.conv_b = nn.Conv3d(inner, inner, 3, stride=(1, stride, stride), padding=1, groups=inner, bias=False)
        self.norm_b = nn.Sequential(nn.BatchNorm3d(inner), Squeeze(inner) if squeeze else nn.Identity())
        self.conv_c = nn.Conv3d(inner, width, 1, bias=False)
        self.norm_c = nn.BatchNorm3d(width)

    def forward(self, maps: Float[Tensor, "batch channels time height width"]) -> Float[Tensor, "..."]:
        """New width, smaller by the stride."""
        maps = torch.relu(self.norm_a(self.conv_a(maps)))
        maps = nn.functional.silu(self.norm_b(self.conv_b(maps)))
        return self.norm_c(self.conv_c(maps))


class Residual(nn.Module):
    """A bottleneck beside a shortcut, which is a convolution where the size changes."""

    def __init__(self, before: int, width: int, stride: int, squeeze: bool) -> None:
        super().__init__()
        changes = before != width or stride > 1
        self.branch1_conv = nn.Conv3d(before, width, 1, (1, stride, stride), bias=False) if changes else None
        self.branch1_norm = nn.BatchNorm3d(width) if before != width else None
        self.branch2 = Bottleneck(before, width, stride, squeeze)

    def forward(self, maps: Float[Tensor, "batch channels time height width"]) -> Float[Tensor, "..."]:
        """New width, smaller by the stride."""
        shortcut = maps if self.branch1_conv is None else self.branch1_conv(maps)
        shortcut = shortcut if self.branch1_norm is None else self.branch1_norm(shortcut)
        return torch.relu(shortcut + self.branch2(maps))


class Stem(nn.Module):
    """3x3 in space, then 5 in time per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        space = nn.Conv3d(3, width, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
        time = nn.Conv3d(width, width, (5, 1, 1), padding=(2, 0, 0), groups=width, bias=False)
        # The checkpoints call the spatial convolution conv_t and the temporal one conv_xy.
        self.conv = nn.ModuleDict({"conv_t": space, "conv_xy": time})
        self.norm = nn.BatchNorm3d(width)

    def forward(self, clips: Float[Tensor, "batch 3 time height width"]) -> Float[Tensor, "..."]:
        """Half the height and width."""
        return torch.relu(self.norm(self.conv["conv_xy"](self.conv["conv_t"](clips))))


class Stage(nn.Module):
    """Blocks of one width; every second one has no squeeze."""

    def __init__(self, before: int, width: int, depth: int) -> None:
        super().__init__()
        first = Residual(before, width, 2, squeeze=True)
        rest = (Residual(width, width, 1, squeeze=number % 2 == 0) for number in range(1, depth))
        self.res_blocks = nn.Sequential(first, *rest)

    def forward(self, maps: Float[Tensor, "batch channels time height width"]) -> Float[Tensor, "..."]:
        """Half the height and width."""
        return self.res_blocks(maps)


class X3D(nn.Module):
    """Clips to maps.

    Args:
        size: xs, s, m or l.
    """

    def __init__(self, size: str) -> None:
        super().__init__()
        widths = (STAGES[0][0], *(width for width, _ in STAGES))
        stages = (
            Stage(before, width, ceil(DEPTH[size] * base))
            for before, (width, base) in zip(widths, STAGES, strict=False)
        )
        self.blocks = nn.Sequential(Stem(widths[0]), *stages)

    def forward(self, clips: Float[Tensor, "batch 3 time height width"]) -> Float[Tensor, "batch 192 time h w"]:
        """The last maps; h and w are a 32nd of the size, rounded up."""
        return self.blocks(clips)
