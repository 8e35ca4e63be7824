"""The two MobileNet extractors' shared part: single frames through torchvision's network, a row for each.

Frames are squashed to size x size (torchvision's own default transform scales the short side and crops), values
from 0 to 1 are normalised by ImageNet's mean and spread, and the classifier is left out.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor, nn

from vad.extractors._base import Source
from vad.extractors._network_run import Cut, NetworkExtractor
from vad.extractors._network_weights import Weighted, Weights
from vad.networks.convolutions import fold, frames_at_once
from vad.schema.base import Count
from vad.video.decode import Reader, frames_identity

FIRST_LAYERS, FRAMES_AT_ONCE = 4, 2
"""The layers with large maps, and how many frames pass them together on a CPU: more leave its caches."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FrameSettings(Weighted):
    """Settings of an extractor of single frames."""

    weights: str = Field(
        default="imagenet",
        min_length=1,
        description="imagenet = torchvision's own file; random; or the path of a state dict of the same network",
    )
    size: int = Field(default=224, ge=32, description="frames are squashed to size x size pixels")
    frame_stride: Count = Field(default=3, description="every how many frames one is used: ceil(n / frame_stride) rows")


class FrameNetwork(nn.Module):
    """RGB frames to vectors.

    Args:
        features: torchvision's convolutional part.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, segments: UInt8[Tensor, "frames 1 height width 3"]) -> Float[Tensor, "frames dim"]:
        """One vector a frame: each is a segment of its own."""
        frames = segments[:, 0]
        parts = frames.split(frames_at_once(frames, FRAMES_AT_ONCE))
        first, rest = self.features[:FIRST_LAYERS], self.features[FIRST_LAYERS:]
        return F.adaptive_avg_pool2d(rest(torch.cat([first(self._normalised(part)) for part in parts])), 1).flatten(1)

    def _normalised(self, frames: UInt8[Tensor, "frames height width 3"]) -> Float[Tensor, "frames 3 height width"]:
        return frames.permute(0, 3, 1, 2).float().div_(255).sub_(self.mean).div_(self.std)


class FrameExtractor(NetworkExtractor):
    """Videos to one vector every few frames: row i is frame i x frame_stride, and stands for those up to the next row.

    Args:
        name: the extractor.
        build: makes its network, with values from torch's generator.
        config: its settings.
    """

    config: FrameSettings

    def __init__(self, name: str, build: Callable[[], FrameNetwork], config: FrameSettings) -> None:
        super().__init__(config)
        self.cut = Cut(1, config.frame_stride)
        self._name, self._build = name, build
        self._weights = Weights(name, config)

    def open(self, source: Source) -> Reader:
        """Frames squashed to size x size."""
        return source.open(self.config.size, self.config.size, self.config)

    def build(self) -> nn.Module:
        """The network without its classifier, batch normalisation folded in."""
        return fold(self._weights.network(self._build, unused=("classifier.",)))

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": self._name,
            **self._weights.identity(),
            "torch": torch.__version__,
            "precision": config.precision,
            **frames_identity(config, f"squashed to {config.size}x{config.size}"),
            "normalisation": "imagenet",
            "frame_stride": config.frame_stride,
            "pooling": "mean over space",
        }
