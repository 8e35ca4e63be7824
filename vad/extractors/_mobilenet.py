"""What extractors with an image network share (MobileNet, EfficientNet-Lite): single frames, a row for each.

Frames are squashed to size x size (the networks were trained on pictures that were scaled and cropped), values from 0
to 1 are normalised by a mean and a spread for each colour, and the classifier is left out.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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


class Colours(NamedTuple):
    """How the values of a picture, from 0 to 1, are normalised: mean and spread of red, green and blue."""

    name: str
    mean: Sequence[float]
    spread: Sequence[float]


IMAGENET = Colours("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class FileNames(NamedTuple):
    """How the names of a weights file fit the network."""

    unused: str = "classifier."
    """Beginning of the names of the classifier, which the network leaves out."""
    rename: Callable[[str], str] = str
    """Name in the file to name in the network."""


TORCHVISION = FileNames()


class FrameSettings(Weighted):
    """Settings of an extractor of single frames."""

    weights: str = Field(
        default="imagenet",
        min_length=1,
        description="imagenet = the file of its makers (docs/extractors.md); random; or the path of a state dict of the"
        " same network",
    )
    size: int = Field(default=224, ge=32, description="frames are squashed to size x size pixels")
    frame_stride: Count = Field(default=3, description="every how many frames one is used: ceil(n / frame_stride) rows")


class FrameNetwork(nn.Module):
    """RGB frames to vectors.

    Args:
        features: the convolutional part.
        colours: how pictures are normalised.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Sequential, colours: Colours = IMAGENET) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.tensor(colours.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(colours.spread).view(3, 1, 1), persistent=False)

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
        colours: how pictures are normalised.
        names: how the names of a weights file fit the network.
    """

    config: FrameSettings

    def __init__(
        self,
        name: str,
        build: Callable[[], FrameNetwork],
        config: FrameSettings,
        colours: Colours = IMAGENET,
        names: FileNames = TORCHVISION,
    ) -> None:
        super().__init__(config)
        self.cut = Cut(1, config.frame_stride)
        self._name, self._build, self._colours, self._names = name, build, colours, names
        self._weights = Weights(name, config)

    def open(self, source: Source) -> Reader:
        """Frames squashed to size x size."""
        return source.open(self.config.size, self.config.size, self.config)

    def build(self) -> nn.Module:
        """The network without its classifier, batch normalisation folded in."""
        return fold(self._weights.network(self._build, (self._names.unused,), self._names.rename))

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": self._name,
            **self._weights.identity(),
            "torch": torch.__version__,
            "precision": config.precision,
            **frames_identity(config, f"squashed to {config.size}x{config.size}"),
            "normalisation": self._colours.name,
            "frame_stride": config.frame_stride,
            "pooling": "mean over space",
        }
