"""MobileNetV2 features of every third frame: 1,280 numbers.

Paper: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018. Borrowed: network and
weights of torchvision. Differs: frames are squashed to 224 x 224. `imagenet` means torchvision's first set of
weights (IMAGENET1K_V1), whose sha256 is known in full.
"""

from collections.abc import Mapping

from torchvision.models import mobilenet_v2

from vad.extractors._mobilenet import FrameExtractor, FrameNetwork, FrameSettings
from vad.extractors._network_weights import Published

URL = "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth"
DIM = 1280
WEIGHTS_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"


class Config(FrameSettings):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    def published(self) -> Mapping[str, Published]:
        """The file behind `imagenet`."""
        return {"imagenet": Published(URL, WEIGHTS_SHA256)}


def network() -> FrameNetwork:
    """The network without its classifier: 2,223,872 parameters."""
    return FrameNetwork(mobilenet_v2().features)


class Extractor(FrameExtractor):
    """Videos to features."""

    dim = DIM

    def __init__(self, config: Config) -> None:
        super().__init__("mobilenet_v2", network, config)
