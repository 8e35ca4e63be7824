"""The two MobileNet extractors' shared part: single frames through torchvision's network, a row for each.

Frames are squashed to size x size (torchvision's own default transform scales the short side and crops), values
from 0 to 1 are normalised by ImageNet's mean and spread, and the classifier is left out.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor, nn

from vad.artefacts.features import FeatureFile
from vad.extractors._base import BaseExtractor, Source
from vad.extractors._network_run import Cut, apply_network, choose_device, fill_segment, run_over_video
from vad.extractors._network_weights import Weighted, Weights
from vad.schema.base import Count

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 16
"""Frames that go through the network together; the last bits of a result depend on it."""


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

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, frames: UInt8[Tensor, "frames height width 3"]) -> Float[Tensor, "frames dim"]:
        """One vector a frame."""
        return self.vectors((frames.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std)

    def vectors(self, pictures: Float[Tensor, "frames 3 height width"]) -> Float[Tensor, "frames dim"]:
        """The network itself, on normalised frames."""
        return F.adaptive_avg_pool2d(self.features(pictures), 1).flatten(1)


class FrameExtractor(BaseExtractor):
    """Videos to one vector every few frames. Building it costs nothing; the network is loaded with the first video.

    Args:
        name: the extractor.
        build: makes its network, with values from torch's generator.
        config: its settings.
    """

    config: FrameSettings

    def __init__(self, name: str, build: Callable[[], FrameNetwork], config: FrameSettings) -> None:
        super().__init__(config)
        self._name, self._build = name, build
        self._weights = Weights(name, config)

    def extract(self, source: Source) -> FeatureFile:
        """Features of one video: row i is frame i x frame_stride, and stands for the frames up to the next row.

        Raises: MediaError for a video that cannot be read completely, FeatureError for weights or device.
        """
        config = self.config
        reader = source.open(config.size, config.size, config)
        cut = Cut(BATCH, config.frame_stride, config.frame_stride)
        return run_over_video(source, reader, cut, self._rows, lambda: {**self.identity(), "device": str(self._device)})

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": self._name,
            **self._weights.identity(),
            "torch": torch.__version__,
            "colour": "rgb24",
            "resize": f"swscale bilinear, squashed to {config.size}x{config.size}",
            "normalisation": "imagenet",
            "frame_stride": config.frame_stride,
            "pooling": "mean over space",
        }

    def _rows(self, frames: UInt8[np.ndarray, "frames height width 3"]) -> Float[np.ndarray, "frames dim"]:
        """A vector for each frame of a batch, which is filled up to keep its size."""
        return apply_network(self._network, fill_segment(frames, BATCH), self._device)[: len(frames)]

    @cached_property
    def _device(self) -> torch.device:
        return choose_device(self._name, self.config.device)

    @cached_property
    def _network(self) -> nn.Module:
        """The network with checked weights, on its device."""
        return self._weights.network(self._build, unused=("classifier.",)).to(self._device)
