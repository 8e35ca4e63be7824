"""I3D's ResNet-50 up to its average pool: segments of frames to 2,048 numbers.

Paper: Wang, Girshick, Gupta, He, "Non-local Neural Networks", CVPR 2018, table 1 and section 4 (the inflated baseline
without non-local blocks): a kernel over three frames in the first convolution of every second block.
Names of values are torchvision's for its ResNet-50, which Tushar-N/pytorch-resnet3d also gives to the converted
release (i3d_r50_kinetics.pth). Differs: written from the paper; where its table leaves a choice (windows of the first
maximum, no padding), the one that the release was trained with.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

DIM = 2048
STAGES = ((64, (1, 1, 1)), (128, (1, 0, 1, 0)), (256, (1, 0, 1, 0, 1, 0)), (512, (0, 1, 0)))
"""Inner width of each stage, and which of its blocks look at the frames before and after."""


class Bottleneck(nn.Module):
    """1x1x1 or 3x1x1, then 1x3x3, then 1x1x1 to four times the width, beside a shortcut."""

    def __init__(self, before: int, width: int, stride: int, over_time: int) -> None:
        super().__init__()
        after = 4 * width
        self.conv1 = nn.Conv3d(before, width, (1 + 2 * over_time, 1, 1), padding=(over_time, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, after, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(after)
        projection = nn.Conv3d(before, after, 1, (1, stride, stride), bias=False)
        self.downsample = nn.Sequential(projection, nn.BatchNorm3d(after)) if before != after else None

    def forward(self, maps: Float[Tensor, "batch before time height width"]) -> Float[Tensor, "batch after time h w"]:
        """Height and width divided by the stride, rounded up."""
        shortcut = maps if self.downsample is None else self.downsample(maps)
        maps = torch.relu(self.bn1(self.conv1(maps)))
        maps = torch.relu(self.bn2(self.conv2(maps)))
        return torch.relu(self.bn3(self.conv3(maps)) + shortcut)


class ResNet50(nn.Module):
    """Segments to vectors: 27,223,872 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, (5, 7, 7), 2, (2, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        before = 64
        for number, (width, over_time) in enumerate(STAGES, start=1):
            blocks = []
            for block, wide in enumerate(over_time):
                stride = 2 if block == 0 and number > 1 else 1
                blocks.append(Bottleneck(before, width, stride, wide))
                before = 4 * width
            self.add_module(f"layer{number}", nn.Sequential(*blocks))

    def forward(self, clips: Float[Tensor, "batch 3 time height width"]) -> Float[Tensor, "batch 2048"]:
        """The mean of the last maps, which are (2, 7, 7) for 16 frames of 224 x 224."""
        maps = F.max_pool3d(torch.relu(self.bn1(self.conv1(clips))), (2, 3, 3), 2)
        for number in range(1, len(STAGES) + 1):
            maps = self.get_submodule(f"layer{number}")(maps)
            if number == 1:
                maps = F.max_pool3d(maps, (2, 1, 1))
        return maps.mean((2, 3, 4))
