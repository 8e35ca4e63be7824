"""MobileNetV3-Large features of every third frame: 960 numbers, as Efficient-VAD takes them.

Paper: Howard et al., "Searching for MobileNetV3", ICCV 2019. Borrowed: network and weights of torchvision.
Differs: frames are squashed to 224 x 224, as in Efficient-VAD, not scaled and cropped as in torchvision's own
transform; a video that gives a single row is kept, where Efficient-VAD refuses it.
"""

from collections.abc import Mapping

from torchvision.models import mobilenet_v3_large

from vad.extractors._mobilenet import FrameExtractor, FrameNetwork, FrameSettings
from vad.extractors._network_weights import Published

URL = "https://download.pytorch.org/models/mobilenet_v3_large-5c1a4163.pth"
DIM = 960


class Config(FrameSettings):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    def published(self) -> Mapping[str, Published]:
        """The file behind `imagenet`; its name states the first digits of its sha256."""
        return {"imagenet": Published(URL, "5c1a4163")}


def network() -> FrameNetwork:
    """The network without its classifier: 2,971,952 parameters."""
    return FrameNetwork(mobilenet_v3_large().features)


class Extractor(FrameExtractor):
    """Videos to features."""

    dim = DIM

    def __init__(self, config: Config) -> None:
        super().__init__("mobilenet_v3", network, config)
