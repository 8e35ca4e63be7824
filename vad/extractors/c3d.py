"""C3D features: 16 consecutive frames to the 4,096 numbers of fc6, after ReLU.

Paper: Tran et al., "Learning Spatiotemporal Features with 3D Convolutional Networks", ICCV 2015. Names of values are
those of c3d.pickle, the Sports-1M weights of DavideA/c3d-pytorch (no licence stated for the weights).
Differs: frames are squashed to 128 x 171 and cropped to 112 x 112, less (124, 117, 104), by 1 / .0167, in RGB, as in
ekosman's re-implementation of Sultani et al.; the original's preprocessing gives other features.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor, nn

from vad.extractors._base import Source
from vad.extractors._network_run import CROPS, Cut, NetworkExtractor, run_crops
from vad.extractors._network_weights import Published, Weighted, Weights
from vad.video.decode import Reader, frames_identity

DIM = 4096
SPORTS1M = "http://imagelab.ing.unimore.it/files/c3d_pytorch/c3d.pickle"
SEGMENT, HEIGHT, WIDTH, SIZE = 16, 128, 171, 112
"""Frames and pixels that fc6 fixes."""
MEAN, SCALE = (124.0, 117.0, 104.0), 0.0167
LAYERS = {
    **{"conv1": (3, 64), "conv2": (64, 128), "conv3a": (128, 256), "conv3b": (256, 256), "conv4a": (256, 512)},
    **{"conv4b": (512, 512), "conv5a": (512, 512), "conv5b": (512, 512)},
}


class Config(Weighted):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    weights: str = Field(
        default="sports1m",
        min_length=1,
        description="sports1m = c3d.pickle (set weights_sha256: its makers state none); random; or the path of such a"
        " file",
    )
    crops: Literal[1, 5, 10] = Field(
        default=1, description="1 = centre; 5 = with the corners; 10 = with all five mirrored; scores are averaged"
    )

    def published(self) -> Mapping[str, Published]:
        """The file behind `sports1m`."""
        return {"sports1m": Published(SPORTS1M, None)}


class C3D(nn.Module):
    """RGB frames of some segments to their vectors."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, (before, after) in LAYERS.items():
            self.add_module(name, nn.Conv3d(before, after, 3, padding=1))
        self.fc6 = nn.Linear(8192, DIM)
        self.register_buffer("mean", torch.tensor(MEAN), persistent=False)

    def forward(self, segments: UInt8[Tensor, "segments 16 112 112 3"]) -> Float[Tensor, "segments 4096"]:
        """fc6 after ReLU."""
        return self.vectors(((segments.float() - self.mean) * SCALE).permute(0, 4, 1, 2, 3))

    def vectors(self, maps: Float[Tensor, "batch 3 16 112 112"]) -> Float[Tensor, "batch 4096"]:
        """The network itself, on normalised segments."""
        for name in LAYERS:
            maps = F.relu(self.get_submodule(name)(maps))
            if name == "conv1":
                maps = F.max_pool3d(maps, (1, 2, 2))
            elif name in {"conv2", "conv3b", "conv4b"}:
                maps = F.max_pool3d(maps, 2)
        maps = F.max_pool3d(maps, 2, padding=(0, 1, 1))
        return F.relu(self.fc6(maps.flatten(1)))


class Extractor(NetworkExtractor):
    """Videos to vectors: [segments, 4096], or [segments, crops, 4096] for more than one crop."""

    config: Config
    dim = DIM
    cut = Cut(SEGMENT)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._weights = Weights("c3d", config, "The names conv1 to conv5b and fc6 of c3d.pickle fit.")

    def open(self, source: Source) -> Reader:
        """Frames squashed to 171 x 128."""
        return source.open(HEIGHT, WIDTH, self.config)

    def build(self) -> nn.Module:
        """The network up to fc6."""
        return self._weights.network(C3D, unused=("fc7.", "fc8."))

    def run(self, segments: UInt8[Tensor, "segments 16 height width 3"]) -> Float[Tensor, "segments *crops 4096"]:
        """Crop after crop through the network."""
        return run_crops(self.network, segments, SIZE, CROPS[: self.config.crops])

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        return {
            "name": "c3d",
            **self._weights.identity(),
            "torch": torch.__version__,
            "precision": self.config.precision,
            **frames_identity(self.config, f"squashed to {WIDTH}x{HEIGHT}, crops of {SIZE}x{SIZE}"),
            "normalisation": f"less {MEAN}, times {SCALE}",
            "crops": list(CROPS[: self.config.crops]),
            "tail": "repeat the last frame",
        }
